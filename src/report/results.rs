//! What a run came to, for programs (`results.json`). The schema in `reports/schema/` is made from these types.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::record::RunInfo;
use crate::model::event::{Answered, Step, Unjudged};
use crate::model::evidence::{EvidenceFile, Measurement, Observation};
use crate::model::sut::Waiver;
use crate::model::verdict::{CaseVerdict, Verdict};

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Results {
    /// Version of this format.
    pub format: u32,
    /// What is known of the run from its beginning.
    pub run: RunInfo,
    /// When the run came to its end, or was interrupted; absent if its record stops before that.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schemars(with = "Option<String>")]
    pub ended: Option<Timestamp>,
    /// Why the run did not come to its end, if it did not; the run is then Inconclusive at least.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub interrupted: Option<String>,
    /// When it was taken up again after an interruption, each time.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    #[schemars(with = "Vec<String>")]
    pub resumed: Vec<Timestamp>,
    /// Faults of the harness itself, and places where the record contradicts itself; any makes the run an error.
    pub faults: Vec<String>,
    /// The figures.
    pub summary: Summary,
    /// Where the time went, if the test beds measured it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub time: Option<Time>,
    /// The worst of everything selected, waived or not; a run that judged nothing has none.
    pub verdict: Option<Verdict>,
    /// The exit code that stands for it, without what is waived.
    pub exit_code: u8,
    /// The test cases, in order.
    pub cases: Vec<CaseResult>,
    /// The profile's waivers, in its order.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub waivers: Vec<WaiverResult>,
}

/// How a waiver of the profile stands to what was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct WaiverResult {
    /// As the profile has it.
    pub waiver: Waiver,
    /// What it comes to.
    pub state: WaiverState,
}

/// What a waiver comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WaiverState {
    /// The test case did not pass, and does not decide the exit code.
    Holds,
    /// Its last day was before the run; the verdict counts.
    Expired,
    /// The test case passed: it is not needed.
    Passed,
    /// The ICS rules the test case out: it is not needed.
    NotApplicable,
    /// The test case was left out of this run; the waiver says nothing.
    NotSelected,
    /// The test case is an Error, which is never waived.
    NotJudged,
}

impl WaiverState {
    /// Whether the waiver has to be taken out of the profile, or renewed: it turns a run red.
    #[must_use]
    pub fn is_stale(self) -> bool {
        matches!(self, Self::Expired | Self::Passed | Self::NotApplicable)
    }
}

impl WaiverResult {
    /// In words: what it comes to, and what is to be done.
    #[must_use]
    pub fn told(&self) -> String {
        let Waiver {
            case,
            reason,
            owner,
            link,
            expires,
        } = &self.waiver;
        let link = link
            .as_ref()
            .map_or(String::new(), |link| format!(", {link}"));
        let what = match self.state {
            WaiverState::Holds => {
                return format!("{case}: waived until {expires} by {owner}: {reason}{link}");
            }
            WaiverState::Expired => {
                format!("expired on {expires}; renew it or take it out of the profile")
            }
            WaiverState::Passed => {
                "is not needed, the test case passed; take it out of the profile".to_owned()
            }
            WaiverState::NotApplicable => {
                "is not needed, the ICS rules the test case out; take it out of the profile"
                    .to_owned()
            }
            WaiverState::NotSelected => {
                "was not looked at, the test case was not selected".to_owned()
            }
            WaiverState::NotJudged => "has no effect, the test case ended as Error".to_owned(),
        };
        format!("{case}: the waiver of {owner} {what} ({reason}{link})")
    }
}

/// Where the time of a run went, in seconds. Scenarios under way at once count each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Time {
    /// All of it.
    pub total: f64,
    /// What the product took: its answers, its start and stop, its notifications.
    pub product: f64,
}

impl Time {
    /// The harness's own share, 0 to 1.
    pub fn own_share(&self) -> f64 {
        if self.total > 0.0 {
            (1.0 - self.product / self.total).clamp(0.0, 1.0)
        } else {
            0.0
        }
    }
}

