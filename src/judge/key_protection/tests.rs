use super::*;
use crate::model::key_protection::{Attempt, Canary, CoreDump, NotSearched};

fn keys() -> Vec<Key> {
    vec![Key {
        name: "VNF OAM".into(),
        public_key_sha256: "ab".repeat(32),
        known: true,
    }]
}

/// A look that saw nothing, and saw all.
fn look() -> Look {
    Look {
        name: "while the CMF held its answer".into(),
        began: Some(at(100)),
        canaries: vec![Canary {
            stands_for: "storage".into(),
            found: true,
        }],
        ..Look::default()
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

fn seen(medium: Medium) -> Sighting {
    Sighting {
        public_key_sha256: "ab".repeat(32),
        medium,
        process: Some(7),
        place: "somewhere".into(),
        encoding: "big-endian".into(),
    }
}

fn gap(medium: Medium) -> NotSearched {
    NotSearched {
        medium,
        process: Some(9),
        place: "somewhere".into(),
        why: "permission denied".into(),
        passing: false,
    }
}

fn tried(whole_process: bool, result: AttemptResult) -> Attempt {
    Attempt {
        what: "read memory of process 7".into(),
        as_user: "nobody".into(),
        whole_process,
        result,
    }
}

#[test]
fn what_was_not_looked_at_is_told_once_whatever_the_outcome() {
    let unreached = |look: &mut Look| look.scope = vec!["keyrings".into(), "keyrings".into()];
    let exposed = during(|look| {
        unreached(look);
        look.sightings.push(seen(Medium::Storage));
    });
    for judgement in [during(unreached), after(unreached), exposed] {
        let told: Vec<_> = judgement
            .observations
            .iter()
            .filter(|one| one.name == "not-looked-at")
            .map(|one| one.text.as_str())
            .collect();
        assert_eq!(told, ["not looked at: keyrings"]);
    }
}

fn during(change: impl FnOnce(&mut Look)) -> Judgement {
    let mut look = look();
    change(&mut look);
    protected(&keys(), &[look])
}

fn after(change: impl FnOnce(&mut Look)) -> Judgement {
    let mut look = look();
    change(&mut look);
    let use_ = Use {
        ended_by: "the instantiation",
        ended_at: at(90),
        deadline: 10,
    };
    deleted(&keys(), &use_, &[look])
}

#[track_caller]
fn assert_unmet(judgement: &Judgement, word: &str) {
    match &judgement.outcome {
        Outcome::Unmet { actual, .. } => assert!(actual.contains(word), "{actual}"),
        other => panic!("{other}"),
    }
}

#[track_caller]
fn assert_undecided(judgement: &Judgement, word: &str) {
    match &judgement.outcome {
        Outcome::Undecided { reason } => assert!(reason.contains(word), "{reason}"),
        other => panic!("{other}"),
    }
}

#[test]
fn nothing_seen_and_all_looked_at_is_met() {
    assert_eq!(during(|_| ()).outcome, Outcome::Met);
    assert_eq!(after(|_| ()).outcome, Outcome::Met);
}

#[test]
fn during_use_only_the_vnfms_own_memory_may_hold_the_key() {
    let judgement = during(|look| look.sightings.push(seen(Medium::Memory)));
    assert_eq!(judgement.outcome, Outcome::Met);
    assert_eq!(judgement.observations[0].name, "key-in-memory");
    for medium in [
        Medium::CommandLine,
        Medium::Environment,
        Medium::UnlinkedFile,
        Medium::Storage,
        Medium::OtherProcess,
        Medium::Wire,
    ] {
        let judgement = during(|look| look.sightings.push(seen(medium)));
        assert_unmet(&judgement, medium.words());
    }
}

#[test]
fn afterwards_the_key_may_be_nowhere() {
    for medium in [Medium::Memory, Medium::Storage, Medium::Wire] {
        let judgement = after(|look| look.sightings.push(seen(medium)));
        assert_unmet(&judgement, medium.words());
    }
}

#[test]
fn a_look_before_the_deadline_shows_nothing() {
    assert_undecided(&after(|look| look.began = Some(at(99))), "deadline");
    assert_undecided(&after(|look| look.began = None), "deadline");
    let early = |look: &mut Look| {
        look.began = Some(at(99));
        look.sightings.push(seen(Medium::Memory));
    };
    assert_undecided(&after(early), "deadline");
}

#[test]
fn another_user_who_reaches_a_whole_process_has_the_key() {
    let succeeded = || AttemptResult::Succeeded("1 byte read".into());
    let judgement = during(|look| look.attempts.push(tried(true, succeeded())));
    assert_unmet(&judgement, "nobody could read memory");
    let judgement = during(|look| look.attempts.push(tried(false, succeeded())));
    assert_eq!(judgement.outcome, Outcome::Met);
    assert_eq!(judgement.observations[0].name, "reached-as-another-user");
    let denied = AttemptResult::Denied("permission denied".into());
    assert_eq!(
        during(|look| look.attempts.push(tried(true, denied))).outcome,
        Outcome::Met
    );
}

#[test]
fn a_core_dump_counts_where_the_key_is_in_the_memory_of_the_process() {
    let dump = |process, possible| CoreDump {
        process,
        possible,
        settings: "limit unlimited".into(),
    };
    let of = |dump: CoreDump| {
        during(|look| {
            look.sightings.push(seen(Medium::Memory));
            look.core_dumps.push(dump);
        })
    };
    assert_unmet(&of(dump(7, true)), "crash");
    assert_eq!(of(dump(8, true)).outcome, Outcome::Met);
    assert_eq!(of(dump(7, false)).outcome, Outcome::Met);
    let hidden = during(|look| {
        look.gaps.push(gap(Medium::Memory));
        look.core_dumps.push(dump(9, true));
    });
    assert_unmet(&hidden, "cannot be read");
    let ended = during(|look| {
        look.gaps.push(NotSearched {
            passing: true,
            ..gap(Medium::Memory)
        });
        look.core_dumps.push(dump(9, true));
    });
    assert_eq!(ended.outcome, Outcome::Met);
    assert!(ended.observations.is_empty());
}

#[test]
fn lacking_means_are_named() {
    for judge in [during, after] as [fn(fn(&mut Look)) -> Judgement; 2] {
        let judgement = judge(|look| look.lacked.push("root".into()));
        assert_undecided(&judgement, "lacked root");
        let judgement = judge(|look| look.canaries[0].found = false);
        assert_undecided(&judgement, "canary");
        assert_undecided(&judge(|look| look.canaries.clear()), "canary");
        let judgement = judge(|look| look.gaps.push(gap(Medium::Storage)));
        assert_undecided(&judgement, "permission denied");
    }
    assert_undecided(&protected(&keys(), &[]), "did not look");
    assert_undecided(&protected(&[], &[look()]), "no key pair");
}

#[test]
fn memory_out_of_reach_matters_afterwards_only() {
    let judgement = during(|look| look.gaps.push(gap(Medium::Memory)));
    assert_eq!(judgement.outcome, Outcome::Met);
    assert_eq!(judgement.observations[0].name, "memory-out-of-reach");
    assert_undecided(
        &after(|look| look.gaps.push(gap(Medium::Memory))),
        "permission denied",
    );
}

#[test]
fn what_was_seen_decides_whatever_lacked() {
    let both = |look: &mut Look| {
        look.lacked.push("root".into());
        look.sightings.push(seen(Medium::Storage));
    };
    assert_unmet(&during(both), "storage");
    assert_unmet(&after(both), "storage");
}
