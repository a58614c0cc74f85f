//! SEC 030 4.2.2.1: was a VNFD accepted or refused, and is the refusal bound to its reason?

use crate::model::evidence::Observation;
use crate::model::question::{Answer, Judgement, Offer};
use crate::model::verdict::Outcome;

/// What an answer means.
enum Meaning {
    Accepted,
    Refused,
    /// It says nothing about the VNFD.
    Nothing,
}

/// Whether the SUT accepted a valid archive, each time that it was offered.
pub fn accepted(offers: &[Offer], refusal_statuses: &[u16]) -> Judgement {
    let refused = offers
        .iter()
        .find(|offer| matches!(meaning(&offer.answer, refusal_statuses), Meaning::Refused));
    let outcome = if let Some(error) = disturbed(offers) {
        error
    } else if let Some(offer) = refused {
        Outcome::Unmet {
            expected: format!("{} is accepted", offer.what),
            actual: format!("the SUT refused it: {}", describe(&offer.answer)),
        }
    } else {
        match unaccepted(offers, refusal_statuses) {
            Some(reason) => Outcome::Undecided { reason },
            None => Outcome::Met,
        }
    };
    judgement(outcome, offers.iter())
}

/// Whether the SUT refused an archive because of its flaw.
///
/// A refusal counts only if the SUT fetched the very bytes, answered that it will not have them, did so each time, and accepted
/// the valid twins before and after.
pub fn refused(
    flaw: &str,
    before: &[Offer],
    flawed: &[Offer],
    after: &[Offer],
    refusal_statuses: &[u16],
) -> Judgement {
    let offers = || before.iter().chain(flawed).chain(after);
    let outcome = fetched_and_accepted(flaw, flawed, refusal_statuses)
        .or_else(|| disturbed(offers()))
        .or_else(|| not_refused(flawed, refusal_statuses))
        .or_else(|| unbound(before, "before it", refusal_statuses))
        .or_else(|| unbound(after, "after it", refusal_statuses))
        .unwrap_or(Outcome::Met);
    let mut judgement = judgement(outcome, offers());
    for offer in flawed {
        let accepted = matches!(meaning(&offer.answer, refusal_statuses), Meaning::Accepted);
        if accepted && offer.fetched.is_none() {
            judgement.observations.push(Observation {
                name: "answered-from-a-copy".into(),
                text: format!(
                    "the SUT did not fetch {} and answered from an earlier copy",
                    offer.what
                ),
                clause: None,
            });
        }
    }
    judgement
}

/// Acceptance of the flawed bytes needs no twin to be wrong.
fn fetched_and_accepted(flaw: &str, flawed: &[Offer], statuses: &[u16]) -> Option<Outcome> {
    flawed.iter().find_map(|offer| {
        let fetched = offer.fetched.as_ref()?;
        matches!(meaning(&offer.answer, statuses), Meaning::Accepted).then(|| Outcome::Unmet {
            expected: format!("the VNFD with {flaw} is refused"),
            actual: format!(
                "the SUT fetched {} (exchange {}) and accepted it: {}",
                offer.what,
                fetched.exchange,
                describe(&offer.answer)
            ),
        })
    })
}

/// A fault of the tester's own side: nothing is said about the SUT.
fn disturbed<'a>(offers: impl IntoIterator<Item = &'a Offer>) -> Option<Outcome> {
    offers.into_iter().find_map(|offer| {
        let fault = offer.disturbed.as_ref()?;
        Some(Outcome::Harness {
            error: format!("while {} was offered: {fault}", offer.what),
        })
    })
}

/// Why the flawed archive was not, or not plainly, refused.
fn not_refused(flawed: &[Offer], statuses: &[u16]) -> Option<Outcome> {
    let mut fetched = flawed
        .iter()
        .filter(|offer| offer.fetched.is_some())
        .peekable();
    if fetched.peek().is_none() {
        let what = flawed
            .first()
            .map_or("the flawed VNFD", |offer| &offer.what);
        let answers: Vec<String> = flawed.iter().map(|offer| describe(&offer.answer)).collect();
        return Some(Outcome::Undecided {
            reason: format!(
                "the SUT never fetched {what} from the NFVO, so it cannot have judged it ({})",
                answers.join("; ")
            ),
        });
    }
    let unclear =
        fetched.find(|offer| !matches!(meaning(&offer.answer, statuses), Meaning::Refused))?;
    Some(Outcome::Undecided {
        reason: format!(
            "the answer about {} says neither yes nor no: {}",
            unclear.what,
            describe(&unclear.answer)
        ),
    })
}

/// Why the refusal proves nothing: the valid twin fared no better.
fn unbound(twins: &[Offer], when: &str, statuses: &[u16]) -> Option<Outcome> {
    let reason = unaccepted(twins, statuses)?;
    Some(Outcome::Undecided {
        reason: format!("the refusal is not bound to its reason: {when}, {reason}"),
    })
}

/// Why these offers of a valid archive do not show that it is accepted.
fn unaccepted(offers: &[Offer], statuses: &[u16]) -> Option<String> {
    if let Some(offer) = offers
        .iter()
        .find(|offer| !matches!(meaning(&offer.answer, statuses), Meaning::Accepted))
    {
        return Some(format!("{} fared: {}", offer.what, describe(&offer.answer)));
    }
    if offers.iter().any(|offer| offer.fetched.is_some()) {
        return None;
    }
    let what = offers.first().map_or("the valid VNFD", |offer| &offer.what);
    Some(format!(
        "{what} was accepted, but never fetched from the NFVO"
    ))
}

fn meaning(answer: &Answer, refusal_statuses: &[u16]) -> Meaning {
    match answer {
        Answer::Accepted { .. } => Meaning::Accepted,
        Answer::Status { status, .. } if refusal_statuses.contains(status) => Meaning::Refused,
        Answer::Ended { state, .. }
            if ["FAILED", "FAILED_TEMP", "ROLLED_BACK"].contains(&state.as_str()) =>
        {
            Meaning::Refused
        }
        Answer::Status { .. } | Answer::Ended { .. } | Answer::None { .. } => Meaning::Nothing,
    }
}

fn describe(answer: &Answer) -> String {
    match answer {
        Answer::Accepted { text, exchange } => format!("{text} (exchange {exchange})"),
        Answer::Status {
            status,
            text,
            exchange,
        } => format!("HTTP {status}, {text} (exchange {exchange})"),
        Answer::Ended {
            state,
            text,
            exchange,
        } => format!("operation {state}, {text} (exchange {exchange})"),
        Answer::None { text } => format!("no answer, {text}"),
    }
}

fn judgement<'a>(outcome: Outcome, offers: impl Iterator<Item = &'a Offer>) -> Judgement {
    let mut judgement = Judgement::from(outcome);
    let fetched: Vec<&Offer> = offers.filter(|offer| offer.fetched.is_some()).collect();
    if !fetched.is_empty() {
        let asked = fetched.iter().all(|offer| offer.asked_for_signatures);
        let text = if asked {
            "the SUT asked for the signatures with the VNFD"
        } else {
            "the SUT did not always ask for the signatures with the VNFD; they were provided all the same"
        };
        judgement.observations.push(Observation {
            name: "asked-for-signatures".into(),
            text: text.into(),
            clause: Some("SOL003 10.4.4.3.2".into()),
        });
    }
    judgement
}

#[cfg(test)]
mod tests;
