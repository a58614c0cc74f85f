//! `scas check --sut`: whether a product can be tested with the suite, and what of it applies: [`report`].

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use super::{Args, USAGE, counted};
use crate::applicability::{Applicability, applicable_in_role, unanswered};
use crate::catalogue::{Catalogue, Selection};
use crate::cli::{Failure, list, run};
use crate::model::sut::{Profile, Sut};
use crate::model::test_case::TestCase;
use crate::profile::{Finding, Findings};
use crate::{profile, testbed};

/// Exit code where nothing applies: a run would judge nothing.
const NOTHING_APPLIES: u8 = 4;

/// What is told of a profile.
#[derive(Serialize)]
struct Report<'a> {
    profile: &'a str,
    /// Missing, as is `sut`, where the profile cannot be read so far.
    profile_digest: Option<&'a str>,
    sut: Option<&'a Sut>,
    cases: Vec<Case<'a>>,
    /// What was looked at and is in order.
    seen: Vec<String>,
    /// What a test case will lack, and is then Inconclusive by.
    lacks: Vec<String>,
    /// What must be mended before a run.
    findings: Vec<String>,
}

/// How things stand between a test case and the product.
#[derive(Serialize)]
struct Case<'a> {
    id: &'a str,
    clause: &'a str,
    /// Scenarios that are selected, of both tiers.
    scenarios: usize,
    /// Missing where the ICS leaves it open.
    applies: Option<bool>,
    /// The ICS items that decide, and what it says of them, where the case does not apply.
    reason: Option<String>,
}

/// Text or JSON, and the exit code.
///
/// # Errors
/// The profile or the selection cannot be read, or the suite itself.
pub(super) fn report(args: &Args, path: &Path) -> Result<(String, u8), Failure> {
    let catalogue = run::catalogue(args.features.as_deref())?;
    let selection = args
        .select
        .as_deref()
        .map(|text| Selection::parse(text, &catalogue))
        .transpose()
        .map_err(|error| Failure::Usage(anyhow::Error::new(error).context("--select")))?;
    let loaded = match profile::load(path, &super::super::environment) {
        Ok(loaded) => loaded,
        Err(error) if args.json => return unread(path, &error),
        Err(error) => return Err(Failure::Usage(error)),
    };
    let profile = &loaded.profile;
    let is_selected = |case: &TestCase| selected(case, selection.as_ref()) > 0;
    let others = profile::of_others(&catalogue, is_selected);
    let mut looked = super::super::runtime()?.block_on(testbed::preflight(profile, &others));
    looked
        .findings
        .extend(profile::unknown_cases(&profile.waiver, &catalogue));
    let unknown = profile::unknown_documents(&profile.documents, &catalogue);
    let is_misspelt = |missing: &Finding| {
        let name = missing.label.trim_start_matches("documents.");
        let meant = format!("`{name}`");
        unknown.iter().any(|finding| finding.text.contains(&meant))
    };
    let cases_judged = judged(&catalogue, selection.as_ref(), profile);
    let open = undocumented(&cases_judged, profile).into_iter();
    looked
        .lacks
        .extend(open.filter(|missing| !is_misspelt(missing)));
    looked.findings.extend(unknown);
    looked.findings.extend(unanswered(
        catalogue.cases.iter().filter(|case| is_selected(case)),
        profile.sut.role,
        &profile.ics,
    ));
    let told = |found| {
        loaded
            .findings(found)
            .all
            .iter()
            .map(ToString::to_string)
            .collect()
    };
    let findings: Vec<String> = told(looked.findings);
    let cases = cases(&catalogue, selection.as_ref(), profile);
    looked.lacks.extend(unknown_signers(profile));
    looked.lacks.extend(by_hand(profile));
    looked.lacks.extend(out_of_hand(&cases_judged, profile));
    let lacks: Vec<String> = told(looked.lacks);
    let report = Report {
        profile: &loaded.name,
        profile_digest: Some(&loaded.digest),
        sut: Some(&profile.sut),
        cases,
        seen: looked.seen,
        lacks,
        findings,
    };
    let text = if args.json {
        list::json(&report)?
    } else {
        report.text()
    };
    Ok((text, report.exit_code()))
}

