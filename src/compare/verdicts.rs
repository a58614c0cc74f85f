//! How the verdicts of two runs stand to each other: [`changes`].

use serde::Serialize;

use crate::model::verdict::Verdict;
use crate::report::results::Results;

/// A scenario's verdict, before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerdictChange {
    /// The test case.
    pub case: String,
    /// The scenario's line in its feature.
    pub line: usize,
    /// Its name.
    pub name: String,
    /// Whether the normative verdict hangs on it.
    pub normative: bool,
    /// The earlier verdict, if it was run then.
    pub before: Option<Verdict>,
    /// The later one.
    pub after: Option<Verdict>,
    /// Why the later one is no pass.
    pub reason: String,
    /// What that means.
    pub standing: Standing,
}

/// Whether an earlier verdict still holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It was judged again, and is the same.
    Holds,
    /// It was not judged again, and nothing that it depends on is another: product, suite, profile, tier.
    Stands,
    /// It was not judged again, and something that it depends on is another.
    Open,
    /// It was judged again, and is better.
    Better,
    /// It was judged again, and is worse.
    Worse,
    /// It was not judged before.
    New,
}

/// Scenarios of either run, in the order of the earlier, then those that are new. `same` says whether the product, the suite and
/// the configuration are.
pub fn changes(before: &Results, after: &Results, same: bool) -> Vec<VerdictChange> {
    let (earlier, later) = (all(before), all(after));
    let find = |among: &[VerdictChange], one: &VerdictChange| {
        let mut among = among.iter();
        among
            .find(|other| {
                other.case == one.case && other.line == one.line && other.name == one.name
            })
            .cloned()
    };
    let mut found: Vec<VerdictChange> = earlier
        .iter()
        .map(|one| {
            let again = find(&later, one);
            let (after, reason) =
                again.map_or((None, String::new()), |again| (again.after, again.reason));
            VerdictChange {
                before: one.after,
                after,
                reason,
                standing: standing(one.after, after, same),
                ..one.clone()
            }
        })
        .collect();
    found.extend(
        later
            .into_iter()
            .filter(|one| find(&earlier, one).is_none()),
    );
    found
}

fn standing(before: Option<Verdict>, after: Option<Verdict>, same: bool) -> Standing {
    match (before, after) {
        (Some(before), Some(after)) if after == before => Standing::Holds,
        (Some(before), Some(after)) if after > before => Standing::Worse,
        (Some(_), Some(_)) => Standing::Better,
        (_, None) if same => Standing::Stands,
        (_, None) => Standing::Open,
        (None, Some(_)) => Standing::New,
    }
}

/// Every scenario of a run, as if it were new.
fn all(results: &Results) -> Vec<VerdictChange> {
    let cases = results.cases.iter();
    cases
        .flat_map(|case| {
            case.scenarios.iter().map(|scenario| VerdictChange {
                case: case.id.clone(),
                line: scenario.line,
                name: scenario.name.clone(),
                normative: scenario.normative,
                before: None,
                after: Some(scenario.verdict),
                reason: scenario.reason.clone(),
                standing: Standing::New,
            })
        })
        .collect()
}
