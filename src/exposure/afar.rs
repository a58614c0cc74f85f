//! Sources on another machine, or in a container: this program runs there, reads, and hands what it reads to the search here, so
//! that no key that is looked for ever goes there. Main type: [`Afar`].
//!
//! How the program is started there is the caller's affair: any command that runs it with its input and output connected will
//! do (`ssh host scas`, `podman exec -i vnfm scas`). Of keys, only the canaries' cross over. What that machine says of itself is
//! believed: whoever rules it can hide anything.

mod line;
mod product;
mod serve;
mod session;
mod wire;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::source::limits::Limits;
use crate::source::path::Works;

use line::Line;
pub use product::{Given, Own, ProductThere, Reached, Surveyed, What};
pub use serve::serve;
use session::Session;
pub(crate) use wire::PlantedThere;
use wire::{Ask, Tell};

/// The hidden subcommand that is run there.
pub const SUBCOMMAND: &str = "scan-serve";

/// What to look at there.
#[derive(Clone, Debug)]
pub struct Wanted<'w> {
    /// The command, and its first arguments.
    pub via: &'w [String],
    /// What.
    pub what: What,
    /// Bounds of containers.
    pub limits: &'w Limits,
    /// For how long an answer is waited for before anything is read; nobody sits at a terminal then, whom the command could ask.
    pub patience: Option<Duration>,
}

/// Why nothing can be searched there.
#[derive(Debug, thiserror::Error)]
pub enum AfarError {
    /// No command.
    #[error("no command that runs scas there; give e.g. \"ssh lab@vnfm.example scas\"")]
    NoCommand,
    /// It does not start.
    #[error("{command:?} does not start: {source}")]
    Start {
        /// The command.
        command: String,
        /// What the system says.
        source: io::Error,
    },
    /// It does not answer as this program would.
    #[error("no scas answers through {command:?}: {why}")]
    NoAnswer {
        /// The command.
        command: String,
        /// What it said.
        why: String,
    },
    /// Another version of this program.
    #[error(
        "scas {there} answers through {command:?}, and this is {}: use the same there",
        wire::VERSION
    )]
    Version {
        /// The command.
        command: String,
        /// The version there.
        there: String,
    },
    /// A source that is none.
    #[error("through {command:?}: {why}")]
    Refused {
        /// The command.
        command: String,
        /// What was said there.
        why: String,
    },
}

/// Sources there, opened.
#[derive(Clone)]
pub struct Afar {
    session: Arc<Mutex<Session>>,
    command: String,
}

impl std::fmt::Debug for Afar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Afar").field(&self.command).finish()
    }
}

impl Afar {
    /// Starts the program there and has it open the sources. Nothing is read yet.
    ///
    /// # Errors
    /// The command does not run this program in this version, or a source is none there.
    pub fn open(wanted: Wanted<'_>) -> Result<Self, AfarError> {
        let command = wanted.via.join(" ");
        let Some((program, arguments)) = wanted.via.split_first() else {
            return Err(AfarError::NoCommand);
        };
        let started = Line::start(program, arguments, wanted.patience);
        let mut line = started.map_err(|source| AfarError::Start {
            command: command.clone(),
            source,
        })?;
        let surveys = matches!(wanted.what, What::Product(_));
        let ask = Ask::Open {
            version: wire::VERSION.to_owned(),
            what: wanted.what,
            limits: wanted.limits.clone(),
        };
        let asked = line.ask(&ask, &[]);
        let answer = asked.and_then(|()| wire::read(&mut line.output));
        line.heard();
        match answer {
            Ok((Tell::Ready { version }, _)) if version == wire::VERSION => Ok(Self {
                session: Arc::new(Mutex::new(Session::new(line, command.clone(), surveys))),
                command,
            }),
            Ok((Tell::Ready { version }, _)) => Err(AfarError::Version {
                command,
                there: version,
            }),
            Ok((Tell::Refused { why }, _)) => Err(AfarError::Refused { command, why }),
            Ok(_) => Err(AfarError::NoAnswer {
                command,
                why: "it answers something else".to_owned(),
            }),
            Err(error) => Err(AfarError::NoAnswer {
                command,
                why: line.why(&error),
            }),
        }
    }

    /// The command.
    pub fn command(&self) -> &str {
        &self.command
    }

    /// What stands in the way of looking there, without looking. To be asked before anything is searched.
    ///
    /// # Errors
    /// It does not answer; in words.
    pub fn reach(&self) -> Result<Reached, String> {
        self.session().reach()
    }

    /// What there was to look at of a product ([`What::Product`]), once: known when it was searched.
    pub fn surveyed(&self) -> Option<Surveyed> {
        self.session().surveyed()
    }

    /// Has canaries planted there; what became of them. To be called before [`Self::works`].
    pub(crate) fn plant(&self, page: &[u8], in_folders: bool) -> Result<Vec<PlantedThere>, String> {
        self.session().begin(Some(page), in_folders)
    }

    /// The one work that searches what comes from there, with all threads.
    pub(crate) fn works<'s>(&self) -> Works<'s> {
        let afar = self.clone();
        Box::new(std::iter::once(
            Box::new(move |visitor: &dyn crate::source::Visitor| afar.session().search(visitor))
                as crate::source::Work<'s>,
        ))
    }

    fn session(&self) -> MutexGuard<'_, Session> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