/// What a program is told of a profile that cannot be read: the same findings as a person, one by one.
fn unread(path: &Path, error: &anyhow::Error) -> Result<(String, u8), Failure> {
    let findings = match error.downcast_ref::<Findings>() {
        Some(found) => found.all.iter().map(ToString::to_string).collect(),
        None => vec![format!("{error:#}")],
    };
    let report = Report {
        profile: &path.display().to_string(),
        profile_digest: None,
        sut: None,
        cases: Vec::new(),
        seen: Vec::new(),
        lacks: Vec::new(),
        findings,
    };
    Ok((list::json(&report)?, USAGE))
}

/// Every test case of which something is selected.
fn cases<'a>(
    catalogue: &'a Catalogue,
    selection: Option<&Selection>,
    profile: &Profile,
) -> Vec<Case<'a>> {
    let mut cases = Vec::new();
    for case in &catalogue.cases {
        let scenarios = selected(case, selection);
        if scenarios == 0 {
            continue;
        }
        let (applies, reason) = match applicable_in_role(case, profile.sut.role, &profile.ics) {
            Ok(Applicability::Yes) => (Some(true), None),
            Ok(Applicability::No { item, reason }) => {
                (Some(false), Some(format!("{item}: {reason}")))
            }
            // That has been told, once for all.
            Err(_) => (None, None),
        };
        cases.push(Case {
            id: &case.id,
            clause: &case.clause,
            scenarios,
            applies,
            reason,
        });
    }
    cases
}

/// The test cases that a run would judge.
fn judged<'a>(
    catalogue: &'a Catalogue,
    selection: Option<&Selection>,
    profile: &Profile,
) -> Vec<&'a TestCase> {
    let applies = |case: &&TestCase| {
        let applicable = applicable_in_role(case, profile.sut.role, &profile.ics);
        matches!(applicable, Ok(Applicability::Yes)) && selected(case, selection) > 0
    };
    catalogue.cases.iter().filter(applies).collect()
}

/// What test cases want described, and the profile does not say where: they will be Inconclusive.
fn undocumented(cases: &[&TestCase], profile: &Profile) -> Vec<Finding> {
    let mut wanted: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for case in cases {
        for label in profile::wanted(case) {
            wanted.entry(label).or_default().push(&case.id);
        }
    }
    let there = |label: &str| {
        profile
            .documents
            .get(label)
            .is_some_and(|place| !place.is_empty())
    };
    let open = wanted.into_iter().filter(|(label, _)| !there(label));
    open.map(|(label, cases)| {
        let text = format!(
            "is missing, so that {} will be Inconclusive; write under [documents] where the documentation describes it",
            cases.join(", ")
        );
        Finding::of(format!("documents.{label}"), text)
    })
    .collect()
}

/// A product that runs by itself cannot trust signers that are made anew for each run: it would have to refuse what is valid.
fn unknown_signers(profile: &Profile) -> Option<Finding> {
    const CLAIM: &str = "vnfd-signature-verification";
    let ixit = &profile.ixit;
    let claimed = profile
        .ics
        .items
        .get(CLAIM)
        .is_some_and(|item| item.supported());
    let anew = ixit.api.running && ixit.start.is_none() && ixit.pki.is_none();
    let text = "is missing, so that signers of VNF packages are made anew for each run; a product that verifies signatures and runs by \
                itself must be given signers-ca.crt of a folder that `scas pki new` made, which is written here";
    (claimed && anew).then(|| Finding::of("ixit.pki", text))
}

