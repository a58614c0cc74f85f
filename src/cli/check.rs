//! `scas check`: whether the suite is consistent, with itself and with the program; with `--sut`, whether a product can
//! be tested with it.

mod sut;

use std::path::PathBuf;

use serde::Serialize;

use super::{Failure, Outcome, USAGE};
use crate::catalogue::check::{StepInfo, check};
use crate::catalogue::{Catalogue, Coverage, Finding};
use crate::steps;
use crate::vnf_package;

/// Checks that the suite is whole and that the program can run it, or (with --sut) that a product can be tested.
///
/// Every requirement has a test case or a reason, every phrase a step, every defect a case that must catch it.
/// With --sut instead: the profile reads, the files, programs and addresses that it names are there, a product that runs
/// already is reached as it says, its ICS answers what the test cases ask; and which of them apply to the product. The
/// product is not started.
/// Exits with 0 if there is nothing to mend, else with 64; with --sut with 4 if no test case applies.
#[derive(clap::Args)]
pub struct Args {
    /// Check the suite in this folder instead of the one built in
    #[arg(long, value_name = "DIR")]
    features: Option<PathBuf>,
    /// Check this profile of a product, instead of the suite
    #[arg(long, value_name = "FILE")]
    sut: Option<PathBuf>,
    /// Look only at the test cases that this chooses, as `scas run` would
    #[arg(long, value_name = "EXPR", requires = "sut")]
    select: Option<String>,
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand.
///
/// # Errors
/// The profile or the selection is wrong; or the findings cannot be written as JSON, which is a fault of ours.
pub fn run(args: Args) -> Outcome {
    let (text, code) = match &args.sut {
        Some(path) => sut::report(&args, path)?,
        None => report(&args, &vocabulary(), &defects())?,
    };
    super::print(&text);
    Ok(code)
}

fn vocabulary() -> Vec<StepInfo<'static>> {
    let info = |phrase: &'static steps::Phrase| StepInfo {
        keyword: phrase.definition.keyword,
        expression: phrase.definition.expression,
        pattern: phrase.regex.clone(),
        at: phrase.definition.at.to_owned(),
    };
    steps::vocabulary().iter().map(info).collect()
}

fn defects() -> Vec<&'static str> {
    scas_reference::defect::all()
        .iter()
        .map(|defect| defect.name)
        .collect()
}

/// `steps` is the program's vocabulary, `defects` are those of its reference.
fn report(args: &Args, steps: &[StepInfo<'_>], defects: &[&str]) -> Result<(String, u8), Failure> {
    let catalogue = survey(args.features.as_deref());
    let mut findings = check(&catalogue, steps, defects);
    findings.extend(unknown_flaws(&catalogue));
    findings.sort();
    findings.dedup();
    let report = Report {
        suite_digest: catalogue.digest(),
        test_cases: catalogue.cases.len(),
        scenarios: catalogue
            .cases
            .iter()
            .map(|case| case.scenarios.len())
            .sum(),
        coverage: catalogue.coverage(),
        findings,
    };
    let text = if args.json {
        super::list::json(&report)?
    } else {
        report.text()
    };
    Ok((text, if report.findings.is_empty() { 0 } else { USAGE }))
}

/// As much of the suite as can be read: built in, or from a folder.
fn survey(features: Option<&std::path::Path>) -> Catalogue {
    features.map_or_else(Catalogue::survey_embedded, Catalogue::survey)
}

/// The phrase whose parameter is the name of a flaw of VNF packages.
const FLAWED: &str = "the NFVO holds a valid VNFD and its twin with {string}";

/// Flaws that features name and nobody can make: a run would find out only when it comes to them.
fn unknown_flaws(catalogue: &Catalogue) -> Vec<Finding> {
    let mut findings = Vec::new();
    for case in &catalogue.cases {
        let is_row_with = |line: usize, name: &str| {
            let text = case.source.lines().nth(line.saturating_sub(1));
            text.is_some_and(|text| text.trim_start().starts_with('|') && text.contains(name))
        };
        for scenario in &case.scenarios {
            for step in &scenario.steps {
                let Ok((definition, arguments)) = steps::find(step.keyword, &step.text) else {
                    continue;
                };
                let Some(Ok(name)) = (definition.expression == FLAWED).then(|| arguments.text(0))
                else {
                    continue;
                };
                if let Err(unknown) = vnf_package::by_name(name) {
                    // The row has the name where the step only has a placeholder.
                    let line = if is_row_with(scenario.line, name) {
                        scenario.line
                    } else {
                        step.line
                    };
                    let what = format!("no flaw of VNF packages is called `{name}`");
                    let mend = format!("did you mean `{}`?", unknown.nearest);
                    findings.push(Finding::new(&case.path, line, what, mend));
                }
            }
        }
    }
    findings
}

#[derive(Serialize)]
struct Report<'a> {
    suite_digest: &'a str,
    test_cases: usize,
    scenarios: usize,
    coverage: Coverage,
    findings: Vec<Finding>,
}

