//! From events to results: [`results`]. The one place that counts.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::record::Record;
use super::results::{CaseResult, Results, ScenarioResult, Summary};
use crate::model::event::{Event, PlannedCase, PlannedScenario, ScenarioId, Step};
use crate::model::verdict::{CaseVerdict, Outcome, Verdict};

/// Exit code of a run that judged nothing.
pub const NOTHING_SELECTED: u8 = 4;

/// What a record comes to.
pub fn results(record: &Record) -> Results {
    let mut told = Told::default();
    for event in &record.events {
        told.hear(event);
    }
    let interrupted = told.interrupted.clone().or_else(|| {
        (!told.ended).then(|| {
            let cut = if record.cut {
                ", in the middle of a line"
            } else {
                ""
            };
            format!("the record ends before the run did{cut}")
        })
    });
    let cases: Vec<CaseResult> = told
        .plan
        .iter()
        .map(|case| told.case(case, interrupted.as_deref()))
        .collect();
    let mut summary = Summary::default();
    for case in &cases {
        if let Some(verdict) = &case.normative {
            summary.cases.count(verdict.judged());
        }
        for scenario in case.scenarios.iter().filter(|s| !s.normative) {
            summary.extended_scenarios.count(Some(scenario.verdict));
        }
    }
    let verdict = cases
        .iter()
        .filter_map(CaseResult::worst)
        .chain((!told.faults.is_empty()).then_some(Verdict::Error))
        .max();
    Results {
        format: 1,
        run: record.run.clone(),
        interrupted,
        faults: told.faults,
        summary,
        verdict,
        exit_code: verdict.map_or(NOTHING_SELECTED, Verdict::exit_code),
        cases,
    }
}

/// What the events have told so far.
#[derive(Default)]
struct Told {
    plan: Vec<PlannedCase>,
    scenarios: BTreeMap<ScenarioId, Scenario>,
    interrupted: Option<String>,
    faults: Vec<String>,
    ended: bool,
}

#[derive(Default)]
struct Scenario {
    started: Option<Timestamp>,
    steps: Vec<Step>,
    finished: Option<Event>,
}

impl Told {
    fn hear(&mut self, event: &Event) {
        match event {
            Event::RunStarted { plan, .. } => self.plan.clone_from(plan),
            Event::ScenarioStarted { at, scenario } => {
                self.scenario(scenario).started = Some(*at);
            }
            Event::StepFinished { scenario, step, .. } => {
                self.scenario(scenario).steps.push(step.clone());
            }
            Event::ScenarioFinished { scenario, .. } => {
                self.scenario(scenario).finished = Some(event.clone());
            }
            Event::RunInterrupted { by, .. } => {
                self.interrupted = Some(format!("interrupted by {by}"));
            }
            Event::RunnerFault { error, .. } => self.faults.push(error.clone()),
            Event::RunFinished { .. } => self.ended = true,
        }
    }

    fn scenario(&mut self, id: &ScenarioId) -> &mut Scenario {
        self.scenarios.entry(id.clone()).or_default()
    }

    fn case(&self, case: &PlannedCase, interrupted: Option<&str>) -> CaseResult {
        let scenarios: Vec<ScenarioResult> = case
            .scenarios
            .iter()
            .map(|planned| {
                let id = ScenarioId {
                    case: case.id.clone(),
                    line: planned.line,
                };
                self.scenarios.get(&id).map_or_else(
                    || Scenario::default().result(planned, interrupted),
                    |scenario| scenario.result(planned, interrupted),
                )
            })
            .collect();
        let worst = |normative: bool| {
            scenarios
                .iter()
                .filter(|scenario| scenario.normative == normative)
                .map(|scenario| scenario.verdict)
                .max()
        };
        let normative = match &case.not_applicable {
            Some(na) => Some(CaseVerdict::NotApplicable {
                item: na.item.clone(),
                reason: na.reason.clone(),
            }),
            None => worst(true).map(CaseVerdict::from),
        };
        CaseResult {
            id: case.id.clone(),
            document: case.document.clone(),
            clause: case.clause.clone(),
            requirement: case.requirement.clone(),
            purpose: case.purpose.clone(),
            keyword: case.keyword.clone(),
            path: case.path.clone(),
            normative,
            extended: worst(false),
            scenarios,
        }
    }
}

impl Scenario {
    fn result(&self, planned: &PlannedScenario, interrupted: Option<&str>) -> ScenarioResult {
        let mut result = ScenarioResult {
            name: planned.name.clone(),
            line: planned.line,
            normative: planned.normative,
            verdict: Verdict::Inconclusive,
            reason: String::new(),
            seconds: 0.0,
            steps: self.steps.clone(),
            evidence: Vec::new(),
            observations: Vec::new(),
            measurements: Vec::new(),
            residue: Vec::new(),
        };
        let Some(Event::ScenarioFinished {
            at,
            verdict,
            evidence,
            observations,
            measurements,
            residue,
            ..
        }) = &self.finished
        else {
            // Never finished: interrupted, or a fault of the runner that it reports by itself.
            result.verdict = if interrupted.is_some() {
                Verdict::Inconclusive
            } else {
                Verdict::Error
            };
            result.reason = format!(
                "the scenario did not come to its end{}",
                interrupted.map_or(String::new(), |by| format!(": {by}"))
            );
            return result;
        };
        result.verdict = *verdict;
        result.reason = self.reason(*verdict);
        result.seconds = self
            .started
            .map_or(0.0, |started| at.duration_since(started).as_secs_f64());
        result.evidence.clone_from(evidence);
        result.observations.clone_from(observations);
        result.measurements.clone_from(measurements);
        result.residue.clone_from(residue);
        result
    }

    fn reason(&self, verdict: Verdict) -> String {
        if verdict == Verdict::Pass {
            return String::new();
        }
        self.steps
            .iter()
            .find(|step| step.outcome != Outcome::Met)
            .map_or_else(
                || "no expected result was judged, or evidence was lost".to_owned(),
                |step| format!("{} {}: {}", step.keyword, step.text, step.outcome),
            )
    }
}
