//! What is wrong with the suite, where, and how to mend it: [`Finding`].

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use thiserror::Error;

/// One thing wrong with the suite.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Finding {
    /// The file, as shown to people.
    pub path: PathBuf,
    /// The line in it, from 1; 0 where the file as a whole is meant.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// How to mend it.
    pub mend: String,
}

impl Finding {
    /// A finding at `path:line`.
    pub fn new(path: &Path, line: usize, what: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            line,
            what: what.into(),
            mend: mend.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.path.display())?;
        if self.line > 0 {
            write!(formatter, ":{}", self.line)?;
        }
        write!(formatter, ": {}: {}", self.what, self.mend)
    }
}

/// All that keeps a folder of features from being a catalogue.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub struct CatalogueErrors(pub Vec<Finding>);

impl fmt::Display for CatalogueErrors {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "the suite cannot be used as it is ({} to mend)",
            self.0.len()
        )?;
        self.0
            .iter()
            .try_for_each(|finding| write!(formatter, "\n  {finding}"))
    }
}
