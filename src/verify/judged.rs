//! The judges, asked again: each `question-N.json`, and whether the steps and the verdict of the scenario follow from the answers.

use serde_json::Value;

use super::record::{difference, shown};
use super::{Scene, Verification, phrases};
use crate::judge;
use crate::model::event::Step;
use crate::model::question::{Judgement, Question};
use crate::model::verdict::{Keyword, Outcome, Verdict};
use crate::pack::Pack;
use crate::report::cut_off::{Kept, came_to, tells};
use crate::report::results::{CutOffAttempt, ScenarioResult};

/// Stands for words in which a private key could be read; what is computed from it differs from what was computed from them.
const WITHHELD: &str = "(withheld: key material was found here)";

/// A question with the answer that it gets today.
pub struct Asked {
    /// Its file.
    pub path: String,
    /// The question.
    pub question: Question,
    /// What a judge answers.
    pub answer: Judgement,
}

/// Reads the scenario's questions in their order, and asks each again.
pub fn questions(
    pack: &Pack,
    folder: &str,
    scenario: &ScenarioResult,
    found: &mut Verification,
) -> Vec<Asked> {
    let mut numbered: Vec<(usize, &str)> = scenario
        .evidence
        .iter()
        .filter_map(|file| {
            let name = file.path.strip_prefix(folder)?;
            let number = name.strip_prefix("question-")?.strip_suffix(".json")?;
            Some((number.parse().ok()?, file.path.as_str()))
        })
        .collect();
    numbered.sort_unstable();
    let mut asked = Vec::new();
    for (index, (number, path)) in numbered.into_iter().enumerate() {
        if number != index + 1 {
            found.miss(
                "events.jsonl",
                folder,
                format!("question {number}"),
                format!("question {} comes first", index + 1),
            );
        }
        // What is missing was told with the files.
        let Ok(bytes) = pack.take_in(path) else {
            continue;
        };
        asked.extend(ask(path, &bytes, found));
    }
    asked
}

/// Asks again what an attempt that was cut off had asked, and checks that the record tells what it had come to.
pub fn cut_off(pack: &Pack, at: &str, attempt: &CutOffAttempt, found: &mut Verification) {
    let paths = attempt.evidence.iter().map(|file| file.path.as_str());
    let read = |path| Some((path, pack.take_in(path).ok()?));
    let files: Vec<(&str, Vec<u8>)> = paths.filter(|path| tells(path)).filter_map(read).collect();
    let (answered, unjudged) = came_to(files.iter().map(|(path, bytes)| (*path, bytes.as_slice())));
    for answer in &answered {
        let bytes = files.iter().find(|(path, _)| *path == answer.path);
        bytes.and_then(|(path, bytes)| ask(path, bytes, found));
    }
    let told = serde_json::json!({ "answered": attempt.answered, "unjudged": attempt.unjudged });
    let follows = serde_json::json!({ "answered": answered, "unjudged": unjudged });
    if let Some((field, said, follows)) = difference(&told, &follows) {
        found.miss(
            "events.jsonl",
            format!("{at}, cut_off {field}"),
            said,
            follows,
        );
    }
}

fn ask(path: &str, bytes: &[u8], found: &mut Verification) -> Option<Asked> {
    let kept: Kept = match serde_json::from_slice(bytes) {
        Ok(kept) => kept,
        Err(error) => {
            found.miss(path, "", error.to_string(), "a question and its answer");
            return None;
        }
    };
    found.figures.questions += 1;
    let answer = judge::answer(&kept.asked);
    let written: Option<Value> = serde_json::from_slice(bytes).ok();
    let again = Kept {
        asked: kept.asked,
        answered: answer,
    };
    let follows = serde_json::to_value(&again).ok();
    if let Some((said, mut follows)) = written.zip(follows) {
        withheld(&said, &mut follows);
        if let Some((field, said, follows)) = difference(&said, &follows) {
            found.miss(path, field, said, follows);
        }
    }
    Some(Asked {
        path: path.to_owned(),
        question: again.asked,
        answer: again.answered,
    })
}

/// What was withheld stands for any text, and nothing but the whole text is ever withheld: the rest is compared.
fn withheld(said: &Value, follows: &mut Value) {
    match (said, follows) {
        (Value::String(said), Value::String(follows)) if said == WITHHELD => {
            WITHHELD.clone_into(follows);
        }
        (Value::Array(said), Value::Array(follows)) => {
            for (said, follows) in said.iter().zip(follows) {
                withheld(said, follows);
            }
        }
        (Value::Object(said), Value::Object(follows)) => {
            for (name, follows) in follows {
                if let Some(said) = said
                    .get(name)
                    .filter(|_| name != "outcome" || follows.is_object())
                {
                    withheld(said, follows);
                }
            }
        }
        _ => {}
    }
}

