//! From events to results: [`results`]. The one place that counts.
//!
//! A record is not believed where it contradicts itself: a scenario that ends twice or was never planned, or a verdict
//! that its steps do not bear out, is a fault of the record and makes the run an Error.

mod resumption;
mod scenario;
#[cfg(test)]
mod tests;
mod waivers;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use self::resumption::Resumptions;
use self::scenario::Scenario;
pub use self::waivers::STALE_WAIVER;
use super::record::{Record, RunInfo};
use super::results::{CaseResult, Results, ScenarioResult, Summary, Time, WaiverState};
use crate::model::event::{Event, PlannedCase, ScenarioId};
use crate::model::verdict::{CaseVerdict, Verdict};

/// Exit code of a run that judged nothing.
pub const NOTHING_SELECTED: u8 = 4;

/// The observation of a scenario that asked for less than the product can handle.
const BELOW_CAPACITY: &str = "below-capacity";

/// The measurement of how long the product was at work, in seconds.
const PRODUCT_TIME: &str = "product-time";

/// What a record comes to.
pub fn results(record: &Record) -> Results {
    let mut told = Told::default();
    for event in &record.events {
        told.hear(event);
    }
    let interrupted = told.interruption(record.cut);
    let faults = told.all_faults();
    let mut cases: Vec<CaseResult> = told
        .plan
        .iter()
        .flatten()
        .map(|case| told.case(case, interrupted.as_deref()))
        .collect();
    let waivers = waivers::waivers(&record.run.waivers, record.run.started, &cases);
    for case in &mut cases {
        case.waived = waivers
            .iter()
            .any(|waiver| waiver.waiver.case == case.id && waiver.state == WaiverState::Holds);
    }
    let whole = (!faults.is_empty())
        .then_some(Verdict::Error)
        // What would have followed is not known: it may have been a Fail.
        .max(interrupted.is_some().then_some(Verdict::Inconclusive));
    let verdict = cases
        .iter()
        .filter_map(CaseResult::worst)
        .chain(whole)
        .max();
    Results {
        format: 1,
        run: record.run.clone(),
        ended: told.ended,
        interrupted,
        resumed: told.resumptions.times(),
        faults,
        summary: summary(&cases),
        time: told.time(&record.run, &cases),
        verdict,
        exit_code: waivers::exit_code(&cases, &waivers, whole),
        cases,
        waivers,
    }
}

fn summary(cases: &[CaseResult]) -> Summary {
    let mut summary = Summary::default();
    for case in cases {
        if let Some(verdict) = &case.normative {
            summary.cases.count(verdict.judged());
        }
        for scenario in &case.scenarios {
            if !scenario.normative {
                summary.extended_scenarios.count(Some(scenario.verdict));
            }
            if !scenario.residue.is_empty() {
                summary.scenarios_with_residue += 1;
            }
        }
    }
    summary
}

/// The scenarios of a record that ended, and those that began and did not: what a run that is resumed goes by.
pub fn ended_and_open(record: &Record) -> (BTreeSet<ScenarioId>, BTreeSet<ScenarioId>) {
    let mut told = Told::default();
    for event in &record.events {
        told.hear(event);
    }
    let which = |wanted: fn(&Scenario) -> bool| {
        let scenarios = told.scenarios.iter().filter(|(_, one)| wanted(one));
        scenarios.map(|(id, _)| id.clone()).collect()
    };
    (which(Scenario::has_ended), which(Scenario::is_open))
}

/// What the events have told so far.
#[derive(Default)]
struct Told {
    plan: Option<Vec<PlannedCase>>,
    /// Every planned scenario, from the beginning.
    scenarios: BTreeMap<ScenarioId, Scenario>,
    /// Scenarios that no plan names, with the worst verdict that was told of them.
    unplanned: BTreeMap<ScenarioId, Option<Verdict>>,
    interrupted: Option<String>,
    faults: Vec<String>,
    ended: Option<Timestamp>,
    /// When the last event happened.
    last: Option<Timestamp>,
    resumptions: Resumptions,
}

impl Told {
    fn hear(&mut self, event: &Event) {
        if let Event::RunResumed { at, cut_off, .. } = event {
            self.resumed(*at, cut_off);
        }
        self.last = Some(event.at());
        // A fault may come from a thread that outlives the run, and is one wherever it stands.
        if self.ended.is_some() && !matches!(event, Event::RunnerFault { .. }) {
            let fault = "the record goes on after the run's end".to_owned();
            if !self.faults.contains(&fault) {
                self.faults.push(fault);
            }
        }
        match event {
            Event::RunStarted { plan, .. } => self.planned(plan),
            Event::ScenarioStarted { scenario, .. } | Event::StepFinished { scenario, .. } => {
                self.of_scenario(scenario, event, None);
            }
            Event::ScenarioFinished {
                scenario, verdict, ..
            } => self.of_scenario(scenario, event, Some(*verdict)),
            Event::RunInterrupted { at, by } => {
                self.interrupted = Some(format!("interrupted by {by}"));
                self.ended = Some(*at);
            }
            Event::RunnerFault { error, .. } => self.faults.push(error.clone()),
            Event::RunFinished { at } => self.ended = Some(*at),
            Event::RunResumed { .. } => {}
        }
    }

