//! What can stand in `[[waiver]]`: [`check`], and with the suite at hand [`unknown_cases`].

use super::finding::Finding;
use crate::catalogue::{Catalogue, nearest};
use crate::model::sut::Waiver;

/// Somebody answers for it, for a reason; and one is enough for a test case.
pub(super) fn check(waivers: &[Waiver]) -> Vec<Finding> {
    let mut found = Vec::new();
    for (index, waiver) in waivers.iter().enumerate() {
        let label = |name: &str| format!("waiver[{}].{name}", index + 1);
        for (name, text) in [("reason", &waiver.reason), ("owner", &waiver.owner)] {
            if text.trim().is_empty() {
                found.push(Finding::of(
                    label(name),
                    "is empty; the report shows it to who relies on the run",
                ));
            }
        }
        if waivers[..index]
            .iter()
            .any(|earlier| earlier.case == waiver.case)
        {
            let text = format!(
                "there is a waiver for {} already; leave one out",
                waiver.case
            );
            found.push(Finding::of(label("case"), text));
        }
    }
    found
}

/// Waivers of test cases that the suite does not have.
#[must_use]
pub fn unknown_cases(waivers: &[Waiver], catalogue: &Catalogue) -> Vec<Finding> {
    let known = || catalogue.cases.iter().map(|case| case.id.as_str());
    let unknown = |(index, waiver): (usize, &Waiver)| {
        if known().any(|id| id == waiver.case) {
            return None;
        }
        let mend = nearest(&waiver.case, known()).map_or_else(
            || format!("it has {}", known().collect::<Vec<_>>().join(", ")),
            |near| format!("did you mean {near}?"),
        );
        let text = format!("the suite has no test case {}; {mend}", waiver.case);
        Some(Finding::of(format!("waiver[{}].case", index + 1), text))
    };
    waivers.iter().enumerate().filter_map(unknown).collect()
}
