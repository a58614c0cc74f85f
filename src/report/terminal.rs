//! The verdict table for people. Main function: [`table`].

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anstyle::AnsiColor;

use super::record::RunInfo;
use super::results::{CaseResult, Results, Tally};
use crate::model::verdict::{CaseVerdict, Verdict};

/// Whether to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paint {
    /// No escape sequences.
    Plain,
    /// ANSI colours.
    Colour,
}

/// Scenarios that are written out below a case; beyond it they are counted.
const SHOWN: usize = 40;

/// The results as a table, worst things in full.
pub fn table(results: &Results, paint: Paint) -> String {
    let mut text = String::new();
    let run = &results.run;
    let _ = writeln!(
        text,
        "{} {} ({}), role {}, {} tier, seed {}",
        visible(&run.sut.name),
        visible(&run.sut.version),
        visible(&run.sut.vendor),
        run.sut.role,
        visible(&run.tier),
        run.seed
    );
    let sut = &run.sut;
    let plate: Vec<String> = [
        ("serial", &sut.serial),
        ("for", &sut.client),
        ("at", &sut.lab),
        ("tested by", &sut.tester),
    ]
    .into_iter()
    .filter_map(|(word, value)| Some(format!("{word} {}", visible(value.as_ref()?))))
    .collect();
    if !plate.is_empty() {
        let _ = writeln!(text, "{}", plate.join(", "));
    }
    if !run.defects.is_empty() {
        let _ = writeln!(
            text,
            "with the defects: {}",
            visible(&run.defects.join(", "))
        );
    }
    if let Some(warning) = run.warning() {
        let _ = writeln!(text, "caution: {warning}");
    }
    let _ = writeln!(
        text,
        "\n{:<12}  {:<14}  {:<14}  {:<40}  scenarios",
        "clause", "normative", "extended", "test case"
    );
    for case in &results.cases {
        row(&mut text, run, case, paint);
    }
    for case in &results.cases {
        details(&mut text, case, paint);
    }
    for fault in &results.faults {
        let _ = writeln!(text, "\nfault of the harness: {}", visible(fault));
    }
    for at in &results.resumed {
        let _ = writeln!(text, "\nthe run was cut off and resumed at {at:.0}");
    }
    if let Some(why) = &results.interrupted {
        let _ = writeln!(text, "\nthe run did not come to its end: {}", visible(why));
    }
    let _ = writeln!(
        text,
        "\ntest cases: {}\nextended scenarios: {}",
        tally(&results.summary.cases),
        tally(&results.summary.extended_scenarios)
    );
    let residue = results.summary.scenarios_with_residue;
    if residue > 0 {
        let _ = writeln!(text, "scenarios with a residue, see above: {residue}");
    }
    if let Some(time) = &results.time {
        let _ = writeln!(
            text,
            "time: {:.1} s, of which the product took {:.1} s; the harness's own share is {:.1} %",
            time.total,
            time.product,
            100.0 * time.own_share()
        );
    }
    if !results.waivers.is_empty() {
        let _ = writeln!(text, "waivers:");
    }
    for waiver in &results.waivers {
        let _ = writeln!(text, "    {}", visible(&waiver.told()));
    }
    let word = results
        .verdict
        .map_or("nothing was judged".to_owned(), |v| {
            painted(v, &v.to_string(), paint)
        });
    let _ = writeln!(text, "verdict: {word} (exit code {})", results.exit_code);
    text
}

fn row(text: &mut String, run: &RunInfo, case: &CaseResult, paint: Paint) {
    let normative = match &case.normative {
        Some(verdict) => match verdict.judged() {
            Some(judged) => {
                let word = word(judged, run, case);
                painted(judged, &format!("{word:<14}"), paint)
            }
            None => format!("{verdict:<14}"),
        },
        None => format!("{:<14}", "-"),
    };
    let extended = match case.extended {
        Some(verdict) => painted(verdict, &format!("{verdict:<14}"), paint),
        None => format!("{:<14}", "-"),
    };
    let passed = case
        .scenarios
        .iter()
        .filter(|scenario| scenario.verdict == Verdict::Pass)
        .count();
    let _ = writeln!(
        text,
        "{:<12}  {normative}  {extended}  {:<40}  {passed}/{}{}",
        case.clause,
        case.id,
        case.scenarios.len(),
        if case.waived { "  waived" } else { "" }
    );
}

/// A Pass of fewer creations than the clause asks for says in which tier it was reached. A Fail needs no such limit.
fn word(normative: Verdict, run: &RunInfo, case: &CaseResult) -> String {
    if normative == Verdict::Pass && case.below_capacity && run.tier == "quick" {
        format!("{normative} (quick)")
    } else {
        normative.to_string()
    }
}

