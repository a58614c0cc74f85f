//! A summary for a pull request: [`render`].
//!
//! Whatever the product has said stands in code spans, where it can neither format, link nor mention anybody.

use std::fmt::Write as _;

use crate::model::verdict::{CaseVerdict, Verdict};
use crate::report::results::{CaseResult, Results, ScenarioResult};

/// So many scenarios that did not pass are told one by one.
const SHOWN: usize = 30;
/// The longest reason, in characters.
const LONGEST: usize = 500;

/// The results as Markdown.
pub fn render(results: &Results) -> String {
    let mut text = String::new();
    // A String can be grown to any length.
    let _ = write(results, &mut text);
    text
}

fn write(results: &Results, out: &mut String) -> std::fmt::Result {
    let run = &results.run;
    let verdict = results
        .verdict
        .map_or("nothing was judged".to_owned(), |v| v.to_string());
    writeln!(
        out,
        "## scas: {verdict} (exit code {})\n",
        results.exit_code
    )?;
    let product = format!("{} {} ({})", run.sut.name, run.sut.version, run.sut.vendor);
    writeln!(
        out,
        "{}, role {}, {} tier, run {}, scas {}\n",
        code(&product),
        run.sut.role,
        run.tier,
        code(&run.id),
        run.tool_version
    )?;
    if !run.defects.is_empty() {
        let defects = code(&run.defects.join(", "));
        writeln!(
            out,
            "**The reference had defects: {defects}. This says nothing about a conforming product.**\n"
        )?;
    }
    if let Some(warning) = run.warning() {
        writeln!(out, "**Caution:** {}\n", code(&warning))?;
    }
    if let Some(why) = &results.interrupted {
        writeln!(out, "**The run is not whole:** {}\n", code(why))?;
    }
    for at in &results.resumed {
        writeln!(out, "The run was interrupted, and gone on with at {at}.\n")?;
    }
    for fault in &results.faults {
        writeln!(out, "**The harness failed:** {}\n", code(fault))?;
    }
    writeln!(
        out,
        "| clause | test case | normative | extended | scenarios |"
    )?;
    writeln!(out, "|---|---|---|---|---|")?;
    for case in &results.cases {
        writeln!(out, "{}", row(case))?;
    }
    let summary = &results.summary.cases;
    writeln!(
        out,
        "\nTest cases: {} passed, {} failed, {} inconclusive, {} errors, {} not applicable.",
        summary.pass, summary.fail, summary.inconclusive, summary.error, summary.not_applicable
    )?;
    let extended = &results.summary.extended_scenarios;
    writeln!(
        out,
        "Extended scenarios: {} passed, {} failed, {} inconclusive, {} errors.",
        extended.pass, extended.fail, extended.inconclusive, extended.error
    )?;
    let failed: Vec<_> = results.cases.iter().flat_map(not_passed).collect();
    if !failed.is_empty() {
        writeln!(out, "\n### Not passed\n")?;
    }
    for (case, scenario) in failed.iter().take(SHOWN) {
        let waived = if case.waived { ", waived" } else { "" };
        writeln!(
            out,
            "* **{}**{waived} {}, line {}, {}: {}",
            scenario.verdict,
            code(&case.id),
            scenario.line,
            code(&scenario.name),
            code(&scenario.reason)
        )?;
    }
    if failed.len() > SHOWN {
        writeln!(out, "* and {} more: see `index.html`", failed.len() - SHOWN)?;
    }
    for waiver in &results.waivers {
        writeln!(out, "* waiver: {}", code(&waiver.told()))?;
    }
    Ok(())
}

fn row(case: &CaseResult) -> String {
    let normative = match &case.normative {
        None => "-".to_owned(),
        Some(CaseVerdict::NotApplicable { item, .. }) => {
            format!("NotApplicable ({})", code(item))
        }
        Some(other) => {
            let smaller = if case.below_capacity { " (quick)" } else { "" };
            other
                .judged()
                .map_or_else(String::new, |verdict| format!("{verdict}{smaller}"))
        }
    };
    let extended = case
        .extended
        .map_or("-".to_owned(), |verdict| verdict.to_string());
    let passed = case
        .scenarios
        .iter()
        .filter(|scenario| scenario.verdict == Verdict::Pass);
    format!(
        "| {} {} | {} | {normative} | {extended} | {}/{} |",
        case.document,
        case.clause,
        code(&case.id),
        passed.count(),
        case.scenarios.len()
    )
}

fn not_passed(case: &CaseResult) -> impl Iterator<Item = (&CaseResult, &ScenarioResult)> {
    let failed = |scenario: &&ScenarioResult| scenario.verdict != Verdict::Pass;
    case.scenarios
        .iter()
        .filter(failed)
        .map(move |scenario| (case, scenario))
}

/// A code span of one line, fit for a table too.
fn code(text: &str) -> String {
    let mut plain: String = text
        .chars()
        .take(LONGEST)
        .map(|c| match c {
            '`' => '\'',
            // A pipe would end the cell, even here.
            '|' => '\u{a6}',
            c if c.is_control() || is_direction(c) => ' ',
            c => c,
        })
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        plain.push_str("...");
    }
    format!(
        "`{}`",
        if plain.trim().is_empty() {
            "(empty)"
        } else {
            plain.trim()
        }
    )
}

/// Characters that turn the direction of what follows.
fn is_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
