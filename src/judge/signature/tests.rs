use super::*;
use crate::model::question::Fetched;

const REFUSALS: [u16; 2] = [400, 422];

fn offer(answer: Answer) -> Offer {
    Offer {
        what: "the VNFD".into(),
        vnfd_id: "v".into(),
        held: vec!["00".into()],
        fetched: Some(Fetched {
            exchange: 1,
            sha256: "00".into(),
        }),
        asked_for_signatures: true,
        disturbed: None,
        answer,
    }
}

fn yes() -> Offer {
    offer(Answer::Accepted {
        exchange: 2,
        text: "HTTP 201".into(),
    })
}

fn status(status: u16) -> Offer {
    offer(Answer::Status {
        exchange: 3,
        status,
        text: "no".into(),
    })
}

fn no() -> Offer {
    status(422)
}

fn ended(state: &str) -> Offer {
    offer(Answer::Ended {
        exchange: 3,
        state: state.into(),
        text: "no".into(),
    })
}

fn silence() -> Offer {
    offer(Answer::None {
        text: "connection closed".into(),
    })
}

fn unfetched(offer: Offer) -> Offer {
    Offer {
        fetched: None,
        ..offer
    }
}

fn verdict(before: &[Offer], flawed: &[Offer], after: &[Offer]) -> Outcome {
    refused("a flaw", before, flawed, after, &REFUSALS).outcome
}

#[track_caller]
fn assert_undecided(outcome: &Outcome) {
    assert!(matches!(outcome, Outcome::Undecided { .. }), "{outcome:?}");
}

#[test]
fn a_refusal_between_acceptances_is_met() {
    assert_eq!(
        verdict(&[yes(), yes()], &[no(), no()], &[yes()]),
        Outcome::Met
    );
}

#[test]
fn an_acceptance_of_fetched_bytes_is_unmet_whatever_the_others_did() {
    for flawed in [[yes(), no()], [no(), yes()], [silence(), yes()]] {
        let outcome = verdict(&[no()], &flawed, &[no()]);
        assert!(matches!(outcome, Outcome::Unmet { .. }), "{outcome:?}");
    }
}

#[test]
fn a_sut_that_refuses_everything_proves_nothing() {
    assert_undecided(&verdict(&[no()], &[no()], &[no()]));
    assert_undecided(&verdict(&[yes()], &[no()], &[no()]));
    assert_undecided(&verdict(&[yes(), no()], &[no()], &[yes()]));
}

#[test]
fn a_network_fault_is_no_refusal() {
    assert_undecided(&verdict(&[yes()], &[silence(), no()], &[yes()]));
}

#[test]
fn a_status_that_speaks_of_load_or_credentials_is_no_refusal() {
    for other in [401, 408, 429, 500, 502, 503, 504] {
        assert_undecided(&verdict(&[yes()], &[status(other), no()], &[yes()]));
    }
}

#[test]
fn an_operation_that_failed_is_a_refusal_and_one_in_an_unknown_state_is_not() {
    let flawed = [ended("FAILED"), ended("FAILED_TEMP"), ended("ROLLED_BACK")];
    assert_eq!(verdict(&[yes()], &flawed, &[yes()]), Outcome::Met);
    assert_undecided(&verdict(&[yes()], &[ended("FOO")], &[yes()]));
}

#[test]
fn a_fault_of_ours_says_nothing_about_the_sut() {
    let disturbed = Offer {
        disturbed: Some("the front failed".into()),
        ..no()
    };
    let outcome = verdict(&[yes()], &[disturbed], &[yes()]);
    assert!(matches!(outcome, Outcome::Harness { .. }), "{outcome:?}");
}

#[test]
fn what_was_never_fetched_was_never_judged() {
    for answer in [yes(), no()] {
        assert_undecided(&verdict(&[yes()], &[unfetched(answer)], &[yes()]));
    }
    assert_undecided(&accepted(&[unfetched(yes())], &REFUSALS).outcome);
}

#[test]
fn a_sut_that_keeps_a_copy_is_judged_by_what_it_fetched() {
    let flawed = [unfetched(yes()), no()];
    let judgement = refused(
        "a flaw",
        &[yes()],
        &flawed,
        &[unfetched(yes()), yes()],
        &REFUSALS,
    );
    assert_eq!(judgement.outcome, Outcome::Met);
    assert!(
        judgement
            .observations
            .iter()
            .any(|o| o.name == "answered-from-a-copy")
    );
}

#[test]
fn a_valid_archive_must_be_accepted_each_time() {
    assert_eq!(accepted(&[yes(), yes()], &REFUSALS).outcome, Outcome::Met);
    let outcome = accepted(&[yes(), no()], &REFUSALS).outcome;
    assert!(matches!(outcome, Outcome::Unmet { .. }), "{outcome:?}");
    assert_undecided(&accepted(&[yes(), status(503)], &REFUSALS).outcome);
}