/// What nobody does to a product that runs by itself, and where nobody looks: it makes test cases Inconclusive.
fn out_of_hand(cases: &[&TestCase], profile: &Profile) -> Vec<Finding> {
    let ixit = &profile.ixit;
    let mut lacks = Vec::new();
    if !ixit.api.running {
        return lacks;
    }
    let judged = |clause: &str| cases.iter().any(|case| case.clause.ends_with(clause));
    let commands = &ixit.commands;
    let missing: Vec<&str> = [
        (
            "stop",
            commands.stop.is_none() && commands.restart.is_none(),
        ),
        (
            "start",
            commands.start.is_none() && commands.restart.is_none(),
        ),
        ("kill", commands.kill.is_none()),
    ]
    .into_iter()
    .filter_map(|(name, missing)| missing.then_some(name))
    .collect();
    if judged("4.2.2.2") && ixit.start.is_none() {
        let text = match missing.as_slice() {
            [] => "scenarios with a copied state or with several VNFMs need a product that ixit.start starts, and will be Inconclusive".to_owned(),
            missing => format!(
                "no {} is given, so that scenarios that restart or kill the product will be Inconclusive, as will those with a copied state or with \
                 several VNFMs, which need a product that ixit.start starts",
                missing.join(", ")
            ),
        };
        lacks.push(Finding::of("ixit.commands", text));
    }
    if judged("4.2.2.4") && ixit.start.is_none() {
        let text = "the scenario of 4.2.2.4 in which the first process of the product alone is killed needs a product that ixit.start starts, and will \
                    be Inconclusive";
        lacks.push(Finding::of("ixit.commands", text));
    }
    let in_delegation = ["4.2.2.3", "4.2.2.4", "4.2.2.5"].into_iter().any(judged);
    if in_delegation && ixit.observe.storage.is_empty() {
        let text = "is empty, and the product runs by itself: what it keeps is not looked at, so that cases about private keys will be Inconclusive; name \
                    its folders or devices";
        lacks.push(Finding::of("ixit.observe.storage", text));
    }
    if in_delegation && commands.delegation.is_none() {
        let text = "no delegation is given: the product must be in delegation mode already, with CMF and VIM at the addresses of ixit.cmf.listen and \
                    ixit.vim.listen";
        lacks.push(Finding::of("ixit.commands", text));
    }
    lacks
}

/// What a person is asked for in a run.
fn by_hand(profile: &Profile) -> Vec<Finding> {
    let steps = profile.ixit.operator_steps().into_iter();
    let told = steps.map(|(label, step)| {
        let text = format!(
            "only a person can do this: \"{}\"; run with --interactive, or with --answers, or what needs it is Inconclusive",
            step.operator
        );
        Finding::of(label, text)
    });
    told.collect()
}

fn selected(case: &TestCase, selection: Option<&Selection>) -> usize {
    let wanted =
        |scenario: &&_| selection.is_none_or(|selection| selection.matches(case, scenario));
    case.scenarios.iter().filter(wanted).count()
}

impl Report<'_> {
    fn exit_code(&self) -> u8 {
        if !self.findings.is_empty() {
            USAGE
        } else if self.cases.iter().any(|case| case.applies == Some(true)) {
            0
        } else {
            NOTHING_APPLIES
        }
    }

    fn text(&self) -> String {
        let mut text = self.sut.map_or(String::new(), |sut| {
            format!(
                "{}: {} {} ({}), role {}\n",
                self.profile, sut.name, sut.version, sut.vendor, sut.role
            )
        });
        for case in &self.cases {
            let status = match case.applies {
                Some(true) => "applies",
                Some(false) => "not applicable",
                None => "left open",
            };
            text += &format!(
                "  {:<12}  {status:<14}  {}, {}\n",
                case.clause,
                case.id,
                counted(case.scenarios, "scenario")
            );
            if let Some(reason) = &case.reason {
                text += &format!("      {reason}\n");
            }
        }
        for seen in &self.seen {
            text += &format!("in order: {seen}\n");
        }
        for lacks in &self.lacks {
            text += &format!("lacks: {lacks}\n");
        }
        for finding in &self.findings {
            text += &format!("to mend: {finding}\n");
        }
        text += &match (self.findings.len(), self.exit_code()) {
            (0, NOTHING_APPLIES) => "nothing that is selected applies to the product\n".to_owned(),
            (0, _) => "nothing to mend\n".to_owned(),
            (many, _) => format!("{} to mend\n", counted(many, "finding")),
        };
        text
    }
}
