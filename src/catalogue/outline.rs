//! From Gherkin's scenarios and outlines to the runs they stand for: [`expand`].
//!
//! The crate `gherkin` hands outlines over as they were written.

use std::path::Path;

use gherkin::{Examples, Scenario};

use super::finding::Finding;

/// One run of a scenario: an outline's row, or the scenario itself.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// Name with placeholders filled in.
    pub name: String,
    /// The line of the row, or of the scenario.
    pub line: usize,
    /// Tags of scenario and examples, without `@`, each with the line to report it at.
    pub tags: Vec<(String, usize)>,
    /// The values of the placeholders.
    values: Vec<(String, String)>,
}

impl Run {
    /// A run without examples: no placeholder is filled in.
    pub fn plain(line: usize) -> Self {
        Self {
            name: String::new(),
            line,
            tags: Vec::new(),
            values: Vec::new(),
        }
    }

    /// Fills the placeholders of a text in. One without a column is a finding.
    pub fn fill(
        &self,
        text: &str,
        line: usize,
        path: &Path,
        findings: &mut Vec<Finding>,
    ) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, name, after)) = next_placeholder(rest) {
            filled.push_str(before);
            match self.values.iter().find(|(column, _)| column == name) {
                Some((_, value)) => filled.push_str(value),
                None => {
                    let what = format!("no column of examples fills the placeholder `<{name}>`");
                    let mend = "add the column to `Examples:`, or write the text itself";
                    findings.push(Finding::new(path, line, what, mend));
                    filled.push_str(&format!("<{name}>"));
                }
            }
            rest = after;
        }
        filled.push_str(rest);
        filled
    }
}

/// The first `<name>` in a text, with what stands before and after it. A `<` with a space behind it is just a sign.
pub(super) fn next_placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    while let Some(open) = text[from..].find('<').map(|at| at + from) {
        let inner = &text[open + 1..];
        let close = inner.find('>')?;
        let name = &inner[..close];
        if !name.is_empty() && name.trim() == name && !name.contains('<') {
            return Some((&text[..open], name, &inner[close + 1..]));
        }
        from = open + 1;
    }
    None
}

/// All runs of a scenario, in the order of the file. Examples that would give none are findings.
pub(super) fn expand(
    scenario: &Scenario,
    source: &str,
    path: &Path,
    findings: &mut Vec<Finding>,
) -> Vec<Run> {
    let own_tags: Vec<_> = scenario
        .tags
        .iter()
        .map(|tag| (tag.clone(), scenario.position.line))
        .collect();
    if scenario.examples.is_empty() {
        let line = scenario.position.line;
        if scenario.keyword.contains("Outline") || scenario.keyword.contains("Template") {
            let what = "a scenario outline has no `Examples:`";
            findings.push(Finding::new(
                path,
                line,
                what,
                "add them, or make it a plain `Scenario:`",
            ));
        }
        let mut run = Run {
            tags: own_tags,
            ..Run::plain(line)
        };
        run.name = run.fill(&scenario.name, line, path, findings);
        return vec![run];
    }
    let mut runs = Vec::new();
    for examples in &scenario.examples {
        let rows = examples
            .table
            .as_ref()
            .map(|table| table.rows.as_slice())
            .unwrap_or_default();
        let Some((header, rows)) = rows.split_first().filter(|(_, rows)| !rows.is_empty()) else {
            let what = "these examples have no row: nothing would run";
            findings.push(Finding::new(
                path,
                examples.position.line,
                what,
                "add a row, or take the examples out",
            ));
            continue;
        };
        report_unused_columns(scenario, header, examples, path, findings);
        for (index, row) in rows.iter().enumerate() {
            let mut tags = own_tags.clone();
            tags.extend(
                examples
                    .tags
                    .iter()
                    .map(|tag| (tag.clone(), examples.position.line)),
            );
            let values = header.iter().cloned().zip(row.iter().cloned()).collect();
            let line = row_line(source, examples, index, path, findings);
            let mut run = Run {
                name: String::new(),
                line,
                tags,
                values,
            };
            run.name = run.fill(&scenario.name, scenario.position.line, path, findings);
            runs.push(run);
        }
    }
    runs
}

/// The line of a row. The runner counts it from `Examples:`, so that anything between would make the two disagree.
fn row_line(
    source: &str,
    examples: &Examples,
    index: usize,
    path: &Path,
    findings: &mut Vec<Finding>,
) -> usize {
    let counted = examples.position.line + index + 2;
    let written = source
        .lines()
        .enumerate()
        .skip(examples.position.line)
        .filter(|(_, line)| line.trim_start().starts_with('|'))
        .nth(index + 1)
        .map_or(counted, |(position, _)| position + 1);
    if written != counted {
        findings.push(Finding::new(
            path,
            written,
            "something stands between `Examples:` and this row: reports would name the wrong line",
            "move comments, text and blank lines above `Examples:`",
        ));
    }
    written
}

/// A column that nothing uses is a typing mistake: its rows would be the same test several times.
fn report_unused_columns(
    scenario: &Scenario,
    header: &[String],
    examples: &Examples,
    path: &Path,
    findings: &mut Vec<Finding>,
) {
    let mut texts = vec![scenario.name.clone()];
    for step in &scenario.steps {
        texts.push(step.value.clone());
        texts.extend(arguments(step).cloned());
    }
    for column in header {
        let placeholder = format!("<{column}>");
        if !texts.iter().any(|text| text.contains(&placeholder)) {
            let what = format!("nothing in the outline uses the column `{column}`");
            let mend = format!("use `{placeholder}` in a step, or take the column out");
            findings.push(Finding::new(path, examples.position.line + 1, what, mend));
        }
    }
}

/// The text and the cells that follow a step.
pub(super) fn arguments(step: &gherkin::Step) -> impl Iterator<Item = &String> {
    let cells = step
        .table
        .iter()
        .flat_map(|table| table.rows.iter().flatten());
    step.docstring.iter().chain(cells)
}
