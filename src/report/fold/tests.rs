//! Each way in which a record can be worse than it looks, beside a twin that is as it ought to be.

use super::*;
use crate::model::event::{NotApplicable, PlannedScenario, Step};
use crate::model::evidence::Observation;
use crate::model::verdict::{Keyword, Outcome};
use crate::report::record::tests::run_info;

pub(super) const NORMATIVE: usize = 10;
pub(super) const EXTENDED: usize = 20;

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a time")
}

pub(super) fn id(line: usize) -> ScenarioId {
    ScenarioId {
        case: "TC_A".into(),
        line,
    }
}

pub(super) fn plan() -> Event {
    let scenario = |line, normative| PlannedScenario {
        name: format!("scenario {line}"),
        line,
        normative,
    };
    Event::RunStarted {
        at: at(0),
        plan: vec![PlannedCase {
            id: "TC_A".into(),
            document: "SEC030".into(),
            clause: "4.2.2.2".into(),
            requirement: String::new(),
            purpose: String::new(),
            keyword: "shall".into(),
            path: "a.feature".into(),
            not_applicable: None,
            scenarios: vec![scenario(NORMATIVE, true), scenario(EXTENDED, false)],
        }],
    }
}

pub(super) fn started(line: usize) -> Event {
    Event::ScenarioStarted {
        at: at(1),
        scenario: id(line),
    }
}

pub(super) fn step(line: usize, keyword: Keyword, outcome: Outcome) -> Event {
    Event::StepFinished {
        at: at(2),
        scenario: id(line),
        step: Step {
            keyword,
            text: "it is so".into(),
            line: line + 1,
            millis: 1,
            at_code: String::new(),
            outcome,
        },
    }
}

pub(super) fn unmet() -> Outcome {
    Outcome::Unmet {
        expected: "x".into(),
        actual: "y".into(),
    }
}

pub(super) fn finished(line: usize, verdict: Verdict) -> Event {
    Event::ScenarioFinished {
        at: at(3),
        scenario: id(line),
        verdict,
        evidence: Vec::new(),
        observations: Vec::new(),
        measurements: Vec::new(),
        residue: Vec::new(),
    }
}

pub(super) fn scenario(line: usize, outcome: Outcome, verdict: Verdict) -> [Event; 3] {
    [
        started(line),
        step(line, Keyword::Then, outcome),
        finished(line, verdict),
    ]
}

const END: usize = 7;

/// A record with nothing amiss; its last event, at [`END`], is the run's end.
pub(super) fn clean() -> Vec<Event> {
    let mut events = vec![plan()];
    events.extend(scenario(NORMATIVE, Outcome::Met, Verdict::Pass));
    events.extend(scenario(EXTENDED, Outcome::Met, Verdict::Pass));
    events.push(Event::RunFinished { at: at(9) });
    events
}

/// The clean record with more before its end.
fn clean_and(more: impl IntoIterator<Item = Event>) -> Vec<Event> {
    let mut events = clean();
    events.splice(END..END, more);
    events
}

/// The clean record with other events in the place of the extended scenario.
fn with_extended(told: impl IntoIterator<Item = Event>) -> Vec<Event> {
    let mut events = clean();
    events.splice(4..END, told);
    events
}

pub(super) fn fold(events: Vec<Event>) -> Results {
    fold_cut(events, false)
}

pub(super) fn fold_cut(events: Vec<Event>, cut: bool) -> Results {
    results(&Record {
        run: run_info(),
        inventory: None,
        selftest: None,
        events,
        cut,
    })
}

/// The run is an Error, and says so just once, with these words.
#[track_caller]
fn assert_fault(results: &Results, words: &str) {
    assert_eq!(results.verdict, Some(Verdict::Error));
    assert_eq!(results.exit_code, 3);
    assert_eq!(results.faults.len(), 1, "{:?}", results.faults);
    assert!(results.faults[0].contains(words), "{:?}", results.faults);
}