fn details(text: &mut String, case: &CaseResult, paint: Paint) {
    if let Some(CaseVerdict::NotApplicable { item, reason }) = &case.normative {
        let _ = writeln!(
            text,
            "\n{}: not applicable: ICS item '{item}': {reason}",
            case.id
        );
    }
    let bad: Vec<_> = case
        .scenarios
        .iter()
        .filter(|scenario| scenario.verdict != Verdict::Pass)
        .collect();
    for scenario in bad.iter().take(SHOWN) {
        let part = if scenario.normative {
            "normative"
        } else {
            "extended"
        };
        let _ = writeln!(
            text,
            "\n{}  {} ({part}, {}:{})\n    {}",
            painted(scenario.verdict, &scenario.verdict.to_string(), paint),
            visible(&scenario.name),
            case.path,
            scenario.line,
            visible(&scenario.reason)
        );
        if let Some((folder, _)) = scenario
            .evidence
            .first()
            .and_then(|file| file.path.rsplit_once('/'))
        {
            let _ = writeln!(
                text,
                "    evidence: {folder}/ ({} files)",
                scenario.evidence.len()
            );
        }
    }
    if bad.len() > SHOWN {
        let _ = writeln!(text, "\nand {} more in {}", bad.len() - SHOWN, case.id);
    }
    remarks(text, case);
}

/// What the normative scenarios told beside their verdict, and what any scenario left behind; each thing once.
fn remarks(text: &mut String, case: &CaseResult) {
    let normative = || case.scenarios.iter().filter(|scenario| scenario.normative);
    let mut told: Vec<String> = Vec::new();
    for observation in normative().flat_map(|scenario| &scenario.observations) {
        told.push(format!("observed  {}", visible(&observation.text)));
    }
    // Of the others, what no normative scenario tells: its name is not among theirs.
    let known: Vec<&str> = normative()
        .flat_map(|scenario| &scenario.observations)
        .map(|observation| observation.name.as_str())
        .collect();
    for scenario in case.scenarios.iter().filter(|scenario| !scenario.normative) {
        for observation in &scenario.observations {
            if !known.contains(&observation.name.as_str()) {
                let text = visible(&observation.text);
                told.push(format!("observed  {text} (line {})", scenario.line));
            }
        }
    }
    let measurements = normative().flat_map(|scenario| &scenario.measurements);
    // The run's line about time has it.
    for measurement in measurements.filter(|measurement| measurement.name != "product-time") {
        let value = format!("{:.1}", measurement.value);
        let value = value.strip_suffix(".0").unwrap_or(&value);
        told.push(format!(
            "measured  {} {value} {}",
            measurement.name, measurement.unit
        ));
    }
    told.extend(residue(case));
    if told.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{}", case.id);
    let mut seen = BTreeSet::new();
    for line in told.iter().filter(|line| seen.insert(line.as_str())) {
        let _ = writeln!(text, "    {}", line.trim_end());
    }
}

/// A line for each distinct residue, with the first scenario that left it.
fn residue(case: &CaseResult) -> Vec<String> {
    let mut left: Vec<(&str, usize, usize)> = Vec::new();
    for scenario in &case.scenarios {
        for what in &scenario.residue {
            match left.iter_mut().find(|(known, ..)| known == what) {
                Some((_, _, more)) => *more += 1,
                None => left.push((what, scenario.line, 0)),
            }
        }
    }
    let mut lines: Vec<String> = left
        .iter()
        .take(SHOWN)
        .map(|(what, line, more)| {
            let more = if *more > 0 {
                format!(" and {more} more")
            } else {
                String::new()
            };
            format!("residue   {} (line {line}{more})", visible(what))
        })
        .collect();
    if left.len() > SHOWN {
        lines.push(format!("residue   and {} more kinds", left.len() - SHOWN));
    }
    lines
}

fn tally(tally: &Tally) -> String {
    format!(
        "{} passed, {} failed, {} inconclusive, {} errors, {} not applicable",
        tally.pass, tally.fail, tally.inconclusive, tally.error, tally.not_applicable
    )
}

/// Text from a SUT may bear escape sequences, lines that look like ours, and marks that turn the direction of writing: shown, not
/// obeyed.
pub fn visible(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let turns = matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            if c.is_control() || turns {
                c.escape_default().collect::<Vec<_>>()
            } else {
                vec![c]
            }
        })
        .collect()
}

