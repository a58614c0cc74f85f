//! SARIF 2.1.0 (OASIS), for code scanning and viewers of findings: [`export`]. A result for each expected result that was not met, each
//! place where a private key was exposed, and, as `open`, each scenario of which nothing could be said.
//!
//! Rules are test cases. Paths are relative: `RUN` is the run's folder, `SUITE` the folder that has `features/`.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::model::evidence::EvidenceFile;
use crate::model::key_protection::{Medium, Sighting};
use crate::model::question::Question;
use crate::model::verdict::{Keyword, Outcome, Verdict};
use crate::report::cut_off::Kept;
use crate::report::results::{CaseResult, Results, ScenarioResult, WaiverState};

/// Where the evidence lies.
const RUN: &str = "RUN";
/// Where the features lie.
const SUITE: &str = "SUITE";

/// Writes the results of a run, with what its questions tell of exposed keys.
///
/// # Errors
/// The file cannot be written; the path is named.
pub fn export(run: &Path, results: &Results, into: &Path) -> anyhow::Result<()> {
    std::fs::write(into, render(run, results)?)
        .with_context(|| format!("cannot write {}", into.display()))
}

/// The results, as JSON. Questions that cannot be read there have nothing to add.
///
/// # Errors
/// A fault of ours.
pub(super) fn render(run: &Path, results: &Results) -> anyhow::Result<Vec<u8>> {
    let info = &results.run;
    let mut found = Vec::new();
    let mut faults: Vec<String> = results.faults.clone();
    faults.extend(results.interrupted.clone());
    for case in &results.cases {
        for scenario in &case.scenarios {
            let entry = Entry {
                results,
                case,
                scenario,
            };
            match scenario.verdict {
                Verdict::Pass => {}
                Verdict::Fail => {
                    found.extend(entry.unmet());
                    found.extend(entry.exposures(run));
                }
                Verdict::Inconclusive => found.push(entry.open()),
                Verdict::Error => faults.push(format!(
                    "{} line {}: {}",
                    case.id, scenario.line, scenario.reason
                )),
            }
        }
    }
    let notes = faults
        .iter()
        .map(|fault| json!({ "level": "error", "message": { "text": fault } }));
    let mut invocation = json!({
        "executionSuccessful": faults.is_empty(),
        "exitCode": results.exit_code,
        "startTimeUtc": info.started.to_string(),
        "toolExecutionNotifications": notes.collect::<Vec<_>>(),
    });
    if let Some(ended) = results.ended {
        invocation["endTimeUtc"] = ended.to_string().into();
    }
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "scas",
                "semanticVersion": info.tool_version,
                "rules": results.cases.iter().map(rule).collect::<Vec<_>>(),
            }},
            "automationDetails": { "id": format!("scas/{}", info.id) },
            "invocations": [invocation],
            "originalUriBaseIds": {
                RUN: { "description": { "text": "the run's folder" } },
                SUITE: { "description": { "text": "the folder of the project, which has features/" } },
            },
            "properties": {
                "product": format!("{} {} ({})", info.sut.name, info.sut.version, info.sut.vendor),
                "tier": info.tier,
                "suite": info.suite_digest,
            },
            "results": found,
        }],
    });
    crate::report::to_json(&log)
}

fn rule(case: &CaseResult) -> Value {
    json!({
        "id": case.id,
        "shortDescription": { "text": format!("{} {}: {}", case.document, case.clause, case.requirement) },
        "fullDescription": { "text": case.purpose },
        "properties": { "keyword": case.keyword },
    })
}

/// A scenario that did not pass.
struct Entry<'a> {
    results: &'a Results,
    case: &'a CaseResult,
    scenario: &'a ScenarioResult,
}

