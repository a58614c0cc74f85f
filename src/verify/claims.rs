//! What a run planned, and which steps it took, against the suite and the profile: [`check`]. The suite is the one in this program, if
//! the record is of that; otherwise nothing but `inventory.json` says what it was.

use std::collections::BTreeSet;

use super::Verification;
use super::record::{difference, shown};
use crate::applicability::{Applicability, applicable_in_role};
use crate::catalogue::{Catalogue, Selection};
use crate::model::event::{Event, NotApplicable, PlannedCase, PlannedScenario, ScenarioId, Step};
use crate::model::inventory::Inventory;
use crate::model::sut::Profile;
use crate::model::test_case::{ScenarioKind, Tier};
use crate::model::verdict::{Outcome, Verdict};
use crate::report::record::{INVENTORY, Record, RunInfo};

/// Compares plan, inventory and steps with what follows.
pub fn check(
    record: &Record,
    kept: Option<Inventory>,
    profile: &Profile,
    found: &mut Verification,
) -> anyhow::Result<()> {
    if record.run.tool_version != env!("CARGO_PKG_VERSION") {
        found.remarks.push(format!(
            "the run is of version {}, and this is {}: whatever is drawn or judged otherwise since is told as a mismatch",
            record.run.tool_version,
            env!("CARGO_PKG_VERSION")
        ));
    }
    let plan = record.events.iter().find_map(|event| match event {
        Event::RunStarted { plan, .. } => Some(plan.as_slice()),
        _ => None,
    });
    // A run that was killed before it said anything has planned nothing yet; whoever tells something has told the plan first.
    let silent = record.events.is_empty();
    let plan = plan.unwrap_or_default();
    let catalogue = Catalogue::embedded()?;
    let inventory = if catalogue.digest() == record.run.suite_digest {
        let Some(follows) = planned(&catalogue, &record.run, profile, found) else {
            return Ok(());
        };
        if !silent {
            compare_plan(plan, &follows, found);
        }
        let inventory = catalogue.inventory(profile.sut.role, &profile.ics, &follows)?;
        match &kept {
            Some(said) => {
                let said = serde_json::to_value(said)?;
                let follows = serde_json::to_value(&inventory)?;
                if let Some((field, said, follows)) = difference(&said, &follows) {
                    found.miss(INVENTORY, field, said, format!("{follows} in the suite"));
                }
            }
            None => found.miss(INVENTORY, "", "is missing", "a run keeps its suite"),
        }
        Some(inventory)
    } else {
        found.remarks.push(
            "the suite is not the one in this program: that plan and steps are its own is said by inventory.json alone".to_owned(),
        );
        if let Some(inventory) = kept.as_ref().filter(|_| !silent) {
            listed(plan, inventory, found);
        }
        kept
    };
    if let Some(inventory) = inventory {
        steps(record, &inventory, found);
    }
    Ok(())
}

/// What is planned for this selection, tier and profile.
fn planned(
    catalogue: &Catalogue,
    run: &RunInfo,
    profile: &Profile,
    found: &mut Verification,
) -> Option<Vec<PlannedCase>> {
    let selection = match run.selection.as_str() {
        "" => None,
        text => match Selection::parse(text, catalogue) {
            Ok(selection) => Some(selection),
            Err(error) => {
                found.miss("run.json", "/selection", text, error.to_string());
                return None;
            }
        },
    };
    let quick = match run.tier.as_str() {
        "quick" => true,
        "full" => false,
        other => {
            found.miss("run.json", "/tier", other, "quick or full");
            return None;
        }
    };
    let runs = |tier| match tier {
        Tier::Both => true,
        Tier::QuickOnly => quick,
        Tier::FullOnly => !quick,
    };
    let mut all = Vec::new();
    for case in &catalogue.cases {
        let chosen = case.scenarios.iter().filter(|scenario| {
            let matches = |selection: &Selection| selection.matches(case, scenario);
            runs(scenario.tier) && selection.as_ref().is_none_or(matches)
        });
        let mut scenarios: Vec<PlannedScenario> = chosen
            .map(|scenario| PlannedScenario {
                name: scenario.name.clone(),
                line: scenario.line,
                normative: scenario.kind == ScenarioKind::Normative,
            })
            .collect();
        if scenarios.is_empty() {
            continue;
        }
        let not_applicable = match applicable_in_role(case, profile.sut.role, &profile.ics) {
            Ok(Applicability::Yes) => None,
            Ok(Applicability::No { item, reason }) => Some(NotApplicable { item, reason }),
            Err(error) => {
                found.miss("profile.toml", "ics", error.to_string(), "an answer");
                return None;
            }
        };
        if not_applicable.is_some() {
            scenarios.clear();
        }
        all.push(PlannedCase {
            id: case.id.clone(),
            document: case.document.clone(),
            clause: case.clause.clone(),
            requirement: case.requirement.clone(),
            purpose: case.purpose.clone(),
            keyword: case.keyword.to_string(),
            path: case.path.display().to_string(),
            not_applicable,
            scenarios,
        });
    }
    Some(all)
}

