//! How bytes become sightings.

use std::borrow::Cow;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::key::Part;

/// How far a detector may look to either side of what it answers for, in bytes: more than any encoding of any key we know
/// is long.
pub const REACH: usize = 64 * 1024;

/// A stretch of one stream, with its surroundings.
///
/// Streams longer than a window are cut such that the `fresh` parts tile them; on either side of `fresh` there are
/// [`REACH`] bytes more, unless the stream begins or ends there.
#[derive(Clone, Debug)]
pub struct Window<'a> {
    /// The bytes, with their surroundings.
    pub bytes: &'a [u8],
    /// The part of `bytes` that this window answers for.
    pub fresh: Range<usize>,
    /// Position of `bytes[0]` in the stream: an offset, or an address in a process.
    pub offset: u64,
    /// So many bytes lie in memory behind these and are looked at next: who has nothing to wait for may ask for them already.
    pub ahead: usize,
}

impl<'a> Window<'a> {
    /// A whole stream in one window.
    pub fn whole(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            fresh: 0..bytes.len(),
            offset: 0,
            ahead: 0,
        }
    }
}

/// Something that recognises key material.
///
/// Neighbouring windows may both report what lies at their border: sightings that are equal are one.
pub trait Detector: Send + Sync {
    /// Reports at least whatever begins in `fresh`.
    fn search(&self, window: &Window<'_>, report: &mut dyn FnMut(Sighting));

    /// As [`Self::search`], and tells of encrypted keys that stayed closed: nobody can say whose they are.
    fn search_and_tell(
        &self,
        window: &Window<'_>,
        report: &mut dyn FnMut(Sighting),
        tell: &mut dyn FnMut(SealedKey),
    ) {
        // Most detectors open nothing.
        let _ = tell;
        self.search(window, report);
    }
}

/// An encrypted private key was seen, and not opened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SealedKey {
    /// Where it begins, in the stream.
    pub at: u64,
    /// How far it goes, in bytes.
    pub length: u64,
    /// What it is: "encrypted PKCS#8", "PKCS#12", "OpenSSH" ...
    pub what: Cow<'static, str>,
    /// Why it was not opened: "no password was given" ...
    pub why: Cow<'static, str>,
}

/// Key material was seen. Holds no byte of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sighting {
    /// Where it begins, in the stream.
    pub at: u64,
    /// How far it goes, in bytes.
    pub length: u64,
    /// Whose key it is.
    pub key: Whose,
    /// Which number of it.
    pub part: Part,
    /// In which encoding: "big-endian", "hex, capital, ':' between", "base64, URL-safe" ...
    pub encoding: Cow<'static, str>,
    /// In what it lies, from the inside out, if that was recognised: "PKCS#8", "PEM" ...
    pub within: Vec<Cow<'static, str>>,
    /// How we know.
    pub confirmed: Confirmed,
}

/// Whose key was seen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Whose {
    /// That of the target with this index.
    Target(usize),
    /// A private key that fits no target: algorithm ("EC P-256", "RSA 2048" ...) and SHA-256 of its SubjectPublicKeyInfo,
    /// in hex.
    Other {
        /// Algorithm and size.
        algorithm: Cow<'static, str>,
        /// SHA-256 of the SubjectPublicKeyInfo, in hex.
        spki_sha256: String,
    },
}

/// How a sighting was confirmed.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case", tag = "how")]
pub enum Confirmed {
    /// So many bytes of the secret's `of` bytes were compared and are equal, in one piece.
    Compared {
        /// Bytes of the secret that were seen.
        bytes: u32,
        /// Bytes that it has.
        of: u32,
    },
    /// The public key computed from what was seen is the target's.
    PublicKey,
    /// What was seen divides the target's modulus.
    DividesModulus,
    /// A structure was parsed, and its private key fits its own public key; it is no target's.
    Parsed,
}
