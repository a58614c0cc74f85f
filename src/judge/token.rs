//! IFA 026 Vnfm.Sc.006 where a PKCS#11 token holds the keys: does it keep them to itself ([`protects`]), and are they gone
//! afterwards ([`emptied`])? What was seen decides at once; where nothing was seen, the control must have been.

use jiff::SignedDuration;

use super::key_protection::Use;
use crate::model::evidence::Observation;
use crate::model::key_protection::KeyUse;
use crate::model::question::Judgement;
use crate::model::token::{TokenKey, TokenLook, Whose};
use crate::model::verdict::Outcome;

const CLAUSE: &str = "IFA026 B.3 Vnfm.Sc.006";

/// Whether the token told nobody these private keys while they were in use. At least one of them must have been seen there.
pub fn protects(keys: &[KeyUse], looks: &[TokenLook]) -> Judgement {
    let told = looks.iter().find_map(|look| {
        let key = requested(look).find(|(key, _)| key.shown || !key.sensitive)?;
        Some((look, key))
    });
    if let Some((look, (key, digest))) = told {
        let how = match key.shown {
            true => "the token tells its value to whoever logs in",
            false => "CKA_SENSITIVE is false, so that the token may tell its value",
        };
        return Judgement::from(Outcome::Unmet {
            expected: "the token gives no private key of a VNFCI out in clear".into(),
            actual: format!(
                "{}: that of {}: {how} ({})",
                look.name,
                name(keys, digest),
                described(key)
            ),
        });
    }
    if let Some(undecided) = blind(keys, looks) {
        return undecided;
    }
    let Some((key, _)) = looks.iter().find_map(|look| requested(look).next()) else {
        return undecided(
            "no private key of a VNFCI was seen in the token while it was in use: if the product makes session objects, which \
             no other session sees, have it make token objects (CKA_TOKEN) for the test"
                .into(),
        );
    };
    let mut judgement = Judgement::from(Outcome::Met);
    if key.extractable {
        judgement.observations.push(Observation {
            name: "token-keys-extractable".into(),
            text: "the private keys can be taken out of the token wrapped (CKA_EXTRACTABLE): delegation cannot do without".into(),
            clause: Some(CLAUSE.into()),
        });
    }
    judgement
}

/// Whether none of these private keys is in the token after the deadline. `before` is what was there before the VNFM made them.
pub fn emptied(keys: &[KeyUse], use_: &Use<'_>, before: &TokenLook, look: &TokenLook) -> Judgement {
    let wait = SignedDuration::from_secs(i64::try_from(use_.deadline).unwrap_or(i64::MAX));
    let deadline = use_.ended_at.saturating_add(wait);
    if deadline.map_or(true, |deadline| look.began < deadline) {
        return undecided(format!(
            "the look {} was not after the deadline of {} s from {}",
            look.name, use_.deadline, use_.ended_by
        ));
    }
    let left: Vec<_> = requested(look).collect();
    if let Some((key, digest)) = left.first() {
        return Judgement::from(Outcome::Unmet {
            expected: format!(
                "no private key of a VNFCI is in the token {} s after {}",
                use_.deadline, use_.ended_by
            ),
            actual: format!(
                "{} left, the first that of {} ({})",
                left.len(),
                name(keys, digest),
                described(key)
            ),
        });
    }
    let known = |key: &TokenKey| {
        before
            .keys
            .iter()
            .any(|one| (&one.id, &one.label) == (&key.id, &key.label))
    };
    let unknown = look.keys.iter().find_map(|key| match &key.whose {
        Whose::Unknown(why) if !known(key) => Some((key, why)),
        _ => None,
    });
    if let Some((key, why)) = unknown {
        return undecided(format!(
            "a private key has come into the token, and whose it is does not show ({}): {why}",
            described(key)
        ));
    }
    let both = [before.clone(), look.clone()];
    blind(keys, &both).unwrap_or_else(|| Judgement::from(Outcome::Met))
}

/// What stands against "not seen".
fn blind(keys: &[KeyUse], looks: &[TokenLook]) -> Option<Judgement> {
    if keys.is_empty() {
        return Some(undecided(
            "no key pair is known that could be looked for".into(),
        ));
    }
    if looks.is_empty() {
        return Some(undecided("the tester did not look".into()));
    }
    looks.iter().find_map(|look| {
        let why = match (&look.lacked, &look.control) {
            (Some(lacked), _) => format!("the tester could not look into the token: {lacked}"),
            (None, control) if !(control.found && control.shown) => format!(
                "a readable key that the tester planted in the token was not found and read: {}",
                control.fault.as_deref().unwrap_or("no fault was told")
            ),
            _ => return None,
        };
        Some(undecided(format!("{}: {why}", look.name)))
    })
}

