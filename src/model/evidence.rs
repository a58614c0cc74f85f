//! Evidence: bytes kept from a run, each with its SHA-256, that a third person can judge again.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The file of a scenario's folder with what passed below TLS, in a run that keeps it.
pub const TRAFFIC: &str = "traffic.pcapng";

/// One file of evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EvidenceFile {
    /// Path relative to the run's folder, with `/` between its parts.
    pub path: String,
    /// What it is, for a reader.
    pub what: String,
    /// Size in bytes.
    pub length: u64,
    /// SHA-256 of the bytes, lower-case hex.
    pub sha256: String,
}

/// Something worth telling that no verdict hangs on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Observation {
    /// A stable short name, e.g. `asked-for-signatures`.
    pub name: String,
    /// What was seen.
    pub text: String,
    /// The clause it touches, where there is one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub clause: Option<String>,
}

/// A number that was measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Measurement {
    /// A stable short name, e.g. `creations`.
    pub name: String,
    /// The value.
    pub value: f64,
    /// The unit, e.g. `1/s`, `bit`; empty for a count.
    pub unit: String,
}