fn compare_plan(said: &[PlannedCase], follows: &[PlannedCase], found: &mut Verification) {
    let ids =
        |plan: &[PlannedCase]| -> Vec<String> { plan.iter().map(|case| case.id.clone()).collect() };
    if ids(said) != ids(follows) {
        let field = "plan, test cases";
        return found.miss(
            "events.jsonl",
            field,
            ids(said).join(", "),
            ids(follows).join(", "),
        );
    }
    for (said, follows) in said.iter().zip(follows) {
        // Where the features lay is no part of the suite.
        let follows = PlannedCase {
            path: said.path.clone(),
            ..follows.clone()
        };
        let both = serde_json::to_value(said)
            .ok()
            .zip(serde_json::to_value(&follows).ok());
        if let Some((field, one, other)) = both.and_then(|(one, other)| difference(&one, &other)) {
            let field = format!("plan, {}{field}", said.id);
            found.miss("events.jsonl", field, one, other);
        }
    }
}

/// Of another suite: plan and inventory name the same scenarios.
fn listed(plan: &[PlannedCase], inventory: &Inventory, found: &mut Verification) {
    let planned: BTreeSet<(&str, usize)> = plan
        .iter()
        .flat_map(|case| {
            case.scenarios
                .iter()
                .map(|one| (case.id.as_str(), one.line))
        })
        .collect();
    let known: BTreeSet<(&str, usize)> = inventory
        .cases
        .iter()
        .flat_map(|case| {
            case.scenarios
                .iter()
                .map(|one| (case.id.as_str(), one.line))
        })
        .collect();
    for (case, line) in planned.symmetric_difference(&known) {
        let said = match planned.contains(&(*case, *line)) {
            true => "is planned",
            false => "is not planned",
        };
        let field = format!("plan, {case} line {line}");
        found.miss("events.jsonl", field, said, "inventory.json says otherwise");
    }
}

/// The steps of each scenario are those of the feature, in order, and all of them unless one was not met.
fn steps(record: &Record, inventory: &Inventory, found: &mut Verification) {
    for event in &record.events {
        let Event::ScenarioFinished {
            scenario, verdict, ..
        } = event
        else {
            continue;
        };
        let taken = taken(record, scenario);
        let at = format!("{} line {}", scenario.case, scenario.line);
        let case = inventory.cases.iter().find(|case| case.id == scenario.case);
        let known = case.and_then(|case| {
            let mut scenarios = case.scenarios.iter();
            scenarios.find(|one| one.line == scenario.line)
        });
        let Some(known) = known else {
            found.miss(
                "events.jsonl",
                at,
                "was run",
                "the suite has no such scenario",
            );
            continue;
        };
        for (index, step) in taken.iter().enumerate() {
            let said = (step.keyword.to_string(), step.text.clone());
            if known.steps.get(index) != Some(&said) {
                let words = |step: &(String, String)| format!("{} {}", step.0, step.1);
                let follows = known
                    .steps
                    .get(index)
                    .map_or("no more steps".to_owned(), words);
                let field = format!("{at}, step line {}", step.line);
                found.miss("events.jsonl", field, words(&said), follows);
            }
        }
        // A fault of the harness may end a scenario anywhere.
        let whole = taken.iter().all(|step| step.outcome == Outcome::Met);
        if whole && *verdict != Verdict::Error && taken.len() < known.steps.len() {
            let next = known.steps.get(taken.len());
            let follows = shown(&serde_json::json!(next));
            found.miss("events.jsonl", at, "ends before its last step", follows);
        }
    }
}

/// The steps of the attempt that ended: one that was cut off began anew.
fn taken<'a>(record: &'a Record, id: &ScenarioId) -> Vec<&'a Step> {
    let mut steps = Vec::new();
    for event in &record.events {
        match event {
            Event::ScenarioStarted { scenario, .. } if scenario == id => steps.clear(),
            Event::StepFinished { scenario, step, .. } if scenario == id => steps.push(step),
            _ => {}
        }
    }
    steps
}
