//! What only a person can do in a test: the operator is asked, and the answer is evidence. Main type: [`Operator`].
//!
//! An answer is one that was prepared in a file, or one of who sits there. Without either, nothing is said about the product.

mod answers;

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use serde::Serialize;
use tokio::sync::Mutex;

pub use answers::Answers;

/// What the operator is asked to do.
#[derive(Clone, Debug, Serialize)]
pub struct Asked {
    /// The label of the profile that it stands at.
    pub step: String,
    /// In which scenario, for a reader.
    pub scenario: String,
    /// What is to be done, with its placeholders filled in.
    pub instruction: String,
}

/// What the operator answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reply {
    /// Whether it was done.
    pub done: bool,
    /// Who says so.
    pub name: String,
    /// What else they say.
    pub remark: Option<String>,
    /// How it was answered.
    pub by: Way,
}

/// How an answer came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// Somebody sat there and answered.
    Interactive,
    /// It was prepared.
    Prepared,
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// Nobody is there to be asked, and no answer was prepared.
    Nobody,
    /// Who was there has gone: the input has ended.
    Gone,
    /// It took too long.
    TooLate,
}

/// Somebody who can be asked. One question at a time.
pub trait Person: Send + Sync {
    /// Shows what is to be done, and waits for the answer; none if there will be none.
    fn ask<'a>(&'a self, asked: &'a Asked) -> BoxFuture<'a, Option<Reply>>;
}

/// Whoever does what only a person can do.
#[derive(Clone, Default)]
pub struct Operator {
    prepared: Option<Answers>,
    person: Option<Arc<dyn Person>>,
    turn: Arc<Mutex<()>>,
}

impl Operator {
    /// Prepared answers come first; what was not prepared is asked of the person.
    pub fn new(prepared: Option<Answers>, person: Option<Arc<dyn Person>>) -> Self {
        Self {
            prepared,
            person,
            turn: Arc::default(),
        }
    }

    /// Whether a step could be answered at all.
    pub fn answers(&self, step: &str) -> bool {
        self.person.is_some() || self.prepared(step).is_some()
    }

    /// Asks, and waits so long at most.
    ///
    /// # Errors
    /// Why there is no answer.
    pub async fn ask(&self, asked: &Asked, limit: Duration) -> Result<Reply, Silence> {
        if let Some(reply) = self.prepared(&asked.step) {
            return Ok(reply);
        }
        let person = self.person.as_ref().ok_or(Silence::Nobody)?;
        let _turn = self.turn.lock().await;
        match tokio::time::timeout(limit, person.ask(asked)).await {
            Ok(Some(reply)) => Ok(reply),
            Ok(None) => Err(Silence::Gone),
            Err(_) => Err(Silence::TooLate),
        }
    }

    fn prepared(&self, step: &str) -> Option<Reply> {
        self.prepared.as_ref()?.reply(step)
    }
}
