//! From the text of a `.feature` file to a [`TestCase`].
//!
//! Everything that is wrong inside one file is found here; what needs the other files is found by `check`.

use std::path::Path;

use gherkin::{Feature, GherkinEnv};

use crate::model::UnknownWord;
use crate::model::ics::IcsExpression;
use crate::model::test_case::{DefectEffect, DefectName, Scenario, ScenarioKind, TestCase};

use super::finding::Finding;
use super::metadata::Metadata;
use super::nearest::did_you_mean;
use super::outline::next_placeholder;
use super::scenario;

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
    let scenarios = scenario::read(&feature, source, path, findings);
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
        let (name, effect) = match entry.split_once('[') {
            Some((name, "full]")) => (name.trim_end(), DefectEffect::FailsInFull),
            Some((name, "inconclusive]")) => (name.trim_end(), DefectEffect::Inconclusive),
            _ => (entry, DefectEffect::Fails),
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
                "write kebab-case names with commas between: `a-b, c-d [full], e [inconclusive]`",
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
                effect,
            });
        }
    }
    defects
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
