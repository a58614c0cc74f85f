//! What `scas selftest` has shown of the suite that was run, where the run was given it: [`Selftest`] (`selftest.json`).

use serde::{Deserialize, Serialize};

/// The matrix, as far as a report shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selftest {
    /// SHA-256 of the suite that was tested.
    pub suite_digest: String,
    /// Version of the program that tested it.
    pub tool_version: String,
    /// Whether everything was as it ought to be.
    pub ok: bool,
    /// A row per defect of the reference.
    pub defects: Vec<Row>,
    /// Scenarios that no defect turned red; absent if only some defects were tried.
    pub never_failed: Option<Vec<String>>,
}

/// What became of one defect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// What it does.
    pub summary: String,
    /// Whether every test case that names it said what it must.
    pub killed: bool,
    /// The test cases that name it.
    pub named_by: Vec<String>,
    /// The scenarios that failed, `case:line`.
    pub scenarios: Vec<String>,
    /// Why nothing could be seen of it.
    pub not_run: Option<String>,
}