/// How many of each verdict. Counted here and nowhere else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Summary {
    /// Test cases by their normative verdict.
    pub cases: Tally,
    /// Extended scenarios.
    pub extended_scenarios: Tally,
    /// Scenarios, of both kinds, with a `residue`.
    pub scenarios_with_residue: usize,
}

/// A count for each verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tally {
    /// Passed.
    pub pass: usize,
    /// Inconclusive.
    pub inconclusive: usize,
    /// Failed.
    pub fail: usize,
    /// Errors of the harness.
    pub error: usize,
    /// Not applicable.
    pub not_applicable: usize,
}

impl Tally {
    /// Counts one; `None` is not applicable.
    pub fn count(&mut self, verdict: Option<Verdict>) {
        match verdict {
            Some(Verdict::Pass) => self.pass += 1,
            Some(Verdict::Inconclusive) => self.inconclusive += 1,
            Some(Verdict::Fail) => self.fail += 1,
            Some(Verdict::Error) => self.error += 1,
            None => self.not_applicable += 1,
        }
    }

    /// How many were counted.
    pub fn total(&self) -> usize {
        self.pass + self.inconclusive + self.fail + self.error + self.not_applicable
    }
}

/// What a test case came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CaseResult {
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
    /// The verdict of its normative scenarios; absent if none was selected.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub normative: Option<CaseVerdict>,
    /// True if a normative scenario asked for less than the product can handle, as the quick tier does: the normative
    /// verdict is then that of a smaller test than the clause describes.
    pub below_capacity: bool,
    /// The worst of its extended scenarios; absent if none was selected. No part of the normative verdict.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub extended: Option<Verdict>,
    /// True if a waiver keeps it from deciding the exit code. Its verdicts are what they are.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub waived: bool,
    /// Its scenarios, in the feature's order.
    pub scenarios: Vec<ScenarioResult>,
}

impl CaseResult {
    /// The worst of normative and extended.
    pub fn worst(&self) -> Option<Verdict> {
        let normative = self.normative.as_ref().and_then(CaseVerdict::judged);
        normative.max(self.extended)
    }
}

/// What a scenario came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScenarioResult {
    /// Its name.
    pub name: String,
    /// Line in the feature.
    pub line: usize,
    /// True if the normative verdict hangs on it.
    pub normative: bool,
    /// Its verdict.
    pub verdict: Verdict,
    /// Why, if it did not pass.
    pub reason: String,
    /// Seconds from its beginning to its end.
    pub seconds: f64,
    /// Its steps, as far as they were run.
    pub steps: Vec<Step>,
    /// Files that were kept.
    pub evidence: Vec<EvidenceFile>,
    /// What was seen beside the verdict.
    pub observations: Vec<Observation>,
    /// What was measured.
    pub measurements: Vec<Measurement>,
    /// What the bed found amiss when it was taken down: what could not be removed, had to be killed, or had ended by
    /// itself.
    pub residue: Vec<String>,
    /// Earlier attempts, which an interruption of the run cut off.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub cut_off: Vec<CutOffAttempt>,
}

/// An attempt at a scenario that was cut off; the scenario was begun anew when the run was resumed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CutOffAttempt {
    /// When it began.
    #[schemars(with = "String")]
    pub started: Timestamp,
    /// Its steps, as far as they were run. A Fail or an Error among them stands.
    pub steps: Vec<Step>,
    /// Files that it left.
    pub evidence: Vec<EvidenceFile>,
    /// What judges had answered, as those files tell. An unmet expected result stands.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub answered: Vec<Answered>,
    /// What was seen and not judged, as those files tell: the scenario is Inconclusive at least.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub unjudged: Vec<Unjudged>,
}

impl ScenarioResult {
    /// Whether it bears the observation of this name.
    pub fn observed(&self, name: &str) -> bool {
        self.observations.iter().any(|seen| seen.name == name)
    }
}

/// The JSON schema of [`Results`], as committed under `reports/schema/`.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Results).to_value()
}
