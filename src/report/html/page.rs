//! What stands around the scenarios: [`head`], [`case`] and [`tail`].

use jiff::Timestamp;
use serde::Serialize;

use super::requirements::{self, Requirements};
use super::scenario::{self, Measured};
use super::sensitivity::Sensitivity;
use crate::model::evidence::Observation;
use crate::model::inventory::{CaseEntry, Inventory, Reading};
use crate::model::verdict::{CaseVerdict, Verdict};
use crate::report::record::{Record, RunInfo, SELFTEST};
use crate::report::results::{CaseResult, Results, Summary, WaiverState};
use crate::report::selftest::Selftest;

/// Summary, contents and requirements.
#[derive(Serialize)]
pub struct Head<'a> {
    run: &'a RunInfo,
    role: &'static str,
    verdict: String,
    class: String,
    exit_code: u8,
    started: String,
    ended: Option<String>,
    interrupted: &'a Option<String>,
    resumed: Vec<String>,
    faults: &'a [String],
    warning: Option<String>,
    summary: &'a Summary,
    time: Option<TimeView>,
    cases: Vec<CaseLine>,
    failures: usize,
    waived: usize,
    requirements: Option<Requirements>,
    inventory: Option<InventoryHead<'a>>,
}

#[derive(Serialize)]
struct TimeView {
    total: String,
    product: String,
    own: String,
}

#[derive(Serialize)]
struct InventoryHead<'a> {
    documents: &'a [crate::model::inventory::DocumentEntry],
    inherited: &'a [crate::model::inventory::InheritedEntry],
}

/// A test case in a list.
#[derive(Serialize)]
struct CaseLine {
    number: usize,
    id: String,
    document: String,
    clause: String,
    normative: VerdictView,
    extended: Option<VerdictView>,
    waived: bool,
    quick: bool,
    scenarios: usize,
    not_passed: Vec<ScenarioLine>,
}

/// A scenario in a list.
#[derive(Serialize)]
struct ScenarioLine {
    number: String,
    anchor: String,
    name: String,
    normative: bool,
    verdict: String,
    class: String,
    seconds: String,
}

#[derive(Serialize)]
struct VerdictView {
    word: String,
    class: String,
}

/// What stands above the first test case.
pub fn head<'a>(record: &'a Record, results: &'a Results) -> Head<'a> {
    let inventory = record.inventory.as_ref();
    let verdict = results.verdict;
    let lines: Vec<CaseLine> = results
        .cases
        .iter()
        .enumerate()
        .map(|(place, case)| case_line(place + 1, case))
        .collect();
    Head {
        run: &record.run,
        role: record.run.sut.role.as_str(),
        verdict: verdict.map_or("nothing was judged".to_owned(), |v| v.to_string()),
        class: verdict.map_or("none".to_owned(), scenario::class),
        exit_code: results.exit_code,
        started: told(record.run.started),
        ended: results.ended.map(told),
        interrupted: &results.interrupted,
        resumed: results.resumed.iter().map(|at| told(*at)).collect(),
        faults: &results.faults,
        warning: record.run.warning(),
        summary: &results.summary,
        time: results.time.map(|time| TimeView {
            total: format!("{:.1}", time.total),
            product: format!("{:.1}", time.product),
            own: format!("{:.1}", time.own_share() * 100.0),
        }),
        failures: lines.iter().map(|line| line.not_passed.len()).sum(),
        waived: lines.iter().filter(|line| line.waived).count(),
        cases: lines,
        requirements: inventory.map(|inventory| requirements::requirements(inventory, results)),
        inventory: inventory.map(|inventory| InventoryHead {
            documents: &inventory.documents,
            inherited: &inventory.inherited,
        }),
    }
}

fn told(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn case_line(number: usize, case: &CaseResult) -> CaseLine {
    let scenarios = || scenario_lines(number, case);
    CaseLine {
        number,
        id: case.id.clone(),
        document: case.document.clone(),
        clause: case.clause.clone(),
        normative: normative(case),
        extended: case.extended.map(extended),
        waived: case.waived,
        quick: case.below_capacity,
        scenarios: case.scenarios.len(),
        not_passed: scenarios().filter(|line| line.class != "pass").collect(),
    }
}

fn scenario_lines(number: usize, case: &CaseResult) -> impl Iterator<Item = ScenarioLine> {
    let line =
        move |(place, scenario): (usize, &crate::report::results::ScenarioResult)| ScenarioLine {
            number: format!("3.{number}.{}", place + 1),
            anchor: format!("s{number}-{}", scenario.line),
            name: scenario.name.clone(),
            normative: scenario.normative,
            verdict: scenario.verdict.to_string(),
            class: scenario::class(scenario.verdict),
            seconds: format!("{:.1}", scenario.seconds),
        };
    case.scenarios.iter().enumerate().map(line)
}

fn normative(case: &CaseResult) -> VerdictView {
    match &case.normative {
        Some(CaseVerdict::NotApplicable { .. }) => VerdictView {
            word: "not applicable".to_owned(),
            class: "not-applicable".to_owned(),
        },
        Some(verdict) => VerdictView {
            word: verdict.to_string(),
            class: verdict.to_string().to_lowercase(),
        },
        None => VerdictView {
            word: "not selected".to_owned(),
            class: "none".to_owned(),
        },
    }
}

fn extended(verdict: Verdict) -> VerdictView {
    VerdictView {
        word: verdict.to_string(),
        class: scenario::class(verdict),
    }
}

/// A test case above its scenarios.
#[derive(Serialize)]
pub struct CaseView<'a> {
    number: usize,
    id: &'a str,
    document: &'a str,
    clause: &'a str,
    keyword: &'a str,
    requirement: &'a str,
    purpose: &'a str,
    path: &'a str,
    entry: Option<&'a CaseEntry>,
    normative: VerdictView,
    extended: Option<VerdictView>,
    quick: bool,
    tier: &'a str,
    ruled_out: Option<&'a CaseVerdict>,
    waivers: Vec<String>,
    observations: Vec<&'a Observation>,
    measurements: Vec<Measured>,
    scenarios: Vec<ScenarioLine>,
}