    fn planned(&mut self, plan: &[PlannedCase]) {
        if self.plan.is_some() {
            self.faults.push("the record has a second plan".to_owned());
            return;
        }
        for case in plan {
            // Either would drop out of the verdict without a word.
            if case.scenarios.is_empty() == case.not_applicable.is_none() {
                let what = match case.not_applicable {
                    Some(_) => "is not applicable, and has scenarios in the plan",
                    None => "has no scenarios in the plan",
                };
                self.faults.push(format!("{} {what}", case.id));
            }
            for scenario in &case.scenarios {
                let id = ScenarioId {
                    case: case.id.clone(),
                    line: scenario.line,
                };
                let name = named(&id);
                if self.scenarios.insert(id, Scenario::default()).is_some() {
                    self.faults.push(format!("{name} was planned twice"));
                }
            }
        }
        self.plan = Some(plan.to_vec());
    }

    fn of_scenario(&mut self, id: &ScenarioId, event: &Event, verdict: Option<Verdict>) {
        if let Some(scenario) = self.scenarios.get_mut(id) {
            scenario.hear(event);
        } else {
            let worst = self.unplanned.entry(id.clone()).or_default();
            *worst = (*worst).max(verdict);
        }
    }

    /// Why the run did not come to its end, if it did not.
    fn interruption(&self, cut: bool) -> Option<String> {
        let in_a_line = if cut { ", in the middle of a line" } else { "" };
        match (&self.interrupted, self.ended) {
            (Some(by), _) => Some(by.clone()),
            (None, None) => Some(format!("the record ends before the run did{in_a_line}")),
            (None, Some(_)) => {
                cut.then(|| format!("the record goes on after the run's end and stops{in_a_line}"))
            }
        }
    }

    fn all_faults(&self) -> Vec<String> {
        let no_plan = (self.plan.is_none() && self.ended.is_some())
            .then(|| "the record has no plan".to_owned());
        let unplanned = self.unplanned.iter().map(|(id, verdict)| {
            let came_to = verdict.map_or(String::new(), |v| format!(" and came to {v}"));
            format!("{} was not planned{came_to}", named(id))
        });
        let contradictions = self.scenarios.iter().filter_map(|(id, scenario)| {
            Some(format!("{} {}", named(id), scenario.contradiction()?))
        });
        self.faults
            .iter()
            .cloned()
            .chain(no_plan)
            .chain(unplanned)
            .chain(contradictions)
            .collect()
    }

    /// What the scenarios took, and what passed before, between and after them. The product's part is as the test beds measured it.
    fn time(&self, run: &RunInfo, cases: &[CaseResult]) -> Option<Time> {
        let scenarios = || cases.iter().flat_map(|case| &case.scenarios);
        let spans = self.scenarios.values().filter_map(Scenario::span);
        // What passed in vain is nobody's share.
        let spans = spans.chain(self.resumptions.in_vain()).collect();
        let wall = self
            .ended
            .map_or(0.0, |ended| ended.duration_since(run.started).as_secs_f64());
        let around = (wall - covered(spans)).max(0.0);
        let product: Vec<f64> = scenarios()
            .flat_map(|scenario| &scenario.measurements)
            .filter(|measurement| measurement.name == PRODUCT_TIME)
            .map(|measurement| measurement.value)
            .collect();
        (!product.is_empty()).then(|| Time {
            total: around + scenarios().map(|scenario| scenario.seconds).sum::<f64>(),
            product: product.iter().sum(),
        })
    }

    fn case(&self, case: &PlannedCase, interrupted: Option<&str>) -> CaseResult {
        let scenarios: Vec<ScenarioResult> = case
            .scenarios
            .iter()
            .filter_map(|planned| {
                let id = ScenarioId {
                    case: case.id.clone(),
                    line: planned.line,
                };
                let scenario = self.scenarios.get(&id)?;
                Some(scenario.result(planned, interrupted))
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
            below_capacity: scenarios
                .iter()
                .any(|scenario| scenario.normative && scenario.observed(BELOW_CAPACITY)),
            extended: worst(false),
            waived: false,
            scenarios,
        }
    }
}

/// Seconds that any of the spans covers.
fn covered(mut spans: Vec<(Timestamp, Timestamp)>) -> f64 {
    spans.sort_unstable();
    let mut covered = 0.0;
    let mut until: Option<Timestamp> = None;
    for (from, to) in spans {
        let from = until.map_or(from, |until| from.max(until));
        covered += to.duration_since(from).as_secs_f64().max(0.0);
        until = Some(until.map_or(to, |until| until.max(to)));
    }
    covered
}

fn named(id: &ScenarioId) -> String {
    format!("{} line {}", id.case, id.line)
}
