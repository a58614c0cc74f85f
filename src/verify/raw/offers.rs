//! Offers of VNFD archives (SEC 030 4.2.2.1): what the NFVO held is among the evidence, what was fetched and answered is in the
//! transcript.

use super::Facts;
use crate::model::question::{Answer, Offer};
use crate::verify::Scene;

/// Offers of a valid archive.
pub fn valid(scene: &Scene<'_>, offers: &[Offer], facts: &mut Facts<'_>) {
    check(scene, "-valid-", offers, facts);
}

/// Offers of an archive with the flaw.
pub fn flawed(scene: &Scene<'_>, offers: &[Offer], facts: &mut Facts<'_>) {
    check(scene, "-flawed-", offers, facts);
}

fn check(scene: &Scene<'_>, kind: &str, offers: &[Offer], facts: &mut Facts<'_>) {
    for offer in offers {
        for held in &offer.held {
            let kept = scene
                .scenario
                .evidence
                .iter()
                .any(|file| file.sha256 == *held && file.path.contains(kind));
            let follows = format!("no archive *{kind}* of the scenario has this digest");
            facts.fact(&format!("{}: held", offer.what), held, kept, follows);
        }
        fetched(offer, facts);
        answer(offer, facts);
    }
}

fn fetched(offer: &Offer, facts: &mut Facts<'_>) {
    let Some(fetched) = &offer.fetched else {
        return;
    };
    let field = format!("{}: fetched", offer.what);
    let said = format!("{} in exchange {}", fetched.sha256, fetched.exchange);
    let served = facts.transcript.get(fetched.exchange).and_then(|exchange| {
        let response = exchange.response.as_ref()?;
        (exchange.to == "NFVO" && response.status == 200).then(|| response.body.sha256.as_ref())
    });
    let holds = served == Some(fetched.sha256.as_str()) && offer.held.contains(&fetched.sha256);
    let follows = served.map_or_else(
        || "the NFVO served nothing in that exchange".to_owned(),
        |sha256| format!("{sha256} was served"),
    );
    facts.fact(&field, said, holds, follows);
}

fn answer(offer: &Offer, facts: &mut Facts<'_>) {
    let field = format!("{}: answer", offer.what);
    let exchange = |number: u64| facts.transcript.get(number);
    let status = |number: u64| Some(exchange(number)?.response.as_ref()?.status);
    match &offer.answer {
        Answer::Accepted {
            exchange: number,
            text,
        } => {
            // By the answer itself, or by a notification or a resource that says so.
            let answered = status(*number);
            let holds = answered.is_some_and(|status| status < 300);
            let follows = format!("exchange {number} was answered by {answered:?}");
            facts.fact(&field, text, holds, follows);
        }
        Answer::Status {
            exchange: number,
            status: said,
            ..
        } => {
            let answered = status(*number);
            let follows = format!("exchange {number} was answered by {answered:?}");
            facts.fact(
                &field,
                format!("HTTP {said}"),
                answered == Some(*said),
                follows,
            );
        }
        Answer::Ended {
            exchange: number,
            state,
            ..
        } => {
            let told = exchange(*number).is_some_and(|exchange| {
                let answer = exchange.response.as_ref().map(|response| &response.body);
                answer.is_some_and(|body| match body.json() {
                    Some(body) => body["operationState"] == state.as_str(),
                    None => body.is_left_out(),
                })
            });
            let follows = format!("exchange {number} tells no such state");
            facts.fact(&field, state, told, follows);
        }
        Answer::None { .. } => {}
    }
}
