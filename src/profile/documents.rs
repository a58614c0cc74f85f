//! What can stand in `[documents]`: [`check`], and with the suite at hand [`unknown_documents`]; which labels a test case asks for:
//! [`wanted`].

use std::collections::{BTreeMap, BTreeSet};

use super::finding::Finding;
use crate::catalogue::{Catalogue, nearest};
use crate::model::sut::Document;
use crate::model::test_case::TestCase;

/// How a step begins that asks for a document, before its label in quotes.
const DESCRIBED: &str = "the documentation of the VNFM describes \"";

/// A table says one place; a digest is one, and of a file. Whether it is the file's is looked at before a run.
pub(super) fn check(documents: &BTreeMap<String, Document>) -> Vec<Finding> {
    let mut found = Vec::new();
    for (label, document) in documents {
        let Document::Table(table) = document else {
            continue;
        };
        if table.file.is_some() == table.link.is_some() {
            let text = "names one place: write either file = \"...\" or link = \"...\"";
            found.push(Finding::of(format!("documents.{label}"), text));
        }
        let Some(digest) = &table.sha256 else {
            continue;
        };
        if digest.len() != 64 || !digest.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let text = format!(
                "'{digest}' is no SHA-256; write 64 hex digits, as `sha256sum` prints them"
            );
            found.push(Finding::of(format!("documents.{label}.sha256"), text));
        }
    }
    found
}

/// The labels of the documents that a test case asks for.
#[must_use]
pub fn wanted(case: &TestCase) -> BTreeSet<&str> {
    let steps = case.scenarios.iter().flat_map(|scenario| &scenario.steps);
    steps
        .filter_map(|step| step.text.strip_prefix(DESCRIBED)?.strip_suffix('"'))
        .collect()
}

/// Labels that no test case asks for and that are like one that is asked for and missing.
#[must_use]
pub fn unknown_documents(
    documents: &BTreeMap<String, Document>,
    catalogue: &Catalogue,
) -> Vec<Finding> {
    let wanted: BTreeSet<&str> = catalogue.cases.iter().flat_map(wanted).collect();
    let missing = || {
        let missing = |label: &&&str| !documents.contains_key(**label);
        wanted.iter().filter(missing).copied()
    };
    let unknown = documents
        .keys()
        .filter(|label| !wanted.contains(label.as_str()));
    unknown
        .filter_map(|label| {
            let near = nearest(label, missing())?;
            let text = format!("no test case asks for it; did you mean `{near}`?");
            Some(Finding::of(format!("documents.{label}"), text))
        })
        .collect()
}

/// Labels of documents that only test cases ask for of which nothing is selected: whether these are there does not matter.
#[must_use]
pub fn of_others(catalogue: &Catalogue, is_selected: impl Fn(&TestCase) -> bool) -> BTreeSet<&str> {
    let (selected, others): (Vec<&TestCase>, Vec<&TestCase>) =
        catalogue.cases.iter().partition(|case| is_selected(case));
    let ours: BTreeSet<&str> = selected.into_iter().flat_map(wanted).collect();
    let others = others.into_iter().flat_map(wanted);
    others.filter(|label| !ours.contains(label)).collect()
}
