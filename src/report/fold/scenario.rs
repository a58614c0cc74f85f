//! One scenario of a record: what was told of it, and what it comes to. Main type: [`Scenario`].

use jiff::Timestamp;

use crate::model::event::{CutOff, Event, PlannedScenario, Step};
use crate::model::verdict::{Keyword, Outcome, Verdict};
use crate::report::results::{CutOffAttempt, ScenarioResult};

/// What the events have told of one scenario so far.
#[derive(Default)]
pub struct Scenario {
    started: Option<Timestamp>,
    steps: Vec<Step>,
    finished: Option<Event>,
    contradiction: Option<String>,
    /// Earlier attempts.
    cut_off: Vec<CutOffAttempt>,
}

impl Scenario {
    /// Hears an event of this scenario. Nothing that was told is replaced by what comes later.
    pub fn hear(&mut self, event: &Event) {
        match event {
            Event::ScenarioStarted { at, .. } => {
                if self.started.is_some() {
                    self.contradicted("began twice".to_owned());
                } else {
                    self.started = Some(*at);
                }
            }
            Event::StepFinished { step, .. } => {
                if self.finished.is_some() {
                    self.contradicted("has a step after its end".to_owned());
                }
                self.steps.push(step.clone());
            }
            Event::ScenarioFinished { verdict, .. } => match &self.finished {
                Some(Event::ScenarioFinished { verdict: first, .. }) => {
                    self.contradicted(format!("ended twice: as {first}, then as {verdict}"));
                }
                _ => self.finished = Some(event.clone()),
            },
            _ => {}
        }
    }

    /// Whether it began and did not end.
    pub fn is_open(&self) -> bool {
        self.started.is_some() && self.finished.is_none()
    }

    /// Whether it ended.
    pub fn has_ended(&self) -> bool {
        self.finished.is_some()
    }

    /// The run was resumed while it was open: it begins anew. Returns when the attempt began that was cut off.
    pub fn cut_off(&mut self, cut: &CutOff) -> Option<Timestamp> {
        let started = self.started.take_if(|_| self.finished.is_none())?;
        self.cut_off.push(CutOffAttempt {
            started,
            steps: std::mem::take(&mut self.steps),
            evidence: cut.evidence.clone(),
            answered: cut.answered.clone(),
            unjudged: cut.unjudged.clone(),
        });
        Some(started)
    }

    fn contradicted(&mut self, how: String) {
        self.contradiction.get_or_insert(how);
    }

    /// How the record contradicts itself about this scenario, if it does.
    pub fn contradiction(&self) -> Option<String> {
        if self.contradiction.is_some() {
            return self.contradiction.clone();
        }
        let Some(Event::ScenarioFinished { verdict, .. }) = &self.finished else {
            return None;
        };
        // Evidence that was lost makes a scenario an Error, whatever its steps came to. Nothing else may differ.
        let steps = self.come_to();
        (*verdict != Verdict::Error && *verdict != steps)
            .then(|| format!("ended as {verdict}, but its steps come to {steps}"))
    }

    /// What the steps of a scenario that ended come to: the worst of them, and an Error if none judged anything.
    fn come_to(&self) -> Verdict {
        let judged = self.steps.iter().any(|step| step.keyword == Keyword::Then);
        match self.worst_step() {
            Some(Verdict::Pass) if !judged => Verdict::Error,
            Some(verdict) => verdict,
            None => Verdict::Error,
        }
    }

    fn worst_step(&self) -> Option<Verdict> {
        worst(&self.steps).map(|(verdict, _)| verdict)
    }

    /// What was judged before the run was cut off, if it stands, and how: a Fail or an Error. Anything less may come from the
    /// interruption itself, but what was seen and not judged leaves the scenario open.
    fn before(&self) -> Option<(Verdict, String)> {
        let earlier = self.cut_off.iter().filter_map(judged_before);
        // Of equals the last is the greatest.
        let judged = earlier.rev().max_by_key(|(verdict, _)| *verdict);
        judged.or_else(|| {
            let seen = self.cut_off.iter().flat_map(|cut| &cut.unjudged).next()?;
            let reason = format!(
                "the attempt that was cut off had seen {} ({}), and no judge has decided on it",
                seen.seen, seen.path
            );
            Some((Verdict::Inconclusive, reason))
        })
    }

