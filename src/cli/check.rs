//! `scas check`: whether the suite is consistent, with itself and with the program.

use std::path::PathBuf;

use serde::Serialize;

use super::{Failure, Outcome, USAGE};
use crate::catalogue::check::{StepInfo, check};
use crate::catalogue::{Catalogue, Coverage, Finding};
use crate::steps;

/// Checks that the suite is whole and that the program can run it.
///
/// Every requirement has a test case or a reason, every phrase a step, every defect a case that must catch it.
/// Exits with 0 if there is nothing to mend, else with 64.
#[derive(clap::Args)]
pub struct Args {
    /// Check the suite in this folder instead of the one built in
    #[arg(long, value_name = "DIR")]
    features: Option<PathBuf>,
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand.
///
/// # Errors
/// The findings cannot be written as JSON, which is a fault of ours.
pub fn run(args: Args) -> Outcome {
    let (text, code) = report(&args, &vocabulary(), &defects())?;
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
    let report = Report {
        suite_digest: catalogue.digest(),
        test_cases: catalogue.cases.len(),
        scenarios: catalogue
            .cases
            .iter()
            .map(|case| case.scenarios.len())
            .sum(),
        coverage: catalogue.coverage(),
        findings: check(&catalogue, steps, defects),
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
            features: Some(dir.path().to_owned()),
            json,
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
            json: false,
        };
        let (text, code) = report(&args, &super::vocabulary(), &super::defects()).unwrap();
        assert_eq!(code, 0, "{text}");
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