/// What stands above the scenarios of a test case.
pub fn case<'a>(
    number: usize,
    case: &'a CaseResult,
    entry: Option<&'a CaseEntry>,
    results: &'a Results,
) -> CaseView<'a> {
    let normative_scenarios = || case.scenarios.iter().filter(|scenario| scenario.normative);
    let mut observations: Vec<&Observation> = Vec::new();
    for observation in normative_scenarios().flat_map(|scenario| &scenario.observations) {
        if !observations.contains(&observation) {
            observations.push(observation);
        }
    }
    CaseView {
        number,
        id: &case.id,
        document: &case.document,
        clause: &case.clause,
        keyword: &case.keyword,
        requirement: &case.requirement,
        purpose: &case.purpose,
        path: &case.path,
        entry,
        normative: normative(case),
        extended: case.extended.map(extended),
        quick: case.below_capacity,
        tier: &results.run.tier,
        ruled_out: case
            .normative
            .as_ref()
            .filter(|verdict| verdict.judged().is_none()),
        waivers: results
            .waivers
            .iter()
            .filter(|waiver| waiver.waiver.case == case.id)
            .map(crate::report::results::WaiverResult::told)
            .collect(),
        observations,
        measurements: normative_scenarios()
            .flat_map(|scenario| &scenario.measurements)
            .map(scenario::measured)
            .collect(),
        scenarios: scenario_lines(number, case).collect(),
    }
}

/// What stands below the last test case.
#[derive(Serialize)]
pub struct Tail<'a> {
    run: &'a RunInfo,
    sensitivities: Vec<Sensitivity>,
    residue: Vec<Residue>,
    /// Whether scenarios were cut off, so that what they left is not known.
    cut_off: bool,
    waivers: Vec<WaiverRow>,
    readings: &'a [Reading],
    selftest: Option<&'a Selftest>,
    files: Vec<KeptFile>,
    bytes: u64,
}

#[derive(Serialize)]
struct Residue {
    case: String,
    anchor: String,
    line: usize,
    what: String,
}

#[derive(Serialize)]
struct WaiverRow {
    told: String,
    stale: bool,
    holds: bool,
    link: Option<String>,
}

#[derive(Serialize)]
struct KeptFile {
    path: &'static str,
    what: &'static str,
}

const FILES: [(&str, &str); 12] = [
    ("run.json", "what was run"),
    (
        "inventory.json",
        "what the suite holds: requirements, steps, readings",
    ),
    (SELFTEST, "what the self test has shown of the suite"),
    ("profile.toml", "the profile, as it was written"),
    ("events.jsonl", "each event as it happened"),
    ("results.json", "what the run came to, for programs"),
    ("junit.xml", "the same for a CI system"),
    ("ctrf.json", "the same as CTRF, for tools that read it"),
    (
        "assessment-results.json",
        "the same as OSCAL assessment results",
    ),
    ("summary.txt", "the table that scas run prints"),
    ("summary.md", "the same in Markdown, for a pull request"),
    (
        "evidence/",
        "exchanges, questions and answers of the judge, looks, logs, archives",
    ),
];

/// What stands below the last test case.
pub fn tail<'a>(
    record: &'a Record,
    results: &'a Results,
    sensitivities: Vec<Sensitivity>,
) -> Tail<'a> {
    let none: &[Reading] = &[];
    let scenarios = || results.cases.iter().flat_map(|case| &case.scenarios);
    Tail {
        run: &record.run,
        sensitivities,
        cut_off: results.interrupted.is_some() || !results.resumed.is_empty(),
        residue: results
            .cases
            .iter()
            .enumerate()
            .flat_map(|(place, case)| {
                case.scenarios.iter().flat_map(move |scenario| {
                    scenario.residue.iter().map(move |what| Residue {
                        case: case.id.clone(),
                        anchor: format!("s{}-{}", place + 1, scenario.line),
                        line: scenario.line,
                        what: what.clone(),
                    })
                })
            })
            .collect(),
        waivers: results
            .waivers
            .iter()
            .map(|waiver| WaiverRow {
                told: waiver.told(),
                stale: waiver.state.is_stale(),
                holds: waiver.state == WaiverState::Holds,
                link: waiver.waiver.link.clone().filter(|link| is_web(link)),
            })
            .collect(),
        readings: record
            .inventory
            .as_ref()
            .map_or(none, |inventory: &Inventory| &inventory.readings),
        selftest: record.selftest.as_ref(),
        files: FILES
            .into_iter()
            .filter(|(path, _)| *path != SELFTEST || record.selftest.is_some())
            .map(|(path, what)| KeptFile { path, what })
            .collect(),
        bytes: scenarios()
            .flat_map(|scenario| &scenario.evidence)
            .map(|file| file.length)
            .sum(),
    }
}

/// Whether a link of the profile leads to a page, and is no script.
fn is_web(link: &str) -> bool {
    link.starts_with("https://") || link.starts_with("http://")
}
