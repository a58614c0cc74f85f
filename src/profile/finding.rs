//! What is wrong with a profile, in words for who wrote it: [`Finding`], and all of them: [`Findings`].

use std::fmt;

use serde::Serialize;
use thiserror::Error;

/// One thing to mend.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// The line of the file, from 1, where that is known.
    pub line: Option<usize>,
    /// The label with its tables, e.g. `ixit.capacity.quick`; empty if the file as a whole is meant.
    pub label: String,
    /// What was seen, and how to mend it.
    pub text: String,
}

impl Finding {
    /// A finding about a label. Its line is looked up later.
    pub fn of(label: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            line: None,
            label: label.into(),
            text: text.into(),
        }
    }

    /// What an error says that begins with a label, as in `ixit.pki: there is no such folder`.
    pub fn told(error: &anyhow::Error) -> Self {
        let text = format!("{error:#}");
        match text.split_once(": ") {
            Some((label, rest)) if !label.contains(char::is_whitespace) => Self::of(label, rest),
            _ => Self::of("", text),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(formatter, "line {line}: ")?;
        }
        if !self.label.is_empty() {
            write!(formatter, "{}: ", self.label)?;
        }
        formatter.write_str(&self.text)
    }
}

/// A profile that cannot be used, with all that is known to be wrong.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub struct Findings {
    /// The file as the user named it, or `built in`.
    pub file: String,
    /// In the order of their lines; never empty.
    pub all: Vec<Finding>,
}

impl fmt::Display for Findings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.all.as_slice() {
            [one] => write!(formatter, "profile {}: {one}", self.file),
            many => {
                write!(
                    formatter,
                    "profile {}: {} things to mend",
                    self.file,
                    many.len()
                )?;
                many.iter()
                    .try_for_each(|finding| write!(formatter, "\n  {finding}"))
            }
        }
    }
}
