//! What an attempt that was cut off had come to, as its files tell: [`came_to`]. A judge's answer lies on the disk before the step that
//! asked for it is told, so that a kill in between leaves it in no other place.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::event::{Answered, Unjudged};
use crate::model::question::{Judgement, Question};
use crate::model::verdict::Outcome;

/// A file `question-N.json`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// What the judge was asked, with all its facts.
    pub asked: Question,
    /// What it answered.
    pub answered: Judgement,
}

/// Whether [`came_to`] reads this file.
pub fn tells(path: &str) -> bool {
    is_numbered(path, "question-") || is_numbered(path, "look-")
}

/// Reads what judges had answered, and what was seen and not judged, out of an attempt's files: their paths and bytes.
pub fn came_to<'f>(
    files: impl IntoIterator<Item = (&'f str, &'f [u8])>,
) -> (Vec<Answered>, Vec<Unjudged>) {
    let (mut answered, mut unjudged) = (Vec::new(), Vec::new());
    let (mut told, mut looks) = (Vec::new(), Vec::new());
    for (path, bytes) in files {
        if is_numbered(path, "question-") {
            match serde_json::from_slice::<Kept>(bytes) {
                Ok(kept) => {
                    if matches!(kept.answered.outcome, Outcome::Met | Outcome::Unmet { .. }) {
                        told.extend(looks_of(&kept.asked));
                    }
                    answered.push(Answered {
                        path: path.to_owned(),
                        outcome: kept.answered.outcome,
                    });
                }
                Err(error) => unjudged.push(Unjudged {
                    path: path.to_owned(),
                    seen: format!("a judge's answer that cannot be read ({error})"),
                }),
            }
        } else if is_numbered(path, "look-") {
            match serde_json::from_slice::<Value>(bytes) {
                Ok(look) => looks.push((path, look)),
                Err(error) => unjudged.push(Unjudged {
                    path: path.to_owned(),
                    seen: format!("what a look saw, which cannot be read ({error})"),
                }),
            }
        }
    }
    for (path, look) in looks {
        let exposures = exposures(&look);
        if exposures > 0 && !told.contains(&(look["look"].clone(), look["began"].clone())) {
            unjudged.push(Unjudged {
                path: path.to_owned(),
                seen: format!("key material in {exposures} place(s)"),
            });
        }
    }
    unjudged.sort_by(|one, other| one.path.cmp(&other.path));
    (answered, unjudged)
}

/// Whether its name is `<kind>N.json`.
fn is_numbered(path: &str, kind: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let number = name
        .strip_prefix(kind)
        .and_then(|rest| rest.strip_suffix(".json"));
    number.is_some_and(|number| number.parse::<usize>().is_ok())
}

/// The looks that a judge was told of, each by its name and its time.
fn looks_of(question: &Question) -> Vec<(Value, Value)> {
    let question = serde_json::to_value(question).unwrap_or_default();
    let looks = question["looks"].as_array().into_iter().flatten();
    looks
        .map(|look| (look["name"].clone(), look["began"].clone()))
        .collect()
}

fn exposures(look: &Value) -> u64 {
    let search = &look["search"];
    let listed = search["exposures"].as_array().map_or(0, Vec::len) as u64;
    search["exposures_in_all"].as_u64().unwrap_or(0).max(listed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const LOOK: &str = "evidence/4.2.2.3/line-010.cut-off-1/look-1.json";
    const QUESTION: &str = "evidence/4.2.2.3/line-010.cut-off-1/question-1.json";

    fn look(exposures: &[&str]) -> Vec<u8> {
        let look = json!({ "look": "at the end", "began": "2026-01-01T00:00:00Z", "lacked": [],
                           "search": { "exposures": exposures } });
        serde_json::to_vec(&look).expect("json")
    }

    fn question(outcome: &Value) -> Vec<u8> {
        let look = json!({ "name": "at the end", "began": "2026-01-01T00:00:00Z", "sightings": [], "searched": [], "gaps": [],
                           "canaries": [], "attempts": [], "core_dumps": [], "lacked": [] });
        let asked = Question::KeyProtected {
            keys: Vec::new(),
            looks: vec![serde_json::from_value(look).expect("a look")],
        };
        let answered = json!({ "outcome": outcome, "observations": [], "measurements": [] });
        serde_json::to_vec(&json!({ "asked": asked, "answered": answered })).expect("json")
    }

    fn of(files: &[(&str, Vec<u8>)]) -> (Vec<Answered>, Vec<Unjudged>) {
        came_to(files.iter().map(|(path, bytes)| (*path, bytes.as_slice())))
    }

    #[test]
    fn exposures_that_no_judge_has_decided_on_are_told() {
        let met = question(&json!({ "outcome": "met" }));
        let unmet = question(&json!({ "outcome": "unmet", "expected": "a", "actual": "b" }));
        let undecided = question(&json!({ "outcome": "undecided", "reason": "c" }));
        for (asked, told) in [
            (None, 1),
            (Some(met), 0),
            (Some(unmet), 0),
            (Some(undecided), 1),
        ] {
            let mut files = vec![(LOOK, look(&["x", "y"]))];
            files.extend(asked.map(|asked| (QUESTION, asked)));
            let (answered, unjudged) = of(&files);
            assert_eq!((answered.len(), unjudged.len()), (files.len() - 1, told));
            if let [one] = unjudged.as_slice() {
                assert_eq!(
                    (one.path.as_str(), one.seen.as_str()),
                    (LOOK, "key material in 2 place(s)")
                );
            }
        }
        assert_eq!(of(&[(LOOK, look(&[]))]), (Vec::new(), Vec::new()));
    }

    #[test]
    fn what_was_written_by_half_is_told() {
        let whole = question(&json!({ "outcome": "met" }));
        let (answered, unjudged) = of(&[
            (LOOK, look(&["x"])[..20].to_vec()),
            (QUESTION, whole[..20].to_vec()),
            (
                "evidence/x/line-010.cut-off-1/look-into-token.json",
                Vec::new(),
            ),
        ]);
        assert_eq!(answered, []);
        assert!(
            unjudged[0].seen.starts_with("what a look saw"),
            "{unjudged:?}"
        );
        assert!(
            unjudged[1].seen.starts_with("a judge's answer"),
            "{unjudged:?}"
        );
        assert_eq!(unjudged.len(), 2);
    }
}