    /// From its beginning to its end.
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        match &self.finished {
            Some(Event::ScenarioFinished { at, .. }) => Some((self.started?, *at)),
            _ => None,
        }
    }

    /// What it comes to in a run that was `interrupted`, or not.
    pub fn result(&self, planned: &PlannedScenario, interrupted: Option<&str>) -> ScenarioResult {
        let mut result = ScenarioResult {
            name: planned.name.clone(),
            line: planned.line,
            normative: planned.normative,
            verdict: Verdict::Error,
            reason: String::new(),
            seconds: 0.0,
            steps: self.steps.clone(),
            evidence: Vec::new(),
            observations: Vec::new(),
            measurements: Vec::new(),
            residue: Vec::new(),
            cut_off: self.cut_off.clone(),
        };
        if let Some(Event::ScenarioFinished {
            at,
            verdict,
            evidence,
            observations,
            measurements,
            residue,
            ..
        }) = &self.finished
        {
            result.verdict = *verdict;
            result.reason = self.reason(*verdict);
            result.seconds = self
                .started
                .map_or(0.0, |started| at.duration_since(started).as_secs_f64());
            result.evidence.clone_from(evidence);
            result.observations.clone_from(observations);
            result.measurements.clone_from(measurements);
            result.residue.clone_from(residue);
        } else {
            result.verdict = self.without_end(interrupted.is_some());
            result.reason = self.reason_without_end(interrupted);
        }
        if let Some((verdict, reason)) = self.before()
            && verdict > result.verdict
        {
            result.verdict = verdict;
            result.reason = reason;
        }
        if let Some(how) = self.contradiction() {
            result.verdict = Verdict::Error;
            result.reason = format!("the record contradicts itself: the scenario {how}");
        }
        result
    }

    /// A scenario that never ended was interrupted, or met a fault of the runner, which reports it by itself. What was
    /// judged before counts.
    fn without_end(&self, interrupted: bool) -> Verdict {
        let open = if interrupted {
            Verdict::Inconclusive
        } else {
            Verdict::Error
        };
        self.worst_step().map_or(open, |worst| worst.max(open))
    }

    fn reason_without_end(&self, interrupted: Option<&str>) -> String {
        let why = interrupted.map_or(String::new(), |by| format!(": {by}"));
        let before = self
            .first_not_met()
            .map_or(String::new(), |step| format!("; before that, {step}"));
        format!("the scenario did not come to its end{why}{before}")
    }

    fn reason(&self, verdict: Verdict) -> String {
        if verdict == Verdict::Pass {
            return String::new();
        }
        self.first_not_met()
            .unwrap_or_else(|| "no expected result was judged, or evidence was lost".to_owned())
    }

    fn first_not_met(&self) -> Option<String> {
        self.steps
            .iter()
            .find(|step| step.outcome != Outcome::Met)
            .map(|step| format!("{} {}: {}", step.keyword, step.text, step.outcome))
    }
}

/// The Fail or Error that an attempt had come to when it was cut off, and how. A judge's answer counts also where the step that asked
/// was not told any more: it lies on the disk first.
fn judged_before(cut: &CutOffAttempt) -> Option<(Verdict, String)> {
    const WHEN: &str = "before the run was cut off and resumed";
    let answers = cut.answered.iter().map(|answered| {
        // Judges are asked under `Then`.
        let verdict = Verdict::of_step(Keyword::Then, &answered.outcome);
        let reason = format!(
            "{WHEN}, a judge had answered ({}): {}",
            answered.path, answered.outcome
        );
        (verdict, reason)
    });
    let steps = worst(&cut.steps).map(|(verdict, step)| {
        let reason = format!("{WHEN}: {} {}: {}", step.keyword, step.text, step.outcome);
        (verdict, reason)
    });
    // Of equals the last is the greatest: the step says more.
    let stands = answers.rev().chain(steps);
    stands
        .filter(|(verdict, _)| *verdict >= Verdict::Fail)
        .max_by_key(|(verdict, _)| *verdict)
}

/// The worst of these steps, the first of its kind, and what it comes to.
fn worst(steps: &[Step]) -> Option<(Verdict, &Step)> {
    let judged = steps
        .iter()
        .map(|step| (Verdict::of_step(step.keyword, &step.outcome), step));
    // Of equals the last is the greatest.
    judged.rev().max_by_key(|(verdict, _)| *verdict)
}
