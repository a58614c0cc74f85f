//! OSCAL assessment results (NIST, <https://pages.nist.gov/OSCAL>): a finding per test case that was judged, an observation per scenario with
//! its evidence. Main function: [`render`].
//!
//! The format knows satisfied and not satisfied. Inconclusive and Error are not satisfied, with the reason `other`: nothing was shown. What the
//! ICS rules out has no finding; the result's remarks say so. Identifiers follow from the run's, so that the same record gives the same text.

use serde_json::{Value, json};
use sha1::{Digest as _, Sha1};
use uuid::{Builder, Uuid};

use crate::model::verdict::{CaseVerdict, Verdict};
use crate::report::results::{CaseResult, Results, ScenarioResult};

/// The version of the format that is written.
const VERSION: &str = "1.1.3";
/// Of identifiers below.
const NAMESPACE: Uuid = Uuid::from_u128(0x6b1f_0a52_3c1e_5d0b_9c7a_2f4f_1d7e_8a61);
/// Properties of our own are in this name space: RFC 6963 has `urn:example`, and we have no registered one.
const OWN: &str = "https://github.com/scas-project/scas/ns/oscal";

/// The results, as JSON.
///
/// # Errors
/// A fault of ours.
pub fn render(results: &Results) -> anyhow::Result<Vec<u8>> {
    let run = &results.run;
    let ended = results.ended.unwrap_or(run.started).to_string();
    let observed = results.cases.iter().flat_map(|case| {
        let observation = |scenario| observation(results, case, scenario, &ended);
        case.scenarios.iter().map(observation)
    });
    let observations: Vec<Value> = observed.collect();
    let findings: Vec<Value> = results
        .cases
        .iter()
        .filter_map(|case| finding(results, case))
        .collect();
    let controls: Vec<Value> = results
        .cases
        .iter()
        .map(|case| json!({ "control-id": token(&case.id) }))
        .collect();
    let controls = if controls.is_empty() {
        json!([{ "description": "Nothing was selected.", "include-all": {} }])
    } else {
        json!([{ "include-controls": controls }])
    };
    let mut result = json!({
        "uuid": id(results, "result"),
        "title": format!("{} {}", run.sut.name, run.sut.version),
        "description": format!(
            "Security assurance of {} {} by {}, role {}: {}, exit code {}.",
            run.sut.name,
            run.sut.version,
            run.sut.vendor,
            run.sut.role,
            results.verdict.map_or("nothing was judged".to_owned(), |v| v.to_string()),
            results.exit_code,
        ),
        "start": run.started.to_string(),
        "end": ended,
        "props": [
            property("tier", &run.tier),
            property("exit-code", &results.exit_code.to_string()),
            property("profile-sha256", &run.profile_digest),
        ],
        "reviewed-controls": { "control-selections": controls },
        "remarks": remarks(results),
    });
    // A list that is there has something in it.
    for (name, list) in [("observations", observations), ("findings", findings)] {
        if !list.is_empty() {
            result[name] = list.into();
        }
    }
    let suite = id(results, "suite");
    let report = json!({
        "assessment-results": {
            "uuid": id(results, "report"),
            "metadata": {
                "title": format!("scas, run {}", run.id),
                "last-modified": ended,
                "version": run.id,
                "oscal-version": VERSION,
            },
            "import-ap": {
                "href": format!("#{suite}"),
                "remarks": "The plan is the suite: its features, named by their digest.",
            },
            "results": [result],
            "back-matter": {
                "resources": [{
                    "uuid": suite,
                    "title": format!("suite of scas {}", run.tool_version),
                    "description": format!("SHA-256 over features and clause lists: {}", run.suite_digest),
                }],
            },
        },
    });
    crate::report::to_json(&report)
}

fn observation(
    results: &Results,
    case: &CaseResult,
    scenario: &ScenarioResult,
    ended: &str,
) -> Value {
    let part = if scenario.normative {
        "normative"
    } else {
        "extended"
    };
    let evidence: Vec<Value> = scenario
        .evidence
        .iter()
        .map(|file| {
            json!({
                "href": href(&file.path),
                "description": file.what,
                "props": [property("sha256", &file.sha256)],
            })
        })
        .collect();
    let mut observation = json!({
        "uuid": of_scenario(results, case, scenario),
        "title": format!("{}, line {}", case.id, scenario.line),
        "description": scenario.name,
        "props": [
            property("verdict", &scenario.verdict.to_string()),
            property("part", part),
        ],
        "methods": ["TEST"],
        "collected": ended,
    });
    if !evidence.is_empty() {
        observation["relevant-evidence"] = evidence.into();
    }
    if !scenario.reason.trim().is_empty() {
        observation["remarks"] = scenario.reason.as_str().into();
    }
    observation
}

