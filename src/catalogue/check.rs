//! Whether the suite is consistent, with itself and with the code that runs it: [`check`].
//!
//! What is wrong inside one file is found when the file is read; this module adds what takes two to see.

mod phrases;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::model::clause::{Document, Requirement, Untested, Verification};
use crate::model::test_case::TestCase;

use super::metadata::line_of;
use super::nearest::did_you_mean;
use super::{Catalogue, Finding};

pub use phrases::StepInfo;

/// All findings about a suite, ordered by place.
///
/// `steps` is the vocabulary that the program has, `defects` the names of the defects that its reference has.
#[must_use]
pub fn check(catalogue: &Catalogue, steps: &[StepInfo<'_>], defects: &[&str]) -> Vec<Finding> {
    let mut findings = catalogue.problems().to_vec();
    check_ids(catalogue, &mut findings);
    for (document, _, requirement) in catalogue.requirements() {
        check_requirement(catalogue, document, requirement, &mut findings);
    }
    for case in &catalogue.cases {
        check_case(catalogue, case, &mut findings);
    }
    check_defects(catalogue, defects, &mut findings);
    phrases::check(catalogue, steps, &mut findings);
    findings.sort();
    findings.dedup();
    findings
}

/// No id stands for two things.
fn check_ids(catalogue: &Catalogue, findings: &mut Vec<Finding>) {
    let mut documents = BTreeMap::new();
    let mut requirements = BTreeMap::new();
    let mut inherited = BTreeMap::new();
    let mut clauses = BTreeMap::new();
    for document in &catalogue.documents {
        if let Some(first) = documents.insert(&document.id, &document.path) {
            let what = format!(
                "{} has the same document id, {}",
                first.display(),
                document.id
            );
            findings.push(Finding::new(
                &document.path,
                0,
                what,
                "give each document its own id",
            ));
        }
        for clause in &document.clauses {
            if clauses.insert((&document.id, &clause.number), ()).is_some() {
                let what = format!("clause {} stands here a second time", clause.number);
                findings.push(Finding::new(
                    &document.path,
                    0,
                    what,
                    "put its requirements under one [[clause]]",
                ));
            }
            for part in &clause.inherited {
                if inherited.insert(&part.id, ()).is_some() {
                    let what = format!("{} is inherited a second time", part.id);
                    findings.push(Finding::new(&document.path, 0, what, "keep one of the two"));
                }
            }
        }
        for (_, requirement) in document.requirements() {
            if let Some((path, line)) =
                requirements.insert(&requirement.id, (&document.path, requirement.line))
            {
                let what = format!(
                    "{}:{line} has the same id, `{}`",
                    path.display(),
                    requirement.id
                );
                findings.push(Finding::new(
                    &document.path,
                    requirement.line,
                    what,
                    "give each requirement its own id",
                ));
            }
        }
    }
    let mut cases = BTreeMap::new();
    for case in &catalogue.cases {
        if let Some(first) = cases.insert(&case.id, &case.path) {
            let line = line_of(&case.source, "Feature");
            let what = format!("{} is the same test case, {}", first.display(), case.id);
            findings.push(Finding::new(
                &case.path,
                line,
                what,
                "put all scenarios of a case into one feature",
            ));
        }
    }
}

/// Each requirement has a test case or a reason, and the reason can be true.
fn check_requirement(
    catalogue: &Catalogue,
    document: &Document,
    requirement: &Requirement,
    findings: &mut Vec<Finding>,
) {
    let id = &requirement.id;
    let mut find = |what: String, mend: String| {
        findings.push(Finding::new(&document.path, requirement.line, what, mend));
    };
    match (catalogue.case(id), requirement.untested) {
        // A file that cannot be read may well be its test case.
        (None, None) if catalogue.is_partial() => {}
        (None, None) => find(
            format!("no test case covers `{id}`, and nothing says why"),
            format!(
                "write one (`scas new {id}`), or give the reason: untested = \"{}\"",
                Untested::NotYet
            ),
        ),
        (Some(case), Some(reason)) => find(
            format!(
                "`{id}` is marked untested (\"{reason}\"), and {} tests it",
                case.path.display()
            ),
            "take the line `untested` out".to_owned(),
        ),
        (None, Some(Untested::Inspection)) if requirement.verification != Verification::Inspect => {
            find(
                format!(
                    "`{id}` is left to inspection, but its verification is `{}`",
                    requirement.verification
                ),
                format!(
                    "write untested = \"{}\", or verification = \"{}\"",
                    Untested::NotYet,
                    Verification::Inspect
                ),
            )
        }
        _ => {}
    }
}

/// A test case says of its requirement what the clauses say of it.
fn check_case(catalogue: &Catalogue, case: &TestCase, findings: &mut Vec<Finding>) {
    let mut find = |field: &str, what: String, mend: String| {
        findings.push(Finding::new(
            &case.path,
            line_of(&case.source, field),
            what,
            mend,
        ));
    };
    let known = catalogue
        .documents
        .iter()
        .any(|document| document.id == case.document);
    if catalogue.is_partial() && !known {
        return;
    }
    let Some((document, clause, requirement)) = catalogue.requirement(&case.id) else {
        let ids = catalogue
            .requirements()
            .map(|(_, _, requirement)| requirement.id.as_str());
        let mend = did_you_mean(
            &case.id,
            ids,
            "use an id of clauses.toml, or add the requirement there",
        );
        find(
            "Feature",
            format!("no requirement is called `{}`", case.id),
            mend,
        );
        return;
    };
    if (&case.document, &case.clause) != (&document.id, &clause.number) {
        let what = format!("`{}` is not in {} {}", case.id, case.document, case.clause);
        find(
            "Clause",
            what,
            format!("write `Clause: {} {}`", document.id, clause.number),
        );
    }
    if !requirement.roles.contains(&case.role) {
        let what = format!(
            "`{}` binds {}, not {}",
            case.id,
            requirement.roles_text(),
            case.role
        );
        find(
            "Role",
            what,
            "test the role that the requirement binds".to_owned(),
        );
    }
    if case.keyword != requirement.modality {
        let what = format!(
            "`{}` is a \"{}\", not a \"{}\"",
            case.id, requirement.modality, case.keyword
        );
        find(
            "Keyword",
            what,
            format!("write `Keyword: {}`", requirement.modality),
        );
    }
    if let Some(condition) = requirement
        .condition
        .as_deref()
        .filter(|item| !case.applicability.items().contains(item))
    {
        let what = format!(
            "`{}` holds only under `{condition}`, which the applicability does not name",
            case.id
        );
        find(
            "Applicability",
            what,
            format!("write `Applicability: {condition}`, joined with what else it needs"),
        );
    }
}

/// Each defect is there to be caught, and each case names defects that there are.
fn check_defects(catalogue: &Catalogue, defects: &[&str], findings: &mut Vec<Finding>) {
    let mut named = Vec::new();
    for case in &catalogue.cases {
        for defect in &case.defects {
            named.push(defect.name.as_str());
            if !defects.contains(&defect.name.as_str()) {
                let mend = did_you_mean(
                    &defect.name,
                    defects.iter().copied(),
                    "build it into the reference",
                );
                let what = format!("the reference has no defect `{}`", defect.name);
                findings.push(Finding::new(
                    &case.path,
                    line_of(&case.source, "Defects"),
                    what,
                    mend,
                ));
            }
        }
    }
    if catalogue.is_partial() {
        return;
    }
    for defect in defects.iter().filter(|defect| !named.contains(defect)) {
        let what = format!(
            "no test case names the defect `{defect}`: nothing shows that it would be caught"
        );
        let mend = "name it under `Defects:` of the case that must catch it";
        findings.push(Finding::new(catalogue.root(), 0, what, mend));
    }
}
