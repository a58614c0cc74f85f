//! Verdicts, and the one place that turns what a step met into one: [`Verdict::of_step`].

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use super::test_case::Keyword;

/// The verdict of a step, a scenario or a test case. Ordered: the worst wins.
///
/// `NotApplicable` is no member: it stands outside the order (see
/// [`CaseVerdict`]) and only the ICS yields it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every expectation was met.
    Pass,
    /// Nothing can be said: a pre-condition or an execution step was not met.
    Inconclusive,
    /// An expected result was not met: the SUT does not conform.
    Fail,
    /// The harness itself failed: nothing is said about the SUT.
    Error,
}

impl Verdict {
    /// The verdict that a step's outcome means under its Gherkin keyword.
    ///
    /// This is the only such table. An unmet pre-condition (`Given`) or execution step (`When`)
    /// leaves the question open; an unmet expected result (`Then`) answers it.
    pub fn of_step(keyword: Keyword, outcome: &Outcome) -> Self {
        match (outcome, keyword) {
            (Outcome::Met, _) => Self::Pass,
            (Outcome::Unmet { .. }, Keyword::Given | Keyword::When) => Self::Inconclusive,
            (Outcome::Unmet { .. }, Keyword::Then) => Self::Fail,
            (Outcome::Undecided { .. }, _) => Self::Inconclusive,
            (Outcome::Harness { .. }, _) => Self::Error,
        }
    }

    /// The process exit code that stands for this verdict.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Fail => 1,
            Self::Inconclusive => 2,
            Self::Error => 3,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Pass => "Pass",
            Self::Inconclusive => "Inconclusive",
            Self::Fail => "Fail",
            Self::Error => "Error",
        })
    }
}

/// What a step met. Says nothing about whose fault it is: the keyword does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// What the step asks for is so.
    Met,
    /// It is not so.
    Unmet {
        /// What the step asks for.
        expected: String,
        /// What was seen.
        actual: String,
    },
    /// It cannot be told, under whichever keyword: the evidence that would bind the answer is missing.
    Undecided {
        /// What is missing.
        reason: String,
    },
    /// The harness failed, a step is undefined or ambiguous, or something of ours panicked.
    Harness {
        /// What went wrong, with its sources.
        error: String,
    },
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Met => f.write_str("met"),
            Self::Unmet { expected, actual } => write!(f, "expected {expected}; {actual}"),
            Self::Undecided { reason } => write!(f, "undecided: {reason}"),
            Self::Harness { error } => write!(f, "harness: {error}"),
        }
    }
}

/// The verdict of a test case as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum CaseVerdict {
    /// See [`Verdict::Pass`].
    Pass,
    /// See [`Verdict::Inconclusive`].
    Inconclusive,
    /// See [`Verdict::Fail`].
    Fail,
    /// See [`Verdict::Error`].
    Error,
    /// The ICS rules the test case out.
    NotApplicable {
        /// The ICS item that decides.
        item: String,
        /// Why, in the vendor's words.
        reason: String,
    },
}

impl CaseVerdict {
    /// The ordered verdict, unless the case is not applicable.
    pub fn judged(&self) -> Option<Verdict> {
        match self {
            Self::Pass => Some(Verdict::Pass),
            Self::Inconclusive => Some(Verdict::Inconclusive),
            Self::Fail => Some(Verdict::Fail),
            Self::Error => Some(Verdict::Error),
            Self::NotApplicable { .. } => None,
        }
    }
}

impl From<Verdict> for CaseVerdict {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Pass => Self::Pass,
            Verdict::Inconclusive => Self::Inconclusive,
            Verdict::Fail => Self::Fail,
            Verdict::Error => Self::Error,
        }
    }
}

impl fmt::Display for CaseVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.judged() {
            Some(verdict) => verdict.fmt(f),
            None => f.pad("NotApplicable"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keyword_decides_what_an_unmet_step_means() {
        let unmet = Outcome::Unmet {
            expected: "a".into(),
            actual: "b".into(),
        };
        assert_eq!(
            Verdict::of_step(Keyword::Given, &unmet),
            Verdict::Inconclusive
        );
        assert_eq!(
            Verdict::of_step(Keyword::When, &unmet),
            Verdict::Inconclusive
        );
        assert_eq!(Verdict::of_step(Keyword::Then, &unmet), Verdict::Fail);
    }

    #[test]
    fn a_fault_of_the_harness_is_an_error_under_every_keyword() {
        let broken = Outcome::Harness { error: "x".into() };
        for keyword in [Keyword::Given, Keyword::When, Keyword::Then] {
            assert_eq!(Verdict::of_step(keyword, &broken), Verdict::Error);
        }
    }

    #[test]
    fn the_worst_verdict_wins() {
        let worst = [
            Verdict::Pass,
            Verdict::Fail,
            Verdict::Inconclusive,
            Verdict::Error,
        ]
        .into_iter()
        .max();
        assert_eq!(worst, Some(Verdict::Error));
        assert!(Verdict::Fail > Verdict::Inconclusive);
    }
}
