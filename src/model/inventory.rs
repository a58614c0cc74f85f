//! What a suite holds, kept with a run so that a report can be drawn without the suite: [`Inventory`] (`inventory.json`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::event::NotApplicable;

/// What there was to conform to, what tests it, and how the specifications were read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Inventory {
    /// Version of this format.
    pub format: u32,
    /// The suite digest; `run.json` has the same.
    pub suite_digest: String,
    /// The specifications.
    pub documents: Vec<DocumentEntry>,
    /// Every requirement, each once, in the order of the documents.
    pub requirements: Vec<RequirementEntry>,
    /// Parts of other documents that are taken over as a whole; nobody has counted what is in them.
    pub inherited: Vec<InheritedEntry>,
    /// The test cases, in the order of the suite.
    pub cases: Vec<CaseEntry>,
    /// Where the specifications leave room, how the suite fills it.
    pub readings: Vec<Reading>,
}

/// A specification.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentEntry {
    /// Short id: `SEC030`.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The version that the suite tests.
    pub version: String,
}

/// A requirement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RequirementEntry {
    /// The specification's own id, or clause and a number of ours.
    pub id: String,
    /// Short id of the document.
    pub document: String,
    /// Clause number.
    pub clause: String,
    /// Whom it binds, joined by `+`.
    pub role: String,
    /// Whether it binds a product in the role under test.
    pub binds: bool,
    /// `shall`, `should`, `may`, `can` or `use case`.
    pub modality: String,
    /// `test` or `inspect`.
    pub verification: String,
    /// What it asks for, in our words.
    pub summary: String,
    /// Why no test case covers it; absent where one does.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub untested: Option<String>,
    /// The ICS item under which it holds, where the vendor says that the product does not support it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub not_applicable: Option<NotApplicable>,
}

/// What a document takes over from another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InheritedEntry {
    /// Document and clause: `SEC028-4.2`.
    pub id: String,
    /// Short id of the document that takes it over.
    pub document: String,
    /// Why nothing tests it.
    pub untested: String,
}

/// What a feature says of its test case beside what the plan repeats.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CaseEntry {
    /// The specification's own name.
    pub id: String,
    /// Where the requirement comes from.
    pub reference: String,
    /// The threat that it answers.
    pub threat: String,
    /// What that threat is aimed at.
    pub threatened_asset: String,
    /// For which products it is meant, over ICS items.
    pub applicability: String,
    /// Deviations of the reference that it must catch.
    pub defects: Vec<String>,
    /// The scenarios of the plan with their steps; what was not run is told so.
    pub scenarios: Vec<ScenarioSteps>,
}

/// The steps of a scenario as the feature has them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioSteps {
    /// Line in the feature.
    pub line: usize,
    /// Keyword and phrase of each step, in order.
    pub steps: Vec<(String, String)>,
}

/// A place where a specification leaves room, and how the suite reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reading {
    /// Short id of the document.
    pub document: String,
    /// The clauses concerned: a clause, or the first and the last.
    pub clauses: Vec<String>,
    /// What it leaves open.
    pub question: String,
    /// How it is read.
    pub reading: String,
    /// What follows for verdicts.
    pub effect: String,
}

/// The JSON schema of [`Inventory`], as committed under `reports/schema/`.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Inventory).to_value()
}