/// Checks that the steps, and what the scenario tells beside its verdict, are what was answered.
///
/// Each expected result (`Then`) is one question, in this order, and a scenario ends with the first that is not met.
pub fn check(scene: &Scene<'_>, found: &mut Verification) {
    let at = format!("{} line {}", scene.case, scene.scenario.line);
    let steps = &scene.scenario.steps;
    let expected: Vec<&Step> = steps
        .iter()
        .filter(|step| step.keyword == Keyword::Then)
        .collect();
    for (index, step) in expected.iter().enumerate() {
        let field = format!("{at}, step line {}", step.line);
        match scene.questions.get(index) {
            Some(asked) => {
                fits(step, asked, scene, found);
                if !same(&step.outcome, &asked.answer.outcome) {
                    found.miss(
                        "events.jsonl",
                        field,
                        step.outcome.to_string(),
                        format!("{} ({})", asked.answer.outcome, asked.path),
                    );
                }
            }
            // The harness failed before it could ask.
            None if matches!(step.outcome, Outcome::Harness { .. }) => {}
            None => found.miss(
                "events.jsonl",
                field,
                step.outcome.to_string(),
                "no question bears it",
            ),
        }
    }
    for asked in scene.questions.iter().skip(expected.len()) {
        found.miss(
            &asked.path,
            "",
            "was asked",
            "no expected result in events.jsonl stands for it",
        );
    }
    let ended = steps.iter().position(|step| step.outcome != Outcome::Met);
    if ended.is_some_and(|index| index + 1 < steps.len()) {
        found.miss(
            "events.jsonl",
            at.clone(),
            "a step after one that was not met",
            "a scenario ends there",
        );
    }
    verdict(scene, &at, found);
    beside(scene, &at, found);
}

/// The question is the one that the expected result asks, and what it takes from the phrase and the profile is what stands there.
fn fits(step: &Step, asked: &Asked, scene: &Scene<'_>, found: &mut Verification) {
    let path = &asked.path;
    let kind = phrases::of(&asked.question);
    let Some(expected) = phrases::kind(&step.text) else {
        let field = format!("step line {}", step.line);
        let follows = "this version knows no such expected result";
        return found.miss("events.jsonl", field, step.text.clone(), follows);
    };
    if kind != expected {
        let follows = format!("{expected}, which '{}' asks", step.text);
        found.miss(path, "/asked/question", kind, follows);
    }
    match &asked.question {
        Question::KeysDiffer { least, .. } | Question::KeysStrong { least, .. } => {
            let follows = phrases::number(&step.text).unwrap_or_default();
            found.compare(path, "/asked/least", least, &follows);
        }
        Question::Accepted {
            refusal_statuses, ..
        }
        | Question::Refused {
            refusal_statuses, ..
        } => {
            let follows = &scene.profile.ixit.refusal_statuses;
            if refusal_statuses != follows {
                let (said, follows) = (format!("{refusal_statuses:?}"), format!("{follows:?}"));
                found.miss(path, "/asked/refusal_statuses", said, follows);
            }
        }
        Question::KeyDeleted { deadline, .. } | Question::TokenEmptied { deadline, .. } => {
            let follows = scene.profile.ixit.keys.deletion_deadline;
            found.compare(path, "/asked/deadline", deadline, &follows);
        }
        _ => {}
    }
}

/// A scenario that passed has met every step and was asked something.
fn verdict(scene: &Scene<'_>, at: &str, found: &mut Verification) {
    let scenario = scene.scenario;
    let answers = scene.questions.iter().map(|asked| {
        // Judges are asked under `Then`.
        Verdict::of_step(Keyword::Then, &asked.answer.outcome)
    });
    let steps = scenario
        .steps
        .iter()
        .map(|step| Verdict::of_step(step.keyword, &step.outcome));
    let worst = answers.chain(steps).max().unwrap_or(Verdict::Error);
    let nothing_asked = scenario.verdict == Verdict::Pass && scene.questions.is_empty();
    if nothing_asked || worst > scenario.verdict {
        let follows = if nothing_asked { Verdict::Error } else { worst };
        found.miss(
            "events.jsonl",
            format!("{at}, verdict"),
            scenario.verdict.to_string(),
            follows.to_string(),
        );
    }
}

/// Observations and measurements of the answers must be told, as they are.
fn beside(scene: &Scene<'_>, at: &str, found: &mut Verification) {
    for asked in &scene.questions {
        for seen in &asked.answer.observations {
            let told = scene.scenario.observations.iter().any(|told| {
                told.name == seen.name && (told.text == seen.text || told.text == WITHHELD)
            });
            if !told {
                found.miss(
                    "events.jsonl",
                    format!("{at}, observations"),
                    format!("nothing of {}", seen.name),
                    seen.text.clone(),
                );
            }
        }
        for measured in &asked.answer.measurements {
            let near = |value: f64| {
                (value - measured.value).abs() <= value.abs().max(measured.value.abs()) * 1e-12
            };
            let told = scene.scenario.measurements.iter().any(|told| {
                told.name == measured.name && told.unit == measured.unit && near(told.value)
            });
            if !told {
                let said = scene.scenario.measurements.iter();
                let said = said.filter(|told| told.name == measured.name);
                let said: Vec<String> = said.map(|told| told.value.to_string()).collect();
                found.miss(
                    "events.jsonl",
                    format!("{at}, measurement {}", measured.name),
                    shown(&Value::String(said.join(", "))),
                    measured.value.to_string(),
                );
            }
        }
    }
}

/// The same outcome; words that were withheld are no difference.
fn same(said: &Outcome, follows: &Outcome) -> bool {
    let words = |said: &str, follows: &str| said == follows || said == WITHHELD;
    match (said, follows) {
        (Outcome::Met, Outcome::Met) => true,
        (
            Outcome::Unmet { expected, actual },
            Outcome::Unmet {
                expected: e,
                actual: a,
            },
        ) => words(expected, e) && words(actual, a),
        (Outcome::Undecided { reason }, Outcome::Undecided { reason: r }) => words(reason, r),
        (Outcome::Harness { error }, Outcome::Harness { error: e }) => words(error, e),
        _ => false,
    }
}
