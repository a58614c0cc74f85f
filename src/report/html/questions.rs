//! What the judge was asked, as far as a report draws it: [`Asked`]. Read leniently: what another version asked is left out.

use std::path::Path;

use anyhow::Context as _;
use jiff::Timestamp;
use serde::Deserialize;

use crate::model::key_protection::{Canary, Searched, Sighting};

/// A file `question-N.json`.
#[derive(Deserialize)]
struct Question {
    asked: Asked,
}

/// The facts of a question about keys or identifiers. Those of other questions are empty.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// Its kind.
    pub question: String,
    /// Private keys.
    pub keys: Vec<Key>,
    /// Looks for them.
    pub looks: Vec<Look>,
    /// What ends their use, in words.
    pub ended_by: Option<String>,
    /// When that was.
    pub ended_at: Option<Timestamp>,
    /// Seconds that they may remain.
    pub deadline: Option<u64>,
    /// Rounds of creations.
    pub rounds: Vec<Round>,
}

/// A private key, or the request that it was made for.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Key {
    /// What it is for.
    pub name: String,
    /// For which request.
    pub what: String,
    /// Its name.
    pub public_key_sha256: String,
    /// Whether the tester was given it.
    pub known: Option<bool>,
}

/// A look.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct Look {
    /// When it was, in words.
    pub name: String,
    /// When it began.
    pub began: Option<Timestamp>,
    /// Where a key was seen.
    pub sightings: Vec<Sighting>,
    /// What was searched.
    pub searched: Vec<Searched>,
    /// What was not.
    pub gaps: Vec<Gap>,
    /// The positive control.
    pub canaries: Vec<Canary>,
    /// What it does not reach.
    pub scope: Vec<String>,
}

/// Something that could not be searched.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct Gap {
    /// Where.
    pub place: String,
    /// Why.
    pub why: String,
}

/// A round of creations.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Round {
    /// In words.
    pub name: String,
    /// How many were asked for.
    pub asked: u64,
    /// What it took.
    pub seconds: f64,
    /// Whether the product was killed in it.
    pub killed: bool,
    /// The exchanges that bear an identifier each.
    pub records: Vec<RecordedIn>,
}

/// Where an identifier stands.
#[derive(Deserialize)]
pub struct RecordedIn {
    /// Number of the exchange.
    pub exchange: u64,
}

/// Reads a question.
///
/// # Errors
/// It cannot be read, or is none.
pub fn read(path: &Path) -> anyhow::Result<Asked> {
    let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let question: Question = serde_json::from_slice(&text)
        .with_context(|| format!("{} is no question", path.display()))?;
    Ok(question.asked)
}
