use proptest::prelude::*;

use super::*;

fn round(ids: &[&str], asked: u64) -> Round {
    let records = ids
        .iter()
        .enumerate()
        .map(|(i, id)| IdentifierRecord {
            id: (*id).into(),
            exchange: i as u64,
        })
        .collect();
    let missing = usize::try_from(asked).unwrap().saturating_sub(ids.len());
    Round {
        name: "once".into(),
        asked,
        killed: false,
        seconds: 1.0,
        records,
        lost: vec!["connection closed".into(); missing],
        refused: Vec::new(),
    }
}

fn judged(ids: &[&str]) -> Judgement {
    unique(&[round(ids, ids.len() as u64)], &[])
}

#[test]
fn different_identifiers_are_met() {
    let judgement = judged(&["a", "b", "c"]);
    assert_eq!(judgement.outcome, Outcome::Met);
}

#[test]
fn a_duplicate_names_both_exchanges() {
    let judgement = judged(&["a", "b", "a"]);
    let Outcome::Unmet { actual, .. } = judgement.outcome else {
        panic!("{judgement:?}")
    };
    assert!(actual.contains("exchange 0") && actual.contains("exchange 2"));
}

#[test]
fn identifiers_that_differ_in_case_only_differ() {
    let judgement = judged(&["a", "A"]);
    assert_eq!(judgement.outcome, Outcome::Met);
}

#[test]
fn creations_without_an_identifier_leave_it_open_but_in_the_round_of_the_kill() {
    let whole = || round(&["a", "b"], 2);
    let killed = |ids: &[&str], asked| Round {
        killed: true,
        ..round(ids, asked)
    };
    assert_eq!(
        unique(&[whole(), killed(&["c"], 9)], &[]).outcome,
        Outcome::Met
    );
    let busy = Round {
        refused: vec!["HTTP 503".into()],
        ..killed(&["c"], 9)
    };
    let busy = unique(&[whole(), busy], &[]).outcome;
    assert!(matches!(busy, Outcome::Undecided { .. }), "{busy:?}");
    let late = unique(&[whole(), killed(&["c"], 1)], &[]).outcome;
    assert!(matches!(late, Outcome::Undecided { .. }), "{late:?}");
    let after = round(&["d"], 2);
    let open = unique(&[whole(), killed(&["c"], 9), after], &[]).outcome;
    assert!(matches!(open, Outcome::Undecided { .. }), "{open:?}");
}

#[test]
fn nothing_captured_is_never_unique() {
    for ids in [&[][..], &["a"][..]] {
        let killed = Round {
            killed: true,
            ..round(ids, 2)
        };
        let outcome = unique(&[killed], &[]).outcome;
        assert!(matches!(outcome, Outcome::Undecided { .. }), "{outcome:?}");
    }
}

#[test]
fn notifications_must_name_the_same_identifiers() {
    let judged = |answered: &[&str], asked, named: &[&str]| {
        notified(&[round(answered, asked)], &round(named, 0).records).outcome
    };
    let met = judged(&["a", "b"], 2, &["b", "a", "a"]);
    assert_eq!(met, Outcome::Met, "delivered twice is delivered");
    let unmet = judged(&["a", "b"], 2, &["a", "x"]);
    assert!(matches!(unmet, Outcome::Unmet { .. }), "{unmet:?}");
    for silent in [&[][..], &["a"]] {
        let open = judged(&["a", "b"], 2, silent);
        assert!(matches!(open, Outcome::Undecided { .. }), "{open:?}");
    }
    let lost_response = judged(&["a", "b"], 3, &["a", "b", "c"]);
    assert!(
        matches!(lost_response, Outcome::Undecided { .. }),
        "{lost_response:?}"
    );
}

#[test]
fn the_shape_is_remarked_on_not_judged() {
    let ids: Vec<String> = (1..=9).map(|n| format!("vnf-{n}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let judgement = judged(&ids);
    assert_eq!(judgement.outcome, Outcome::Met);
    assert!(
        judgement
            .observations
            .iter()
            .any(|o| o.name == "identifier-sequence")
    );
}

#[test]
fn an_entry_takes_24_bytes() {
    assert_eq!(size_of::<Entry>(), 24);
}

proptest! {
    #[test]
    fn finds_just_what_a_set_finds(ids in proptest::collection::vec("[ab]{0,4}", 0..60)) {
        let mut seen = std::collections::HashSet::new();
        let expected = ids.iter().filter(|id| !seen.insert(id.as_str())).count();
        let found = duplicates(ids.iter());
        prop_assert_eq!(found.len(), expected);
        // Made on the way, and of a length that is not known.
        prop_assert_eq!(&found, &duplicates(ids.iter().filter(|_| true).cloned()));
        for (first, later) in found {
            prop_assert!(first < later);
            prop_assert_eq!(&ids[first as usize], &ids[later as usize]);
        }
    }
}
