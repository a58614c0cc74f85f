//! Whose answer an offer's answer is (SEC 030 4.2.2.1): of a VNF instance of the VNFD that was offered, given once, and next to
//! the fetch of its archive.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Facts;
use super::transcript::{Exchange, Transcript};
use crate::model::question::{Answer, Offer, Question};
use crate::model::sut::Profile;

/// The path of creations.
const INSTANCES: &str = "/vnf_instances";

/// Checks the answers of all offers of a question together: an exchange answers one of them.
///
/// A profile may write another vnfdId into creations than that of the offer; then nothing ties them.
pub fn check(question: &Question, profile: &Profile, facts: &mut Facts<'_>) {
    let tied = !profile.ixit.vnf.create.contains_key("vnfdId");
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
        let exchange = facts.transcript.get(number).filter(|_| tied);
        let belongs = exchange.map_or(Ok(()), |exchange| {
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
fn belongs(
    exchange: &Exchange<'_>,
    offer: &Offer,
    transcript: &Transcript<'_>,
) -> Result<(), String> {
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
    // Their lifecycle operations.
    let tasks = transcript.iter().filter(|one| {
        let parts = parts(one);
        one.request.method == "POST" && ids.iter().any(|id| parts.contains(id))
    });
    let own: Vec<String> = ids
        .iter()
        .cloned()
        .chain(tasks.filter_map(location))
        .collect();
    let bodies = [
        Some(&exchange.request.body),
        exchange.response.as_ref().map(|response| &response.body),
    ];
    let bodies: Vec<_> = bodies.into_iter().flatten().collect();
    let named = bodies.iter().filter_map(|body| body.json());
    let named = named.flat_map(|body| {
        let names = ["vnfInstanceId", "vnfLcmOpOccId", "id"];
        names.map(|name| body[name].as_str().map(str::to_owned))
    });
    let named: Vec<String> = named.flatten().chain(parts(exchange)).collect();
    let left_out = bodies.iter().any(|body| body.is_left_out());
    if left_out || own.iter().any(|id| named.contains(id)) {
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
    exchange: &Exchange<'_>,
    offer: &Offer,
    transcript: &Transcript<'_>,
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
fn created(exchange: &Exchange<'_>) -> Option<String> {
    let creates = exchange.to == "VNFM"
        && exchange.request.method == "POST"
        && path(exchange).ends_with(INSTANCES);
    let body = creates.then(|| exchange.request.body.json())??;
    Some(body["vnfdId"].as_str()?.to_owned())
}

/// The VNF instance that was created.
fn instance(exchange: &Exchange<'_>) -> Option<String> {
    let response = exchange.response.as_ref()?;
    let id = |body: Value| Some(body["id"].as_str()?.to_owned());
    response
        .body
        .json()
        .and_then(id)
        .or_else(|| location(exchange))
}

/// What was made, by its Location.
fn location(exchange: &Exchange<'_>) -> Option<String> {
    let mut headers = exchange.response.as_ref()?.headers();
    let (_, location) = headers.find(|(name, _)| name.eq_ignore_ascii_case("location"))?;
    let last = location.trim_end_matches('/').rsplit('/').next()?;
    (!last.is_empty()).then(|| decoded(last))
}

/// The parts of the path, as they are meant.
fn parts(exchange: &Exchange<'_>) -> Vec<String> {
    let parts = path(exchange).split('/').filter(|part| !part.is_empty());
    parts.map(decoded).collect()
}

/// Without percent-encoding (RFC 3986 2.1); as it is where that is none.
fn decoded(part: &str) -> String {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).filter(|_| *first == b'%');
        let byte = digits.and_then(|digits| {
            let mut byte = [0];
            hex::decode_to_slice(digits, &mut byte)
                .ok()
                .map(|()| byte[0])
        });
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).unwrap_or_else(|_| part.to_owned())
}

fn path<'e>(exchange: &'e Exchange<'_>) -> &'e str {
    let target = &*exchange.request.target;
    target.split('?').next().unwrap_or(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_path_is_what_it_stands_for() {
        for (part, meant) in [
            ("urn%3Ax%3a2", "urn:x:2"),
            ("a%2", "a%2"),
            ("%zz", "%zz"),
            ("100%", "100%"),
            ("%ff", "%ff"),
            ("", ""),
        ] {
            assert_eq!(decoded(part), meant);
        }
    }
}
