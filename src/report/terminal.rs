//! The verdict table for people. Main function: [`table`].

use std::fmt::Write as _;

use anstyle::AnsiColor;

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
        run.sut.name, run.sut.version, run.sut.vendor, run.sut.role, run.tier, run.seed
    );
    if !run.defects.is_empty() {
        let _ = writeln!(text, "with the defects: {}", run.defects.join(", "));
    }
    let _ = writeln!(
        text,
        "\n{:<12}  {:<14}  {:<14}  {:<40}  scenarios",
        "clause", "normative", "extended", "test case"
    );
    for case in &results.cases {
        row(&mut text, case, paint);
    }
    for case in &results.cases {
        details(&mut text, case, paint);
    }
    for fault in &results.faults {
        let _ = writeln!(text, "\nfault of the harness: {fault}");
    }
    if let Some(why) = &results.interrupted {
        let _ = writeln!(text, "\nthe run did not come to its end: {why}");
    }
    let _ = writeln!(
        text,
        "\ntest cases: {}\nextended scenarios: {}",
        tally(&results.summary.cases),
        tally(&results.summary.extended_scenarios)
    );
    let word = results
        .verdict
        .map_or("nothing was judged".to_owned(), |v| {
            painted(v, &v.to_string(), paint)
        });
    let _ = writeln!(text, "verdict: {word} (exit code {})", results.exit_code);
    text
}

fn row(text: &mut String, case: &CaseResult, paint: Paint) {
    let normative = match &case.normative {
        Some(verdict) => match verdict.judged() {
            Some(judged) => painted(judged, &format!("{judged:<14}"), paint),
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
        "{:<12}  {normative}  {extended}  {:<40}  {passed}/{}",
        case.clause,
        case.id,
        case.scenarios.len()
    );
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
        for file in scenario.evidence.iter().take(6) {
            let _ = writeln!(text, "    {}", file.path);
        }
    }
    if bad.len() > SHOWN {
        let _ = writeln!(text, "\nand {} more in {}", bad.len() - SHOWN, case.id);
    }
    remarks(text, case);
}

/// What the normative scenarios told beside their verdict, each thing once.
fn remarks(text: &mut String, case: &CaseResult) {
    let normative = || case.scenarios.iter().filter(|scenario| scenario.normative);
    let mut told: Vec<String> = Vec::new();
    for observation in normative().flat_map(|scenario| &scenario.observations) {
        told.push(format!("observed  {}", visible(&observation.text)));
    }
    for measurement in normative().flat_map(|scenario| &scenario.measurements) {
        let value = format!("{:.1}", measurement.value);
        let value = value.strip_suffix(".0").unwrap_or(&value);
        told.push(format!(
            "measured  {} {value} {}",
            measurement.name, measurement.unit
        ));
    }
    if told.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{}", case.id);
    let mut seen = std::collections::BTreeSet::new();
    for line in told.iter().filter(|line| seen.insert(line.as_str())) {
        let _ = writeln!(text, "    {}", line.trim_end());
    }
}

fn tally(tally: &Tally) -> String {
    format!(
        "{} passed, {} failed, {} inconclusive, {} errors, {} not applicable",
        tally.pass, tally.fail, tally.inconclusive, tally.error, tally.not_applicable
    )
}

/// Text from a SUT may bear escape sequences: shown, not obeyed.
fn visible(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            if c.is_control() && c != '\n' {
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

    #[test]
    fn escape_sequences_of_a_sut_are_shown_not_obeyed() {
        assert_eq!(visible("a\u{1b}[2Jb"), "a\\u{1b}[2Jb");
        assert_eq!(visible("two\nlines"), "two\nlines");
    }

    #[test]
    fn plain_text_has_no_escape_sequences() {
        assert_eq!(painted(Verdict::Fail, "Fail", Paint::Plain), "Fail");
        assert!(painted(Verdict::Fail, "Fail", Paint::Colour).starts_with('\u{1b}'));
    }
}
