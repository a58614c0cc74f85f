//! What the list says of a run: [`Summary`]. Folded from its record; what was drawn from that before is not believed.

use std::path::Path;

use jiff::Timestamp;

use crate::model::event::ScenarioId;
use crate::model::verdict::Verdict;
use crate::report::fold;
use crate::report::record::Record;
use crate::report::results::{Results, Tally};

/// A run in short.
#[derive(Debug)]
pub struct Summary {
    /// The run-id that the record states.
    pub id: String,
    /// Name and version of the product.
    pub product: String,
    /// Its name alone.
    pub name: String,
    /// Who makes it.
    pub vendor: String,
    /// `quick` or `full`.
    pub tier: String,
    /// What was selected; empty for everything.
    pub selection: String,
    /// Defects of the reference.
    pub defects: Vec<String>,
    /// When it began.
    pub started: Timestamp,
    /// When it came to its end, or was interrupted.
    pub ended: Option<Timestamp>,
    /// Why it did not come to its end.
    pub interrupted: Option<String>,
    /// How often it was taken up again.
    pub resumed: usize,
    /// Faults of the harness and of the record.
    pub faults: usize,
    /// Test cases that a waiver keeps from deciding.
    pub waived: usize,
    /// The worst of everything.
    pub verdict: Option<Verdict>,
    /// Test cases.
    pub cases: Tally,
    /// Extended scenarios.
    pub extended: Tally,
    /// How many scenarios there are.
    pub planned: usize,
    /// How many have ended.
    pub done: usize,
    /// The worst of those that have ended.
    pub so_far: Option<Verdict>,
}

impl Summary {
    /// Folds a record.
    ///
    /// # Errors
    /// It is none; file and line are named, below `folder`.
    pub fn of(folder: &Path, run: &[u8], events: &[u8]) -> anyhow::Result<Self> {
        let record = Record::parse(folder, run, events)?;
        let results = fold::results(&record);
        Ok(Self::from_results(&record, results))
    }

    fn from_results(record: &Record, results: Results) -> Self {
        let (done, _) = fold::ended_and_open(record);
        let scenarios = || {
            let cases = results.cases.iter();
            cases.flat_map(|case| case.scenarios.iter().map(move |one| (case, one)))
        };
        let has_ended = |case: &str, line: usize| {
            let case = case.to_owned();
            done.contains(&ScenarioId { case, line })
        };
        let so_far = scenarios()
            .filter(|(case, one)| has_ended(&case.id, one.line))
            .map(|(_, one)| one.verdict)
            .max();
        let sut = &results.run.sut;
        Self {
            product: format!("{} {}", sut.name, sut.version),
            name: sut.name.clone(),
            vendor: sut.vendor.clone(),
            planned: scenarios().count(),
            done: done.len(),
            so_far,
            ended: results.ended,
            resumed: results.resumed.len(),
            faults: results.faults.len(),
            waived: results.cases.iter().filter(|case| case.waived).count(),
            verdict: results.verdict,
            cases: results.summary.cases,
            extended: results.summary.extended_scenarios,
            interrupted: results.interrupted,
            id: results.run.id,
            tier: results.run.tier,
            selection: results.run.selection,
            defects: results.run.defects,
            started: results.run.started,
        }
    }
}
