//! The suite as a run keeps it beside its record: [`Catalogue::inventory`].

use serde::Deserialize;

use super::{Catalogue, Status};
use crate::model::clause::Role;
use crate::model::event::{NotApplicable, PlannedCase};
use crate::model::ics::Ics;
use crate::model::inventory::{
    CaseEntry, DocumentEntry, InheritedEntry, Inventory, Reading, RequirementEntry, ScenarioSteps,
};
use crate::model::test_case::TestCase;

/// How the specifications are read; docs/verdicts.md has the same for people.
const READINGS: &str = include_str!("readings.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Readings {
    reading: Vec<Reading>,
}

impl Catalogue {
    /// What this suite holds, for a product in `role` with this ICS. Steps are those of the planned scenarios.
    ///
    /// # Errors
    /// A fault of ours: the table of readings does not read.
    pub fn inventory(
        &self,
        role: Role,
        ics: &Ics,
        planned: &[PlannedCase],
    ) -> Result<Inventory, toml::de::Error> {
        let readings: Readings = toml::from_str(READINGS)?;
        let documents = self.documents.iter().map(|document| DocumentEntry {
            id: document.id.clone(),
            title: document.title.clone(),
            version: document.version.clone(),
        });
        let inherited = self.documents.iter().flat_map(|document| {
            let inherited = document.clauses.iter().flat_map(|clause| &clause.inherited);
            inherited.map(|inherited| InheritedEntry {
                id: inherited.id.clone(),
                document: document.id.clone(),
                untested: inherited.untested.to_string(),
            })
        });
        Ok(Inventory {
            format: 1,
            suite_digest: self.digest().to_owned(),
            documents: documents.collect(),
            requirements: self.requirement_entries(role, ics),
            inherited: inherited.collect(),
            cases: self.cases.iter().map(|case| entry(case, planned)).collect(),
            readings: readings.reading,
        })
    }

    fn requirement_entries(&self, role: Role, ics: &Ics) -> Vec<RequirementEntry> {
        self.requirements()
            .map(|(document, clause, requirement)| {
                let status = self.status(requirement);
                RequirementEntry {
                    id: requirement.id.clone(),
                    document: document.id.clone(),
                    clause: clause.number.clone(),
                    role: requirement.roles_text(),
                    binds: requirement.roles.iter().any(|bound| bound.binds(role)),
                    modality: requirement.modality.to_string(),
                    verification: requirement.verification.to_string(),
                    summary: requirement.summary.clone(),
                    untested: (!matches!(status, Status::Tested(_)))
                        .then(|| status.as_str().to_owned()),
                    not_applicable: requirement
                        .condition
                        .as_deref()
                        .and_then(|item| ruled_out(item, ics)),
                }
            })
            .collect()
    }
}

/// The vendor's no to the item under which a requirement holds. What the ICS does not mention rules nothing out.
fn ruled_out(item: &str, ics: &Ics) -> Option<NotApplicable> {
    let answer = ics.items.get(item).filter(|answer| !answer.supported())?;
    Some(NotApplicable {
        item: item.to_owned(),
        reason: answer.reason().unwrap_or("no reason is given").to_owned(),
    })
}

fn entry(case: &TestCase, planned: &[PlannedCase]) -> CaseEntry {
    let plan = planned.iter().find(|planned| planned.id == case.id);
    let runs = |line| plan.is_some_and(|plan| plan.scenarios.iter().any(|s| s.line == line));
    CaseEntry {
        id: case.id.clone(),
        reference: case.reference.clone(),
        threat: case.threat.clone(),
        threatened_asset: case.threatened_asset.clone(),
        applicability: case.applicability.to_string(),
        defects: case.defects.iter().map(|d| d.name.clone()).collect(),
        scenarios: case
            .scenarios
            .iter()
            .filter(|scenario| runs(scenario.line))
            .map(|scenario| ScenarioSteps {
                line: scenario.line,
                steps: scenario
                    .steps
                    .iter()
                    .map(|step| (step.keyword.to_string(), step.text.clone()))
                    .collect(),
            })
            .collect(),
    }
}
