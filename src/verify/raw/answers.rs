//! Whose answer an offer's answer is (SEC 030 4.2.2.1): of a VNF instance of the VNFD that was offered, given once, by the kind of
//! exchange that answers there (`ixit.accepted-at`), and next to the fetch of its archive.

use std::collections::BTreeMap;

use super::Facts;
use super::lifecycle::{About, Kind, about, creations};
use super::transcript::{Exchange, Transcript};
use crate::model::question::{Answer, Offer, Question};
use crate::model::sut::{AcceptedAt, Profile};

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
        // One that is not there is told where its status is looked up.
        let belongs = facts.transcript.get(number).map_or(Ok(()), |exchange| {
            let at = profile.ixit.accepted_at;
            belongs(exchange, offer, at, tied, facts.transcript)
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

/// Whether an exchange answers about a VNF instance of the VNFD that was offered; if not, what it is.
fn belongs(
    exchange: &Exchange<'_>,
    offer: &Offer,
    at: AcceptedAt,
    tied: bool,
    transcript: &Transcript<'_>,
) -> Result<(), String> {
    let Some(About { kind, creation }) = about(exchange, transcript) else {
        return Err(format!(
            "{} {} is nothing about a VNF instance that was created in this scenario",
            exchange.request.method, exchange.request.target
        ));
    };
    let other = creation.vnfd_id.as_ref().filter(|id| **id != offer.vnfd_id);
    if let Some(other) = other.filter(|_| tied) {
        return Err(format!(
            "it creates a VNF instance of VNFD {other}, or is about one"
        ));
    }
    answers(kind, &offer.answer, at)?;
    // A product may fetch late: then no other creation of this VNFD comes between the answer and the fetch.
    let Some(fetched) = &offer.fetched else {
        return Ok(());
    };
    let first = fetched.exchange.min(creation.seq);
    let last = fetched.exchange.max(exchange.seq);
    let between = creations(transcript).find(|other| {
        let known = other.vnfd_id.is_some() && other.seq != creation.seq;
        known && other.vnfd_id == creation.vnfd_id && first < other.seq && other.seq < last
    });
    match between {
        None => Ok(()),
        Some(other) => Err(format!(
            "the archive was fetched in exchange {}, and exchange {}, between the two, creates a VNF instance of the same VNFD",
            fetched.exchange, other.seq
        )),
    }
}

/// Whether this kind of exchange gives such an answer.
fn answers(kind: Kind, answer: &Answer, at: AcceptedAt) -> Result<(), String> {
    let instantiates = at == AcceptedAt::Instantiate;
    let gives = match (answer, &kind) {
        (Answer::Accepted { .. }, Kind::Created | Kind::Shown) => !instantiates,
        (Answer::Accepted { .. }, Kind::Ended(state)) => {
            instantiates && state.as_ref().is_none_or(|state| state == "COMPLETED")
        }
        (Answer::Status { .. }, Kind::Created) => true,
        (Answer::Status { .. }, Kind::Begun) | (Answer::Ended { .. }, Kind::Ended(_)) => {
            instantiates
        }
        _ => false,
    };
    if gives {
        return Ok(());
    }
    let at = if instantiates {
        "an instantiation"
    } else {
        "a creation"
    };
    Err(format!(
        "{} is no such answer where {at} accepts files (ixit.accepted-at)",
        kind.words()
    ))
}
