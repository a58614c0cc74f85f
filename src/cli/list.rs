//! `scas list`: the requirements, and which test case covers each.

use std::path::PathBuf;

use serde::Serialize;

use super::{Failure, Outcome};
use crate::catalogue::selection::Selection;
use crate::catalogue::{Catalogue, Coverage, Status};
use crate::model::clause::{
    Clause, Document, Modality, Requirement, RequirementKind, Untested, Verification,
};
use crate::model::test_case::{Scenario, ScenarioKind, TestCase, Tier};

/// Exit code where a selection chooses nothing.
const NOTHING_SELECTED: u8 = 4;

/// Ids that are longer push their own line only: the names of SEC 030 are, and the rest should fit a screen.
const WIDEST_ID: usize = 18;

/// Lists the requirements and which test case covers each, or why none does.
#[derive(clap::Args)]
pub struct Args {
    /// List the suite in this folder instead of the one built in
    #[arg(long, value_name = "DIR")]
    features: Option<PathBuf>,
    /// List only the test cases that this chooses, with their scenarios
    ///
    /// Examples: TC_UNIQUE_VNF_INSTANCE_ID; 4.2.2.1; "@normative"; "4.2.2 and not @extended"
    #[arg(long, value_name = "EXPR")]
    select: Option<String>,
    /// Print the list as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand.
///
/// # Errors
/// The suite cannot be read, or the selection names what nobody knows.
pub fn run(args: Args) -> Outcome {
    let (text, code) = list(&args)?;
    super::print(&text);
    Ok(code)
}

fn list(args: &Args) -> Result<(String, u8), Failure> {
    let catalogue = super::run::catalogue(args.features.as_deref())?;
    let selection = args
        .select
        .as_deref()
        .map(|text| Selection::parse(text, &catalogue))
        .transpose()
        .map_err(|error| Failure::Usage(anyhow::Error::new(error).context("--select")))?;
    let listing = Listing::new(&catalogue, selection.as_ref());
    let text = if args.json {
        json(&listing)?
    } else {
        listing.text(selection.is_some())
    };
    Ok((
        text,
        if listing.requirements.is_empty() {
            NOTHING_SELECTED
        } else {
            0
        },
    ))
}

/// Pretty JSON with a newline at its end.
pub(super) fn json(value: &impl Serialize) -> Result<String, Failure> {
    let text =
        serde_json::to_string_pretty(value).map_err(|error| Failure::Harness(error.into()))?;
    Ok(text + "\n")
}

/// The coverage in two lines: `232 requirements: 5 tested, 200 not yet, 27 inspection`.
pub(super) fn counts(coverage: &Coverage) -> String {
    let mut parts = vec![format!("{} tested", coverage.tested)];
    parts.extend(
        coverage
            .untested
            .iter()
            .map(|(reason, count)| format!("{count} {reason}")),
    );
    if coverage.unexplained > 0 {
        parts.push(format!("{} unexplained", coverage.unexplained));
    }
    let mut text = format!(
        "{} requirements: {}\n",
        coverage.requirements,
        parts.join(", ")
    );
    for (reason, count) in &coverage.inherited {
        text += &format!("inherited as a whole: {count} {reason}\n");
    }
    text
}

/// What is listed.
#[derive(Serialize)]
struct Listing<'a> {
    suite_digest: &'a str,
    coverage: Coverage,
    requirements: Vec<Entry<'a>>,
    inherited: Vec<InheritedEntry<'a>>,
}

/// One requirement and how things stand with it.
#[derive(Serialize)]
struct Entry<'a> {
    id: &'a str,
    document: &'a str,
    version: &'a str,
    clause: &'a str,
    role: String,
    modality: Modality,
    condition: Option<&'a str>,
    verification: Verification,
    kind: RequirementKind,
    summary: &'a str,
    /// `tested` or `untested`.
    status: &'static str,
    /// Why it is untested.
    reason: Option<&'static str>,
    case: Option<&'a str>,
    path: Option<String>,
    applicability: Option<String>,
    scenarios: Vec<ScenarioEntry<'a>>,
}

