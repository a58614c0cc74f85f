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
use std::time::{Duration, Instant};

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

/// File systems round their times by as much.
const SLACK: Duration = Duration::from_secs(10);

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
    /// For how long it may say nothing after that, while something is waited for.
    pub silence: Option<Duration>,
    /// When that began of which changes in folders of everybody's count; none: all do.
    pub began: Option<Instant>,
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
        let started = Line::start(program, arguments, wanted.patience, wanted.silence);
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
            Ok((Tell::Ready { version, clock }, _)) if version == wire::VERSION => {
                // Its clock may differ. It was read before we hear of it: so this may be earlier than the beginning, never later.
                let passed = wanted.began.map(|began| began.elapsed());
                let since = passed.map_or(Duration::ZERO, |passed| {
                    clock.saturating_sub(passed.saturating_add(SLACK))
                });
                let session = Session::new(line, command.clone(), surveys, since);
                Ok(Self {
                    session: Arc::new(Mutex::new(session)),
                    command,
                })
            }
            Ok((Tell::Ready { version, .. }, _)) => Err(AfarError::Version {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Opens what a shell's lines say, as a product.
    fn opened(lines: &str, silence: u64, began: Option<Instant>) -> Afar {
        let via = ["sh", "-c", lines].map(str::to_owned);
        let product = ProductThere {
            called: "product".to_owned(),
            processes: Vec::new(),
            others: true,
            storage: Vec::new(),
            who: None,
        };
        Afar::open(Wanted {
            via: &via,
            what: What::Product(product),
            limits: &Limits::default(),
            patience: Some(Duration::from_secs(60)),
            silence: Some(Duration::from_secs(silence)),
            began,
        })
        .unwrap()
    }

    fn ready(clock: &str) -> String {
        let version = wire::VERSION;
        format!(
            r#"echo '{{"ready":{{"version":"{version}","clock":{{"secs":'{clock}',"nanos":0}}}}}}'"#
        )
    }

    #[test]
    fn what_falls_silent_after_its_first_word_is_ended() {
        for (trap, asks) in [("", true), ("trap '' TERM; ", false)] {
            let lines = format!("{trap}{}; sleep 1000", ready("5"));
            let afar = opened(&lines, 1, None);
            let told = match asks {
                true => afar.reach().unwrap_err(),
                false => afar.plant(&[1], false).unwrap_err(),
            };
            assert!(told.contains("it said nothing for 1 s"), "{told}");
        }
    }

    #[test]
    fn a_slow_way_never_makes_the_beginning_later() {
        let folder = tempfile::tempdir().unwrap();
        let heard = folder.path().join("heard");
        let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let began = (clock.unwrap(), Instant::now());
        let slow = 2;
        let lines = format!(
            "sleep {slow}; {}; cat > {}",
            ready("$(date +%s)"),
            heard.display()
        );
        let afar = opened(&lines, 1, Some(began.1));
        afar.plant(&[1], false).unwrap_err();
        drop(afar);
        let heard = std::fs::read(&heard).unwrap();
        let asked =
            heard.split(|byte| *byte == b'\n').find_map(|line| {
                match serde_json::from_slice(line) {
                    Ok(Ask::Search { since, .. }) => Some(since),
                    _ => None,
                }
            });
        let since = asked.unwrap();
        let told = format!("{since:?}, {began:?}");
        assert!(since + SLACK <= began.0, "{told}");
        assert!(since + Duration::from_secs(3600) > began.0, "{told}");
    }
}
