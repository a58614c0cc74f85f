//! Sources on another machine, or in a container: this program runs there, reads, and hands what it reads to the search here, so
//! that no key that is looked for ever goes there. Main type: [`Afar`].
//!
//! How the program is started there is the caller's affair: any command that runs it with its input and output connected will
//! do (`ssh host scas`, `podman exec -i vnfm scas`). Of keys, only the canaries' cross over. What that machine says of itself is
//! believed: whoever rules it can hide anything.

mod serve;
mod session;
mod wire;

use std::io::{self, BufReader, Read};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::source::limits::Limits;
use crate::source::path::Works;

pub use serve::serve;
use session::Session;
pub(crate) use wire::PlantedThere;
use wire::{Ask, Tell};

/// How much of what the command complains about is kept, in bytes.
const COMPLAINT: usize = 4096;

/// How long a command that has closed its side may take to end, and what it started to fall silent.
const PATIENCE: Duration = Duration::from_secs(5);

/// The hidden subcommand that is run there.
pub const SUBCOMMAND: &str = "scan-serve";

/// A source there.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Given {
    /// What it is called in the answer.
    pub name: String,
    /// As it is written there: a path, `pid:N` ...
    pub source: String,
}

/// What to search there.
#[derive(Clone, Debug)]
pub struct Wanted<'w> {
    /// The command, and its first arguments.
    pub via: &'w [String],
    /// The sources.
    pub sources: Vec<Given>,
    /// Files and folders there that are left out.
    pub excluded: Vec<String>,
    /// Bounds of containers.
    pub limits: &'w Limits,
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
        let mut line = Line::start(program, arguments).map_err(|source| AfarError::Start {
            command: command.clone(),
            source,
        })?;
        let ask = Ask::Open {
            version: wire::VERSION.to_owned(),
            sources: wanted.sources,
            excluded: wanted.excluded,
            limits: wanted.limits.clone(),
        };
        let asked = line
            .input
            .as_mut()
            .map_or(Err(io::ErrorKind::BrokenPipe.into()), |input| {
                ask.write(input)
            });
        let answer = asked.and_then(|()| wire::read(&mut line.output));
        match answer {
            Ok((Tell::Ready { version }, _)) if version == wire::VERSION => Ok(Self {
                session: Arc::new(Mutex::new(Session::new(line, command.clone()))),
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

    /// Has canaries planted there; what became of them. To be called before [`Self::works`].
    pub(crate) fn plant(&self, page: &[u8], in_folders: bool) -> Result<Vec<PlantedThere>, String> {
        let mut session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        session.begin(Some(page), in_folders)
    }

    /// The one work that searches what comes from there, with all threads.
    pub(crate) fn works<'s>(&self) -> Works<'s> {
        let session = Arc::clone(&self.session);
        Box::new(std::iter::once(
            Box::new(move |visitor: &dyn crate::source::Visitor| {
                let mut session = session.lock().unwrap_or_else(PoisonError::into_inner);
                session.search(visitor);
            }) as crate::source::Work<'s>,
        ))
    }
}

/// The running command. It is ended when this is dropped, and what it runs there ends with its input.
struct Line {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    complaints: Option<Receiver<Vec<u8>>>,
}

impl Line {
    fn start(program: &str, arguments: &[String]) -> io::Result<Self> {
        let mut child = Command::new(program)
            .args(arguments)
            .arg(SUBCOMMAND)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let complaints = child.stderr.take().map(|errors| {
            // Read all the time, or the command would wait for us with a full pipe.
            let (told, complaints) = channel();
            std::thread::spawn(move || told.send(last_of(errors)));
            complaints
        });
        let output = output.ok_or(io::ErrorKind::BrokenPipe)?;
        Ok(Self {
            child,
            input,
            output: BufReader::with_capacity(1 << 20, output),
            complaints,
        })
    }

    /// Asks it to end: it may have canaries to take away.
    fn end(&mut self) {
        // Once it has been waited for, its number may be another's.
        if let (Ok(None), Ok(pid)) = (self.child.try_wait(), i32::try_from(self.child.id())) {
            // It may have ended this moment.
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
    }

    /// What went wrong, in the command's own words where it has some.
    fn why(&mut self, error: &io::Error) -> String {
        self.input = None;
        // Whether it ended before or after we asked is a matter of moments.
        let closed = matches!(
            error.kind(),
            io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe
        );
        let complaints = self.complaints.take();
        let hear = || complaints.as_ref()?.recv_timeout(PATIENCE).ok();
        // It mostly ends this moment, and how it ends says more than how we would end it.
        let said = if closed { hear() } else { None };
        // It may hang, and has nothing more to say that we would wait for.
        self.end();
        let ended = self.child.wait().ok();
        let said = said.or_else(hear).unwrap_or_default();
        let said = String::from_utf8_lossy(&said).into_owned();
        let last = said.lines().map(str::trim).rfind(|line| !line.is_empty());
        match (last, ended) {
            (Some(line), _) => line.chars().filter(|c| !c.is_control()).collect(),
            (None, Some(status)) if closed => format!("it ended ({status}) without a word"),
            (None, _) => error.to_string(),
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        // Its end tells the program there to stop and to take its canaries away.
        self.input = None;
        self.end();
        // It may take its time to clean up.
        let _ = self.child.wait();
    }
}

fn last_of(mut errors: impl Read) -> Vec<u8> {
    let (mut kept, mut buffer) = (Vec::new(), [0; COMPLAINT]);
    while let Ok(length @ 1..) = errors.read(&mut buffer) {
        kept.extend_from_slice(&buffer[..length]);
        kept.drain(..kept.len().saturating_sub(COMPLAINT));
    }
    kept
}