fn painted(verdict: Verdict, text: &str, paint: Paint) -> String {
    if paint == Paint::Plain {
        return text.to_owned();
    }
    let style = match verdict {
        Verdict::Pass => AnsiColor::Green,
        Verdict::Inconclusive => AnsiColor::Yellow,
        Verdict::Fail => AnsiColor::Red,
        Verdict::Error => AnsiColor::Magenta,
    }
    .on_default();
    format!("{style}{text}{style:#}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::record::tests::run_info;
    use crate::report::results::{ScenarioResult, Summary};

    #[test]
    fn escape_sequences_of_a_sut_are_shown_not_obeyed() {
        assert_eq!(visible("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(visible("x\nverdict: Pass"), "x\\nverdict: Pass");
        assert_eq!(visible("a\u{202e}b"), "a\\u{202e}b");
    }

    #[test]
    fn plain_text_has_no_escape_sequences() {
        assert_eq!(painted(Verdict::Fail, "Fail", Paint::Plain), "Fail");
        assert!(painted(Verdict::Fail, "Fail", Paint::Colour).starts_with('\u{1b}'));
    }

    fn scenario(line: usize, residue: &[&str]) -> ScenarioResult {
        ScenarioResult {
            name: "n".into(),
            line,
            normative: true,
            verdict: Verdict::Pass,
            reason: String::new(),
            seconds: 0.0,
            steps: Vec::new(),
            evidence: Vec::new(),
            observations: Vec::new(),
            measurements: Vec::new(),
            residue: residue.iter().map(|text| (*text).to_owned()).collect(),
            cut_off: Vec::new(),
        }
    }

    fn case(below_capacity: bool, scenarios: Vec<ScenarioResult>) -> CaseResult {
        CaseResult {
            id: "TC_A".into(),
            document: "SEC030".into(),
            clause: "4.2.2.2".into(),
            requirement: String::new(),
            purpose: String::new(),
            keyword: "shall".into(),
            path: "a.feature".into(),
            normative: Some(CaseVerdict::Pass),
            below_capacity,
            extended: None,
            waived: false,
            scenarios,
        }
    }

    fn drawn(tier: &str, case: CaseResult) -> String {
        let with_residue = case.scenarios.iter().filter(|s| !s.residue.is_empty());
        let results = Results {
            format: 1,
            run: RunInfo {
                tier: tier.into(),
                ..run_info()
            },
            ended: None,
            interrupted: None,
            resumed: Vec::new(),
            faults: Vec::new(),
            summary: Summary {
                scenarios_with_residue: with_residue.count(),
                ..Summary::default()
            },
            time: None,
            verdict: Some(Verdict::Pass),
            exit_code: 0,
            cases: vec![case],
            waivers: Vec::new(),
        };
        table(&results, Paint::Plain)
    }

    #[test]
    fn who_tests_for_whom_is_told_where_the_profile_says_it() {
        let mut sut = run_info().sut;
        sut.lab = Some("the \u{1b}lab".into());
        sut.tester = Some("A. Tester".into());
        let run = RunInfo { sut, ..run_info() };
        let record = crate::report::record::Record {
            run,
            inventory: None,
            selftest: None,
            events: Vec::new(),
            cut: false,
        };
        let text = table(&crate::report::fold::results(&record), Paint::Plain);
        assert!(
            text.contains("\nat the \\u{1b}lab, tested by A. Tester\n"),
            "{text}"
        );
    }

    #[test]
    fn a_pass_below_capacity_says_its_tier() {
        let row = "4.2.2.2       Pass (quick)    -";
        assert!(drawn("quick", case(true, Vec::new())).contains(row));
        assert!(!drawn("quick", case(false, Vec::new())).contains("(quick)"));
        assert!(!drawn("full", case(true, Vec::new())).contains("(quick)"));
    }

    #[test]
    fn residue_of_a_scenario_that_passed_is_told_once_with_its_line() {
        let crash = "the SUT had ended by itself: \u{1b}[2J";
        let text = drawn(
            "full",
            case(
                false,
                vec![
                    scenario(10, &[crash]),
                    scenario(20, &[]),
                    scenario(30, &[crash, "x"]),
                ],
            ),
        );
        assert!(
            text.contains("residue   the SUT had ended by itself: \\u{1b}[2J (line 10 and 1 more)"),
            "{text}"
        );
        assert!(text.contains("residue   x (line 30)"), "{text}");
        assert!(
            text.contains("scenarios with a residue, see above: 2"),
            "{text}"
        );
        assert!(!drawn("full", case(false, vec![scenario(10, &[])])).contains("residue"));
    }
}
