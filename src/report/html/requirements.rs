//! Every requirement once, with what this run says of it: [`Requirements`].

use std::collections::BTreeMap;

use serde::Serialize;

use crate::model::inventory::{Inventory, RequirementEntry};
use crate::model::verdict::CaseVerdict;
use crate::report::results::{CaseResult, Results};

/// The states in the order of their figures.
const STATES: [&str; 10] = [
    "Pass",
    "Fail",
    "Inconclusive",
    "Error",
    "not applicable",
    "not selected",
    "not yet",
    "inspection",
    "text not available",
    "unexplained",
];

/// All requirements, and how many there are in each state.
#[derive(Serialize)]
pub struct Requirements {
    total: usize,
    binding: usize,
    counts: Vec<Count>,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Count {
    state: &'static str,
    class: String,
    many: usize,
    binding: usize,
}

#[derive(Serialize)]
struct Row {
    id: String,
    document: String,
    clause: String,
    role: String,
    binds: bool,
    modality: String,
    summary: String,
    state: &'static str,
    class: String,
    /// Number of the test case, where this run has it.
    case: Option<usize>,
    detail: Option<String>,
}

/// What the run says of each requirement of the inventory.
pub fn requirements(inventory: &Inventory, results: &Results) -> Requirements {
    let rows: Vec<Row> = inventory
        .requirements
        .iter()
        .map(|requirement| row(requirement, results))
        .collect();
    let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for row in &rows {
        let count = counts.entry(row.state).or_default();
        count.0 += 1;
        count.1 += usize::from(row.binds);
    }
    Requirements {
        total: rows.len(),
        binding: rows.iter().filter(|row| row.binds).count(),
        counts: STATES
            .into_iter()
            .filter_map(|state| {
                let (many, binding) = *counts.get(state)?;
                Some(Count {
                    state,
                    class: class(state),
                    many,
                    binding,
                })
            })
            .collect(),
        rows,
    }
}

fn row(requirement: &RequirementEntry, results: &Results) -> Row {
    let mut cases = results.cases.iter().enumerate();
    let found = cases.find(|(_, case)| case.id == requirement.id);
    let (state, detail) = match (found, &requirement.untested) {
        (Some((_, case)), _) => of_case(case),
        (None, None) => ("not selected", None),
        (None, Some(reason)) => (known(reason), None),
    };
    let (state, detail) = match &requirement.not_applicable {
        Some(ruled_out) if found.is_none() && requirement.verification == "test" => (
            "not applicable",
            Some(format!(
                "ICS item '{}': {}",
                ruled_out.item, ruled_out.reason
            )),
        ),
        _ => (state, detail),
    };
    Row {
        id: requirement.id.clone(),
        document: requirement.document.clone(),
        clause: requirement.clause.clone(),
        role: requirement.role.clone(),
        binds: requirement.binds,
        modality: requirement.modality.clone(),
        summary: requirement.summary.clone(),
        state,
        class: class(state),
        case: found.map(|(place, _)| place + 1),
        detail,
    }
}

fn of_case(case: &CaseResult) -> (&'static str, Option<String>) {
    match &case.normative {
        Some(CaseVerdict::NotApplicable { item, reason }) => (
            "not applicable",
            Some(format!("ICS item '{item}': {reason}")),
        ),
        Some(CaseVerdict::Pass) if case.below_capacity => (
            "Pass",
            Some("the quick tier asked for less than the product can handle".to_owned()),
        ),
        Some(verdict) => (known(&verdict.to_string()), None),
        None => (
            "not selected",
            Some("only extended scenarios were selected".to_owned()),
        ),
    }
}

/// The state of this name; a record may have been written by anybody.
fn known(name: &str) -> &'static str {
    let found = STATES.into_iter().find(|state| *state == name);
    found.unwrap_or("unexplained")
}

/// A state as a class of the style sheet.
fn class(state: &str) -> String {
    state.to_lowercase().replace(' ', "-")
}
