//! Every file of the pack is the one that the record lists, and the record lists every file.

use std::collections::BTreeMap;

use serde::Deserialize as _;
use serde_json::Value;

use super::Verification;
use super::record::{RECORD, Told};
use crate::model::event::ScenarioId;
use crate::model::evidence::EvidenceFile;
use crate::pack::Pack;

/// Checks length, SHA-256 and completeness.
pub fn check(
    pack: &Pack,
    told: &Told,
    evidence: &[EvidenceFile],
    reports: &[&str],
    apart: &[&str],
    found: &mut Verification,
) {
    let mut listed: BTreeMap<&str, &EvidenceFile> = BTreeMap::new();
    for file in evidence {
        if listed.insert(&file.path, file).is_some() {
            found.miss(
                "events.jsonl",
                &file.path,
                "is listed twice",
                "one entry for each file",
            );
        }
    }
    match pack.digests_of(listed.keys().copied()) {
        Ok(digests) => {
            for (path, file) in &listed {
                let Some(digest) = digests.get(*path) else {
                    found.miss(*path, "", "is missing", "events.jsonl lists it");
                    continue;
                };
                found.figures.files += 1;
                found.figures.bytes += digest.length;
                found.compare(path, "length", &digest.length, &file.length);
                found.compare(path, "sha256", &digest.sha256, &file.sha256);
            }
        }
        Err(error) => found.miss("evidence/", "", error.to_string(), "files that can be read"),
    }
    let open: Vec<String> = unfinished(told);
    let mut kept: BTreeMap<&String, usize> = BTreeMap::new();
    for name in pack.files().keys() {
        let known = listed.contains_key(name.as_str())
            || RECORD.contains(&name.as_str())
            || reports.contains(&name.as_str())
            || apart.contains(&name.as_str());
        if known {
            continue;
        }
        match open.iter().find(|folder| name.starts_with(*folder)) {
            Some(folder) => *kept.entry(folder).or_default() += 1,
            None => found.miss(name, "", "is in the pack", "nothing in the record lists it"),
        }
    }
    for (folder, count) in kept {
        found.remarks.push(format!(
            "{folder}: {count} files of a scenario that did not end, so that nothing vouches for them"
        ));
    }
}

/// Every file that an event lists, whichever event it is.
pub fn evidence(pack: &Pack) -> Vec<EvidenceFile> {
    fn collect(value: &Value, files: &mut Vec<EvidenceFile>) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    match Vec::<EvidenceFile>::deserialize(member) {
                        Ok(listed) if name == "evidence" => files.extend(listed),
                        _ => collect(member, files),
                    }
                }
            }
            Value::Array(entries) => entries.iter().for_each(|entry| collect(entry, files)),
            _ => {}
        }
    }
    let mut files = Vec::new();
    // Whether it can be read was told with the record.
    for line in pack
        .read("events.jsonl")
        .unwrap_or_default()
        .split(|byte| *byte == b'\n')
    {
        if let Ok(event) = serde_json::from_slice(line) {
            collect(&event, &mut files);
        }
    }
    files
}

/// The folders of scenarios that have no end: what they kept was never listed.
fn unfinished(told: &Told) -> Vec<String> {
    let cases = told.results.cases.iter();
    let all = cases.flat_map(|case| {
        case.scenarios.iter().map(|scenario| ScenarioId {
            case: case.id.clone(),
            line: scenario.line,
        })
    });
    all.filter(|id| !told.finished.contains(id))
        .map(|id| format!("{}/", id.folder()))
        .collect()
}
