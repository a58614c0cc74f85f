//! The vocabulary: what each phrase of a feature does. One file per subject; a phrase registers itself.
//!
//! A step never decides a verdict. It says what it met ([`StepResult`]); the keyword does the rest.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use cucumber_expressions::Expression;
use futures::future::LocalBoxFuture;
use regex::Regex;

use crate::model::verdict::{Keyword, Outcome};
use crate::testbed::sut_process::StartError;
use crate::testbed::vnf::Undone;
use crate::world::World;

pub mod cmf;
pub mod delegation;
pub mod identifiers;
pub mod key_protection;
pub mod oam_tls;
pub mod or_vnfm;
pub mod token;
pub mod vim;
pub mod vnf_package;
pub mod vnfci;

/// What a step returns.
pub type StepResult = Result<(), Problem>;

/// Why a step was not met.
#[derive(Debug)]
pub enum Problem {
    /// What the step asks for is not so.
    Unmet {
        /// What it asks for.
        expected: String,
        /// What was seen.
        actual: String,
    },
    /// It cannot be told.
    Undecided(String),
    /// The harness failed.
    Harness(anyhow::Error),
}

impl Problem {
    /// The SUT, or the profile, does not give what the step asks for.
    pub fn unmet(expected: impl Into<String>, actual: impl Into<String>) -> Self {
        Self::Unmet {
            expected: expected.into(),
            actual: actual.into(),
        }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Problem {
    /// A SUT that does not run, or does not do what is asked, is told as such; any other error is the harness's.
    fn from(error: E) -> Self {
        let error = match error.into().downcast::<Undone>() {
            Ok(Undone { expected, actual }) => return Self::Unmet { expected, actual },
            Err(error) => error,
        };
        match error.downcast_ref::<StartError>() {
            None | Some(StartError::File { .. }) => Self::Harness(error),
            // Nothing is said about the product, whatever the step is.
            Some(
                undone @ (StartError::NobodyToDo { .. }
                | StartError::NotDone { .. }
                | StartError::NotRestarted),
            ) => Self::Undecided(undone.to_string()),
            Some(start) => Self::unmet("a VNFM that runs", start.to_string()),
        }
    }
}

impl From<Problem> for Outcome {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Unmet { expected, actual } => Self::Unmet { expected, actual },
            Problem::Undecided(reason) => Self::Undecided { reason },
            Problem::Harness(error) => Self::Harness {
                error: format!("{error:#}"),
            },
        }
    }
}

/// What a phrase's parameters were, in order.
#[derive(Clone, Debug, Default)]
pub struct Arguments(Vec<String>);

impl Arguments {
    /// The parameter at `index`, as it was written (without its quotes).
    ///
    /// # Errors
    /// A step that asks for more than its phrase has is a fault of ours.
    pub fn text(&self, index: usize) -> anyhow::Result<&str> {
        self.0
            .get(index)
            .map(String::as_str)
            .ok_or_else(|| anyhow::anyhow!("the phrase has no parameter {index}"))
    }

    /// The parameter at `index` as a number.
    ///
    /// # Errors
    /// As [`Arguments::text`], and if it is no number.
    pub fn number(&self, index: usize) -> anyhow::Result<u64> {
        let text = self.text(index)?;
        text.parse()
            .map_err(|_| anyhow::anyhow!("'{text}' is no number"))
    }
}

/// A phrase and what it does. Made by the macro `step!`.
pub struct StepDefinition {
    /// The keyword under which the phrase may stand.
    pub keyword: Keyword,
    /// A Cucumber expression.
    pub expression: &'static str,
    /// What it does.
    pub run: for<'a> fn(&'a mut World, Arguments) -> LocalBoxFuture<'a, StepResult>,
    /// `file:line`.
    pub at: &'static str,
}

inventory::collect!(StepDefinition);

/// Registers a phrase: `step!(Given, "a VNFD with {string}", function)`.
#[macro_export]
macro_rules! step {
    ($keyword:ident, $expression:literal, $function:path) => {
        inventory::submit! {
            $crate::steps::StepDefinition {
                keyword: $crate::model::verdict::Keyword::$keyword,
                expression: $expression,
                run: |world, arguments| Box::pin($function(world, arguments)),
                at: concat!(file!(), ":", line!()),
            }
        }
    };
}