#[test]
fn a_record_with_nothing_amiss_is_green() {
    let results = fold(clean());
    assert_eq!(results.verdict, Some(Verdict::Pass));
    assert_eq!(results.exit_code, 0);
    assert_eq!(results.faults, Vec::<String>::new());
    assert_eq!(results.interrupted, None);
    assert_eq!(results.ended, Some(at(9)));
    assert_eq!(results.summary.cases.pass, 1);
    assert_eq!(results.summary.extended_scenarios.pass, 1);
    assert_eq!(results.summary.scenarios_with_residue, 0);
}

#[test]
fn a_fail_is_a_fail_and_no_fault() {
    let results = fold(with_extended(scenario(EXTENDED, unmet(), Verdict::Fail)));
    assert_eq!(results.exit_code, 1);
    assert_eq!(results.faults, Vec::<String>::new());
    assert_eq!(results.cases[0].normative, Some(CaseVerdict::Pass));
}

#[test]
fn a_second_end_does_not_make_a_fail_good() {
    let mut events = with_extended(scenario(EXTENDED, unmet(), Verdict::Fail));
    events.insert(END, finished(EXTENDED, Verdict::Pass));
    let results = fold(events);
    assert_fault(&results, "TC_A line 20 ended twice: as Fail, then as Pass");
    assert_eq!(results.cases[0].extended, Some(Verdict::Error));
}

#[test]
fn a_scenario_that_was_tried_again_is_a_fault_even_if_it_passed_both_times() {
    let results = fold(clean_and(scenario(EXTENDED, Outcome::Met, Verdict::Pass)));
    assert_fault(&results, "TC_A line 20 began twice");
}

#[test]
fn a_step_after_the_end_of_its_scenario_is_a_fault() {
    let results = fold(clean_and([step(EXTENDED, Keyword::Then, unmet())]));
    assert_fault(&results, "TC_A line 20 has a step after its end");
}

#[test]
fn a_scenario_that_was_not_planned_is_a_fault_and_its_verdict_is_told() {
    let results = fold(clean_and(scenario(99, unmet(), Verdict::Fail)));
    assert_fault(&results, "TC_A line 99 was not planned and came to Fail");
    let results = fold(clean_and([started(99)]));
    assert_fault(&results, "TC_A line 99 was not planned");
}

#[test]
fn a_verdict_better_than_the_steps_is_a_fault() {
    let results = fold(with_extended(scenario(EXTENDED, unmet(), Verdict::Pass)));
    assert_fault(&results, "ended as Pass, but its steps come to Fail");
    assert_eq!(results.cases[0].extended, Some(Verdict::Error));
}

#[test]
fn a_verdict_worse_than_the_steps_is_a_fault_unless_it_is_an_error() {
    let fail = fold(with_extended(scenario(
        EXTENDED,
        Outcome::Met,
        Verdict::Fail,
    )));
    assert_fault(&fail, "ended as Fail, but its steps come to Pass");
    let lost = fold(with_extended(scenario(
        EXTENDED,
        Outcome::Met,
        Verdict::Error,
    )));
    assert_eq!(lost.verdict, Some(Verdict::Error));
    assert_eq!(lost.faults, Vec::<String>::new());
}

#[test]
fn a_pass_without_an_expected_result_is_a_fault() {
    let none = fold(with_extended([
        started(EXTENDED),
        finished(EXTENDED, Verdict::Pass),
    ]));
    assert_fault(&none, "its steps come to Error");
    let no_then = fold(with_extended([
        started(EXTENDED),
        step(EXTENDED, Keyword::When, Outcome::Met),
        finished(EXTENDED, Verdict::Pass),
    ]));
    assert_fault(&no_then, "its steps come to Error");
}

#[test]
fn the_keyword_decides_here_too() {
    let given = |verdict| {
        fold(with_extended([
            started(EXTENDED),
            step(EXTENDED, Keyword::Given, unmet()),
            finished(EXTENDED, verdict),
        ]))
    };
    let results = given(Verdict::Inconclusive);
    assert_eq!(results.exit_code, 2);
    assert_eq!(results.faults, Vec::<String>::new());
    assert_fault(&given(Verdict::Fail), "its steps come to Inconclusive");
}