impl Entry<'_> {
    /// The expected results that were not met. One that was not met before an interruption is told by the scenario's reason.
    fn unmet(&self) -> Vec<Value> {
        let steps = self.scenario.steps.iter().filter_map(|step| {
            let Outcome::Unmet { expected, actual } = &step.outcome else {
                return None;
            };
            (step.keyword == Keyword::Then).then(|| {
                self.at_line(
                    step.line,
                    "error",
                    &format!("expected {expected}; {actual}"),
                )
            })
        });
        let found: Vec<Value> = steps.collect();
        if found.is_empty() {
            return vec![self.at_line(self.scenario.line, "error", &self.scenario.reason)];
        }
        found
    }

    /// Nothing could be said.
    fn open(&self) -> Value {
        let mut result = self.at_line(self.scenario.line, "none", &self.scenario.reason);
        result["kind"] = "open".into();
        result
    }

    /// A result at a line of the feature, with all evidence.
    fn at_line(&self, line: usize, level: &str, text: &str) -> Value {
        let evidence = self.scenario.evidence.iter().map(|file| {
            let mut location = json!({ "physicalLocation": in_run(file) });
            location["message"] = json!({ "text": file.what });
            location
        });
        self.result(
            level,
            text,
            self.in_feature(line),
            evidence.collect(),
            &format!("line {line}"),
        )
    }

    /// Where private keys were seen, as judges were told who found that expected results are not met.
    fn exposures(&self, run: &Path) -> Vec<Value> {
        let mut found = Vec::new();
        let mut known: BTreeMap<String, usize> = BTreeMap::new();
        for file in &self.scenario.evidence {
            for (look, seen) in exposed(run, file) {
                let medium = seen.medium.words();
                let text = format!(
                    "private key seen {}: in {medium}: {}, {} (public key {})",
                    look, seen.place, seen.encoding, seen.public_key_sha256
                );
                let place = json!({ "physicalLocation": in_run(file) });
                let feature = self.in_feature(self.scenario.line);
                // Addresses and process numbers are others in each run: the medium and a number must do.
                let number = known.entry(medium.to_owned()).or_default();
                *number += 1;
                let same = format!("{medium} {number}");
                found.push(self.result("error", &text, place, vec![feature], &same));
            }
        }
        found
    }

    fn in_feature(&self, line: usize) -> Value {
        json!({
            "physicalLocation": {
                "artifactLocation": { "uri": super::uri(&self.case.path), "uriBaseId": SUITE },
                "region": { "startLine": line.max(1) },
            },
            "logicalLocations": [{
                "name": self.scenario.name,
                "fullyQualifiedName": format!("{}/line-{:03}", self.case.id, self.scenario.line),
            }],
        })
    }

    /// `same` tells it from others of the scenario, in each run alike.
    fn result(
        &self,
        level: &str,
        text: &str,
        place: Value,
        related: Vec<Value>,
        same: &str,
    ) -> Value {
        let Self { case, scenario, .. } = self;
        let part = if scenario.normative {
            "normative"
        } else {
            "extended"
        };
        let mut result = json!({
            "ruleId": case.id,
            "level": level,
            "message": { "text": text },
            "locations": [place],
            "relatedLocations": related,
            "partialFingerprints": { "scas/v1": format!("{}/line-{:03}/{same}", case.id, scenario.line) },
            "properties": { "part": part, "scenario": scenario.name },
        });
        let holds = self
            .results
            .waivers
            .iter()
            .find(|one| one.waiver.case == case.id && one.state == WaiverState::Holds);
        if let Some(one) = holds {
            result["suppressions"] =
                json!([{ "kind": "external", "status": "accepted", "justification": one.told() }]);
        }
        result
    }
}

fn in_run(file: &EvidenceFile) -> Value {
    json!({ "artifactLocation": { "uri": super::uri(&file.path), "uriBaseId": RUN } })
}

/// What a question tells of keys that others could access, or that were still there, if its judge found so. In the product's own memory a
/// key in use is not exposed (SEC 030 4.2.2.3).
fn exposed(run: &Path, file: &EvidenceFile) -> Vec<(String, Sighting)> {
    let path = Path::new(&file.path);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    // What a record says may be anything.
    let within = path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    if !within || !name.starts_with("question-") {
        return Vec::new();
    }
    let Ok(text) = std::fs::read(run.join(path)) else {
        return Vec::new();
    };
    let Ok(kept) = serde_json::from_slice::<Kept>(&text) else {
        return Vec::new();
    };
    let (looks, in_use) = match kept.asked {
        Question::KeyProtected { looks, .. } => (looks, true),
        Question::KeyDeleted { looks, .. } => (looks, false),
        _ => return Vec::new(),
    };
    if !matches!(kept.answered.outcome, Outcome::Unmet { .. }) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for look in looks {
        let seen = look.sightings.into_iter();
        let seen = seen.filter(|seen| !in_use || seen.medium != Medium::Memory);
        found.extend(seen.map(|seen| (look.name.clone(), seen)));
    }
    found
}
