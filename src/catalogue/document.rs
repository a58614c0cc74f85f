//! From the text of a `clauses.toml` to a [`Document`].

use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use crate::model::clause::{
    Clause, Document, Inherited, Modality, Requirement, RequirementKind, Role, Untested,
    Verification,
};

use super::finding::Finding;

/// Reads one `clauses.toml`. `None` where it cannot be read; then there is a finding.
pub(super) fn read(source: &str, path: &Path, findings: &mut Vec<Finding>) -> Option<Document> {
    let written: Written = match toml::from_str(source) {
        Ok(written) => written,
        Err(error) => {
            let line = error.span().map_or(0, |span| line_at(source, span.start));
            let mend = "write [document] with id, title and version, then [[clause]] and [[clause.requirement]]";
            findings.push(Finding::new(path, line, error.message().to_owned(), mend));
            return None;
        }
    };
    let clauses = written
        .clause
        .into_iter()
        .map(|clause| Clause {
            number: clause.number,
            title: clause.title,
            requirements: clause
                .requirement
                .into_iter()
                .filter_map(|requirement| self::requirement(requirement, source, path, findings))
                .collect(),
            inherited: clause.inherited,
        })
        .collect();
    let head = written.document;
    Some(Document {
        id: head.id,
        title: head.title,
        version: head.version,
        clauses,
        path: path.to_owned(),
    })
}

fn requirement(
    written: WrittenRequirement,
    source: &str,
    path: &Path,
    findings: &mut Vec<Finding>,
) -> Option<Requirement> {
    let line = line_at(source, written.id.span().start);
    if written.summary.trim().is_empty() {
        findings.push(Finding::new(
            path,
            line,
            "the summary is empty",
            "say in a line what is asked for",
        ));
    }
    let roles = written
        .role
        .split('+')
        .map(|role| role.trim().parse::<Role>())
        .collect::<Result<Vec<_>, _>>();
    let roles = roles
        .map_err(|error| {
            findings.push(Finding::new(
                path,
                line,
                error.to_string(),
                "join several roles with `+`",
            ));
        })
        .ok()?;
    Some(Requirement {
        id: written.id.into_inner(),
        roles,
        modality: written.modality,
        condition: written.condition,
        verification: written.verification,
        kind: written.kind,
        summary: written.summary,
        untested: written.untested,
        line,
    })
}

fn line_at(source: &str, offset: usize) -> usize {
    1 + source
        .bytes()
        .take(offset)
        .filter(|byte| *byte == b'\n')
        .count()
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    document: WrittenDocument,
    #[serde(default)]
    clause: Vec<WrittenClause>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenDocument {
    id: String,
    title: String,
    version: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenClause {
    number: String,
    title: String,
    #[serde(default)]
    requirement: Vec<WrittenRequirement>,
    #[serde(default)]
    inherited: Vec<Inherited>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRequirement {
    id: Spanned<String>,
    role: String,
    modality: Modality,
    condition: Option<String>,
    verification: Verification,
    kind: RequirementKind,
    summary: String,
    untested: Option<Untested>,
}
