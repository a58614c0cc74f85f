//! A scenario's transcript as a stranger reads it: [`Transcript`]. Not by the code that wrote it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

use crate::pack::Digest;
use crate::verify::Verification;

/// Exchanges by their numbers.
#[derive(Default)]
pub struct Transcript {
    exchanges: BTreeMap<u64, Exchange>,
}

/// What is needed of an exchange.
#[derive(Deserialize)]
pub struct Exchange {
    /// Its number.
    pub seq: u64,
    /// Who asked.
    pub from: String,
    /// Who was asked.
    pub to: String,
    /// The certificate of the other side.
    pub peer: Option<Value>,
    /// What TLS agreed on.
    pub tls: Option<Value>,
    /// The request.
    pub request: Request,
    /// The answer, if there was one.
    pub response: Option<Response>,
}

/// A request.
#[derive(Deserialize)]
pub struct Request {
    /// Its method.
    pub method: String,
    /// Its target, as sent.
    pub target: String,
    /// Its body.
    pub body: Body,
}

/// An answer.
#[derive(Deserialize)]
pub struct Response {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Body,
}

/// A body.
#[derive(Deserialize)]
pub struct Body {
    length: u64,
    /// SHA-256, hex.
    pub sha256: String,
    text: Option<String>,
    base64: Option<String>,
}

impl Body {
    /// The body as JSON, if it was kept and is some.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_str(self.text.as_deref()?).ok()
    }

    /// Whether there is more of it than its length and digest say.
    pub fn is_left_out(&self) -> bool {
        self.length > 0 && self.text.is_none() && self.base64.is_none()
    }

    /// Whether length and digest are those of what is kept; true where only they are.
    fn agrees(&self) -> bool {
        let kept = match (&self.text, &self.base64) {
            (Some(text), None) => Some(text.clone().into_bytes()),
            (None, Some(encoded)) => match STANDARD.decode(encoded) {
                Ok(bytes) => Some(bytes),
                Err(_) => return false,
            },
            (None, None) => None,
            (Some(_), Some(_)) => return false,
        };
        kept.is_none_or(|kept| {
            let digest = Digest::of(&kept);
            digest.length == self.length && digest.sha256 == self.sha256
        })
    }
}

impl Transcript {
    /// Reads a transcript; its numbers must count up from 0, and each body must be what its digest says.
    pub fn read(path: &str, bytes: &[u8], found: &mut Verification) -> Self {
        let mut exchanges = BTreeMap::new();
        for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let at = format!("line {}", index + 1);
            let exchange: Exchange = match serde_json::from_slice(line) {
                Ok(exchange) => exchange,
                Err(error) => {
                    found.miss(path, at, error.to_string(), "an exchange");
                    continue;
                }
            };
            if exchange.seq != index as u64 {
                found.miss(
                    path,
                    at.as_str(),
                    format!("seq {}", exchange.seq),
                    index.to_string(),
                );
            }
            let bodies = [
                Some(("request", &exchange.request.body)),
                exchange
                    .response
                    .as_ref()
                    .map(|response| ("response", &response.body)),
            ];
            for (which, body) in bodies.into_iter().flatten() {
                if !body.agrees() {
                    found.miss(
                        path,
                        format!("{at}, body of the {which}"),
                        format!("sha256 {}", body.sha256),
                        "the bytes beside it have another digest or length",
                    );
                }
            }
            exchanges.insert(exchange.seq, exchange);
        }
        Self { exchanges }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.exchanges.len()
    }

    /// One of them.
    pub fn get(&self, seq: u64) -> Option<&Exchange> {
        self.exchanges.get(&seq)
    }

    /// All before this one, in order.
    pub fn before(&self, seq: u64) -> impl DoubleEndedIterator<Item = &Exchange> {
        self.exchanges.range(..seq).map(|(_, exchange)| exchange)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Exchange> {
        self.exchanges.values()
    }
}
