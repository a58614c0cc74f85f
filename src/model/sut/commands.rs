//! `[ixit.commands]`: what is done to a product that runs by itself. Main types: [`Commands`], [`Action`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What does to a running product what the tester cannot do itself: it runs elsewhere, or under an orchestrator. A program with its arguments
/// is run to its end; a status other than 0 is a failure. What only a person can do is asked of the operator, by `{ operator = "..." }`.
/// Placeholders are as in `ixit.start.command`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Commands {
    /// Starts the product that was stopped or killed.
    pub start: Option<Action>,
    /// Stops it in good order.
    pub stop: Option<Action>,
    /// Kills all its processes at once, as a power cut would.
    pub kill: Option<Action>,
    /// Stops and starts it, where `stop` and `start` are not given.
    pub restart: Option<Action>,
    /// Brings it back to where it was before any test; done before each scenario.
    pub reset: Option<Action>,
    /// Configures it to delegation mode, with CMF and VIM of the scenario; done before each scenario of delegation mode.
    pub delegation: Option<Action>,
}

/// Something that is done to the product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Action {
    /// By a program: the program and its arguments.
    Command(Vec<String>),
    /// By a person.
    Operator(OperatorStep),
}

/// What only a person can do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OperatorStep {
    /// What the operator is asked to do, in words.
    pub operator: String,
}

impl Action {
    /// What was written of it, in which placeholders may stand.
    pub fn texts(&self) -> &[String] {
        match self {
            Self::Command(words) => words,
            Self::Operator(step) => std::slice::from_ref(&step.operator),
        }
    }

    /// Program and arguments, if it is a program.
    pub fn command(&self) -> Option<&[String]> {
        match self {
            Self::Command(words) => Some(words),
            Self::Operator(_) => None,
        }
    }
}

impl Commands {
    /// Each with its label.
    pub fn all(&self) -> [(&'static str, Option<&Action>); 6] {
        [
            ("ixit.commands.start", self.start.as_ref()),
            ("ixit.commands.stop", self.stop.as_ref()),
            ("ixit.commands.kill", self.kill.as_ref()),
            ("ixit.commands.restart", self.restart.as_ref()),
            ("ixit.commands.reset", self.reset.as_ref()),
            ("ixit.commands.delegation", self.delegation.as_ref()),
        ]
    }
}
