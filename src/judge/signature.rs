//! SEC 030 4.2.2.1: was a VNFD accepted or refused, and is the refusal bound to its reason?

use crate::model::evidence::Observation;
use crate::model::question::{Answer, Judgement, Offer};
use crate::model::verdict::Outcome;

/// Whether the SUT accepted an archive that it ought to accept.
pub fn accepted(offer: &Offer) -> Judgement {
    let outcome = match (&offer.answer, offer.fetched_in) {
        (Answer::Accepted { .. }, Some(_)) => Outcome::Met,
        (Answer::Accepted { text, .. }, None) => Outcome::Undecided {
            reason: format!(
                "the SUT answered {text}, but never fetched {} from the NFVO",
                offer.what
            ),
        },
        (Answer::Refused { text, .. }, _) => Outcome::Unmet {
            expected: format!("{} is accepted", offer.what),
            actual: format!("the SUT refused it: {text}"),
        },
        (Answer::None { text }, _) => unanswered(offer, text),
    };
    judgement(outcome, [offer])
}

/// Whether the SUT refused an archive because of its flaw.
///
/// A refusal counts only if the SUT fetched the very bytes, answered in so many words, and accepted the
/// valid twin immediately before and again after.
pub fn refused(flaw: &str, before: &Offer, flawed: &Offer, after: &Offer) -> Judgement {
    let offers = [before, flawed, after];
    let outcome = match (&flawed.answer, flawed.fetched_in) {
        (Answer::None { text }, _) => unanswered(flawed, text),
        (_, None) => Outcome::Undecided {
            reason: format!(
                "the SUT never fetched {} from the NFVO, so it cannot have judged it ({})",
                flawed.what,
                describe(&flawed.answer)
            ),
        },
        // Acceptance of the flawed bytes needs no twin to be wrong.
        (Answer::Accepted { text, exchange }, Some(fetch)) => Outcome::Unmet {
            expected: format!("the VNFD with {flaw} is refused"),
            actual: format!(
                "the SUT fetched it (exchange {fetch}) and accepted it: {text} (exchange {exchange})"
            ),
        },
        (Answer::Refused { .. }, Some(_)) => unbound(before, "before")
            .or_else(|| unbound(after, "after"))
            .unwrap_or(Outcome::Met),
    };
    judgement(outcome, offers)
}

/// Why the refusal proves nothing: the valid twin fared no better.
fn unbound(twin: &Offer, when: &str) -> Option<Outcome> {
    let valid = matches!(twin.answer, Answer::Accepted { .. }) && twin.fetched_in.is_some();
    (!valid).then(|| Outcome::Undecided {
        reason: format!(
            "the refusal is not bound to its reason: {when} it, {} fared: {}",
            twin.what,
            describe(&twin.answer)
        ),
    })
}

fn unanswered(offer: &Offer, text: &str) -> Outcome {
    Outcome::Undecided {
        reason: format!("no answer about {}: {text}", offer.what),
    }
}

fn describe(answer: &Answer) -> String {
    match answer {
        Answer::Accepted { text, .. } => format!("accepted, {text}"),
        Answer::Refused { text, .. } => format!("refused, {text}"),
        Answer::None { text } => format!("no answer, {text}"),
    }
}

fn judgement<'a>(outcome: Outcome, offers: impl IntoIterator<Item = &'a Offer>) -> Judgement {
    let mut judgement = Judgement::from(outcome);
    let fetched: Vec<&Offer> = offers
        .into_iter()
        .filter(|offer| offer.fetched_in.is_some())
        .collect();
    if !fetched.is_empty() {
        let asked = fetched.iter().all(|offer| offer.asked_for_signatures);
        judgement.observations.push(Observation {
            name: "asked-for-signatures".into(),
            text: if asked {
                "the SUT asked for the signatures with the VNFD".into()
            } else {
                "the SUT did not ask for the signatures with the VNFD; they were provided all the same".into()
            },
            clause: Some("SOL003 10.4.4.3.2".into()),
        });
    }
    judgement
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(answer: Answer) -> Offer {
        Offer {
            what: "the VNFD".into(),
            vnfd_id: "v".into(),
            archive_sha256: "00".into(),
            fetched_in: Some(1),
            asked_for_signatures: true,
            answer,
        }
    }
    fn yes() -> Offer {
        offer(Answer::Accepted {
            exchange: 2,
            text: "201".into(),
        })
    }
    fn no() -> Offer {
        offer(Answer::Refused {
            exchange: 3,
            text: "422".into(),
        })
    }
    fn silence() -> Offer {
        offer(Answer::None {
            text: "connection closed".into(),
        })
    }
    fn unfetched(offer: Offer) -> Offer {
        Offer {
            fetched_in: None,
            ..offer
        }
    }
    fn verdict(before: &Offer, flawed: &Offer, after: &Offer) -> Outcome {
        refused("a flaw", before, flawed, after).outcome
    }

    #[test]
    fn a_refusal_between_two_acceptances_is_met() {
        assert_eq!(verdict(&yes(), &no(), &yes()), Outcome::Met);
    }

    #[test]
    fn an_acceptance_of_fetched_bytes_is_unmet_whatever_the_twins_did() {
        assert!(matches!(
            verdict(&no(), &yes(), &no()),
            Outcome::Unmet { .. }
        ));
    }

    #[test]
    fn a_sut_that_refuses_everything_proves_nothing() {
        assert!(matches!(
            verdict(&no(), &no(), &no()),
            Outcome::Undecided { .. }
        ));
        assert!(matches!(
            verdict(&yes(), &no(), &no()),
            Outcome::Undecided { .. }
        ));
    }

    #[test]
    fn a_network_fault_is_no_refusal() {
        assert!(matches!(
            verdict(&yes(), &silence(), &yes()),
            Outcome::Undecided { .. }
        ));
    }

    #[test]
    fn what_was_never_fetched_was_never_judged() {
        for answer in [yes(), no()] {
            assert!(matches!(
                verdict(&yes(), &unfetched(answer), &yes()),
                Outcome::Undecided { .. }
            ));
        }
        assert!(matches!(
            accepted(&unfetched(yes())).outcome,
            Outcome::Undecided { .. }
        ));
    }
}