fn finding(results: &Results, case: &CaseResult) -> Option<Value> {
    let verdict = case.normative.as_ref().and_then(CaseVerdict::judged)?;
    let (state, reason) = match verdict {
        Verdict::Pass => ("satisfied", "pass"),
        Verdict::Fail => ("not-satisfied", "fail"),
        Verdict::Inconclusive | Verdict::Error => ("not-satisfied", "other"),
    };
    let related: Vec<Value> = case
        .scenarios
        .iter()
        .map(|scenario| json!({ "observation-uuid": of_scenario(results, case, scenario) }))
        .collect();
    let waived = if case.waived { ", waived" } else { "" };
    let smaller = if case.below_capacity {
        " of the quick tier"
    } else {
        ""
    };
    Some(json!({
        "uuid": id(results, &format!("finding {}", case.id)),
        "title": case.id,
        "description": case.requirement,
        "target": {
            "type": "objective-id",
            "target-id": token(&case.id),
            "description": format!("{} clause {}", case.document, case.clause),
            "status": {
                "state": state,
                "reason": reason,
                "remarks": format!("{verdict}{smaller}{waived}"),
            },
        },
        "related-observations": related,
    }))
}

/// What the format has no place for.
fn remarks(results: &Results) -> String {
    let mut told = vec!["Only the normative scenarios decide a finding.".to_owned()];
    told.extend(
        results
            .interrupted
            .iter()
            .map(|why| format!("The run is not whole: {why}")),
    );
    told.extend(
        results
            .resumed
            .iter()
            .map(|at| format!("The run was interrupted, and gone on with at {at}.")),
    );
    told.extend(
        results
            .faults
            .iter()
            .map(|fault| format!("The harness failed: {fault}")),
    );
    if !results.run.defects.is_empty() {
        told.push(format!(
            "The reference had defects: {}",
            results.run.defects.join(", ")
        ));
    }
    told.extend(
        results
            .run
            .warning()
            .map(|warning| format!("Caution: {warning}")),
    );
    for case in &results.cases {
        if let Some(CaseVerdict::NotApplicable { item, reason }) = &case.normative {
            told.push(format!(
                "{} is not applicable, ICS item '{item}': {reason}",
                case.id
            ));
        }
    }
    told.join("\n\n")
}

fn of_scenario(results: &Results, case: &CaseResult, scenario: &ScenarioResult) -> String {
    id(results, &format!("{} line {}", case.id, scenario.line))
}

/// A UUID of version 5 (RFC 9562) in this run.
fn id(results: &Results, name: &str) -> String {
    let mut hash = Sha1::new();
    hash.update(NAMESPACE.as_bytes());
    hash.update(results.run.id.as_bytes());
    hash.update([0]);
    hash.update(name.as_bytes());
    let digest: [u8; 20] = hash.finalize().into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Builder::from_sha1_bytes(bytes).into_uuid().to_string()
}

/// A property: its value begins and ends with no space, and is not empty.
fn property(name: &str, value: &str) -> Value {
    let value = value.trim();
    json!({
        "name": name,
        "ns": OWN,
        "value": if value.is_empty() { "-" } else { value },
    })
}

/// A token as the format has it: letters, digits, dots, hyphens and underscores, not a digit first.
fn token(text: &str) -> String {
    let kept = text.chars().map(|c| {
        if c.is_alphanumeric() || ".-_".contains(c) {
            c
        } else {
            '_'
        }
    });
    let kept: String = kept.collect();
    match kept.chars().next() {
        Some(first) if first.is_alphabetic() || first == '_' => kept,
        _ => format!("_{kept}"),
    }
}

/// A path as a relative reference (RFC 3986).
fn href(path: &str) -> String {
    format!("./{}", super::uri(path))
}
