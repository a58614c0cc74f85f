//! The record and what is drawn from it: shape, contradictions, and every report drawn again.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Verification, claims};
use crate::model::event::{Event, ScenarioId};
use crate::model::evidence::EvidenceFile;
use crate::model::inventory::Inventory;
use crate::model::sut::Profile;
use crate::pack::{Digest, Pack};
use crate::report;
use crate::report::record::{self, Record, RunInfo};
use crate::report::results::Results;
use crate::report::selftest::Selftest;

/// The files that everything else is drawn from.
pub const RECORD: [&str; 3] = ["run.json", "events.jsonl", "profile.toml"];

/// What a record may hold beside them, for the report.
const BESIDE: [&str; 2] = [record::INVENTORY, record::SELFTEST];

/// A record that could be read.
pub struct Told {
    /// What it comes to.
    pub results: Results,
    /// What profile.toml says; no secret that it names is read.
    pub profile: Profile,
    /// The scenarios that came to their end, and so have listed what they kept.
    pub finished: BTreeSet<ScenarioId>,
    /// A folder with the record alone, to draw the reports into.
    copy: tempfile::TempDir,
}

/// Reads the record; none if it cannot be read.
pub fn check(pack: &Pack, found: &mut Verification) -> anyhow::Result<Option<Told>> {
    let mut readable = true;
    for name in RECORD {
        match pack.read(name) {
            Ok(bytes) => readable &= shape(name, &bytes, found),
            Err(error) => {
                found.miss(name, "", error.to_string(), "a record has this file");
                readable = false;
            }
        }
    }
    for name in BESIDE.into_iter().filter(|name| pack.has(name)) {
        readable &= shape(name, &pack.read(name)?, found);
    }
    if !readable {
        return Ok(None);
    }
    let copy = tempfile::Builder::new()
        .prefix("scas-verify-")
        .tempdir()
        .context("cannot make a folder for the reports that are drawn again")?;
    for name in RECORD {
        let path = copy.path().join(name);
        std::fs::write(&path, pack.read(name)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    let record = match Record::read(copy.path()) {
        Ok(record) => record,
        Err(error) => {
            found.miss("events.jsonl", "", format!("{error:#}"), "a record");
            return Ok(None);
        }
    };
    if !evidence_stays_inside(&record, found) {
        return Ok(None);
    }
    let results = report::fold::results(&record);
    contradictions(&record, &results, found);
    let Some(profile) = profile(&record.run, pack, found)? else {
        return Ok(None);
    };
    let inventory = suite(&record.run, &results, pack, found)?;
    claims::check(&record, inventory, &profile, found)?;
    let finished = record.events.iter().filter_map(|event| match event {
        Event::ScenarioFinished { scenario, .. } => Some(scenario.clone()),
        _ => None,
    });
    Ok(Some(Told {
        finished: finished.collect(),
        results,
        profile,
        copy,
    }))
}

/// Draws every report again and compares it with the pack's. Returns the names of all files that are accounted for so.
pub fn redraw(pack: &Pack, told: &Told, found: &mut Verification) -> anyhow::Result<Vec<String>> {
    report::draw(pack.root(), told.copy.path())?;
    let mut drawn = redrawn(pack, told.copy.path(), found)?;
    let beside = BESIDE.into_iter().filter(|name| pack.has(name));
    drawn.extend(beside.map(str::to_owned));
    Ok(drawn)
}

/// Whether each file that the record lists lies below `evidence/`: reports are drawn from what is there, and nothing else is opened.
fn evidence_stays_inside(record: &Record, found: &mut Verification) -> bool {
    let mut inside = true;
    for file in record.events.iter().flat_map(listed) {
        let mut parts = file.path.split('/');
        let below = parts.next() == Some("evidence")
            && parts.all(|part| !["", ".", ".."].contains(&part))
            && !file.path.contains(['\\', '\0']);
        if !below {
            found.miss(
                "events.jsonl",
                "path",
                file.path.clone(),
                "a path below evidence/",
            );
            inside = false;
        }
    }
    inside
}

/// The files that an event lists.
fn listed(event: &Event) -> Vec<&EvidenceFile> {
    match event {
        Event::ScenarioFinished { evidence, .. } => evidence.iter().collect(),
        Event::RunResumed { cut_off, .. } => cut_off.iter().flat_map(|cut| &cut.evidence).collect(),
        _ => Vec::new(),
    }
}

/// Whether a file of the record has the shape that we write: what we know, and nothing else.
fn shape(name: &str, bytes: &[u8], found: &mut Verification) -> bool {
    match name {
        "run.json" => json::<RunInfo>(name, "", bytes, found),
        record::INVENTORY => json::<Inventory>(name, "", bytes, found),
        record::SELFTEST => json::<Selftest>(name, "", bytes, found),
        "events.jsonl" => {
            let whole = bytes.len()
                - bytes
                    .rsplit(|byte| *byte == b'\n')
                    .next()
                    .map_or(0, <[u8]>::len);
            let lines = bytes[..whole].split_inclusive(|byte| *byte == b'\n');
            let mut fine = true;
            for (index, line) in lines.enumerate() {
                fine &= json::<Event>(name, &format!("line {}", index + 1), line, found);
            }
            fine
        }
        _ => true,
    }
}

fn json<T: DeserializeOwned + Serialize>(
    name: &str,
    at: &str,
    bytes: &[u8],
    found: &mut Verification,
) -> bool {
    let read = serde_json::from_slice::<T>(bytes)
        .and_then(|typed| Ok((serde_json::to_value(typed)?, serde_json::from_slice(bytes)?)));
    let (known, written): (Value, Value) = match read {
        Ok(both) => both,
        Err(error) => {
            found.miss(name, at, error.to_string(), "what this version writes");
            return false;
        }
    };
    if let Some((field, said, follows)) = difference(&written, &known) {
        let field = format!("{at} {field}");
        found.miss(name, field.trim(), said, follows);
    }
    true
}

/// The first place in which two JSON values differ: where, and what each has there.
pub fn difference(said: &Value, follows: &Value) -> Option<(String, String, String)> {
    match (said, follows) {
        (Value::Object(one), Value::Object(other)) => {
            let names = one
                .keys()
                .chain(other.keys().filter(|name| !one.contains_key(*name)));
            names.into_iter().find_map(|name| {
                let absent = || "nothing".to_owned();
                match (one.get(name), other.get(name)) {
                    (Some(one), Some(other)) => difference(one, other)
                        .map(|(at, said, follows)| (format!("/{name}{at}"), said, follows)),
                    (one, other) => Some((
                        format!("/{name}"),
                        one.map_or_else(absent, shown),
                        other.map_or_else(absent, shown),
                    )),
                }
            })
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => one
            .iter()
            .zip(other)
            .enumerate()
            .find_map(|(index, (one, other))| {
                difference(one, other)
                    .map(|(at, said, follows)| (format!("/{index}{at}"), said, follows))
            }),
        (Value::Array(one), Value::Array(other)) => Some((
            String::new(),
            format!("{} entries", one.len()),
            format!("{} entries", other.len()),
        )),
        (Value::Number(one), Value::Number(other)) => {
            let near = match (one.as_f64(), other.as_f64()) {
                // A number that was read and written again may lose its last bit.
                (Some(a), Some(b)) => (a - b).abs() <= a.abs().max(b.abs()) * 1e-12,
                _ => false,
            };
            (one != other && !near).then(|| (String::new(), one.to_string(), other.to_string()))
        }
        (one, other) => (one != other).then(|| (String::new(), shown(one), shown(other))),
    }
}

/// A value in a line of a report.
pub fn shown(value: &Value) -> String {
    const MOST: usize = 160;
    let text = value.to_string();
    if text.chars().count() <= MOST {
        return text;
    }
    text.chars().take(MOST).chain("...".chars()).collect()
}

/// A record may tell of faults of the harness; where it contradicts itself, it was not written so.
fn contradictions(record: &Record, results: &Results, found: &mut Verification) {
    let told: Vec<&String> = record
        .events
        .iter()
        .filter_map(|event| match event {
            Event::RunnerFault { error, .. } => Some(error),
            _ => None,
        })
        .collect();
    for fault in &results.faults {
        if told.contains(&fault) {
            found.remarks.push(format!("fault of the harness: {fault}"));
        } else {
            found.miss(
                "events.jsonl",
                "",
                fault.clone(),
                "a record that agrees with itself",
            );
        }
    }
}

/// What the record keeps of the suite is of the suite that was run; returns what there was to run.
fn suite(
    run: &RunInfo,
    results: &Results,
    pack: &Pack,
    found: &mut Verification,
) -> anyhow::Result<Option<Inventory>> {
    for name in BESIDE.into_iter().filter(|name| pack.has(name)) {
        let kept: Value = serde_json::from_slice(&pack.read(name)?)?;
        let digest = kept["suite_digest"].as_str().unwrap_or_default().to_owned();
        found.compare(name, "/suite_digest", &digest, &run.suite_digest);
    }
    if !pack.has(record::INVENTORY) {
        return Ok(None);
    }
    let inventory: Inventory = serde_json::from_slice(&pack.read(record::INVENTORY)?)?;
    for case in &results.cases {
        if !inventory.cases.iter().any(|known| known.id == case.id) {
            let follows = format!("{} was run", case.id);
            found.miss(record::INVENTORY, "/cases", "no such test case", follows);
        }
    }
    Ok(Some(inventory))
}

/// Reads the profile, as far as it stands in the pack: what run.json repeats of it must be the same.
fn profile(
    run: &RunInfo,
    pack: &Pack,
    found: &mut Verification,
) -> anyhow::Result<Option<Profile>> {
    let bytes = pack.read("profile.toml")?;
    let digest = Digest::of(&bytes).sha256;
    found.compare("run.json", "/profile_digest", &run.profile_digest, &digest);
    let profile: Profile = match toml::from_slice(&bytes) {
        Ok(profile) => profile,
        Err(error) => {
            found.miss("profile.toml", "", error.to_string(), "a profile");
            return Ok(None);
        }
    };
    let said = json!({ "sut": run.sut, "waivers": run.waivers });
    let follows = json!({ "sut": profile.sut, "waivers": profile.waiver });
    if let Some((field, said, follows)) = difference(&said, &follows) {
        found.miss(
            "run.json",
            field,
            said,
            format!("{follows} in profile.toml"),
        );
    }
    Ok(Some(profile))
}

/// Compares whatever is drawn from a record with what lies in the pack.
fn redrawn(pack: &Pack, copy: &Path, found: &mut Verification) -> anyhow::Result<Vec<String>> {
    let fresh = Pack::open(copy, crate::pack::Limits::default())?;
    let drawn = fresh
        .files()
        .keys()
        .filter(|name| !RECORD.contains(&name.as_str()));
    let drawn: Vec<String> = drawn.cloned().collect();
    for name in &drawn {
        found.figures.reports += 1;
        let Ok(said) = pack.read(name) else {
            found.miss(name, "", "is missing", "it is drawn from the record");
            continue;
        };
        let follows = fresh.read(name)?;
        if said == follows {
            continue;
        }
        let both = serde_json::from_slice(&said)
            .ok()
            .zip(serde_json::from_slice(&follows).ok());
        match both.and_then(|(said, follows)| difference(&said, &follows)) {
            Some((field, said, follows)) => found.miss(name, field, said, follows),
            None => {
                let (line, said, follows) = first_line(&said, &follows);
                found.miss(name, format!("line {line}"), said, follows);
            }
        }
    }
    Ok(drawn)
}

fn first_line(said: &[u8], follows: &[u8]) -> (usize, String, String) {
    let mut one = said.split(|byte| *byte == b'\n');
    let mut other = follows.split(|byte| *byte == b'\n');
    let mut line = 0;
    loop {
        line += 1;
        let (one, other) = (one.next(), other.next());
        if one != other || one.is_none() {
            let text = |bytes: Option<&[u8]>| {
                bytes.map_or_else(
                    || "no such line".to_owned(),
                    |bytes| shown(&Value::String(String::from_utf8_lossy(bytes).into_owned())),
                )
            };
            return (line, text(one), text(other));
        }
    }
}
