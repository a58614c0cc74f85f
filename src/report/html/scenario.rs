//! One scenario as the report shows it: [`ScenarioView`], with everything that its evidence lets a reader see.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;
use serde::Serialize;

use super::cause;
use super::diagram::{self, Diagram};
use super::entries::{self, Entry, Names};
use super::exchanges::{Exchanges, Kind};
use super::identifiers::{self, Plot};
use super::keys::{self, KeyTimeline};
use super::questions::{self, Asked};
use super::rows;
use super::text;
use crate::model::event::Step;
use crate::model::evidence::{EvidenceFile, Measurement, Observation};
use crate::model::inventory::CaseEntry;
use crate::model::verdict::{Keyword, Outcome, Verdict};
use crate::report::record::RunInfo;
use crate::report::results::{CaseResult, ScenarioResult};

/// Exchanges that stay by themselves in a diagram since a text names them, or since they failed.
const MOST_NAMED: usize = 40;

/// A scenario.
#[derive(Serialize)]
pub struct ScenarioView {
    number: String,
    anchor: String,
    name: String,
    normative: bool,
    verdict: String,
    class: String,
    passed: bool,
    seconds: String,
    source: String,
    steps: Vec<StepView>,
    cause: Option<&'static str>,
    reproduce: String,
    observations: Vec<Observation>,
    measurements: Vec<Measured>,
    residue: Vec<String>,
    evidence: Vec<FileView>,
    reason: Vec<Piece>,
    diagram: Option<Diagram>,
    entries: Vec<Entry>,
    transcript: Option<String>,
    keys: Option<KeyTimeline>,
    plot: Option<Plot>,
    /// Attempts that an interruption of the run cut off.
    cut_off: Vec<CutOffView>,
    /// What of the evidence could not be drawn.
    remarks: Vec<String>,
}

/// An attempt that was cut off.
#[derive(Serialize)]
struct CutOffView {
    started: String,
    steps: Vec<StepView>,
    evidence: Vec<FileView>,
}

/// A step.
#[derive(Serialize)]
struct StepView {
    part: &'static str,
    keyword: String,
    text: String,
    verdict: String,
    class: String,
    seconds: Option<String>,
    expected: Option<String>,
    observed: Option<Vec<Piece>>,
}

/// A piece of a text, linked where it names an exchange.
#[derive(Serialize)]
pub struct Piece {
    text: String,
    href: Option<String>,
}

/// A file of evidence.
#[derive(Serialize)]
struct FileView {
    name: String,
    href: Option<String>,
    what: String,
    length: u64,
    sha256: String,
}

/// A measurement with its value as people read it.
#[derive(Serialize)]
pub struct Measured {
    name: String,
    value: String,
}

/// What a scenario's view is drawn from.
pub struct Source<'a> {
    /// The run's folder.
    pub folder: &'a Path,
    /// The run.
    pub run: &'a RunInfo,
    /// The test case.
    pub case: &'a CaseResult,
    /// What the inventory says of it.
    pub entry: Option<&'a CaseEntry>,
    /// Number of the test case.
    pub number: usize,
}

/// A drawn scenario, and what the judge was asked in it.
pub struct Drawn {
    /// As it is shown.
    pub view: ScenarioView,
    /// The questions.
    pub asked: Vec<Asked>,
}

