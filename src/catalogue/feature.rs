//! From the text of a `.feature` file to a [`TestCase`].
//!
//! Everything that is wrong inside one file is found here; what needs the other files is found by `check`.

use std::path::Path;

use gherkin::{Background, Feature, GherkinEnv, StepType};

use crate::model::UnknownWord;
use crate::model::ics::IcsExpression;
use crate::model::test_case::{
    DefectName, Keyword, Scenario, ScenarioKind, Step, Tag, TestCase, Tier,
};

use super::finding::Finding;
use super::metadata::Metadata;
use super::nearest::did_you_mean;
use super::outline::{self, Run, next_placeholder};

/// Reads one feature file. `None` where too little is right to make a test case of it; then there are findings.
pub(super) fn read(source: &str, path: &Path, findings: &mut Vec<Finding>) -> Option<TestCase> {
    report_template_text(source, path, findings);
    let feature = match Feature::parse(source, GherkinEnv::default()) {
        Ok(feature) => feature,
        Err(error) => {
            findings.push(unreadable(source, &error.to_string(), path));
            return None;
        }
    };
    let metadata = Metadata::read(
        source,
        feature.position.line,
        first_part(&feature),
        path,
        findings,
    );
    let scenarios = scenarios(&feature, source, path, findings);
    test_case(&feature, &metadata, scenarios, source, path, findings)
}

fn test_case(
    feature: &Feature,
    metadata: &Metadata,
    scenarios: Vec<Scenario>,
    source: &str,
    path: &Path,
    findings: &mut Vec<Finding>,
) -> Option<TestCase> {
    let line = feature.position.line;
    let id = feature.name.trim().to_owned();
    if id.is_empty() || id.contains(char::is_whitespace) {
        let what = format!("`{id}` cannot be the id of a test case");
        let mend = "write `Feature:` and the specification's own name, for instance `TC_UNIQUE_VNF_INSTANCE_ID`";
        findings.push(Finding::new(path, line, what, mend));
    }
    let clause = metadata.field("Clause").and_then(|field| {
        let parts: Vec<_> = field.value.split_whitespace().collect();
        if let [document, clause] = parts[..] {
            return Some((document.to_owned(), clause.to_owned()));
        }
        let what = format!("`{}` names no clause", field.value);
        findings.push(Finding::new(
            path,
            field.line,
            what,
            "write document and number, for instance `SEC030 4.2.2.2`",
        ));
        None
    });
    let role = word(metadata, "Role", path, findings);
    let keyword = word(metadata, "Keyword", path, findings);
    let applicability = metadata.field("Applicability").and_then(|field| {
        IcsExpression::parse(&field.value)
            .map_err(|error| {
                let mend = "write `always`, or ICS items joined by `and`, `or` and `not`";
                findings.push(Finding::new(path, field.line, error.to_string(), mend));
            })
            .ok()
    });
    let defects = metadata
        .field("Defects")
        .map(|field| defects(&field.value, field.line, path, findings));
    if scenarios.is_empty() {
        findings.push(Finding::new(
            path,
            line,
            "the feature has no scenario",
            "add one, with a `Then`",
        ));
    } else if !scenarios
        .iter()
        .any(|scenario| scenario.kind == ScenarioKind::Normative)
    {
        let what = "no scenario is @normative: the case would pass without what the specification asks for";
        findings.push(Finding::new(
            path,
            line,
            what,
            "tag the specification's own test @normative",
        ));
    }
    let (document, clause) = clause?;
    Some(TestCase {
        id,
        document,
        clause,
        role: role?,
        requirement: metadata.text("Requirement"),
        reference: metadata.text("Reference"),
        threat: metadata.text("Threat"),
        threatened_asset: metadata.text("Threatened asset"),
        purpose: metadata.text("Purpose"),
        applicability: applicability?,
        keyword: keyword?,
        evidence: metadata.text("Evidence"),
        defects: defects?,
        path: path.to_owned(),
        source: source.to_owned(),
        scenarios,
    })
}