impl Report<'_> {
    fn text(&self) -> String {
        let mut text: String = self
            .findings
            .iter()
            .map(|finding| format!("{finding}\n"))
            .collect();
        text += &format!(
            "suite {}: {}, {}
",
            self.suite_digest,
            counted(self.test_cases, "test case"),
            counted(self.scenarios, "scenario"),
        );
        text += &super::list::counts(&self.coverage);
        text += &match self.findings.len() {
            0 => "nothing to mend\n".to_owned(),
            many => format!("{} to mend\n", counted(many, "finding")),
        };
        text
    }
}

fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::test_suite::TestSuite;
    use crate::model::test_case::Keyword;

    /// The arguments that check the suite in a folder.
    fn of(features: &std::path::Path) -> Args {
        Args {
            features: Some(features.to_owned()),
            sut: None,
            select: None,
            json: false,
        }
    }

    fn reported(suite: &TestSuite, json: bool) -> (String, u8) {
        let step = |keyword, expression: &'static str| StepInfo {
            keyword,
            expression,
            pattern: regex::Regex::new(".").unwrap(),
            at: "src/steps/x.rs:1".to_owned(),
        };
        let steps = [
            step(Keyword::Given, "given"),
            step(Keyword::When, "when"),
            step(Keyword::Then, "then"),
        ];
        let dir = suite.write();
        let args = Args {
            json,
            ..of(dir.path())
        };
        let (text, code) = report(
            &args,
            &steps,
            &["counter-restarts", "ids-24-bit", "refuses-everything"],
        )
        .unwrap();
        (
            text.replace(&format!("{}/", dir.path().display()), ""),
            code,
        )
    }

    #[test]
    fn a_suite_with_nothing_to_mend_is_counted() {
        let (text, code) = reported(&TestSuite::new(), false);
        assert_eq!(code, 0, "{text}");
        assert!(
            text.contains(": 1 test case, 3 scenarios\n2 requirements: 1 tested, 1 not yet\n"),
            "{text}"
        );
        assert!(
            text.contains("inherited as a whole: 1 text not available\n"),
            "{text}"
        );
        assert!(text.ends_with("nothing to mend\n"), "{text}");
        let json = reported(&TestSuite::new(), true).0;
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["findings"], serde_json::json!([]));
        assert_eq!(json["scenarios"], 3);
    }

    #[test]
    fn the_built_in_suite_and_the_program_fit() {
        let args = Args {
            features: None,
            ..of("".as_ref())
        };
        let (text, code) = report(&args, &super::vocabulary(), &super::defects()).unwrap();
        assert_eq!(code, 0, "{text}");
    }

    #[test]
    fn a_flaw_that_nobody_can_make_is_found_where_it_is_written() {
        let known = |phrase: &steps::Phrase| phrase.definition.expression == FLAWED;
        assert_eq!(
            steps::vocabulary().iter().filter(|p| known(p)).count(),
            1,
            "the phrase is worded otherwise now: `{FLAWED}`"
        );
        let row = TestSuite::new()
            .with(
                "    Given the VNFM is ready\n",
                "    Given the NFVO holds a valid VNFD and its twin with \"<count>\"\n",
            )
            .with("| 10    |", "| an extra file |")
            .with("| 20    |", "| an extra fil |");
        let plain = TestSuite::new().with(
            "a VNF package \"A\" is on board",
            "the NFVO holds a valid VNFD and its twin with \"MD6 digests\"",
        );
        for (suite, line, name, near) in [
            (row, 38, "an extra fil", "an extra file"),
            (plain, 16, "MD6 digests", "MD5 digests"),
        ] {
            let (text, code) = reported(&suite, false);
            let told = format!(
                "nfv-sec-030/4.2.2.2_unique.feature:{line}: no flaw of VNF packages is called `{name}`: \
                 did you mean `{near}`?\n"
            );
            assert_eq!(code, USAGE, "{text}");
            assert!(text.starts_with(&told), "{text}");
            assert!(text.ends_with("\n1 finding to mend\n"), "{text}");
        }
    }

    #[test]
    fn findings_are_printed_with_place_and_count() {
        let suite = TestSuite::new().with("@extended", "@extended @slow");
        let (text, code) = reported(&suite, false);
        assert_eq!(code, USAGE);
        let first = "nfv-sec-030/4.2.2.2_unique.feature:24: unknown tag @slow: ";
        assert!(text.starts_with(first), "{text}");
        assert!(text.ends_with("\n1 finding to mend\n"), "{text}");
        let json: serde_json::Value = serde_json::from_str(&reported(&suite, true).0).unwrap();
        assert_eq!(json["findings"][0]["line"], 24);
        assert_eq!(json["coverage"]["tested"], 1);
    }
}