/// Draws a scenario from its result and its evidence.
pub fn draw(source: &Source<'_>, place: usize, scenario: &ScenarioResult) -> Drawn {
    let names = Names {
        case: source.number,
        line: scenario.line,
    };
    let mut remarks = Vec::new();
    let asked = asked(source.folder, scenario, &mut remarks);
    let exchanges = transcript(source.folder, scenario, &mut remarks);
    let mut diagram = None;
    let mut list = Vec::new();
    let mut linked = BTreeSet::new();
    if let Some(exchanges) = &exchanges {
        if exchanges.unreadable > 0 {
            remarks.push(format!(
                "{} line(s) of the transcript are no exchange",
                exchanges.unreadable
            ));
        }
        let rows = rows::rows(exchanges, &named(exchanges, scenario));
        diagram = diagram::diagram(exchanges, &rows, &names);
        match entries::entries(exchanges, &rows, &names) {
            Ok(drawn) => (list, linked) = drawn,
            Err(error) => remarks.push(format!("the transcript cannot be shown: {error:#}")),
        }
    }
    let pieces = |text: &str| pieces(text, &linked, &names);
    let failed = scenario
        .steps
        .iter()
        .find(|step| step.outcome != Outcome::Met);
    let transcript = scenario
        .evidence
        .iter()
        .find(|file| file.path.ends_with("/transcript.jsonl"));
    let view = ScenarioView {
        number: format!("3.{}.{}", source.number, place + 1),
        anchor: format!("s{}-{}", source.number, scenario.line),
        name: scenario.name.clone(),
        normative: scenario.normative,
        verdict: scenario.verdict.to_string(),
        class: class(scenario.verdict),
        passed: scenario.verdict == Verdict::Pass,
        seconds: format!("{:.1}", scenario.seconds),
        source: format!("{}:{}", source.case.path, scenario.line),
        steps: steps(source, scenario, &pieces),
        cause: failed.and_then(|step| cause::likely(&source.case.clause, step)),
        reproduce: reproduce(source.run, source.case, scenario),
        observations: scenario.observations.clone(),
        measurements: scenario.measurements.iter().map(measured).collect(),
        residue: scenario.residue.clone(),
        evidence: scenario.evidence.iter().map(file).collect(),
        reason: pieces(&scenario.reason),
        diagram,
        entries: list,
        transcript: transcript.and_then(|file| text::link(&file.path)),
        keys: keys::timeline(&asked, exchanges.as_ref(), &names),
        plot: identifiers::plot(&asked, exchanges.as_ref(), &names),
        cut_off: scenario
            .cut_off
            .iter()
            .map(|attempt| CutOffView {
                started: attempt
                    .started
                    .strftime("%Y-%m-%d %H:%M:%S UTC")
                    .to_string(),
                steps: attempt
                    .steps
                    .iter()
                    .map(|step| ran(step, &pieces))
                    .collect(),
                evidence: attempt.evidence.iter().map(file).collect(),
            })
            .collect(),
        remarks,
    };
    Drawn { view, asked }
}

/// A verdict as a class of the style sheet.
pub fn class(verdict: Verdict) -> String {
    verdict.to_string().to_lowercase()
}

/// A measurement as people read it.
pub fn measured(measurement: &Measurement) -> Measured {
    let value = measurement.value;
    let number = if value.fract() == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.1}")
    };
    Measured {
        name: measurement.name.clone(),
        value: format!("{number} {}", measurement.unit)
            .trim_end()
            .to_owned(),
    }
}

fn steps(
    source: &Source<'_>,
    scenario: &ScenarioResult,
    pieces: &impl Fn(&str) -> Vec<Piece>,
) -> Vec<StepView> {
    let ran = scenario.steps.iter().map(|step| ran(step, pieces));
    let whole = source
        .entry
        .and_then(|entry| entry.scenarios.iter().find(|s| s.line == scenario.line));
    let rest = whole.into_iter().flat_map(|whole| {
        let left = whole.steps.iter().skip(scenario.steps.len());
        left.map(|(keyword, text)| StepView {
            part: part(keyword),
            keyword: keyword.clone(),
            text: text.clone(),
            verdict: "not run".to_owned(),
            class: "none".to_owned(),
            seconds: None,
            expected: None,
            observed: None,
        })
    });
    ran.chain(rest).collect()
}

fn ran(step: &Step, pieces: &impl Fn(&str) -> Vec<Piece>) -> StepView {
    let verdict = Verdict::of_step(step.keyword, &step.outcome);
    let (expected, observed) = match &step.outcome {
        Outcome::Met => (None, None),
        Outcome::Unmet { expected, actual } => (Some(expected.clone()), Some(actual.as_str())),
        Outcome::Undecided { reason } => (None, Some(reason.as_str())),
        Outcome::Harness { error } => (None, Some(error.as_str())),
    };
    #[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
    let seconds = step.millis as f64 / 1000.0;
    StepView {
        part: part(step.keyword.as_str()),
        keyword: step.keyword.to_string(),
        text: step.text.clone(),
        verdict: verdict.to_string(),
        class: class(verdict),
        seconds: Some(format!("{seconds:.2}")),
        expected,
        observed: observed.map(pieces),
    }
}

/// The part of a test case that a keyword stands for.
fn part(keyword: &str) -> &'static str {
    match keyword.parse() {
        Ok(Keyword::Given) => "pre-condition",
        Ok(Keyword::When) => "execution step",
        Ok(Keyword::Then) => "expected result",
        Err(_) => "step",
    }
}