fn word<W>(metadata: &Metadata, name: &str, path: &Path, findings: &mut Vec<Finding>) -> Option<W>
where
    W: std::str::FromStr<Err = UnknownWord>,
{
    let field = metadata.field(name)?;
    match field.value.parse() {
        Ok(word) => Some(word),
        Err(error) => {
            let mend = did_you_mean(&error.word, error.known.iter().copied(), "use a known one");
            findings.push(Finding::new(path, field.line, error.to_string(), mend));
            None
        }
    }
}

fn defects(text: &str, line: usize, path: &Path, findings: &mut Vec<Finding>) -> Vec<DefectName> {
    let mut defects: Vec<DefectName> = Vec::new();
    for entry in text.split(',').map(str::trim) {
        let (name, full_only) = match entry.strip_suffix("[full]") {
            Some(name) => (name.trim_end(), true),
            None => (entry, false),
        };
        if name.is_empty()
            || !name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
        {
            let what = format!("`{entry}` names no defect");
            findings.push(Finding::new(
                path,
                line,
                what,
                "write kebab-case names with commas between: `a-b, c-d [full]`",
            ));
        } else if defects.iter().any(|defect| defect.name == name) {
            findings.push(Finding::new(
                path,
                line,
                format!("defect `{name}` stands here twice"),
                "take one out",
            ));
        } else {
            defects.push(DefectName {
                name: name.to_owned(),
                full_only,
            });
        }
    }
    defects
}

fn scenarios(
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
            let mend = super::nearest::nearest(tag, Tag::WORDS.iter().copied()).map_or_else(
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

/// Text of the scaffold that somebody forgot to replace.
fn report_template_text(source: &str, path: &Path, findings: &mut Vec<Finding>) {
    let mut in_metadata = false;
    for (line, text) in source
        .lines()
        .enumerate()
        .map(|(index, text)| (index + 1, text))
    {
        let start = text.trim_start();
        in_metadata = (in_metadata || start.starts_with("Feature:"))
            && !["@", "Background:", "Scenario", "Rule:"]
                .iter()
                .any(|part| start.starts_with(part));
        let words = |word| {
            text.split(|c: char| !c.is_ascii_alphanumeric())
                .any(|part| part == word)
        };
        if let Some(word) = ["TODO", "FIXME"].into_iter().find(|word| words(*word)) {
            findings.push(Finding::new(
                path,
                line,
                format!("`{word}` is left over"),
                "do it, or say it otherwise",
            ));
        } else if let Some((_, name, _)) = next_placeholder(text).filter(|_| in_metadata) {
            let what = format!("template text `<{name}>` is left over");
            findings.push(Finding::new(
                path,
                line,
                what,
                "replace it with what it asks for",
            ));
        }
    }
}

/// The line where the metadata end at the latest.
fn first_part(feature: &Feature) -> usize {
    let background = feature
        .background
        .iter()
        .map(|background| background.position.line);
    let scenarios = feature
        .scenarios
        .iter()
        .map(|scenario| scenario.position.line);
    let rules = feature.rules.iter().map(|rule| rule.position.line);
    background
        .chain(scenarios)
        .chain(rules)
        .min()
        .unwrap_or(usize::MAX)
}

/// The parser's own error names the place, and otherwise only which characters it would have liked.
fn unreadable(source: &str, error: &str, path: &Path) -> Finding {
    let line = error
        .strip_prefix("Error at ")
        .and_then(|rest| rest.split(':').next()?.parse().ok())
        .unwrap_or(0);
    let text = source
        .lines()
        .nth(line.max(1) - 1)
        .unwrap_or_default()
        .trim();
    Finding::new(
        path,
        line,
        format!("is not Gherkin from here on: `{text}`"),
        "start a step with Given, When, Then, And or But; close tables with `|`; let no line of a description start \
         with Background, Rule, Scenario or Example",
    )
}
