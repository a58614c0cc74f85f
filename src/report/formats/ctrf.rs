//! Common Test Report Format (<https://ctrf.io>): a test per scenario, and one per test case that is not applicable. Main function:
//! [`render`].
//!
//! It knows no Inconclusive: that is `other`, as is an Error; both with our own word as `rawStatus`. What is waived is `skipped`, since who
//! reads this turns red where the exit code does.

use serde::Serialize;
use serde_json::{Value, json};

use crate::model::verdict::{CaseVerdict, Verdict};
use crate::report::results::{CaseResult, Results, ScenarioResult};

/// A test as the format has it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Test {
    name: String,
    status: &'static str,
    /// Milliseconds.
    duration: u64,
    suite: Vec<String>,
    raw_status: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    message: String,
    #[serde(rename = "type")]
    kind: &'static str,
    file_path: String,
    line: usize,
    extra: Value,
}

/// The results, as JSON.
///
/// # Errors
/// A fault of ours.
pub fn render(results: &Results) -> anyhow::Result<Vec<u8>> {
    let tests: Vec<Test> = results.cases.iter().flat_map(of_case).collect();
    let count = |status: &str| tests.iter().filter(|test| test.status == status).count();
    let start = results.run.started.as_millisecond();
    let mut extra = json!({
        "vendor": results.run.sut.vendor,
        "suite": results.run.suite_digest,
        "tier": results.run.tier,
    });
    if let Some(warning) = results.run.warning() {
        extra["warning"] = warning.into();
    }
    let stop = results.ended.map_or(start, jiff::Timestamp::as_millisecond);
    let report = json!({
        "reportFormat": "CTRF",
        "specVersion": "0.0.0",
        "generatedBy": "scas",
        "timestamp": results.ended.unwrap_or(results.run.started).to_string(),
        "results": {
            "tool": { "name": "scas", "version": results.run.tool_version },
            "summary": {
                "tests": tests.len(),
                "passed": count("passed"),
                "failed": count("failed"),
                "pending": count("pending"),
                "skipped": count("skipped"),
                "other": count("other"),
                "start": start,
                "stop": stop,
                "extra": {
                    "verdict": results.verdict.map(|verdict| verdict.to_string()),
                    "exitCode": results.exit_code,
                    "interrupted": results.interrupted,
                    "resumed": results.resumed,
                    "faults": results.faults,
                },
            },
            "tests": tests,
            "environment": {
                "appName": results.run.sut.name,
                "appVersion": results.run.sut.version,
                "reportName": results.run.id,
                "extra": extra,
            },
        },
    });
    crate::report::to_json(&report)
}

fn of_case(case: &CaseResult) -> Vec<Test> {
    if let Some(CaseVerdict::NotApplicable { item, reason }) = &case.normative {
        return vec![Test {
            name: case.id.clone(),
            status: "skipped",
            duration: 0,
            suite: suite(case),
            raw_status: "NotApplicable".to_owned(),
            message: format!("ICS item '{item}': {reason}"),
            kind: "normative",
            file_path: case.path.clone(),
            line: 1,
            extra: extra(case),
        }];
    }
    let of_scenario = |scenario| of_scenario(case, scenario);
    case.scenarios.iter().map(of_scenario).collect()
}

fn of_scenario(case: &CaseResult, scenario: &ScenarioResult) -> Test {
    let status = match scenario.verdict {
        Verdict::Pass => "passed",
        _ if case.waived => "skipped",
        Verdict::Fail => "failed",
        Verdict::Inconclusive | Verdict::Error => "other",
    };
    Test {
        name: scenario.name.clone(),
        status,
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the seconds of a run, in milliseconds"
        )]
        duration: (scenario.seconds.max(0.0) * 1000.0).round() as u64,
        suite: suite(case),
        raw_status: scenario.verdict.to_string(),
        message: scenario.reason.clone(),
        kind: if scenario.normative {
            "normative"
        } else {
            "extended"
        },
        file_path: case.path.clone(),
        line: scenario.line,
        extra: extra(case),
    }
}

fn suite(case: &CaseResult) -> Vec<String> {
    vec![
        format!("{} {}", case.document, case.clause),
        case.id.clone(),
    ]
}

fn extra(case: &CaseResult) -> Value {
    json!({ "requirement": case.requirement, "waived": case.waived })
}
