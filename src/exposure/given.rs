//! What a user writes for a source, and what it means: [`Source`].

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::afar::Afar;
use crate::source::limits::{Limits, Rules};
use crate::source::path::{SourceError, Works, file_works, works as path_works};
use crate::source::process::{self, ProcessError};
use crate::source::stream::stream_work;
use crate::source::{Place, export};

/// Something to search.
#[derive(Clone, Debug)]
pub enum Source {
    /// A folder.
    Folder {
        /// As the user wrote it.
        written: String,
        /// The folder.
        path: PathBuf,
    },
    /// A file, image, core dump or block device.
    File {
        /// As the user wrote it.
        written: String,
        /// The file.
        path: PathBuf,
    },
    /// Several files as one source. One that is gone when it is opened is told, not an error.
    Files {
        /// What they are together.
        written: String,
        /// Each, with the name under which it is told.
        files: Vec<(String, PathBuf)>,
    },
    /// Standard input: `-`.
    Stream {
        /// As the user wrote it.
        written: String,
    },
    /// What a command prints, run here when it is searched.
    Export {
        /// What it is called.
        written: String,
        /// The command and its arguments.
        words: Vec<String>,
        /// How long it may take.
        limit: Duration,
    },
    /// Sources elsewhere.
    Afar {
        /// What they are called together.
        written: String,
        /// The way to them.
        afar: Afar,
    },
    /// Processes: `pid:N`, `tree:N`, `pidfile:PATH`, `port:N`, `unit:NAME`, `name:NAME`.
    Processes {
        /// As the user wrote it.
        written: String,
        /// Their numbers at the beginning.
        pids: Vec<u32>,
    },
}

/// What was written is no source.
#[derive(Debug, thiserror::Error)]
pub enum GivenError {
    /// No such file, or no way to it.
    #[error(
        "{written:?} cannot be searched{}; give a file, folder or device, `-`, pid:N, tree:N, pidfile:PATH, port:N, unit:NAME or name:NAME",
        absent(.source)
    )]
    Path {
        /// What was written.
        written: String,
        /// What the system says.
        source: io::Error,
    },
    /// No such process.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// It cannot be opened.
    #[error(transparent)]
    Source(#[from] SourceError),
}

/// What the system says of a path, where its words are not clear enough.
fn absent(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => ", since it does not exist",
        _ => "",
    }
}

impl Source {
    /// What the words mean. `./pid:1` is a file.
    ///
    /// # Errors
    ///
    /// If there is nothing of that name.
    pub fn parse(written: &str) -> Result<Self, GivenError> {
        let name = written.to_owned();
        if written == "-" {
            return Ok(Self::Stream { written: name });
        }
        let kind = written.split_once(':').map(|(kind, _)| kind);
        if kind.is_some_and(|kind| process::KINDS.contains(&kind)) {
            let pids = process::processes(written)?;
            return Ok(Self::Processes {
                written: name,
                pids,
            });
        }
        let path = PathBuf::from(written);
        let metadata = std::fs::metadata(&path).map_err(|source| GivenError::Path {
            written: name.clone(),
            source,
        })?;
        if metadata.is_dir() {
            return Ok(Self::Folder {
                written: name,
                path,
            });
        }
        Ok(Self::File {
            written: name,
            path,
        })
    }

    /// As the user wrote it.
    pub fn written(&self) -> &str {
        match self {
            Self::Folder { written, .. }
            | Self::File { written, .. }
            | Self::Files { written, .. }
            | Self::Stream { written }
            | Self::Export { written, .. }
            | Self::Afar { written, .. }
            | Self::Processes { written, .. } => written,
        }
    }

    /// The same under another name.
    #[must_use]
    pub fn named(mut self, name: String) -> Self {
        match &mut self {
            Self::Folder { written, .. }
            | Self::File { written, .. }
            | Self::Stream { written }
            | Self::Files { written, .. }
            | Self::Export { written, .. }
            | Self::Afar { written, .. }
            | Self::Processes { written, .. } => *written = name,
        }
        self
    }

    /// The work of searching it.
    ///
    /// # Errors
    ///
    /// If it cannot be opened.
    pub fn works<'s>(&self, limits: &'s Limits, rules: &'s Rules) -> Result<Works<'s>, GivenError> {
        match self {
            Self::Folder { written, path } | Self::File { written, path } => {
                Ok(path_works(written, path, limits, rules)?)
            }
            Self::Files { written, files } => {
                let files = files.clone().into_iter();
                let place = Place {
                    source: written.clone(),
                    ..Place::default()
                };
                let works = files.flat_map(move |(name, path)| {
                    let place = Place {
                        path: Some(name),
                        ..place.clone()
                    };
                    file_works(place, path, limits, rules)
                });
                Ok(Box::new(works))
            }
            Self::Stream { written } => {
                let reader = Box::new(io::stdin());
                let work = stream_work(written, reader, limits);
                Ok(Box::new(std::iter::once(work)))
            }
            Self::Export {
                written,
                words,
                limit,
            } => {
                let work = export::work(written.clone(), words.clone(), *limit, limits);
                Ok(Box::new(std::iter::once(work)))
            }
            Self::Afar { afar, .. } => Ok(afar.works()),
            Self::Processes { written, pids } => processes(written, pids),
        }
    }
}

/// The work of each process. In a group, one that has ended since the list was made holds no memory any more: nothing is
/// left of it to search. A process that was named by itself must be there.
fn processes<'s>(written: &str, pids: &[u32]) -> Result<Works<'s>, GivenError> {
    let options = process::Options::default();
    let mut works: Works<'s> = Box::new(std::iter::empty());
    for pid in pids {
        let name = if pids.len() == 1 && written.starts_with("pid:") {
            written.to_owned()
        } else {
            format!("{written} pid {pid}")
        };
        match process::works(&name, *pid, &options) {
            Err(ProcessError::Gone { .. } | ProcessError::Zombie { .. }) if pids.len() > 1 => {}
            more => works = Box::new(works.chain(more?)),
        }
    }
    Ok(works)
}