/// The keys of certification requests, with their digests.
fn requested(look: &TokenLook) -> impl Iterator<Item = (&TokenKey, &str)> {
    look.keys.iter().filter_map(|key| match &key.whose {
        Whose::Requested(digest) => Some((key, digest.as_str())),
        _ => None,
    })
}

fn name<'a>(keys: &'a [KeyUse], digest: &str) -> &'a str {
    let mut of_key = keys.iter().filter(|key| key.public_key_sha256 == digest);
    of_key.next().map_or("a VNFCI", |key| &key.what)
}

fn described(key: &TokenKey) -> String {
    format!("CKA_LABEL `{}`, CKA_ID {}", key.label, key.id)
}

fn undecided(reason: String) -> Judgement {
    Judgement::from(Outcome::Undecided { reason })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::token::Control;
    use jiff::Timestamp;

    fn key(whose: Whose, sensitive: bool, shown: bool) -> TokenKey {
        TokenKey {
            label: "l".into(),
            id: "01".into(),
            whose,
            sensitive,
            extractable: true,
            shown,
        }
    }

    fn ours() -> Whose {
        Whose::Requested("d".into())
    }

    fn look(second: i64, keys: Vec<TokenKey>) -> TokenLook {
        TokenLook {
            name: "n".into(),
            began: Timestamp::from_second(second).unwrap(),
            keys,
            control: Control {
                found: true,
                shown: true,
                fault: None,
            },
            lacked: None,
        }
    }

    fn keys() -> Vec<KeyUse> {
        vec![KeyUse {
            what: "VNFCI 1".into(),
            public_key_sha256: "d".into(),
            rsa: None,
        }]
    }

    fn is_unmet(judgement: &Judgement) -> bool {
        matches!(judgement.outcome, Outcome::Unmet { .. })
    }

    fn is_undecided(judgement: &Judgement) -> bool {
        matches!(judgement.outcome, Outcome::Undecided { .. })
    }

    #[test]
    fn a_key_that_the_token_tells_is_unmet_and_one_that_it_keeps_is_met() {
        let one =
            |sensitive, shown| protects(&keys(), &[look(1, vec![key(ours(), sensitive, shown)])]);
        let met = one(true, false);
        assert_eq!(met.outcome, Outcome::Met);
        assert_eq!(met.observations[0].name, "token-keys-extractable");
        assert!(is_unmet(&one(true, true)));
        assert!(is_unmet(&one(false, false)));
        // Somebody else's key is not in question.
        let other = look(
            1,
            vec![key(ours(), true, false), key(Whose::Other, false, true)],
        );
        assert_eq!(protects(&keys(), &[other]).outcome, Outcome::Met);
    }

    #[test]
    fn without_the_key_the_control_or_the_token_nothing_is_shown() {
        assert!(is_undecided(&protects(&keys(), &[look(1, vec![])])));
        assert!(is_undecided(&protects(&keys(), &[])));
        let mut silent = look(1, vec![key(ours(), true, false)]);
        silent.control.shown = false;
        assert!(is_undecided(&protects(&keys(), &[silent.clone()])));
        silent.control.shown = true;
        silent.lacked = Some("no module".into());
        assert!(is_undecided(&protects(&keys(), &[silent])));
        assert!(is_undecided(&protects(&[], &[look(1, vec![])])));
    }

    fn judged(before: Vec<TokenKey>, after: TokenLook) -> Judgement {
        let use_ = Use {
            ended_by: "the installation",
            ended_at: Timestamp::from_second(10).unwrap(),
            deadline: 5,
        };
        emptied(&keys(), &use_, &look(1, before), &after)
    }

    #[test]
    fn a_key_that_is_left_is_unmet_and_none_is_met() {
        let left = judged(vec![], look(15, vec![key(ours(), true, false)]));
        assert!(is_unmet(&left));
        assert_eq!(judged(vec![], look(15, vec![])).outcome, Outcome::Met);
        assert!(is_undecided(&judged(vec![], look(14, vec![]))), "too early");
        let mut silent = look(15, vec![]);
        silent.control.found = false;
        assert!(is_undecided(&judged(vec![], silent)));
    }

    #[test]
    fn a_key_whose_owner_does_not_show_counts_if_it_is_new() {
        let unknown = || key(Whose::Unknown("it does not sign".into()), true, false);
        assert!(is_undecided(&judged(vec![], look(15, vec![unknown()]))));
        let judged = judged(vec![unknown()], look(15, vec![unknown()]));
        assert_eq!(judged.outcome, Outcome::Met);
    }
}
