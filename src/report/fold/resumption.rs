//! A run that was cut off and taken up again: [`Resumptions`], and what that means for what was told before.

use jiff::Timestamp;

use super::{Told, named};
use crate::model::event::CutOff;

/// Every time that a run was taken up again.
#[derive(Default)]
pub(super) struct Resumptions {
    times: Vec<Timestamp>,
    /// Attempts that were cut off, and the time until the run was resumed.
    in_vain: Vec<(Timestamp, Timestamp)>,
}

impl Resumptions {
    /// When, each time.
    pub(super) fn times(&self) -> Vec<Timestamp> {
        self.times.clone()
    }

    /// Spans of time in which nothing came about.
    pub(super) fn in_vain(&self) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        self.in_vain.iter().copied()
    }
}

impl Told {
    /// Scenarios that were under way begin anew; the event must name just those, with what they left.
    pub(super) fn resumed(&mut self, at: Timestamp, cut_off: &[CutOff]) {
        if self.plan.is_none() {
            self.faults
                .push("the record was resumed before it had a plan".to_owned());
        }
        if self.interrupted.is_none() && self.ended.is_some() {
            // The end stands, so that what follows is told as well.
            self.faults
                .push("the record was resumed after the run's end".to_owned());
            return;
        }
        self.interrupted = None;
        self.ended = None;
        if let Some(last) = self.last {
            self.resumptions.in_vain.push((last, at));
        }
        self.resumptions.times.push(at);
        for (id, scenario) in &mut self.scenarios {
            let told: Vec<&CutOff> = cut_off.iter().filter(|cut| cut.scenario == *id).collect();
            match (scenario.is_open(), told.as_slice()) {
                (true, [cut]) => {
                    if let Some(started) = scenario.cut_off(cut) {
                        self.resumptions.in_vain.push((started, at));
                    }
                }
                (false, []) => {}
                (true, []) => self.faults.push(format!(
                    "{} was under way when the run was cut off, which is not told",
                    named(id)
                )),
                (_, _) => self.faults.push(format!(
                    "{} is told as cut off, and was not under way, or is told twice",
                    named(id)
                )),
            }
        }
        for cut in cut_off {
            if !self.scenarios.contains_key(&cut.scenario) {
                self.faults.push(format!(
                    "{} is told as cut off, and was not planned",
                    named(&cut.scenario)
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::model::event::{Answered, CutOff, Event, Unjudged};
    use crate::model::verdict::{Keyword, Outcome, Verdict};
    use crate::report::fold::tests::{
        EXTENDED, NORMATIVE, at, finished, fold, id, plan, started, step, unmet,
    };
    use crate::report::results::ScenarioResult;

    fn resumed(second: i64, lines: &[usize]) -> Event {
        Event::RunResumed {
            at: at(second),
            cut_line: None,
            cut_off: lines
                .iter()
                .map(|line| CutOff {
                    scenario: id(*line),
                    evidence: Vec::new(),
                    answered: Vec::new(),
                    unjudged: Vec::new(),
                })
                .collect(),
        }
    }

    /// The normative scenario passes, then the run is cut off in the extended one, and resumed after ten seconds; there it passes.
    fn cut_off(before: Outcome) -> Vec<Event> {
        vec![
            plan(),
            started(NORMATIVE),
            step(NORMATIVE, Keyword::Then, Outcome::Met),
            finished(NORMATIVE, Verdict::Pass),
            started(EXTENDED),
            step(EXTENDED, Keyword::Then, before),
            resumed(12, &[EXTENDED]),
            started(EXTENDED),
            step(EXTENDED, Keyword::Then, Outcome::Met),
            finished(EXTENDED, Verdict::Pass),
            Event::RunFinished { at: at(20) },
        ]
    }

    #[test]
    fn a_scenario_that_was_cut_off_counts_as_it_ended_when_it_was_run_again() {
        let results = fold(cut_off(Outcome::Met));
        assert_eq!(
            (results.verdict, results.faults.len()),
            (Some(Verdict::Pass), 0)
        );
        assert_eq!(results.resumed, [at(12)]);
        let again = &results.cases[0].scenarios[1];
        assert_eq!((again.steps.len(), again.cut_off.len()), (1, 1));
        assert_eq!(again.cut_off[0].steps.len(), 1);
    }

    #[test]
    fn a_fail_before_the_interruption_stands() {
        let results = fold(cut_off(unmet()));
        assert_eq!(results.verdict, Some(Verdict::Fail));
        let reason = &results.cases[0].scenarios[1].reason;
        assert!(
            reason.starts_with("before the run was cut off and resumed: Then it is so"),
            "{reason}"
        );
    }

    #[test]
    fn what_could_not_be_told_before_the_interruption_does_not_stand() {
        let undecided = Outcome::Undecided {
            reason: "the machine went down".into(),
        };
        assert_eq!(fold(cut_off(undecided)).verdict, Some(Verdict::Pass));
    }

    /// The run was killed between the answer of a judge and the step that asked.
    fn answered(answered: Vec<Answered>, unjudged: Vec<Unjudged>) -> ScenarioResult {
        let mut events = cut_off(Outcome::Met);
        let mut resumed = resumed(12, &[EXTENDED]);
        if let Event::RunResumed { cut_off, .. } = &mut resumed {
            cut_off[0].answered = answered;
            cut_off[0].unjudged = unjudged;
        }
        events[6] = resumed;
        events.remove(5);
        let results = fold(events);
        assert_eq!(results.faults, [""; 0]);
        let scenario = results.cases[0].scenarios[1].clone();
        assert_eq!(results.verdict, Some(scenario.verdict));
        scenario
    }

    fn answer(outcome: Outcome) -> Answered {
        Answered {
            path: "question-2.json".into(),
            outcome,
        }
    }

    #[test]
    fn a_judges_answer_stands_though_its_step_was_not_told() {
        let fail = answered(vec![answer(Outcome::Met), answer(unmet())], Vec::new());
        assert_eq!(fail.verdict, Verdict::Fail);
        let reason =
            "before the run was cut off and resumed, a judge had answered (question-2.json): ";
        assert!(fail.reason.starts_with(reason), "{}", fail.reason);
        assert_eq!(fail.cut_off[0].answered.len(), 2);
        let undecided = Outcome::Undecided {
            reason: "the machine went down".into(),
        };
        let pass = answered(vec![answer(undecided)], Vec::new());
        assert_eq!((pass.verdict, pass.reason.as_str()), (Verdict::Pass, ""));
    }

    #[test]
    fn what_was_seen_before_the_interruption_and_not_judged_leaves_the_scenario_open() {
        let seen = || Unjudged {
            path: "look-1.json".into(),
            seen: "key material in 2 place(s)".into(),
        };
        let open = answered(Vec::new(), vec![seen()]);
        assert_eq!(open.verdict, Verdict::Inconclusive);
        assert_eq!(
            open.reason,
            "the attempt that was cut off had seen key material in 2 place(s) (look-1.json), and no judge has decided on it"
        );
        let fail = answered(vec![answer(unmet())], vec![seen()]);
        assert_eq!(fail.verdict, Verdict::Fail);
    }

    #[test]
    fn an_interruption_that_was_followed_by_a_resumption_does_not_count() {
        let mut events = cut_off(Outcome::Met);
        let interrupted = Event::RunInterrupted {
            at: at(3),
            by: "SIGINT".into(),
        };
        events.insert(6, interrupted.clone());
        let results = fold(events.clone());
        assert_eq!(
            (results.verdict, results.interrupted),
            (Some(Verdict::Pass), None)
        );
        events.pop();
        events.push(interrupted);
        assert_eq!(fold(events).verdict, Some(Verdict::Inconclusive));
    }

    #[test]
    fn a_resumption_that_does_not_fit_the_record_is_a_fault() {
        let with = |index: usize, event: Event| {
            let mut events = cut_off(Outcome::Met);
            events[index] = event;
            fold(events).faults.join("; ")
        };
        for (faults, told) in [
            (
                with(6, resumed(12, &[])),
                "was under way when the run was cut off, which is not told",
            ),
            (
                with(6, resumed(12, &[EXTENDED, NORMATIVE])),
                "is told as cut off, and was not under way",
            ),
            (with(6, resumed(12, &[EXTENDED, EXTENDED])), "told twice"),
            (
                with(6, resumed(12, &[EXTENDED, 99])),
                "line 99 is told as cut off, and was not planned",
            ),
            (with(0, resumed(0, &[])), "resumed before it had a plan"),
            (with(6, started(EXTENDED)), "began twice"),
        ] {
            assert!(faults.contains(told), "'{told}' is not in '{faults}'");
        }
        let mut after_the_end = cut_off(Outcome::Met);
        after_the_end.push(resumed(30, &[]));
        assert_eq!(fold(after_the_end).verdict, Some(Verdict::Error));
    }

    #[test]
    fn the_pause_before_a_resumption_is_nobodys_time() {
        use crate::model::evidence::Measurement;
        let mut events = cut_off(Outcome::Met);
        events[6] = resumed(18, &[EXTENDED]);
        for event in &mut events {
            if let Event::ScenarioFinished { measurements, .. } = event {
                measurements.push(Measurement {
                    name: "product-time".into(),
                    value: 1.0,
                    unit: "s".into(),
                });
            }
        }
        let time = fold(events).time.expect("measured");
        // Of the 20 s, two are a scenario's, and those until 18 s were in vain; the scenario that was run again bears two that are made up.
        assert!((time.total - 7.0).abs() < 0.01, "{time:?}");
    }
}
