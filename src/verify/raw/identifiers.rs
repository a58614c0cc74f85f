//! Identifiers (SEC 030 4.2.2.2), counted again from the transcript: each answer to a creation, and each creation notification.

use std::collections::BTreeSet;

use super::Facts;
use super::transcript::Exchange;
use crate::model::question::{IdentifierRecord, Round};

/// The longest identifier that counts, in bytes.
const LONGEST: usize = 4096;

/// The rounds hold just the identifiers that stand in the transcript.
pub fn check(rounds: &[Round], notified: &[IdentifierRecord], facts: &mut Facts<'_>) {
    let said: BTreeSet<(u64, &str)> = rounds
        .iter()
        .flat_map(|round| &round.records)
        .map(|record| (record.exchange, record.id.as_str()))
        .collect();
    let wire: Vec<(u64, String)> = facts.transcript.iter().filter_map(created).collect();
    let follows: BTreeSet<(u64, &str)> = wire.iter().map(|(seq, id)| (*seq, id.as_str())).collect();
    facts.fact(
        "identifiers",
        said.len(),
        said.len() == follows.len(),
        follows.len(),
    );
    for (seq, id) in said.difference(&follows) {
        facts.fact(
            "identifiers",
            id,
            false,
            format!("exchange {seq} gives no such identifier"),
        );
    }
    for (seq, id) in follows.difference(&said) {
        facts.fact(
            "identifiers",
            "nothing",
            false,
            format!("exchange {seq} gave {id}"),
        );
    }
    facts.found.figures.facts += said.len();
    let asked: u64 = rounds.iter().map(|round| round.asked).sum();
    let answered = follows.len() as u64;
    facts.fact(
        "asked",
        asked,
        answered <= asked,
        format!("{answered} were answered"),
    );
    for record in notified {
        let named = facts.transcript.get(record.exchange).and_then(|exchange| {
            let body = exchange.request.body.json()?;
            body["vnfInstanceId"].as_str().map(str::to_owned)
        });
        let follows = format!("exchange {} names {named:?}", record.exchange);
        let holds = named.as_deref() == Some(record.id.as_str());
        facts.fact("notified", &record.id, holds, follows);
    }
}

/// The identifier that an answer to a creation gives.
fn created(exchange: &Exchange<'_>) -> Option<(u64, String)> {
    let response = exchange.response.as_ref()?;
    let path = exchange.request.target.split('?').next()?;
    let asked = exchange.to == "VNFM"
        && exchange.request.method == "POST"
        && path.ends_with("/vnf_instances");
    if !asked || !(200..=202).contains(&response.status) {
        return None;
    }
    let in_body = response
        .body
        .json()
        .and_then(|body| Some(body["id"].as_str()?.to_owned()));
    let id = match response.status {
        201 => in_body,
        // Another answer may bear it in its Location alone.
        _ => in_body.or_else(|| {
            let (_, location) = response.headers().find(|(name, _)| *name == "location")?;
            let id = location.trim_end_matches('/').rsplit('/').next()?;
            (!id.is_empty()).then(|| id.to_owned())
        }),
    };
    let id = id.filter(|id| (1..=LONGEST).contains(&id.len()))?;
    Some((exchange.seq, id))
}
