//! What happens in a run, as it happens: the only thing that stands between a run and its reports.
//!
//! One event is one line of `events.jsonl`, flushed before the run goes on, so that a run that is
//! killed leaves a readable part of itself.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::evidence::{EvidenceFile, Measurement, Observation};
use super::verdict::{Keyword, Outcome, Verdict};

/// One event of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The first event: everything that will be run, so that what is missing at the end can be told.
    RunStarted {
        /// When.
        at: Timestamp,
        /// The test cases, in order.
        plan: Vec<PlannedCase>,
    },
    /// A scenario begins.
    ScenarioStarted {
        /// When.
        at: Timestamp,
        /// Which one.
        scenario: ScenarioId,
    },
    /// A step ended.
    StepFinished {
        /// When.
        at: Timestamp,
        /// In which scenario.
        scenario: ScenarioId,
        /// The step.
        step: Step,
    },
    /// A scenario ended and its test bed was taken down.
    ScenarioFinished {
        /// When.
        at: Timestamp,
        /// Which one.
        scenario: ScenarioId,
        /// The worst of its steps.
        verdict: Verdict,
        /// Files that were kept.
        evidence: Vec<EvidenceFile>,
        /// What was seen beside the verdict.
        observations: Vec<Observation>,
        /// What was measured.
        measurements: Vec<Measurement>,
        /// What the bed could not remove.
        residue: Vec<String>,
    },
    /// The user or a signal ended the run early.
    RunInterrupted {
        /// When.
        at: Timestamp,
        /// By what.
        by: String,
    },
    /// The runner itself failed; each such fault makes the run an `Error`.
    RunnerFault {
        /// When.
        at: Timestamp,
        /// What went wrong.
        error: String,
    },
    /// A run that was interrupted or killed is taken up again. Scenarios that had ended stand; those that had begun begin anew.
    RunResumed {
        /// When.
        at: Timestamp,
        /// What stood behind the last whole line: the run was killed while it wrote, and this is left out of the record.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        cut_line: Option<String>,
        /// Scenarios that had begun and not ended, with what they left.
        cut_off: Vec<CutOff>,
    },
    /// The last event of a run that came to its end.
    RunFinished {
        /// When.
        at: Timestamp,
    },
}

impl Event {
    /// When it happened.
    pub fn at(&self) -> Timestamp {
        match self {
            Self::RunStarted { at, .. }
            | Self::ScenarioStarted { at, .. }
            | Self::StepFinished { at, .. }
            | Self::ScenarioFinished { at, .. }
            | Self::RunInterrupted { at, .. }
            | Self::RunnerFault { at, .. }
            | Self::RunResumed { at, .. }
            | Self::RunFinished { at } => *at,
        }
    }
}

/// A scenario that was under way when its run was cut off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CutOff {
    /// Which one.
    pub scenario: ScenarioId,
    /// What lay in its folder, under the name that it has since.
    pub evidence: Vec<EvidenceFile>,
    /// What judges had answered: each was asked for an expected result. An unmet one stands.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub answered: Vec<Answered>,
    /// What was seen and not judged: the scenario is Inconclusive at least.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub unjudged: Vec<Unjudged>,
}

/// A judge's answer that an attempt left when it was cut off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Answered {
    /// The file with question and answer.
    pub path: String,
    /// The answer.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What an attempt had seen when it was cut off, before a judge decided on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unjudged {
    /// The file that tells it.
    pub path: String,
    /// What, in words.
    pub seen: String,
}

/// A test case as it was planned: what a report needs to know without the catalogue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedCase {
    /// The specification's own name.
    pub id: String,
    /// `SEC030` or `IFA026`.
    pub document: String,
    /// Clause number.
    pub clause: String,
    /// The requirement, in our words.
    pub requirement: String,
    /// What is tested, in our words.
    pub purpose: String,
    /// `shall`, `should` or `may`.
    pub keyword: String,
    /// Where the feature lies.
    pub path: String,
    /// The ICS item that rules it out, with the vendor's reason.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub not_applicable: Option<NotApplicable>,
    /// The scenarios that will be run; empty if not applicable.
    pub scenarios: Vec<PlannedScenario>,
}

/// Why a test case is not applicable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NotApplicable {
    /// The ICS item that decides.
    pub item: String,
    /// The vendor's reason.
    pub reason: String,
}

/// A scenario as it was planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedScenario {
    /// Name, with the placeholders of an outline filled in.
    pub name: String,
    /// Line in the feature; an outline's row for one made from an outline.
    pub line: usize,
    /// True if the normative verdict hangs on it.
    pub normative: bool,
}

/// Which scenario an event is about.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct ScenarioId {
    /// Test case.
    pub case: String,
    /// Line in its feature.
    pub line: usize,
}

impl ScenarioId {
    /// Where its evidence lies, relative to the run's folder.
    #[must_use]
    pub fn folder(&self) -> String {
        format!("evidence/{}/line-{:03}", self.case, self.line)
    }
}

/// A step that ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// The part of the test case.
    #[schemars(with = "String")]
    pub keyword: Keyword,
    /// The phrase.
    pub text: String,
    /// Line in the feature.
    pub line: usize,
    /// Milliseconds it took.
    pub millis: u64,
    /// Where in the code the step is, `file:line`; empty if undefined.
    pub at_code: String,
    /// What it met.
    #[serde(flatten)]
    pub outcome: Outcome,
}
