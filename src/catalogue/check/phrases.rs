//! Whether the phrases of the features and the steps of the program fit: each phrase has one step, each step a phrase.

use std::path::Path;

use regex::Regex;

use crate::model::test_case::{Keyword, Step};

use super::super::nearest::nearest;
use super::super::{Catalogue, Finding};

/// One step of the program's vocabulary.
#[derive(Clone, Debug)]
pub struct StepInfo<'a> {
    /// The keyword under which it can stand.
    pub keyword: Keyword,
    /// The expression as the code writes it.
    pub expression: &'a str,
    /// What it matches; anchored, for the whole phrase must fit.
    pub pattern: Regex,
    /// Where it is: `src/steps/x.rs:12`.
    pub at: String,
}

/// Adds a finding for each phrase without a step or with several, and each step without a phrase.
pub(super) fn check(catalogue: &Catalogue, steps: &[StepInfo<'_>], findings: &mut Vec<Finding>) {
    let mut used = vec![false; steps.len()];
    for case in &catalogue.cases {
        for phrase in case.scenarios.iter().flat_map(|scenario| &scenario.steps) {
            let fits = |info: &StepInfo<'_>| {
                info.keyword == phrase.keyword && info.pattern.is_match(&phrase.text)
            };
            let found: Vec<_> = (0..steps.len())
                .filter(|index| fits(&steps[*index]))
                .collect();
            found.iter().for_each(|index| used[*index] = true);
            match found[..] {
                [] => findings.push(without_step(&case.path, phrase, steps)),
                [_] => {}
                _ => findings.push(ambiguous(
                    &case.path,
                    phrase,
                    found.iter().map(|index| &steps[*index]),
                )),
            }
        }
    }
    if catalogue.is_partial() {
        return;
    }
    for (step, _) in steps.iter().zip(used).filter(|(_, used)| !used) {
        let (path, line) = match step
            .at
            .rsplit_once(':')
            .map(|(path, line)| (path, line.parse()))
        {
            Some((path, Ok(line))) => (path, line),
            _ => (step.at.as_str(), 0),
        };
        let what = format!(
            "no feature uses the step `{} {}`",
            step.keyword, step.expression
        );
        findings.push(Finding::new(
            Path::new(path),
            line,
            what,
            "use it in a feature, or take it out",
        ));
    }
}

fn without_step(path: &Path, phrase: &Step, steps: &[StepInfo<'_>]) -> Finding {
    let what = format!("no step fits `{} {}`", phrase.keyword, phrase.text);
    let elsewhere = steps
        .iter()
        .find(|step| step.pattern.is_match(&phrase.text));
    let mend = if let Some(step) = elsewhere {
        format!("{} has it as a `{}`", step.at, step.keyword)
    } else {
        let same_keyword = steps.iter().filter(|step| step.keyword == phrase.keyword);
        match nearest(&phrase.text, same_keyword.map(|step| step.expression)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "word it as an existing step, or write a step for it".to_owned(),
        }
    };
    Finding::new(path, phrase.line, what, mend)
}

fn ambiguous<'a>(
    path: &Path,
    phrase: &Step,
    found: impl Iterator<Item = &'a StepInfo<'a>>,
) -> Finding {
    let places: Vec<_> = found
        .map(|step| format!("`{}` ({})", step.expression, step.at))
        .collect();
    let what = format!(
        "several steps fit `{} {}`: {}",
        phrase.keyword,
        phrase.text,
        places.join(", ")
    );
    Finding::new(
        path,
        phrase.line,
        what,
        "narrow their expressions until one fits",
    )
}
