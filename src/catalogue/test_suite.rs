//! A small suite in a temporary folder, right in every respect, for tests to put one thing wrong: [`TestSuite`].

use std::fs;

use tempfile::TempDir;

use super::{Catalogue, CatalogueErrors};

/// The file of the one test case.
pub(crate) const FEATURE: &str = "nfv-sec-030/4.2.2.2_unique.feature";
/// The file of the clauses.
pub(crate) const CLAUSES: &str = "nfv-sec-030/clauses.toml";

const FEATURE_TEXT: &str = r#"Feature: TC_UNIQUE
  Clause: SEC030 4.2.2.2
  Role: VNFM
  Requirement: No two VNF instances ever bear the same id,
    whatever happens in between.
  Reference: good practice
  Threat: A.2.2.1 two instances with one id
  Threatened asset: configuration data
  Purpose: To see whether ids repeat.
  Applicability: always
  Keyword: shall
  Evidence: the creation answers
  Defects: counter-restarts, ids-24-bit [full], refuses-everything [inconclusive]

  Background:
    Given a VNF package "A" is on board

  @normative
  Scenario: Each id is new
    When 10 VNF instances are created
    Then no id occurs twice

  # More than the specification asks for.
  @extended
  Scenario Outline: Ids differ under load <count>
    Given the VNFM is ready
    When <count> VNF instances are created
    And <count> VNF instances are created
    Then no id occurs twice

    Examples:
      | count |
      | 10    |

    @full @serial
    Examples:
      | count |
      | 20    |
"#;

const CLAUSES_TEXT: &str = r#"[document]
id = "SEC030"
title = "A document"
version = "V1"

[[clause]]
number = "4.2.1"
title = "Introduction"

[[clause.inherited]]
id = "SEC028-4.2"
untested = "text not available"

[[clause]]
number = "4.2.2.2"
title = "Unique ids"

[[clause.requirement]]
id = "TC_UNIQUE"
role = "VNFM"
modality = "shall"
verification = "test"
kind = "test case"
summary = "ids do not repeat"

[[clause.requirement]]
id = "TC_ABSENT"
role = "NFV-MANO+SM"
modality = "should"
condition = "delegation-mode"
verification = "test"
kind = "requirement"
summary = "something else"
untested = "not yet"
"#;

/// Files of a suite, path and text.
#[derive(Clone)]
pub(crate) struct TestSuite {
    files: Vec<(String, String)>,
}

impl TestSuite {
    /// One document with two requirements, and a feature for the first.
    pub(crate) fn new() -> Self {
        let file = |path: &str, text: &str| (path.to_owned(), text.to_owned());
        Self {
            files: vec![file(FEATURE, FEATURE_TEXT), file(CLAUSES, CLAUSES_TEXT)],
        }
    }

    /// With one text replaced; it must occur.
    pub(crate) fn with(mut self, from: &str, to: &str) -> Self {
        let file = self.files.iter_mut().find(|(_, text)| text.contains(from));
        let (_, text) = file.unwrap_or_else(|| panic!("no file has `{from}`"));
        *text = text.replacen(from, to, 1);
        self
    }

    /// With one file more.
    pub(crate) fn with_file(mut self, path: &str, text: &str) -> Self {
        self.files.push((path.to_owned(), text.to_owned()));
        self
    }

    /// The text of the feature as it is now.
    pub(crate) fn feature(&self) -> &str {
        &self.files[0].1
    }

    /// Writes the suite.
    pub(crate) fn write(&self) -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in &self.files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        dir
    }

    /// Writes and reads it.
    pub(crate) fn catalogue(&self) -> Result<Catalogue, CatalogueErrors> {
        Catalogue::from_dir(self.write().path())
    }

    /// What is wrong inside its files, as `line: what`.
    pub(crate) fn problems(&self) -> Vec<String> {
        let dir = self.write();
        let catalogue = Catalogue::survey(dir.path());
        catalogue
            .problems()
            .iter()
            .map(|finding| format!("{}: {}", finding.line, finding.what))
            .collect()
    }
}
