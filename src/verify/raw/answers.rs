//! Whose answer an offer's answer is (SEC 030 4.2.2.1): of a VNF instance of the VNFD that was offered, given once, and next to
//! the fetch of its archive.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Facts;
use super::transcript::{Exchange, Transcript};
use crate::model::question::{Answer, Offer, Question};

/// The path of creations.
const INSTANCES: &str = "/vnf_instances";

/// Checks the answers of all offers of a question together: an exchange answers one of them.
pub fn check(question: &Question, facts: &mut Facts<'_>) {
    let mut answered: BTreeMap<u64, &Offer> = BTreeMap::new();
    for offer in offers(question) {
        let Some(number) = exchange(&offer.answer) else {
            continue;
        };
        let field = format!("{}: answer", offer.what);
        let said = format!("exchange {number}");
        let twice = answered.insert(number, offer);
        let follows = twice.map_or_else(String::new, |other| {
            format!(
                "it answers the offer of {} under {}",
                other.what, other.vnfd_id
            )
        });
        facts.fact(&field, &said, twice.is_none(), follows);
        let belongs = facts.transcript.get(number).map_or(Ok(()), |exchange| {
            belongs(exchange, offer, facts.transcript)
        });
        let follows = belongs.as_ref().err().cloned().unwrap_or_default();
        facts.fact(&field, &said, belongs.is_ok(), follows);
    }
}

fn offers(question: &Question) -> Vec<&Offer> {
    match question {
        Question::Accepted { offers, .. } => offers.iter().collect(),
        Question::Refused {
            before,
            flawed,
            after,
            ..
        } => before.iter().chain(flawed).chain(after).collect(),
        _ => Vec::new(),
    }
}

fn exchange(answer: &Answer) -> Option<u64> {
    match answer {
        Answer::Accepted { exchange, .. }
        | Answer::Status { exchange, .. }
        | Answer::Ended { exchange, .. } => Some(*exchange),
        Answer::None { .. } => None,
    }
}

/// Whether an exchange is about a VNF instance of the VNFD that was offered; if it is none, what it is.
fn belongs(exchange: &Exchange, offer: &Offer, transcript: &Transcript) -> Result<(), String> {
    if let Some(vnfd_id) = created(exchange) {
        if vnfd_id != offer.vnfd_id {
            return Err(format!("it creates a VNF instance of VNFD {vnfd_id}"));
        }
        return next_to_fetch(exchange, offer, transcript);
    }
    let ids: Vec<String> = transcript
        .iter()
        .filter(|one| created(one).as_ref() == Some(&offer.vnfd_id))
        .filter_map(instance)
        .collect();
    let path = path(exchange);
    let bodies = [
        Some(&exchange.request.body),
        exchange.response.as_ref().map(|response| &response.body),
    ];
    let named = bodies.into_iter().flatten().filter_map(|body| body.json());
    let named: Vec<String> = named
        .filter_map(|body| body["vnfInstanceId"].as_str().map(str::to_owned))
        .collect();
    let is_own = |id: &String| path.split('/').any(|part| part == id) || named.contains(id);
    if ids.iter().any(is_own) {
        return Ok(());
    }
    Err(format!(
        "it names none of the {} VNF instance(s) of VNFD {}",
        ids.len(),
        offer.vnfd_id
    ))
}

/// No other creation of this VNFD comes between the fetch and the answer, whichever is first: a product may fetch late.
fn next_to_fetch(
    exchange: &Exchange,
    offer: &Offer,
    transcript: &Transcript,
) -> Result<(), String> {
    let Some(fetched) = &offer.fetched else {
        return Ok(());
    };
    let first = fetched.exchange.min(exchange.seq);
    let last = fetched.exchange.max(exchange.seq);
    let between = transcript.iter().find(|one| {
        first < one.seq && one.seq < last && created(one).as_ref() == Some(&offer.vnfd_id)
    });
    match between {
        None => Ok(()),
        Some(other) => Err(format!(
            "the archive was fetched in exchange {}, and exchange {}, between the two, creates a VNF instance of the same VNFD",
            fetched.exchange, other.seq
        )),
    }
}

/// The VNFD of which a VNF instance is asked for in this exchange, if it is a creation.
fn created(exchange: &Exchange) -> Option<String> {
    let creates = exchange.to == "VNFM"
        && exchange.request.method == "POST"
        && path(exchange).ends_with(INSTANCES);
    let body = creates.then(|| exchange.request.body.json())??;
    Some(body["vnfdId"].as_str()?.to_owned())
}

/// The VNF instance that was created.
fn instance(exchange: &Exchange) -> Option<String> {
    let response = exchange.response.as_ref()?;
    let id = |body: Value| Some(body["id"].as_str()?.to_owned());
    response.body.json().and_then(id).or_else(|| {
        let mut headers = response.headers.iter();
        let location = headers.find(|(name, _)| name.eq_ignore_ascii_case("location"))?;
        Some(location.1.rsplit('/').next()?.to_owned())
    })
}

fn path(exchange: &Exchange) -> &str {
    let target = exchange.request.target.as_str();
    target.split('?').next().unwrap_or(target)
}