/// The command that runs the scenario's part of its test case again.
fn reproduce(run: &RunInfo, case: &CaseResult, scenario: &ScenarioResult) -> String {
    let mut words = vec!["scas".to_owned(), "run".to_owned()];
    if run.profile != "built in" {
        words.extend(["--sut".to_owned(), text::shell(&run.profile)]);
    }
    let kind = if scenario.normative {
        "normative"
    } else {
        "extended"
    };
    let select = format!("{} and @{kind}", case.id);
    words.extend(["--select".to_owned(), text::shell(&select)]);
    words.extend(["--seed".to_owned(), run.seed.to_string()]);
    if run.tier == "full" {
        words.push("--full".to_owned());
    }
    for defect in &run.defects {
        words.extend(["--defect".to_owned(), text::shell(defect)]);
    }
    words.join(" ")
}

fn file(file: &EvidenceFile) -> FileView {
    FileView {
        name: file.path.rsplit('/').next().unwrap_or_default().to_owned(),
        href: text::link(&file.path),
        what: file.what.clone(),
        length: file.length,
        sha256: file.sha256.clone(),
    }
}

/// The questions about keys and identifiers.
fn asked(folder: &Path, scenario: &ScenarioResult, remarks: &mut Vec<String>) -> Vec<Asked> {
    let is_question = |file: &&EvidenceFile| {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        name.starts_with("question-") && name.ends_with(".json")
    };
    let files = scenario.evidence.iter().filter(is_question);
    let mut read = Vec::new();
    for file in files.filter(|file| text::link(&file.path).is_some()) {
        match questions::read(&folder.join(&file.path)) {
            Ok(asked) => read.push(asked),
            // Without the folder of evidence there is less to see, which each scenario says once.
            Err(_) if !folder.join(&file.path).exists() => {}
            Err(error) => remarks.push(format!("{}: {:#}", file.path, error.root_cause())),
        }
    }
    read
}

fn transcript(
    folder: &Path,
    scenario: &ScenarioResult,
    remarks: &mut Vec<String>,
) -> Option<Exchanges> {
    let mut files = scenario.evidence.iter();
    let file = files.find(|file| file.path.ends_with("/transcript.jsonl"))?;
    text::link(&file.path)?;
    Exchanges::read(&folder.join(&file.path))
        .map_err(|error| {
            remarks.push(format!(
                "{} cannot be shown: {}",
                file.path,
                error.root_cause()
            ))
        })
        .ok()
}

static NAMED: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"exchange (\d{1,9})").ok());

/// Exchanges that what was observed names, and the first that failed.
fn named(exchanges: &Exchanges, scenario: &ScenarioResult) -> BTreeSet<u64> {
    let failed = |kind: &Kind| kind.fault || kind.status.is_none_or(|status| status >= 500);
    let texts = scenario.steps.iter().map(|step| step.outcome.to_string());
    let mut named: BTreeSet<u64> = texts
        .flat_map(|text| numbers(&text))
        .take(MOST_NAMED / 2)
        .collect();
    let failed = exchanges
        .seen
        .iter()
        .filter(|seen| failed(&exchanges.kinds[seen.kind]))
        .map(|seen| seen.seq);
    named.extend(failed.take(MOST_NAMED / 2));
    named
}

fn numbers(text: &str) -> Vec<u64> {
    let Some(pattern) = &*NAMED else {
        return Vec::new();
    };
    let found = pattern.captures_iter(text);
    found
        .filter_map(|found| found.get(1)?.as_str().parse().ok())
        .collect()
}

/// A text, with a link wherever it names an exchange that is shown.
fn pieces(text: &str, linked: &BTreeSet<u64>, names: &Names) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut from = 0;
    let plain = |text: &str| Piece {
        text: text.to_owned(),
        href: None,
    };
    for found in NAMED.iter().flat_map(|pattern| pattern.captures_iter(text)) {
        let (Some(whole), Some(number)) = (found.get(0), found.get(1)) else {
            continue;
        };
        let Some(seq) = number
            .as_str()
            .parse()
            .ok()
            .filter(|seq| linked.contains(seq))
        else {
            continue;
        };
        pieces.push(plain(&text[from..whole.start()]));
        pieces.push(Piece {
            text: whole.as_str().to_owned(),
            href: Some(names.exchange(seq)),
        });
        from = whole.end();
    }
    pieces.push(plain(&text[from..]));
    pieces
}
