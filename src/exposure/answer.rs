//! What a scan came to: the [`Answer`]. The schema in `reports/schema/` is made from these types. No byte of a key is in it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::detector::Confirmed;
use crate::key::Part;
use crate::probe::Attempt;
use crate::source::{Gap, Place};

/// The version of the answer's format.
pub const FORMAT: u32 = 1;

/// What a scan came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Answer {
    /// Version of this format.
    pub format: u32,
    /// Version of the scanner.
    pub scanner: String,
    /// When the search began.
    #[schemars(with = "String")]
    pub began: Timestamp,
    /// When it ended.
    #[schemars(with = "String")]
    pub ended: Timestamp,
    /// What it came to.
    pub result: Outcome,
    /// Why it is undecided; empty if it is not.
    pub reasons: Vec<String>,
    /// What was looked for.
    pub keys: Vec<KeyInfo>,
    /// Where it was seen.
    pub exposures: Vec<Exposure>,
    /// How many exposures there are in all, if more than are listed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub exposures_in_all: Option<u64>,
    /// Private keys that fit none of the keys looked for. They do not decide the result.
    pub other_keys: Vec<OtherKey>,
    /// Containers of private keys that no given password opened.
    pub sealed: Vec<Sealed>,
    /// The positive control: keys of our own, planted before the search.
    pub canaries: Vec<CanaryResult>,
    /// Attempts to reach the sources as another user, if any were asked for. They do not decide the result.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub probes: Vec<Attempt>,
    /// What was searched.
    pub searched: Vec<Searched>,
    /// What was not searched, or left out by rule.
    pub gaps: Vec<GapAt>,
    /// How it was searched: what would have been found, and what would not.
    pub sensitivity: Sensitivity,
}

/// The result in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Key material was seen.
    Found,
    /// All was searched, the canaries were found, the keys were not.
    NotFound,
    /// The keys were not seen, but something could not be searched, or a canary was not found.
    Undecided,
}

/// A key that was looked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyInfo {
    /// As the user called it.
    pub name: String,
    /// Algorithm and size.
    pub algorithm: String,
    /// SHA-256 of the SubjectPublicKeyInfo, in hex.
    pub spki_sha256: String,
    /// How it was looked for.
    pub search: SearchKind,
}

/// How a key was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SearchKind {
    /// Its private half is known: by needles.
    Known,
    /// Only its public half is known: blindly.
    Blind,
    /// Only its public half is known, and its kind cannot be searched blindly: by parsable structures alone.
    Structures,
}

/// Key material, seen at a place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Exposure {
    /// The key, as the user called it.
    pub key: String,
    /// Which number of it.
    pub part: Part,
    /// Where.
    pub place: Place,
    /// Offset or address of its first byte.
    pub at: u64,
    /// Its length there, in bytes.
    pub length: u64,
    /// The address that this offset of a core dump had in the process.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub address: Option<String>,
    /// The file that was mapped there.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mapping: Option<String>,
    /// In which encoding.
    pub encoding: String,
    /// In what, from the inside out, as far as recognised.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub within: Vec<String>,
    /// How we know.
    pub confirmed: Confirmed,
    /// When it was seen.
    #[schemars(with = "String")]
    pub seen: Timestamp,
}

/// A private key that fits none of those looked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OtherKey {
    /// Algorithm and size.
    pub algorithm: String,
    /// SHA-256 of its SubjectPublicKeyInfo, in hex.
    pub spki_sha256: String,
    /// Where.
    pub place: Place,
    /// Offset or address.
    pub at: u64,
    /// In what, from the inside out.
    pub within: Vec<String>,
}

/// A container of private keys that stayed closed.
#[derive(
    Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
pub struct Sealed {
    /// Where.
    pub place: Place,
    /// Offset or address.
    pub at: u64,
    /// What it is: "PKCS#12", "encrypted PKCS#8" ...
    pub what: String,
    /// Why it was not opened.
    pub why: String,
}

/// A key of our own that must be found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CanaryResult {
    /// The source that it stands for, as the user wrote it.
    pub source: String,
    /// Algorithm and size, and how it was looked for.
    pub kind: String,
    /// Where it was planted.
    pub planted: String,
    /// Whether it was found there.
    pub found: bool,
    /// Why it could not be planted.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub problem: Option<String>,
}

/// How much of a source was searched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Searched {
    /// The source, as the user wrote it.
    pub source: String,
    /// Files, mappings and members of containers.
    pub places: u64,
    /// Bytes, those out of containers included.
    pub bytes: u64,
}

/// A gap and its place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct GapAt {
    /// Where.
    pub place: Place,
    /// What.
    #[serde(flatten)]
    pub gap: Gap,
}

/// What would have been found, and what not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sensitivity {
    /// Encodings of a known key that were looked for.
    pub encodings: Vec<String>,
    /// What the blind search tried, and what it loses.
    pub blind: Vec<String>,
    /// Structures that were parsed.
    pub structures: Vec<String>,
    /// What no scan of this kind finds.
    pub out_of_reach: Vec<String>,
}