/// A phrase, ready to match.
pub struct Phrase {
    /// What it does.
    pub definition: &'static StepDefinition,
    /// What it matches.
    pub regex: Regex,
}

/// Every phrase of the vocabulary, in the order of their places in the code.
///
/// # Panics
/// If an expression does not parse: a fault of ours that the first test run shows.
pub fn vocabulary() -> &'static [Phrase] {
    static VOCABULARY: OnceLock<Vec<Phrase>> = OnceLock::new();
    VOCABULARY.get_or_init(|| {
        let mut phrases: Vec<Phrase> = inventory::iter::<StepDefinition>()
            .map(|definition| Phrase {
                definition,
                regex: Expression::regex(definition.expression).unwrap_or_else(|error| {
                    panic!("{}: '{}': {error}", definition.at, definition.expression)
                }),
            })
            .collect();
        phrases.sort_by_key(|phrase| phrase.definition.at);
        phrases
    })
}

/// Why no single phrase fits a step.
#[derive(Debug, thiserror::Error)]
pub enum Unmatched {
    /// None fits.
    #[error("no step is defined for the phrase '{0}'")]
    Undefined(String),
    /// Several do.
    #[error("the phrase '{phrase}' is ambiguous: {}", places.join(", "))]
    Ambiguous {
        /// The phrase.
        phrase: String,
        /// Where the steps are.
        places: Vec<&'static str>,
    },
}

/// The one phrase that fits, with its parameters.
///
/// # Errors
/// None or several fit.
pub fn find(
    keyword: Keyword,
    text: &str,
) -> Result<(&'static StepDefinition, Arguments), Unmatched> {
    let mut fitting = vocabulary()
        .iter()
        .filter(|phrase| phrase.definition.keyword == keyword)
        .filter_map(|phrase| Some((phrase, phrase.regex.captures(text)?)));
    let Some((phrase, captures)) = fitting.next() else {
        return Err(Unmatched::Undefined(text.to_owned()));
    };
    let others: Vec<_> = fitting.map(|(other, _)| other.definition.at).collect();
    if !others.is_empty() {
        let mut places = vec![phrase.definition.at];
        places.extend(others);
        return Err(Unmatched::Ambiguous {
            phrase: text.to_owned(),
            places,
        });
    }
    Ok((phrase.definition, arguments(&phrase.regex, &captures)))
}

/// One value per parameter: `{string}` captures in several groups named `__<parameter>_<group>`, others in one.
fn arguments(regex: &Regex, captures: &regex::Captures<'_>) -> Arguments {
    let mut values: BTreeMap<usize, String> = BTreeMap::new();
    let mut next = 0;
    for (group, name) in regex.capture_names().enumerate().skip(1) {
        let parameter = name
            .and_then(|name| name.strip_prefix("__")?.split('_').next()?.parse().ok())
            .unwrap_or(next);
        let value = captures.get(group).map_or("", |m| m.as_str());
        let kept = values.entry(parameter).or_default();
        if kept.is_empty() {
            value.clone_into(kept);
        }
        next = parameter + 1;
    }
    Arguments(values.into_values().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_expression_of_the_vocabulary_parses() {
        assert!(!vocabulary().is_empty());
    }

    #[test]
    fn a_phrase_that_nobody_defined_is_told() {
        let found = find(Keyword::Given, "the moon is made of cheese");
        assert!(matches!(found, Err(Unmatched::Undefined(_))));
    }

    #[test]
    fn quotes_are_taken_off_a_parameter() {
        let regex = Expression::regex("a {string} and {int} of {word}").expect("expression");
        let captures = regex
            .captures("a \"b c\" and 12 of things")
            .expect("matches");
        let arguments = arguments(&regex, &captures);
        assert_eq!(arguments.text(0).expect("first"), "b c");
        assert_eq!(arguments.number(1).expect("second"), 12);
        assert_eq!(arguments.text(2).expect("third"), "things");
        assert!(arguments.text(3).is_err());
    }
}