#[test]
fn a_record_without_its_end_is_inconclusive_though_everything_passed() {
    let mut events = clean();
    events.truncate(END);
    for (cut, words) in [(false, "before the run did"), (true, "middle of a line")] {
        let results = fold_cut(events.clone(), cut);
        assert_eq!(results.verdict, Some(Verdict::Inconclusive));
        assert_eq!(results.exit_code, 2);
        assert_eq!(results.ended, None);
        let why = results.interrupted.expect("told");
        assert!(why.contains(words), "{why}");
    }
}

#[test]
fn a_record_that_is_cut_after_its_end_is_inconclusive() {
    let results = fold_cut(clean(), true);
    assert_eq!(results.exit_code, 2);
    assert!(results.interrupted.is_some());
}

#[test]
fn an_interrupted_run_is_inconclusive_though_everything_passed() {
    let mut events = clean();
    events[END] = Event::RunInterrupted {
        at: at(9),
        by: "SIGINT".into(),
    };
    let results = fold(events);
    assert_eq!(results.exit_code, 2);
    assert_eq!(results.ended, Some(at(9)));
    assert_eq!(results.cases[0].normative, Some(CaseVerdict::Pass));
}

#[test]
fn a_fail_that_was_judged_before_the_interruption_stays_one() {
    let told = |outcome| {
        let mut events = with_extended([started(EXTENDED), step(EXTENDED, Keyword::Then, outcome)]);
        events.pop();
        fold(events)
    };
    assert_eq!(told(Outcome::Met).exit_code, 2);
    let results = told(unmet());
    assert_eq!(results.exit_code, 1);
    let reason = &results.cases[0].scenarios[1].reason;
    assert!(reason.contains("before that, Then it is so"), "{reason}");
}

#[test]
fn a_scenario_without_an_end_in_a_run_that_ended_is_an_error() {
    let results = fold(with_extended([started(EXTENDED)]));
    assert_eq!(results.exit_code, 3);
}

#[test]
fn what_follows_the_end_of_the_run_is_a_fault() {
    let mut events = clean();
    events.extend([started(EXTENDED), finished(EXTENDED, Verdict::Pass)]);
    let results = fold(events);
    assert_eq!(results.exit_code, 3);
    let told = |words: &str| results.faults.iter().filter(|f| f.contains(words)).count();
    assert_eq!(told("goes on after the run's end"), 1, "once is enough");
}

#[test]
fn a_fault_of_the_runner_is_an_error_wherever_it_stands() {
    let fault = Event::RunnerFault {
        at: at(4),
        error: "a simulator panicked".into(),
    };
    assert_fault(&fold(clean_and([fault.clone()])), "a simulator panicked");
    let mut events = clean();
    events.push(fault);
    assert_fault(&fold(events), "a simulator panicked");
}

#[test]
fn a_record_has_just_one_plan() {
    assert_fault(&fold(clean_and([plan()])), "a second plan");
    assert_fault(&fold(vec![Event::RunFinished { at: at(1) }]), "has no plan");
    let nothing = fold(Vec::new());
    assert_eq!(nothing.exit_code, 2, "ended before it began");
}

/// The clean record with a plan that was changed.
fn replanned(change: impl FnOnce(&mut PlannedCase)) -> Results {
    let mut events = clean();
    if let Event::RunStarted { plan, .. } = &mut events[0] {
        change(&mut plan[0]);
    }
    fold(events)
}

#[test]
fn a_plan_lets_nothing_drop_out_of_the_verdict() {
    assert_eq!(replanned(|_| ()).exit_code, 0);
    let hidden = replanned(|case| {
        case.not_applicable = Some(NotApplicable {
            item: "delegation".into(),
            reason: "none".into(),
        });
    });
    assert_fault(&hidden, "is not applicable, and has scenarios");
    let twice = replanned(|case| case.scenarios.push(case.scenarios[0].clone()));
    assert_fault(&twice, "TC_A line 10 was planned twice");
    let empty = replanned(|case| case.scenarios.clear());
    assert!(empty.faults[0].contains("has no scenarios"));
    assert_eq!(empty.exit_code, 3);
}