/// One scenario of a listed test case.
#[derive(Serialize)]
struct ScenarioEntry<'a> {
    name: &'a str,
    line: usize,
    kind: ScenarioKind,
    tier: Tier,
    serial: bool,
}

/// What a document takes over from another one.
#[derive(Serialize)]
struct InheritedEntry<'a> {
    id: &'a str,
    document: &'a str,
    clause: &'a str,
    reason: Untested,
}

impl<'a> Listing<'a> {
    fn new(catalogue: &'a Catalogue, selection: Option<&Selection>) -> Self {
        let requirements = catalogue
            .requirements()
            .filter_map(|(document, clause, requirement)| {
                let status = catalogue.status(requirement);
                let scenarios: Vec<_> = match status {
                    Status::Tested(case) => chosen(case, selection),
                    Status::Untested(_) | Status::Unexplained => Vec::new(),
                };
                let listed = selection.is_none() || !scenarios.is_empty();
                listed.then(|| Entry::new(document, clause, requirement, status, &scenarios))
            })
            .collect();
        let inherited = catalogue.documents.iter().flat_map(|document| {
            document.clauses.iter().flat_map(move |clause| {
                clause.inherited.iter().map(move |part| InheritedEntry {
                    id: &part.id,
                    document: &document.id,
                    clause: &clause.number,
                    reason: part.untested,
                })
            })
        });
        Self {
            suite_digest: catalogue.digest(),
            coverage: catalogue.coverage(),
            requirements,
            inherited: inherited.collect(),
        }
    }

    fn text(&self, selected: bool) -> String {
        let width = self
            .requirements
            .iter()
            .map(|entry| entry.id.len())
            .max()
            .unwrap_or_default()
            .min(WIDEST_ID);
        let mut text = String::new();
        let mut last = ("", "");
        for entry in &self.requirements {
            if (entry.document, entry.clause) != last {
                last = (entry.document, entry.clause);
                text += &format!("{} {} {}\n", entry.document, entry.version, entry.clause);
            }
            let status = entry.reason.unwrap_or(entry.status);
            text += &format!(
                "  {:width$}  {:<11}  {:<11}  {}\n",
                entry.id, entry.role, status, entry.summary
            );
            if selected {
                entry
                    .scenarios
                    .iter()
                    .for_each(|scenario| text += &scenario.text());
            }
        }
        if self.requirements.is_empty() {
            return "no scenario is selected\n".to_owned();
        }
        if !selected {
            text += &counts(&self.coverage);
        }
        text
    }
}

fn chosen<'a>(case: &'a TestCase, selection: Option<&Selection>) -> Vec<&'a Scenario> {
    let wanted =
        |scenario: &&Scenario| selection.is_none_or(|selection| selection.matches(case, scenario));
    case.scenarios.iter().filter(wanted).collect()
}

impl<'a> Entry<'a> {
    fn new(
        document: &'a Document,
        clause: &'a Clause,
        requirement: &'a Requirement,
        status: Status<'a>,
        scenarios: &[&'a Scenario],
    ) -> Self {
        let case = match status {
            Status::Tested(case) => Some(case),
            Status::Untested(_) | Status::Unexplained => None,
        };
        Self {
            id: &requirement.id,
            document: &document.id,
            version: &document.version,
            clause: &clause.number,
            role: requirement.roles_text(),
            modality: requirement.modality,
            condition: requirement.condition.as_deref(),
            verification: requirement.verification,
            kind: requirement.kind,
            summary: &requirement.summary,
            status: if case.is_some() { "tested" } else { "untested" },
            reason: case.is_none().then(|| status.as_str()),
            case: case.map(|case| case.id.as_str()),
            path: case.map(|case| case.path.display().to_string()),
            applicability: case.map(|case| case.applicability.to_string()),
            scenarios: scenarios
                .iter()
                .map(|scenario| ScenarioEntry::new(scenario))
                .collect(),
        }
    }
}

impl<'a> ScenarioEntry<'a> {
    fn new(scenario: &'a Scenario) -> Self {
        Self {
            name: &scenario.name,
            line: scenario.line,
            kind: scenario.kind,
            tier: scenario.tier,
            serial: scenario.serial,
        }
    }

