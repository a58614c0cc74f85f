//! The record and what is drawn from it: shape, contradictions, and every report drawn again.

use std::collections::BTreeSet;

use rayon::iter::{IndexedParallelIterator as _, IntoParallelIterator as _, ParallelIterator as _};
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
    /// The record itself.
    record: Record,
    /// What it comes to.
    pub results: Results,
    /// What profile.toml says; no secret that it names is read.
    pub profile: Profile,
    /// The scenarios that came to their end, and so have listed what they kept.
    pub finished: BTreeSet<ScenarioId>,
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
    let record = match Record::read(pack.root()) {
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
    let finished = record.events.iter().filter_map(|event| match event {
        Event::ScenarioFinished { scenario, .. } => Some(scenario.clone()),
        _ => None,
    });
    Ok(Some(Told {
        finished: finished.collect(),
        results,
        profile,
        record,
    }))
}

/// Checks what the record says of the suite, of the plan and of the steps.
pub fn claims(pack: &Pack, told: &Told, found: &mut Verification) -> anyhow::Result<()> {
    let inventory = suite(&told.record.run, &told.results, pack, found)?;
    claims::check(&told.record, inventory, &told.profile, found)
}

/// Draws every report again and compares it with the pack's. Returns the names of all files that are accounted for so.
pub fn redraw(
    pack: &Pack,
    told: &Told,
    found: &mut Verification,
) -> anyhow::Result<Vec<&'static str>> {
    let drawn = report::draw(pack.root(), &told.record, &told.results)?;
    for (name, follows) in &drawn {
        found.figures.reports += 1;
        redrawn(pack, name, follows, found);
    }
    let names = drawn.into_iter().map(|(name, _)| name);
    let beside = BESIDE.into_iter().filter(|name| pack.has(name));
    Ok(names.chain(beside).collect())
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
            let lines: Vec<&[u8]> = lines.collect();
            let parts = lines.into_par_iter().enumerate().map(|(index, line)| {
                let mut found = Verification::default();
                let at = format!("line {}", index + 1);
                (json::<Event>(name, &at, line, &mut found), found)
            });
            let mut fine = true;
            for (part, told) in parts.collect::<Vec<_>>() {
                fine &= part;
                found.absorb(told);
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

/// Compares what is drawn from a record with what lies in the pack.
fn redrawn(pack: &Pack, name: &str, follows: &[u8], found: &mut Verification) {
    let Ok(said) = pack.read(name) else {
        return found.miss(name, "", "is missing", "it is drawn from the record");
    };
    if said == follows {
        return;
    }
    let both = serde_json::from_slice(&said)
        .ok()
        .zip(serde_json::from_slice(follows).ok());
    match both.and_then(|(said, follows)| difference(&said, &follows)) {
        Some((field, said, follows)) => found.miss(name, field, said, follows),
        None => {
            let (line, said, follows) = first_line(&said, follows);
            found.miss(name, format!("line {line}"), said, follows);
        }
    }
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
