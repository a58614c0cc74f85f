//! Looks into the product, channels and connections (SEC 030 4.2.2.3 to 4.2.2.5): what the judge was told of them is what their own
//! files and the transcript say.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Facts;
use crate::model::key_protection::{ChannelUse, Look, OamConnection, OamOutcome};
use crate::verify::Scene;

/// Each look has its file, and the file tells of nothing that the judge was not told.
pub fn check(scene: &Scene<'_>, looks: &[Look], facts: &mut Facts<'_>) {
    let files: Vec<(String, Value)> = scene
        .names()
        .filter(|name| name.starts_with("look-"))
        .filter_map(|name| {
            let record = serde_json::from_slice(&scene.file(name)?).ok()?;
            Some((name.to_owned(), record))
        })
        .collect();
    for look in looks {
        let began = serde_json::to_value(look.began).unwrap_or_default();
        let file = files
            .iter()
            .find(|(_, record)| record["look"] == look.name.as_str() && record["began"] == began);
        match file {
            Some((name, record)) => one(name, look, record, facts),
            None => facts.fact("looks", &look.name, false, "no look-N.json is of this look"),
        }
    }
}

fn one(name: &str, look: &Look, record: &Value, facts: &mut Facts<'_>) {
    let field = |what: &str| format!("look '{}' ({name}): {what}", look.name);
    let search = &record["search"];
    let entries = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let searched: Vec<Value> = entries(&search["searched"]);
    let same = searched.len() == look.searched.len()
        && searched.iter().zip(&look.searched).all(|(file, told)| {
            file["source"] == told.source.as_str()
                && file["places"] == told.places
                && file["bytes"] == told.bytes
        });
    facts.fact(
        &field("searched"),
        look.searched.len(),
        same,
        searched.len(),
    );
    let canaries = entries(&search["canaries"]);
    let same = canaries.len() == look.canaries.len()
        && canaries
            .iter()
            .zip(&look.canaries)
            .all(|(file, told)| file["found"] == told.found);
    facts.fact(
        &field("canaries"),
        look.canaries.len(),
        same,
        canaries.len(),
    );
    let exposed = entries(&search["exposures"]);
    let told = look.sightings.len();
    facts.fact(
        &field("sightings"),
        told,
        told >= exposed.len(),
        exposed.len(),
    );
    let keys: BTreeSet<&str> = look
        .sightings
        .iter()
        .map(|seen| seen.public_key_sha256.as_str())
        .collect();
    for seen in &exposed {
        let key = seen["key"].as_str().unwrap_or_default();
        facts.fact(&field("sightings"), "no such key", keys.contains(key), key);
    }
    let lacked = serde_json::to_value(&look.lacked).unwrap_or_default();
    facts.fact(
        &field("lacked"),
        &lacked,
        record["lacked"] == lacked,
        &record["lacked"],
    );
}

/// Each use of a channel is an exchange of the transcript, and none of them is left out.
pub fn channels(uses: &[ChannelUse], facts: &mut Facts<'_>) {
    let last = uses.iter().map(|one| one.exchange).max();
    for one in uses {
        let exchange = facts.transcript.get(one.exchange);
        let mutual = exchange.map(|exchange| exchange.tls.is_some() && exchange.peer.is_some());
        let with = exchange.is_some_and(|exchange| exchange.to == one.with);
        let field = format!("uses: exchange {}", one.exchange);
        let said = format!("with {}, mutual TLS {}", one.with, one.mutual_tls);
        let follows = format!("mutual TLS {mutual:?}");
        facts.fact(
            &field,
            said,
            with && mutual == Some(one.mutual_tls),
            follows,
        );
    }
    let told: BTreeSet<u64> = uses.iter().map(|one| one.exchange).collect();
    let asked: Vec<u64> = facts
        .transcript
        .iter()
        .filter(|exchange| {
            exchange.from == "VNFM" && ["CMF", "VIM", "VNFCI"].contains(&exchange.to.as_str())
        })
        .map(|exchange| exchange.seq)
        .filter(|seq| last.is_some_and(|last| *seq <= last))
        .collect();
    for seq in asked {
        let follows = format!("exchange {seq} is one");
        facts.fact("uses", "nothing", told.contains(&seq), follows);
    }
}

/// Each connection to the VNF OAM endpoint has its file, with the same end.
pub fn connections(scene: &Scene<'_>, all: [&OamConnection; 3], facts: &mut Facts<'_>) {
    for one in all {
        let name = format!("oam-{}.json", one.exchange);
        let record: Option<Value> = scene
            .file(&name)
            .and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let follows = record.as_ref().map_or_else(
            || "nothing".to_owned(),
            |record| record["outcome"].to_string(),
        );
        let kind = match &one.outcome {
            OamOutcome::Accepted => "Accepted",
            OamOutcome::Refused(_) => "Refused",
            OamOutcome::Nothing(_) => "",
        };
        let said = format!("{:?}", one.outcome);
        let told = record
            .as_ref()
            .and_then(|record| record["outcome"].as_str());
        let holds = told.is_some_and(|told| kind.is_empty() || told.starts_with(kind));
        facts.fact(&format!("{name}: outcome"), said, holds, follows);
    }
}
