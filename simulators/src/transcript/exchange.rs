//! One recorded HTTP exchange: [`Exchange`].
//!
//! The shape is what the evidence keeps, so it says what was on the wire and nothing about what it means.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, COOKIE, HeaderName, PROXY_AUTHORIZATION, SET_COOKIE};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// Bodies up to this many bytes are kept in the exchange itself; of longer ones only the digest is.
pub const INLINE_BODY: usize = 16 * 1024;

/// One request and, if there was one, its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// Position in the transcript, from 0; set by [`Transcript::record`](super::Transcript::record).
    pub seq: u64,
    /// When the request's head was received (or was about to be sent).
    pub started: Timestamp,
    /// When the answer was complete, or the attempt was given up.
    pub ended: Option<Timestamp>,
    /// Reference point, e.g. `Or-Vnfm`.
    pub interface: String,
    /// Role of the side that asked, e.g. `VNFM`.
    pub from: String,
    /// Role of the side that was asked, e.g. `NFVO`.
    pub to: String,
    /// The certificate the other side presented (the SUT's, in either direction).
    pub peer: Option<Peer>,
    /// What TLS negotiated; absent over plain HTTP.
    pub tls: Option<TlsFacts>,
    /// What was asked. The method is empty where a connection failed before a request could be read.
    pub request: Request,
    /// What was answered; absent where no answer was given or received.
    pub response: Option<Response>,
    /// A fault that was injected here, or why there is no answer.
    pub fault: Option<String>,
}

/// The end-entity certificate of the other side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// Subject as a distinguished name, e.g. `CN=vnfm`.
    pub subject: String,
    /// SHA-256 of the DER certificate, in hex.
    pub sha256: String,
}

/// What a TLS handshake agreed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsFacts {
    /// `TLSv1_3` or `TLSv1_2`.
    pub version: String,
    /// IANA name with underscores, e.g. `TLS13_AES_256_GCM_SHA384`.
    pub cipher_suite: String,
}

/// The request as it stood on the wire.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// `GET`, `POST` ...
    pub method: String,
    /// Path and query exactly as sent.
    pub target: String,
    /// Header fields in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Body,
}

/// The answer as it was handed to the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// HTTP status code.
    pub status: u16,
    /// Header fields in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Body,
}

/// A body: always its length and digest, and the bytes themselves up to [`INLINE_BODY`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// Bytes.
    pub length: u64,
    /// SHA-256 of the bytes, in hex.
    pub sha256: String,
    /// The bytes, if short and UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The bytes in base64, if short and not UTF-8.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
    /// In how many places a salted digest stands for a secret; length and digest are then those of what is kept. See
    /// [`Redaction`](super::Redaction).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub redacted: u32,
}

impl Body {
    /// Describes these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let text = std::str::from_utf8(bytes).ok();
        let inline = bytes.len() <= INLINE_BODY;
        Self {
            length: bytes.len() as u64,
            sha256: hex::encode(Sha256::digest(bytes)),
            text: text.filter(|_| inline).map(str::to_owned),
            base64: (inline && text.is_none()).then(|| STANDARD.encode(bytes)),
            redacted: 0,
        }
    }

    /// Describes these bytes followed by so many zeros, without holding them all.
    pub(crate) fn followed_by_zeros(bytes: &[u8], mut zeros: u64) -> Self {
        const CHUNK: [u8; 16 * 1024] = [0; 16 * 1024];
        let length = bytes.len() as u64 + zeros;
        if length <= INLINE_BODY as u64 {
            let mut whole = bytes.to_vec();
            whole.resize(usize::try_from(length).unwrap_or(INLINE_BODY), 0);
            return Self::of(&whole);
        }
        let mut digest = Sha256::new_with_prefix(bytes);
        while zeros > 0 {
            let count = usize::try_from(zeros).map_or(CHUNK.len(), |zeros| zeros.min(CHUNK.len()));
            digest.update(&CHUNK[..count]);
            zeros -= count as u64;
        }
        Self {
            length,
            sha256: hex::encode(digest.finalize()),
            text: None,
            base64: None,
            redacted: 0,
        }
    }

    /// The bytes, if they were short enough to be kept.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        match (&self.text, &self.base64) {
            (Some(text), _) => Some(text.clone().into_bytes()),
            (None, Some(encoded)) => STANDARD.decode(encoded).ok(),
            (None, None) => None,
        }
    }

    /// The body as JSON, if it was kept and is JSON.
    pub fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_str(self.text.as_deref()?).ok()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

impl Default for Body {
    fn default() -> Self {
        Self::of(b"")
    }
}

impl Request {
    /// The target without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// First value of this header field (name in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        first(&self.headers, name)
    }
}

impl Response {
    /// First value of this header field (name in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        first(&self.headers, name)
    }
}

fn first<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.as_str())
}

/// Header fields as the transcript keeps them: credentials only as a salted digest, so that a transcript can be
/// handed on, and two uses of one credential can still be told to be the same.
pub(crate) fn recorded(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            let value = if is_credential(name) || value.is_sensitive() {
                let digest = Sha256::new_with_prefix(salt()).chain_update(value.as_bytes());
                let digest = hex::encode(digest.finalize());
                format!("sha256:{}", &digest[..16])
            } else {
                String::from_utf8_lossy(value.as_bytes()).into_owned()
            };
            (name.as_str().to_owned(), value)
        })
        .collect()
}

/// Drawn once for a program and never told: nobody can test a guess.
fn salt() -> &'static [u8; 16] {
    static SALT: OnceLock<[u8; 16]> = OnceLock::new();
    SALT.get_or_init(|| *Uuid::new_v4().as_bytes())
}

fn is_credential(name: &HeaderName) -> bool {
    [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE, SET_COOKIE].contains(name)
        // OpenStack's tokens.
        || ["x-auth-token", "x-subject-token"].contains(&name.as_str())
}