    fn text(&self) -> String {
        let tier = match self.tier {
            Tier::Both => "",
            Tier::QuickOnly => " @quick",
            Tier::FullOnly => " @full",
        };
        let serial = if self.serial { " @serial" } else { "" };
        format!(
            "    {:>4}  {}  @{}{tier}{serial}\n",
            self.line, self.name, self.kind
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::test_suite::TestSuite;

    fn listing(select: Option<&str>) -> (serde_json::Value, String) {
        let catalogue = TestSuite::new().catalogue().unwrap();
        let selection = select.map(|text| Selection::parse(text, &catalogue).unwrap());
        let listing = Listing::new(&catalogue, selection.as_ref());
        (
            serde_json::to_value(&listing).unwrap(),
            listing.text(selection.is_some()),
        )
    }

    #[test]
    fn each_requirement_has_an_entry_with_its_status() {
        let (json, text) = listing(None);
        let entries = json["requirements"].as_array().unwrap();
        let key = |entry: &serde_json::Value| {
            ["id", "clause", "role", "status", "reason", "case"]
                .map(|name| entry[name].as_str().unwrap_or("-").to_owned())
        };
        assert_eq!(
            key(&entries[0]),
            ["TC_UNIQUE", "4.2.2.2", "VNFM", "tested", "-", "TC_UNIQUE"]
        );
        assert_eq!(
            key(&entries[1]),
            [
                "TC_ABSENT",
                "4.2.2.2",
                "NFV-MANO+SM",
                "untested",
                "not yet",
                "-"
            ]
        );
        assert_eq!(json["coverage"]["untested"]["not yet"], 1);
        assert_eq!(json["inherited"][0]["id"], "SEC028-4.2");
        assert!(
            text.contains("  TC_ABSENT  NFV-MANO+SM  not yet      something else\n"),
            "{text}"
        );
        assert!(
            text.contains("2 requirements: 1 tested, 1 not yet\n"),
            "{text}"
        );
    }

    #[test]
    fn a_selection_lists_its_scenarios_only() {
        let (json, text) = listing(Some("@full"));
        assert_eq!(json["requirements"].as_array().unwrap().len(), 1);
        assert!(
            text.ends_with("      38  Ids differ under load 20  @extended @full @serial\n"),
            "{text}"
        );
        assert!(!text.contains("Each id is new"), "{text}");
        assert_eq!(listing(Some("TC_ABSENT")).1, "no scenario is selected\n");
    }

    #[test]
    fn the_exit_code_tells_an_empty_selection_from_a_wrong_one() {
        let dir = TestSuite::new().write();
        let run = |select: &str| {
            let features = Some(dir.path().to_owned());
            let args = Args {
                features,
                select: Some(select.to_owned()),
                json: false,
            };
            list(&args).map(|(_, code)| code)
        };
        assert_eq!(run("TC_UNIQUE").unwrap(), 0);
        assert_eq!(run("TC_ABSENT").unwrap(), NOTHING_SELECTED);
        let Err(Failure::Usage(error)) = run("TC_UNIQE") else {
            panic!("an unknown word is selected")
        };
        assert!(
            format!("{error:#}").starts_with("--select: nothing in the suite is called `TC_UNIQE`"),
            "{error:#}"
        );
    }

    /// The suite as it is built in: every one of the 232 requirements, once.
    #[test]
    fn the_built_in_suite_lists_every_requirement_once() {
        let catalogue = Catalogue::survey_embedded();
        assert_eq!(catalogue.problems(), []);
        let mut ids: Vec<_> = catalogue
            .requirements()
            .map(|(_, _, requirement)| requirement.id.as_str())
            .collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!((ids.len(), catalogue.coverage().requirements), (232, 232));
        assert_eq!(
            catalogue.coverage().inherited[&Untested::TextNotAvailable],
            3
        );
    }
}
