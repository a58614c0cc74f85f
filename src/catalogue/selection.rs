//! Which scenarios somebody asked for: [`Selection`].

use thiserror::Error;

use crate::model::expression::{Expression, ExpressionError};
use crate::model::test_case::{Scenario, Tag, TestCase};

use super::Catalogue;
use super::nearest::nearest;

/// A choice of scenarios: `TC_X or 4.2.2.1 or @extended and not @full`.
///
/// A word is a test case, a requirement or a clause, or the beginning of one up to a dot (`4.2.2`, `Vnfm.Sc`), a
/// document (`SEC030`), or a tag with or without `@`; capitals do not matter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Selection {
    text: String,
    expression: Expression<Term>,
}

/// What one word of a selection means.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Term {
    Tag(Tag),
    /// A name that the suite knows: case, requirement, clause, prefix of a clause or document.
    Name(String),
}

/// Why a text selects nothing.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum SelectionError {
    /// It is no expression.
    #[error("cannot read the selection `{text}`")]
    Unreadable {
        /// What was written.
        text: String,
        /// What is wrong with it.
        source: ExpressionError,
    },
    /// A word that the suite does not know.
    #[error("nothing in the suite is called `{word}`{}", near.as_ref().map_or_else(
        || ": name a test case, a requirement, a clause, a document or a tag (see `scas list`)".to_owned(),
        |near| format!(": did you mean `{near}`?"),
    ))]
    UnknownWord {
        /// The word as written.
        word: String,
        /// The known word most like it.
        near: Option<String>,
    },
}

impl Selection {
    /// Reads a selection from the words that `catalogue` knows.
    ///
    /// # Errors
    /// [`SelectionError`] names the place, or the unknown word and the nearest known one.
    pub fn parse(text: &str, catalogue: &Catalogue) -> Result<Self, SelectionError> {
        let expression = Expression::parse(text)
            .map_err(|source| SelectionError::Unreadable {
                text: text.to_owned(),
                source,
            })?
            .try_map(&mut |word| term(&word, catalogue))?;
        Ok(Self {
            text: text.trim().to_owned(),
            expression,
        })
    }

    /// Whether a scenario of a test case is chosen.
    #[must_use]
    pub fn matches(&self, case: &TestCase, scenario: &Scenario) -> bool {
        self.expression.evaluate(&mut |term| match term {
            Term::Tag(tag) => scenario.has(*tag),
            Term::Name(name) => names(case, name),
        })
    }

    /// What was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

fn term(word: &str, catalogue: &Catalogue) -> Result<Term, SelectionError> {
    let lower = word.to_lowercase();
    if let Ok(tag) = lower.strip_prefix('@').unwrap_or(&lower).parse() {
        return Ok(Term::Tag(tag));
    }
    let known = known_words(catalogue);
    if !word.starts_with('@')
        && known
            .iter()
            .any(|name| name.to_lowercase() == lower || is_within(name, &lower))
    {
        return Ok(Term::Name(lower));
    }
    let tags: Vec<_> = Tag::WORDS.iter().map(|tag| format!("@{tag}")).collect();
    let candidates = known.iter().chain(&tags).map(String::as_str);
    Err(SelectionError::UnknownWord {
        word: word.to_owned(),
        near: nearest(word, candidates).map(str::to_owned),
    })
}

/// Everything with a name, sorted.
fn known_words(catalogue: &Catalogue) -> Vec<String> {
    let mut words = Vec::new();
    for document in &catalogue.documents {
        words.push(document.id.clone());
        words.extend(document.clauses.iter().map(|clause| clause.number.clone()));
        words.extend(
            document
                .requirements()
                .map(|(_, requirement)| requirement.id.clone()),
        );
    }
    for case in &catalogue.cases {
        words.extend([case.id.clone(), case.document.clone(), case.clause.clone()]);
    }
    words.sort();
    words.dedup();
    words
}

/// `name` in lower case.
fn names(case: &TestCase, name: &str) -> bool {
    [&case.id, &case.document, &case.clause]
        .into_iter()
        .any(|word| word.to_lowercase() == name || is_within(word, name))
}

/// Whether `number` lies inside `outer` (lower case): 4.2.2.1 in 4.2, but not 4.22 in 4.2.
fn is_within(number: &str, outer: &str) -> bool {
    number
        .to_lowercase()
        .strip_prefix(outer)
        .is_some_and(|rest| rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::test_suite::TestSuite;

    /// Names of the scenarios that a selection chooses from the small suite.
    fn chosen(text: &str) -> Result<Vec<String>, SelectionError> {
        let catalogue = TestSuite::new().catalogue().unwrap();
        let selection = Selection::parse(text, &catalogue)?;
        let all = catalogue
            .cases
            .iter()
            .flat_map(|case| case.scenarios.iter().map(move |scenario| (case, scenario)));
        Ok(all
            .filter(|(case, run)| selection.matches(case, run))
            .map(|(_, run)| run.name.clone())
            .collect())
    }

    #[test]
    fn a_word_is_a_case_a_clause_a_document_or_a_tag() {
        let all = [
            "Each id is new",
            "Ids differ under load 10",
            "Ids differ under load 20",
        ];
        for word in [
            "TC_UNIQUE",
            "tc_unique",
            "4.2.2.2",
            "4.2.2",
            "4.2",
            "4",
            "SEC030",
            "sec030",
        ] {
            assert_eq!(chosen(word).unwrap(), all, "{word}");
        }
        for word in ["@normative", "normative", "@quick or @normative"] {
            assert_eq!(chosen(word).unwrap(), all[..1], "{word}");
        }
        assert_eq!(
            chosen("TC_UNIQUE and @extended and not @full").unwrap(),
            all[1..2]
        );
        assert_eq!(chosen("@full, @normative").unwrap(), [all[0], all[2]]);
        assert!(
            chosen("TC_ABSENT").unwrap().is_empty(),
            "known, but without a test case"
        );
    }

    #[test]
    fn an_unknown_word_is_named_with_the_nearest_known_one() {
        let near = |text: &str| match chosen(text) {
            Err(SelectionError::UnknownWord { word, near }) => (word, near.unwrap_or_default()),
            other => panic!("{other:?}"),
        };
        assert_eq!(near("TC_UNIQE"), ("TC_UNIQE".into(), "TC_UNIQUE".into()));
        assert_eq!(near("@normativ"), ("@normativ".into(), "@normative".into()));
        assert_eq!(near("4.2.2.3"), ("4.2.2.3".into(), "4.2.2.2".into()));
        assert_eq!(near("@TC_UNIQUE").1, "TC_UNIQUE");
        assert!(chosen("4.22").is_err());
        let error = chosen("TC_UNIQUE and").unwrap_err();
        assert!(matches!(error, SelectionError::Unreadable { .. }));
    }
}