#[test]
fn residue_is_counted_and_below_capacity_is_told_of_normative_scenarios_only() {
    let seen = |line: usize| {
        let mut events = clean();
        for event in &mut events {
            if let Event::ScenarioFinished {
                scenario,
                observations,
                residue,
                ..
            } = event
                && scenario.line == line
            {
                residue.push("the SUT had ended by itself".into());
                observations.push(Observation {
                    name: BELOW_CAPACITY.into(),
                    text: String::new(),
                    clause: None,
                });
            }
        }
        fold(events)
    };
    for (line, below) in [(NORMATIVE, true), (EXTENDED, false)] {
        let results = seen(line);
        assert_eq!(results.summary.scenarios_with_residue, 1);
        assert_eq!(results.cases[0].below_capacity, below);
    }
    assert!(!fold(clean()).cases[0].below_capacity);
}

/// A record whose profile waives a test case up to a day; the run began on 1970-01-01.
fn waived(case: &str, expires: &str, events: Vec<Event>) -> Results {
    let mut run = run_info();
    run.waivers = vec![crate::model::sut::Waiver {
        case: case.into(),
        reason: "known".into(),
        owner: "somebody".into(),
        link: None,
        expires: expires.parse().expect("a day"),
    }];
    results(&Record {
        run,
        inventory: None,
        selftest: None,
        events,
        cut: false,
    })
}

fn with_extended_verdict(outcome: Outcome, verdict: Verdict) -> Vec<Event> {
    with_extended(scenario(EXTENDED, outcome, verdict))
}

#[test]
fn a_waiver_keeps_a_verdict_from_the_exit_code_and_leaves_it_as_it_is() {
    let failed = || with_extended_verdict(unmet(), Verdict::Fail);
    let results = waived("TC_A", "1970-01-01", failed());
    assert_eq!(
        results.verdict,
        Some(Verdict::Fail),
        "the verdict is the verdict"
    );
    assert_eq!((results.exit_code, results.cases[0].waived), (0, true));
    assert_eq!(results.waivers[0].state, WaiverState::Holds);
    assert_eq!(results.summary.extended_scenarios.fail, 1);

    let expired = waived("TC_A", "1969-12-31", failed());
    assert_eq!((expired.exit_code, expired.cases[0].waived), (1, false));
    assert_eq!(expired.waivers[0].state, WaiverState::Expired);

    let another = waived("TC_B", "1970-01-01", failed());
    assert_eq!(
        (another.exit_code, another.waivers[0].state),
        (1, WaiverState::NotSelected)
    );
}

#[test]
fn a_waiver_that_is_not_needed_or_expired_turns_a_green_run_red() {
    let passed = waived("TC_A", "1970-01-01", clean());
    assert_eq!(
        (passed.exit_code, passed.verdict),
        (STALE_WAIVER, Some(Verdict::Pass))
    );
    assert_eq!(passed.waivers[0].state, WaiverState::Passed);
    for case in ["TC_A", "TC_B"] {
        let expired = waived(case, "1969-12-31", clean());
        assert_eq!(
            (expired.exit_code, expired.waivers[0].state),
            (STALE_WAIVER, WaiverState::Expired)
        );
    }
    assert_eq!(
        waived("TC_B", "1970-01-01", clean()).exit_code,
        0,
        "it was left out of the run"
    );
}

#[test]
fn neither_an_error_nor_an_interruption_is_waived() {
    let broken = Outcome::Harness { error: "x".into() };
    let error = waived(
        "TC_A",
        "1970-01-01",
        with_extended_verdict(broken, Verdict::Error),
    );
    assert_eq!(
        (error.exit_code, error.waivers[0].state),
        (3, WaiverState::NotJudged)
    );
    let mut events = clean();
    events.truncate(4);
    events.push(Event::RunInterrupted {
        at: at(9),
        by: "SIGINT".into(),
    });
    let interrupted = waived("TC_A", "1970-01-01", events);
    assert!(interrupted.cases[0].waived);
    assert_eq!(interrupted.exit_code, 2);
}
