//! The suite: `features/` read into documents and test cases. Main type: [`Catalogue`].
//!
//! Files are found by walking the folder; there is no list to edit. A catalogue is either whole, or an error that names
//! everything to mend at once. [`Catalogue::survey`] keeps what could be read, for `scas check` and `scas list`.

pub mod check;
mod coverage;
mod document;
mod feature;
mod finding;
mod inventory;
mod metadata;
mod nearest;
mod outline;
mod scenario;
pub mod selection;
mod source;
#[cfg(test)]
pub(crate) mod test_suite;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use crate::model::clause::{Clause, Document, Requirement};
use crate::model::test_case::TestCase;

pub use check::StepInfo;
pub use coverage::{Coverage, Status};
pub use finding::{CatalogueErrors, Finding};
pub use nearest::nearest;
pub use selection::{Selection, SelectionError};

use source::Source;

/// The suite: what there is to conform to, and what tests it.
#[derive(Clone, Debug)]
pub struct Catalogue {
    /// The specifications, ordered by path.
    pub documents: Vec<Document>,
    /// The test cases, ordered by path.
    pub cases: Vec<TestCase>,
    root: PathBuf,
    digest: String,
    problems: Vec<Finding>,
    unread: usize,
}

impl Catalogue {
    /// The suite that is built into the program.
    ///
    /// # Errors
    /// Everything that is wrong inside a file of it. The project's tests read it, so that a release has none.
    pub fn embedded() -> Result<Self, CatalogueErrors> {
        Self::survey_embedded().whole()
    }

    /// The suite in a folder.
    ///
    /// # Errors
    /// Everything that is wrong inside a file of it, or keeps it from being read, all at once.
    pub fn from_dir(dir: &Path) -> Result<Self, CatalogueErrors> {
        Self::survey(dir).whole()
    }

    /// As much of the suite in a folder as can be read; the rest is among [`Catalogue::problems`].
    #[must_use]
    pub fn survey(dir: &Path) -> Self {
        Self::read(Source::from_dir(dir))
    }

    /// As much of the suite inside the program as can be read; the rest is among [`Catalogue::problems`].
    #[must_use]
    pub fn survey_embedded() -> Self {
        Self::read(Source::embedded())
    }

    /// What is wrong inside single files. Empty for a catalogue that is whole.
    #[must_use]
    pub fn problems(&self) -> &[Finding] {
        &self.problems
    }

    /// Whether something was found that could not be read, so that nothing follows from what is missing.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.unread > 0
    }

    /// The suite digest: SHA-256 over all features and `clauses.toml` with their paths inside the suite, lower-case
    /// hex. The same files give the same digest wherever they are.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Where the suite is, as shown to people.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The test case with this id.
    #[must_use]
    pub fn case(&self, id: &str) -> Option<&TestCase> {
        self.cases.iter().find(|case| case.id == id)
    }

    /// The requirement with this id, and where it stands.
    #[must_use]
    pub fn requirement(&self, id: &str) -> Option<(&Document, &Clause, &Requirement)> {
        self.requirements()
            .find(|(_, _, requirement)| requirement.id == id)
    }

    /// All requirements, in the order of the documents.
    pub fn requirements(&self) -> impl Iterator<Item = (&Document, &Clause, &Requirement)> {
        self.documents.iter().flat_map(|document| {
            document
                .requirements()
                .map(move |(clause, requirement)| (document, clause, requirement))
        })
    }

    fn read(source: Source) -> Self {
        let digest = source.digest();
        let mut unread = source.findings.len();
        let mut problems = source.findings;
        let mut documents = Vec::new();
        let mut cases = Vec::new();
        for file in &source.files {
            let read = if file.inside.ends_with(".feature") {
                let case = feature::read(&file.text, &file.path, &mut problems);
                case.map(|case| cases.push(case))
            } else {
                let document = document::read(&file.text, &file.path, &mut problems);
                document.map(|document| documents.push(document))
            };
            unread += usize::from(read.is_none());
        }
        if source.files.is_empty() && problems.is_empty() {
            let mend = "name a folder with .feature files and clauses.toml";
            problems.push(Finding::new(&source.root, 0, "there is no feature", mend));
            unread += 1;
        }
        problems.sort();
        // An outline expands one mistake into each of its rows.
        problems.dedup();
        Self {
            documents,
            cases,
            root: source.root,
            digest,
            problems,
            unread,
        }
    }

    fn whole(self) -> Result<Self, CatalogueErrors> {
        if self.problems.is_empty() {
            Ok(self)
        } else {
            Err(CatalogueErrors(self.problems))
        }
    }
}
