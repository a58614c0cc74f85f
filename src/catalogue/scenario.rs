//! From the scenarios of a feature to the [`Scenario`]s that will be run: outlines expanded, backgrounds in front,
//! tags understood.

use std::path::Path;

use gherkin::{Background, Feature, StepType};

use crate::model::test_case::{Keyword, Scenario, ScenarioKind, Step, Tag, Tier};

use super::finding::Finding;
use super::nearest::nearest;
use super::outline::{self, Run};

/// All scenarios of a feature as they will be run, those of its rules included.
pub(super) fn read(
    feature: &Feature,
    source: &str,
    path: &Path,
    findings: &mut Vec<Finding>,
) -> Vec<Scenario> {
    let feature_tags: Vec<_> = feature
        .tags
        .iter()
        .map(|tag| (tag.clone(), feature.position.line))
        .collect();
    let mut scenarios = Vec::new();
    let outer = background_steps(feature.background.as_ref(), path, findings);
    for scenario in &feature.scenarios {
        scenarios.extend(runs(
            scenario,
            &feature_tags,
            &outer,
            source,
            path,
            findings,
        ));
    }
    for rule in &feature.rules {
        let mut tags = feature_tags.clone();
        tags.extend(
            rule.tags
                .iter()
                .map(|tag| (tag.clone(), rule.position.line)),
        );
        let mut steps = outer.clone();
        steps.extend(background_steps(rule.background.as_ref(), path, findings));
        for scenario in &rule.scenarios {
            scenarios.extend(runs(scenario, &tags, &steps, source, path, findings));
        }
    }
    report_duplicate_names(&scenarios, path, findings);
    scenarios
}

/// The background's steps, which are run before each scenario and know no placeholder.
fn background_steps(
    background: Option<&Background>,
    path: &Path,
    findings: &mut Vec<Finding>,
) -> Vec<Step> {
    let Some(background) = background else {
        return Vec::new();
    };
    report_swallowed_steps(
        background.description.as_deref(),
        background.position.line,
        path,
        findings,
    );
    let run = Run::plain(background.position.line);
    let mut steps = Vec::new();
    for step in &background.steps {
        let text = run.fill(&step.value, step.position.line, path, findings);
        steps.push(self::step(step, text));
    }
    steps
}

fn runs(
    scenario: &gherkin::Scenario,
    inherited_tags: &[(String, usize)],
    background: &[Step],
    source: &str,
    path: &Path,
    findings: &mut Vec<Finding>,
) -> Vec<Scenario> {
    let line = scenario.position.line;
    if scenario.name.trim().is_empty() {
        findings.push(Finding::new(
            path,
            line,
            "the scenario has no name",
            "say behind `Scenario:` what it shows",
        ));
    }
    if scenario.steps.is_empty() {
        findings.push(Finding::new(
            path,
            line,
            "the scenario has no step: it would pass empty",
            "write its steps",
        ));
    } else if !scenario.steps.iter().any(|step| step.ty == StepType::Then) {
        let what = "the scenario has no `Then`: it could never fail";
        findings.push(Finding::new(
            path,
            line,
            what,
            "write the expected result as a `Then` step",
        ));
    }
    report_swallowed_steps(scenario.description.as_deref(), line, path, findings);
    let mut scenarios = Vec::new();
    for mut run in outline::expand(scenario, source, path, findings) {
        run.tags.extend(inherited_tags.iter().cloned());
        let mut steps = background.to_vec();
        for step in &scenario.steps {
            let text = run.fill(&step.value, step.position.line, path, findings);
            if !scenario.examples.is_empty() {
                // Only what cannot be filled in matters here: a table or text of an outline with an unknown column
                // would be an error of the runner.
                for text in outline::arguments(step) {
                    run.fill(text, step.position.line, path, findings);
                }
            }
            steps.push(self::step(step, text));
        }
        let (kind, tier, serial) = tags(&run, source, path, findings);
        scenarios.push(Scenario {
            name: run.name,
            line: run.line,
            kind,
            tier,
            serial,
            steps,
        });
    }
    scenarios
}

fn step(step: &gherkin::Step, text: String) -> Step {
    let keyword = match step.ty {
        StepType::Given => Keyword::Given,
        StepType::When => Keyword::When,
        StepType::Then => Keyword::Then,
    };
    Step {
        keyword,
        text,
        line: step.position.line,
    }
}

