//! Private keys in what a stranger sends: [`Finder`] takes them out of a recorded request and says that they were there.

mod find;

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use self::find::find;
use crate::front::Scrub;
use crate::transcript::{Body, Exchange, Peer, Request};

/// A private key arrived where none belongs. The key itself is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrivateKeyReceived {
    /// When the request had been read.
    pub at: Timestamp,
    /// Method and path, e.g. `POST /.well-known/est/vnfci/simpleenroll`.
    pub route: String,
    /// Where in the request.
    pub place: Place,
    /// In what clothes.
    pub encoding: Encoding,
    /// SHA-256 of salt and key in hex, with the key in DER where it could be decoded: see [`Finder::digest`].
    pub digest: String,
    /// Who sent it.
    pub peer: Option<Peer>,
}

/// A part of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Path and query.
    Target,
    /// The header field of this name.
    Header(String),
    /// The body.
    Body,
}

/// How a key was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// PEM of any kind of private key, encrypted ones too; with line breaks, escaped as in JSON, or as in a URL.
    Pem,
    /// DER of PKCS#8 (encrypted or not), SEC1, PKCS#1 or PKCS#12.
    Der,
    /// Base64, standard or for URLs, of one of these.
    Base64,
    /// Hexadecimal digits of DER.
    Hex,
    /// The private part of a JSON Web Key.
    Jwk,
}

/// Looks for private keys in requests. Clones share salt and findings.
///
/// How it keeps them out of a transcript: it is the front's scrub ([`FrontConfig::scrub`](crate::front::FrontConfig)),
/// which gets each exchange before anything is kept. Each key in target, header fields or body of the request, or in the
/// answer, which may repeat it, is replaced by `[private key: salted SHA-256 <hex>]`; length and digest of the recorded body are then those of what is recorded. The
/// salt is random for each simulator, so that a transcript alone lets nobody test a guess, while the tester, who may come
/// to know a key, can ask [`Finder::digest`] whether it is the same.
///
/// What has no form of its own, such as a bare scalar, is not recognised.
#[derive(Clone, Default)]
pub struct Finder {
    salt: Salt,
    received: Arc<Mutex<Vec<PrivateKeyReceived>>>,
}

#[derive(Clone)]
struct Salt([u8; 32]);

impl Default for Salt {
    fn default() -> Self {
        let mut salt = [0; 32];
        let (first, second) = salt.split_at_mut(16);
        first.copy_from_slice(uuid::Uuid::new_v4().as_bytes());
        second.copy_from_slice(uuid::Uuid::new_v4().as_bytes());
        Self(salt)
    }
}

impl Finder {
    /// What stands for this key (DER, in the form that it was sent in) in transcript and findings.
    pub fn digest(&self, key: &[u8]) -> String {
        let salted = Sha256::new_with_prefix(self.salt.0).chain_update(key);
        hex::encode(salted.finalize())
    }

    /// What was found so far, in order of arrival.
    pub fn received(&self) -> Vec<PrivateKeyReceived> {
        self.findings().clone()
    }

    /// The bytes with each key replaced; `None` if there is none.
    fn clean(&self, bytes: &[u8], noted: &mut Vec<(Encoding, String)>) -> Option<Vec<u8>> {
        let found = find(bytes);
        if found.is_empty() {
            return None;
        }
        let mut clean = Vec::new();
        let mut kept = 0;
        for key in found {
            let digest = self.digest(&key.der);
            clean.extend_from_slice(&bytes[kept..key.range.start]);
            clean.extend(format!("[private key: salted SHA-256 {digest}]").bytes());
            kept = key.range.end;
            noted.push((key.encoding, digest));
        }
        clean.extend_from_slice(&bytes[kept..]);
        Some(clean)
    }

    /// The text in place, and what was in it.
    fn clean_text(&self, text: &mut String) -> Vec<(Encoding, String)> {
        let mut found = Vec::new();
        if let Some(clean) = self.clean(text.as_bytes(), &mut found) {
            *text = String::from_utf8_lossy(&clean).into_owned();
        }
        found
    }

    fn clean_body(&self, body: &mut Body) {
        // A body that is too long to be kept shows nothing.
        if let Some(bytes) = body.bytes()
            && let Some(clean) = self.clean(&bytes, &mut Vec::new())
        {
            *body = Body::of(&clean);
        }
    }

    fn findings(&self) -> std::sync::MutexGuard<'_, Vec<PrivateKeyReceived>> {
        // A list that only grows is whole at any time.
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Scrub for Finder {
    /// Takes the keys out, and notes them.
    fn request(&self, request: &mut Request, peer: Option<&Peer>, body: &[u8]) {
        let mut found = Vec::new();
        if let Some(clean) = self.clean(body, &mut found) {
            request.body = Body::of(&clean);
        }
        let mut noted = vec![(Place::Body, found)];
        for (name, value) in &mut request.headers {
            noted.push((Place::Header(name.clone()), self.clean_text(value)));
        }
        noted.push((Place::Target, self.clean_text(&mut request.target)));
        let at = Timestamp::now();
        let route = format!("{} {}", request.method, request.path());
        let received = noted.into_iter().flat_map(|(place, found)| {
            found
                .into_iter()
                .map(move |(encoding, digest)| (place.clone(), encoding, digest))
        });
        let received = received.map(|(place, encoding, digest)| PrivateKeyReceived {
            at,
            route: route.clone(),
            place,
            encoding,
            digest,
            peer: peer.cloned(),
        });
        self.findings().extend(received);
    }

    fn exchange(&self, exchange: &mut Exchange) {
        self.clean_body(&mut exchange.request.body);
        if let Some(fault) = &mut exchange.fault {
            self.clean_text(fault);
        }
        if let Some(response) = &mut exchange.response {
            self.clean_body(&mut response.body);
            for (_, value) in &mut response.headers {
                self.clean_text(value);
            }
        }
    }
}

impl std::fmt::Debug for Finder {
    /// Without the salt.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Finder")
            .field("received", &self.findings())
            .finish_non_exhaustive()
    }
}
