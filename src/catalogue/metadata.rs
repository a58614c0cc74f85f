//! The `Name: value` lines under `Feature:`: [`Metadata`].
//!
//! They are read from the source and not from the parsed description, which has lost indentation and line numbers.

use std::collections::BTreeMap;
use std::path::Path;

use super::finding::Finding;
use super::nearest::did_you_mean;

/// The fields that each feature has, in the order in which `scas new` writes them.
pub(crate) const FIELDS: [&str; 11] = [
    "Clause",
    "Role",
    "Requirement",
    "Reference",
    "Threat",
    "Threatened asset",
    "Purpose",
    "Applicability",
    "Keyword",
    "Evidence",
    "Defects",
];

/// The fields of one feature, each with its line.
#[derive(Debug, Default)]
pub(super) struct Metadata {
    fields: BTreeMap<&'static str, Field>,
}

/// One field of a feature's metadata.
#[derive(Debug)]
pub(super) struct Field {
    /// The line of its name, from 1.
    pub line: usize,
    /// The value, continuation lines joined by a space.
    pub value: String,
}

impl Metadata {
    /// Reads the lines after `feature_line` and before `end_line` (both from 1), or before the first tag.
    pub fn read(
        source: &str,
        feature_line: usize,
        end_line: usize,
        path: &Path,
        findings: &mut Vec<Finding>,
    ) -> Self {
        let mut metadata = Self::default();
        let mut base_indent = None;
        let mut current: Option<&'static str> = None;
        for (number, line) in source
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line))
            .skip(feature_line)
        {
            let text = line.trim();
            if number >= end_line || text.starts_with('@') {
                break;
            }
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let indent = line.len() - line.trim_start().len();
            if indent > *base_indent.get_or_insert(indent) {
                if let Some(field) = current.and_then(|name| metadata.fields.get_mut(name)) {
                    field.value = format!("{} {text}", field.value).trim().to_owned();
                }
                continue;
            }
            current = metadata.start_field(text, number, path, findings);
        }
        metadata.report_gaps(feature_line, path, findings);
        metadata
    }

    /// The field, if the feature has it with a value.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields
            .get(name)
            .filter(|field| !field.value.is_empty())
    }

    /// The value of a field, empty where it is missing (which is a finding already).
    pub fn text(&self, name: &str) -> String {
        self.field(name)
            .map(|field| field.value.clone())
            .unwrap_or_default()
    }

    fn start_field(
        &mut self,
        text: &str,
        line: usize,
        path: &Path,
        findings: &mut Vec<Finding>,
    ) -> Option<&'static str> {
        let Some((name, value)) = text.split_once(':') else {
            findings.push(Finding::new(
                path,
                line,
                format!("`{text}` is no metadata field"),
                "write `Name: value`, or indent the line deeper if it continues the field above",
            ));
            return None;
        };
        let Some(known) = FIELDS.into_iter().find(|field| *field == name.trim_end()) else {
            let mend = did_you_mean(name, FIELDS, format!("use one of: {}", FIELDS.join(", ")));
            findings.push(Finding::new(
                path,
                line,
                format!("unknown metadata field `{name}`"),
                mend,
            ));
            return None;
        };
        if self.fields.contains_key(known) {
            let what = format!("metadata field `{known}` stands here a second time");
            findings.push(Finding::new(path, line, what, "keep one of the two"));
            return None;
        }
        self.fields.insert(
            known,
            Field {
                line,
                value: value.trim().to_owned(),
            },
        );
        Some(known)
    }

    fn report_gaps(&self, feature_line: usize, path: &Path, findings: &mut Vec<Finding>) {
        for name in FIELDS {
            match self.fields.get(name) {
                None => findings.push(Finding::new(
                    path,
                    feature_line,
                    format!("metadata field `{name}` is missing"),
                    format!("add a line `{name}: ...` under `Feature:`"),
                )),
                Some(field) if field.value.is_empty() => findings.push(Finding::new(
                    path,
                    field.line,
                    format!("metadata field `{name}` is empty"),
                    "write its value behind the colon",
                )),
                Some(_) => {}
            }
        }
    }
}

/// The line of a field in a feature's source, from 1; that of `Feature:` where the field is missing.
pub(super) fn line_of(source: &str, name: &str) -> usize {
    let position =
        |wanted: &dyn Fn(&str) -> bool| source.lines().position(wanted).map(|index| index + 1);
    position(&|line| {
        line.trim_start()
            .strip_prefix(name)
            .is_some_and(|rest| rest.trim_start().starts_with(':'))
    })
    .or_else(|| position(&|line| line.trim_start().starts_with("Feature:")))
    .unwrap_or(1)
}
