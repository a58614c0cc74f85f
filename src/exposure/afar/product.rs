//! A product there: what is asked of it, and what is told.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::given::Source;
use crate::probe::{Tried, Who};
use crate::source::limits::Rules;
use crate::survey::{self, Lack, NamedAt, Product, Survey};

/// A source there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// What it is called in the answer.
    pub name: String,
    /// As it is written there: a path, `pid:N` ...
    pub source: String,
}

/// What is looked at there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// These sources.
    Sources {
        /// What to open.
        sources: Vec<Given>,
        /// Files and folders that are left out.
        excluded: Vec<String>,
    },
    /// A product that runs there.
    Product(ProductThere),
    /// Memory and a folder of the program's own: whether a canary is found there at all.
    Ourselves,
}

/// A product that runs there, as [`Product`] has it of one that runs here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductThere {
    /// What its processes are called as a source.
    pub called: String,
    /// Its processes, as somebody wrote them.
    pub processes: Vec<String>,
    /// Whether every other process there is looked at as well.
    pub others: bool,
    /// Its storage, as somebody wrote it.
    pub storage: Vec<String>,
    /// As whom it is tried to reach it, if it is.
    pub who: Option<Who>,
}

/// What stands in the way of looking there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached {
    /// What cannot be looked at.
    pub lacks: Vec<Lack>,
    /// How many processes the product has there.
    pub processes: usize,
    /// Whether the program there has the rights of root.
    pub root: bool,
}

/// What there was to look at, and what was tried.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Surveyed {
    /// What could not be looked at.
    pub lacks: Vec<Lack>,
    /// How many processes the product had.
    pub processes: usize,
    /// What was tried, where that was asked for.
    pub tried: Option<Tried>,
    /// What the bytes of the source of names are the names of.
    pub names: NamedAt,
    /// Processes that were left out, since they read for a search or carry what is read: number and name.
    pub left_out: Vec<String>,
}

/// The program's own name, with the arguments for each of its tasks.
#[derive(Clone, Debug)]
pub struct Own {
    /// The program.
    pub program: PathBuf,
    /// Makes it hold a page in memory.
    pub hold: Vec<String>,
    /// Makes it try to reach what it is told to.
    pub attempt: Vec<String>,
}

impl Own {
    /// By what a process of ours is known.
    fn tasks(&self) -> Vec<&str> {
        let first = [self.hold.first(), self.attempt.first()];
        let first = first.into_iter().flatten().map(String::as_str);
        std::iter::once(super::SUBCOMMAND).chain(first).collect()
    }
}

/// [`What`], opened.
pub(super) enum Opened {
    Sources(Vec<Source>, Rules),
    Product(ProductThere),
    Ourselves(tempfile::TempDir),
}

impl What {
    /// Opens it. The error is for the user who named it.
    pub(super) fn open(self, folder: &Path) -> Result<Opened, String> {
        match self {
            Self::Sources { sources, excluded } => {
                let sources = sources.into_iter().map(|given| {
                    match Source::parse(&given.source).map_err(|error| error.to_string())? {
                        Source::Stream { .. } => {
                            Err("-: standard input is taken there; name a file".to_owned())
                        }
                        source => Ok(source.named(given.name)),
                    }
                });
                let sources = sources.collect::<Result<_, _>>()?;
                let mut rules = Rules::default();
                for path in excluded {
                    let why = "left out at the user's wish";
                    rules
                        .exclude(Path::new(&path), why)
                        .map_err(|error| format!("{path}: {error}"))?;
                }
                Ok(Opened::Sources(sources, rules))
            }
            Self::Product(product) => Ok(Opened::Product(product)),
            Self::Ourselves => {
                let own = tempfile::Builder::new()
                    .prefix("scas-look-")
                    .tempdir_in(folder);
                let own = own.map_err(|error| format!("{}: {error}", folder.display()))?;
                Ok(Opened::Ourselves(own))
            }
        }
    }
}

impl Opened {
    /// What there is to search now; of folders of everybody's, what was changed since then.
    pub(super) fn sources(
        &self,
        own: &Own,
        since: SystemTime,
    ) -> io::Result<(Vec<Source>, Option<Survey>)> {
        match self {
            Self::Sources(sources, _) => Ok((sources.clone(), None)),
            Self::Product(product) => {
                let mut survey = Survey::of(&product.here(own, since))?;
                Ok((std::mem::take(&mut survey.sources), Some(survey)))
            }
            Self::Ourselves(folder) => {
                let memory = Source::Processes {
                    written: "the memory of a process".to_owned(),
                    pids: vec![std::process::id()],
                };
                let folder = Source::Folder {
                    written: "a folder".to_owned(),
                    path: folder.path().to_owned(),
                };
                Ok((vec![memory, folder], None))
            }
        }
    }

    /// What is left out.
    pub(super) fn rules(&self) -> Rules {
        match self {
            Self::Sources(_, rules) => rules.clone(),
            _ => Rules::default(),
        }
    }

    /// What stands in the way.
    pub(super) fn reach(&self, own: &Own) -> Reached {
        let (processes, lacks) = match self {
            Self::Product(product) => survey::reach(&product.here(own, SystemTime::UNIX_EPOCH)),
            _ => Default::default(),
        };
        Reached {
            lacks,
            processes: processes.len(),
            root: nix::unistd::geteuid().is_root(),
        }
    }

    /// What a survey found, with what can be tried now.
    pub(super) fn tell(&self, survey: &Survey, own: &Own) -> Surveyed {
        let who = match self {
            Self::Product(product) => product.who.as_ref(),
            _ => None,
        };
        let tried = who.map(|who| {
            let targets = survey.probe_targets();
            who.try_all(&own.program, &own.attempt, &targets)
        });
        Surveyed {
            lacks: survey.lacks.clone(),
            processes: survey.product.len(),
            tried,
            names: survey.names.named_at().clone(),
            left_out: survey
                .left_out
                .iter()
                .map(|pid| survey::carriers::words(*pid))
                .collect(),
        }
    }
}

impl ProductThere {
    /// The same, by those who are there.
    fn here(&self, own: &Own, since: SystemTime) -> Product {
        Product {
            called: self.called.clone(),
            pids: Vec::new(),
            processes: self.processes.clone(),
            others: self.others,
            // They hold what is read for a search, and pass it on.
            but_processes: survey::carriers::all(&own.tasks()).into_iter().collect(),
            folder: None,
            elsewhere: true,
            given: Vec::new(),
            but: Vec::new(),
            storage: self.storage.clone(),
            since,
        }
    }
}
