//! Delegation mode beyond the clauses' own tests: are attempts bounded, flawed certificates kept out, strangers refused?

use crate::model::key_protection::{ChannelUse, Delivery, OamConnection, OamOutcome};
use crate::model::question::Judgement;
use crate::model::verdict::Outcome;

/// Whether every certification request was signed with the private key that belongs to it.
pub fn possession_proved(requests: usize, unproved: &[String]) -> Judgement {
    if let Some(first) = unproved.first() {
        return Judgement::from(Outcome::Unmet {
            expected: "each certification request proves possession of its private key".into(),
            actual: format!(
                "{} of {requests} do not, the first for {first}",
                unproved.len()
            ),
        });
    }
    if requests == 0 {
        return undecided("no certification request was seen".into());
    }
    Judgement::from(Outcome::Met)
}

/// Whether every exchange was over mutual TLS. What is sent without it can be read on the way.
pub fn channels_protected(uses: &[ChannelUse]) -> Judgement {
    if let Some(one) = uses.iter().find(|one| !one.mutual_tls) {
        return Judgement::from(Outcome::Unmet {
            expected: "the VNFM speaks with CMF, VIM and VNFCI over mutual TLS alone".into(),
            actual: format!(
                "with the {} it did not, in exchange {}: {}",
                one.with,
                one.exchange,
                one.fault
                    .as_deref()
                    .unwrap_or("TLS without its certificate, or none")
            ),
        });
    }
    if uses.is_empty() {
        return undecided("no exchange with CMF, VIM or VNFCI was seen".into());
    }
    Judgement::from(Outcome::Met)
}

/// Whether there were no more attempts than the SUT says it makes.
pub fn attempts_end(allowed: u32, seen: &[String]) -> Judgement {
    if seen.is_empty() {
        return undecided("no attempt to install the private key was seen".into());
    }
    if seen.len() > allowed as usize {
        return Judgement::from(Outcome::Unmet {
            expected: format!("at most {allowed} attempt(s) to install the private key"),
            actual: format!("{}: {}", seen.len(), seen.join(", ")),
        });
    }
    Judgement::from(Outcome::Met)
}

/// Whether nothing was handed over where the flaw was, and something where it was not.
pub fn not_installed(
    flaw: &str,
    met: Option<&str>,
    delivered: &[Delivery],
    twin: &[Delivery],
) -> Judgement {
    if let Some(one) = delivered.first() {
        return Judgement::from(Outcome::Unmet {
            expected: format!("nothing is handed over with {flaw}"),
            actual: format!(
                "{} was given the certificate {}... and its private key",
                one.to,
                one.certificate_sha256.get(..16).unwrap_or_default()
            ),
        });
    }
    if met.is_none() {
        return undecided(format!("nothing shows that the VNFM met {flaw}"));
    }
    if twin.is_empty() {
        return undecided(format!(
            "the refusal is not bound to its reason: without {flaw} nothing was handed over either"
        ));
    }
    Judgement::from(Outcome::Met)
}

/// Whether the endpoint refused a client for what it showed: the valid one was let in before and after.
pub fn oam_refused(
    before: &OamConnection,
    refused: &OamConnection,
    after: &OamConnection,
) -> Judgement {
    let outcome = match &refused.outcome {
        OamOutcome::Accepted => Outcome::Unmet {
            expected: format!(
                "the VNF OAM endpoint refuses a client that shows {}",
                refused.presented
            ),
            actual: format!("it answered it (exchange {})", refused.exchange),
        },
        OamOutcome::Nothing(text) => Outcome::Undecided {
            reason: format!(
                "the connection with {} ended without a refusal: {text}",
                refused.presented
            ),
        },
        OamOutcome::Refused(_) => [(before, "before"), (after, "after")]
            .into_iter()
            .find_map(|(valid, when)| {
                let text = match &valid.outcome {
                    OamOutcome::Accepted => return None,
                    OamOutcome::Refused(text) | OamOutcome::Nothing(text) => text,
                };
                Some(Outcome::Undecided {
                    reason: format!(
                        "the refusal is not bound to its reason: {when} it, {} was not let in either: {text}",
                        valid.presented
                    ),
                })
            })
            .unwrap_or(Outcome::Met),
    };
    Judgement::from(outcome)
}

fn undecided(reason: String) -> Judgement {
    Judgement::from(Outcome::Undecided { reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_unmet(judgement: &Judgement) -> bool {
        matches!(judgement.outcome, Outcome::Unmet { .. })
    }

    fn is_undecided(judgement: &Judgement) -> bool {
        matches!(judgement.outcome, Outcome::Undecided { .. })
    }

    #[test]
    fn a_request_without_proof_is_unmet_and_no_request_shows_nothing() {
        assert_eq!(possession_proved(2, &[]).outcome, Outcome::Met);
        assert!(is_unmet(&possession_proved(2, &["CN=x".to_owned()])));
        assert!(is_undecided(&possession_proved(0, &[])));
    }

    #[test]
    fn one_exchange_without_mutual_tls_is_unmet_and_none_shows_nothing() {
        let used = |mutual_tls| ChannelUse {
            exchange: 1,
            with: "VIM".into(),
            mutual_tls,
            fault: None,
        };
        assert_eq!(channels_protected(&[used(true)]).outcome, Outcome::Met);
        assert!(is_unmet(&channels_protected(&[used(true), used(false)])));
        assert!(is_undecided(&channels_protected(&[])));
    }

    #[test]
    fn one_attempt_too_many_is_unmet_and_none_shows_nothing() {
        let seen = |count: usize| vec!["exchange".to_owned(); count];
        assert_eq!(attempts_end(3, &seen(3)).outcome, Outcome::Met);
        assert!(is_unmet(&attempts_end(3, &seen(4))));
        assert!(is_undecided(&attempts_end(3, &[])));
    }

    #[test]
    fn a_flaw_must_be_met_and_its_twin_be_handed_over() {
        let one = [Delivery {
            to: "server 1".into(),
            certificate_sha256: "00".into(),
        }];
        let met = Some("exchange 3");
        assert_eq!(
            not_installed("a flaw", met, &[], &one).outcome,
            Outcome::Met
        );
        assert!(is_unmet(&not_installed("a flaw", met, &one, &one)));
        assert!(is_unmet(&not_installed("a flaw", None, &one, &[])));
        assert!(is_undecided(&not_installed("a flaw", None, &[], &one)));
        assert!(is_undecided(&not_installed("a flaw", met, &[], &[])));
    }

    #[test]
    fn a_refusal_counts_between_two_admissions_only() {
        let ended = |outcome| OamConnection {
            presented: "x".into(),
            outcome,
            exchange: 1,
        };
        let (accepted, refused, nothing) = (
            ended(OamOutcome::Accepted),
            ended(OamOutcome::Refused("alert".into())),
            ended(OamOutcome::Nothing("reset".into())),
        );
        assert_eq!(
            oam_refused(&accepted, &refused, &accepted).outcome,
            Outcome::Met
        );
        assert!(is_unmet(&oam_refused(&accepted, &accepted, &accepted)));
        for (before, stranger, after) in [
            (&refused, &refused, &accepted),
            (&accepted, &refused, &nothing),
            (&accepted, &nothing, &accepted),
        ] {
            assert!(is_undecided(&oam_refused(before, stranger, after)));
        }
    }
}
