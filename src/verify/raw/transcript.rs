//! A scenario's transcript as a stranger reads it: [`Transcript`]. Not by the code that wrote it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rayon::iter::{IndexedParallelIterator as _, ParallelIterator as _};
use rayon::slice::ParallelSlice as _;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::pack::Digest;
use crate::verify::Verification;

/// Lines that one thread reads before it looks for others.
const LINES: usize = 128;

/// Exchanges by their numbers.
pub struct Transcript<'t> {
    exchanges: BTreeMap<u64, Exchange<'t>>,
}

/// What is needed of an exchange.
#[derive(Deserialize)]
pub struct Exchange<'t> {
    /// Its number.
    pub seq: u64,
    /// Who asked.
    #[serde(borrow)]
    pub from: Cow<'t, str>,
    /// Who was asked.
    #[serde(borrow)]
    pub to: Cow<'t, str>,
    /// The certificate of the other side, if there was one.
    pub peer: Option<IgnoredAny>,
    /// What TLS agreed on, if there was TLS.
    pub tls: Option<IgnoredAny>,
    /// The request.
    #[serde(borrow)]
    pub request: Request<'t>,
    /// The answer, if there was one.
    #[serde(borrow)]
    pub response: Option<Response<'t>>,
}

/// A request.
#[derive(Deserialize)]
pub struct Request<'t> {
    /// Its method.
    #[serde(borrow)]
    pub method: Cow<'t, str>,
    /// Its target, as sent.
    #[serde(borrow)]
    pub target: Cow<'t, str>,
    /// Its body.
    #[serde(borrow)]
    pub body: Body<'t>,
}

/// An answer.
#[derive(Deserialize)]
pub struct Response<'t> {
    /// Its status.
    pub status: u16,
    #[serde(borrow)]
    headers: Vec<(Text<'t>, Text<'t>)>,
    /// Its body.
    #[serde(borrow)]
    pub body: Body<'t>,
}

impl Response<'_> {
    /// Its headers.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let headers = self.headers.iter();
        headers.map(|(name, value)| (&*name.0, &*value.0))
    }
}

/// A body.
#[derive(Deserialize)]
pub struct Body<'t> {
    length: u64,
    /// SHA-256, hex.
    #[serde(borrow)]
    pub sha256: Cow<'t, str>,
    #[serde(borrow)]
    text: Option<Text<'t>>,
    #[serde(borrow)]
    base64: Option<Text<'t>>,
}

/// A text that stands in the line as it is, unless something in it was escaped. `Cow` alone borrows at the top of a field only.
#[derive(Deserialize)]
struct Text<'t>(#[serde(borrow)] Cow<'t, str>);

impl Body<'_> {
    /// The body as JSON, if it was kept and is some.
    pub fn json(&self) -> Option<Value> {
        serde_json::from_str(&self.text.as_ref()?.0).ok()
    }

    /// Whether there is more of it than its length and digest say.
    pub fn is_left_out(&self) -> bool {
        self.length > 0 && self.text.is_none() && self.base64.is_none()
    }

    /// Whether length and digest are those of what is kept; true where only they are.
    fn agrees(&self) -> bool {
        let kept = match (&self.text, &self.base64) {
            (Some(text), None) => Cow::Borrowed(text.0.as_bytes()),
            (None, Some(encoded)) => match STANDARD.decode(&*encoded.0) {
                Ok(bytes) => Cow::Owned(bytes),
                Err(_) => return false,
            },
            (None, None) => return true,
            (Some(_), Some(_)) => return false,
        };
        kept.len() as u64 == self.length && Digest::of(&kept).sha256 == self.sha256
    }
}

impl<'t> Transcript<'t> {
    /// Reads a transcript; its numbers must count up from 0, and each body must be what its digest says.
    pub fn read(path: &str, bytes: &'t [u8], found: &mut Verification) -> Self {
        let mut lines = Vec::new();
        let mut from = 0;
        // The same as `split_inclusive`, and many times as fast.
        for end in memchr::memchr_iter(b'\n', bytes).map(|at| at + 1) {
            lines.push(&bytes[from..end]);
            from = end;
        }
        lines.extend((from < bytes.len()).then(|| &bytes[from..]));
        let parts = lines.par_chunks(LINES).enumerate().map(|(part, lines)| {
            let mut found = Verification::default();
            let lines = lines.iter().zip(part * LINES..);
            let read = lines.filter_map(|(line, index)| exchange(path, index, line, &mut found));
            (read.collect::<Vec<_>>(), found)
        });
        let mut exchanges = Vec::with_capacity(lines.len());
        for (read, part) in parts.collect::<Vec<_>>() {
            exchanges.extend(read.into_iter().map(|exchange| (exchange.seq, exchange)));
            found.absorb(part);
        }
        Self {
            exchanges: exchanges.into_iter().collect(),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.exchanges.len()
    }

    /// One of them.
    pub fn get(&self, seq: u64) -> Option<&Exchange<'t>> {
        self.exchanges.get(&seq)
    }

    /// All before this one, in order.
    pub fn before(&self, seq: u64) -> impl DoubleEndedIterator<Item = &Exchange<'t>> {
        self.exchanges.range(..seq).map(|(_, exchange)| exchange)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Exchange<'t>> {
        self.exchanges.values()
    }
}

/// The exchange of a line, none if it is no exchange.
fn exchange<'t>(
    path: &str,
    index: usize,
    line: &'t [u8],
    found: &mut Verification,
) -> Option<Exchange<'t>> {
    let at = || format!("line {}", index + 1);
    let exchange: Exchange<'_> = match serde_json::from_slice(line) {
        Ok(exchange) => exchange,
        Err(error) => {
            found.miss(path, at(), error.to_string(), "an exchange");
            return None;
        }
    };
    if exchange.seq != index as u64 {
        let said = format!("seq {}", exchange.seq);
        found.miss(path, at(), said, index.to_string());
    }
    let answer = exchange.response.as_ref();
    let bodies = [
        Some(("request", &exchange.request.body)),
        answer.map(|response| ("response", &response.body)),
    ];
    for (which, body) in bodies.into_iter().flatten() {
        if !body.agrees() {
            found.miss(
                path,
                format!("{}, body of the {which}", at()),
                format!("sha256 {}", body.sha256),
                "the bytes beside it have another digest or length",
            );
        }
    }
    Some(exchange)
}
