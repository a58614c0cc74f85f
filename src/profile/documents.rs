//! What can stand in `[documents]`: [`check`].

use std::collections::BTreeMap;

use super::finding::Finding;
use crate::model::sut::Document;

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