/// What the tags of a run mean. Tags that mean nothing, or too much, are findings.
fn tags(
    run: &Run,
    source: &str,
    path: &Path,
    findings: &mut Vec<Finding>,
) -> (ScenarioKind, Tier, bool) {
    let mut known = Vec::new();
    for (tag, owner_line) in &run.tags {
        let line = tag_line(source, tag, *owner_line);
        if tag == "allow.skipped"
            || tag == "retry"
            || tag.starts_with("retry(")
            || tag.starts_with("retry.")
        {
            let what = format!(
                "@{tag} is forbidden: a verdict is reached once, and nothing skipped is ever green"
            );
            findings.push(Finding::new(path, line, what, "take the tag out"));
        } else if let Ok(tag) = tag.parse::<Tag>() {
            known.push(tag);
        } else {
            let all = Tag::WORDS
                .iter()
                .map(|tag| format!("@{tag}"))
                .collect::<Vec<_>>()
                .join(", ");
            let mend = nearest(tag, Tag::WORDS.iter().copied()).map_or_else(
                || format!("use one of: {all}"),
                |near| format!("did you mean `@{near}`?"),
            );
            findings.push(Finding::new(
                path,
                line,
                format!("unknown tag @{tag}"),
                mend,
            ));
        }
    }
    let has = |tag| known.contains(&tag);
    let kind = if has(Tag::Normative) {
        ScenarioKind::Normative
    } else {
        ScenarioKind::Extended
    };
    if has(Tag::Normative) == has(Tag::Extended) {
        let what = "a scenario is either @normative or @extended, and this one does not say which";
        findings.push(Finding::new(
            path,
            run.line,
            what,
            "tag it with exactly one of the two",
        ));
    }
    if has(Tag::Quick) && has(Tag::Full) {
        let what = "@quick and @full together would run in no tier";
        findings.push(Finding::new(
            path,
            run.line,
            what,
            "take both out if it should run in both tiers",
        ));
    }
    let tier = match (has(Tag::Quick), has(Tag::Full)) {
        (true, false) => Tier::QuickOnly,
        (false, true) => Tier::FullOnly,
        _ => Tier::Both,
    };
    (kind, tier, has(Tag::Serial))
}

/// The line of a tag, which stands on the lines right above what it tags.
fn tag_line(source: &str, tag: &str, owner_line: usize) -> usize {
    let lines: Vec<_> = source.lines().take(owner_line.saturating_sub(1)).collect();
    lines
        .iter()
        .rposition(|line| {
            line.split_whitespace()
                .any(|word| word.strip_prefix('@') == Some(tag))
        })
        .map_or(owner_line, |index| index + 1)
}

fn report_duplicate_names(scenarios: &[Scenario], path: &Path, findings: &mut Vec<Finding>) {
    for (index, scenario) in scenarios.iter().enumerate() {
        if let Some(first) = scenarios[..index]
            .iter()
            .find(|earlier| earlier.name == scenario.name)
        {
            let what = format!(
                "the scenario at line {} has the same name, `{}`",
                first.line, scenario.name
            );
            let mend = "give each its own name; in an outline put a `<column>` into the name";
            findings.push(Finding::new(path, scenario.line, what, mend));
        }
    }
}

/// Gherkin takes a line under `Scenario:` whose keyword is misspelt for a description, and the step is silently lost.
fn report_swallowed_steps(
    description: Option<&str>,
    line: usize,
    path: &Path,
    findings: &mut Vec<Finding>,
) {
    for text in description.unwrap_or_default().lines() {
        let first = text
            .split_whitespace()
            .next()
            .unwrap_or_default()
            .trim_end_matches(':')
            .to_lowercase();
        let close = first.len() >= 4
            && ["given", "when", "then"]
                .iter()
                .any(|keyword| strsim::damerau_levenshtein(&first, keyword) <= 1);
        if close {
            let what = format!(
                "`{}` reads like a step, but is taken for a description",
                text.trim()
            );
            let mend =
                "spell the keyword `Given`, `When` or `Then`; or word the description otherwise";
            findings.push(Finding::new(path, line, what, mend));
        }
    }
}
