//! `[documents]`: where the product's documentation describes what a pre-condition asks for. Main type: [`Document`].

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Day;

/// A place in the documentation: in words, or as a table that can be checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Document {
    /// In words, e.g. `manual, 4.2`.
    Words(String),
    /// Part by part.
    Table(DocumentTable),
}

/// A place in the documentation, part by part. Either `file` or `link` says where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct DocumentTable {
    /// The document as a file; a relative path begins at the profile's folder.
    pub file: Option<PathBuf>,
    /// The document's address, where it is no file here.
    pub link: Option<String>,
    /// The section that describes it.
    pub section: Option<String>,
    /// SHA-256 of the document in hex digits: that of `file` is computed before a run and must be the same.
    pub sha256: Option<String>,
    /// Who read it and found it described.
    pub checked_by: Option<String>,
    /// When.
    pub date: Option<Day>,
}

impl Document {
    /// True if it names no place at all: the same as if it were missing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Words(words) => words.trim().is_empty(),
            Self::Table(table) => table.file.is_none() && table.link.is_none(),
        }
    }
}

impl fmt::Display for Document {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = match self {
            Self::Words(words) => return formatter.write_str(words.trim()),
            Self::Table(table) => table,
        };
        let file = table.file.as_ref().map(|file| file.display().to_string());
        let parts = [
            file,
            table.link.clone(),
            table.section.clone(),
            table
                .sha256
                .as_ref()
                .map(|digest| format!("SHA-256 {digest}")),
            table
                .checked_by
                .as_ref()
                .map(|who| format!("checked by {who}")),
            table.date.map(|date| date.to_string()),
        ];
        let told: Vec<String> = parts.into_iter().flatten().collect();
        formatter.write_str(&told.join(", "))
    }
}
