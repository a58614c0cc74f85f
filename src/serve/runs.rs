//! The folder of runs: [`Runs`]. A record is read once, and again only when one of its files is another.

use std::collections::{HashMap, HashSet};
use std::fs::Metadata;
use std::io::{self, ErrorKind};
use std::num::NonZero;
use std::os::unix::fs::MetadataExt as _;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::folder::{Entry, Folder};
use super::summary::Summary;
use super::writers;
use crate::report::record::EVENTS;

/// More folders than this are not looked at; the list says so.
const MOST: usize = 100_000;

/// A folder of runs.
pub struct Runs {
    root: PathBuf,
    known: Mutex<HashMap<String, Known>>,
}

/// A record that was read.
#[derive(Clone)]
struct Known {
    stamps: [Stamp; 2],
    read: Result<Arc<Summary>, String>,
}

/// By what a file is known to be the same: device, inode, length, seconds and nanoseconds of its last change.
type Stamp = (u64, u64, u64, i64, i64);

/// A run that can be read.
pub struct Run {
    /// The name of its folder.
    pub folder: String,
    /// What its record says.
    pub summary: Arc<Summary>,
    /// Whether somebody writes it now.
    pub under_way: bool,
}

/// A folder that is no run, or none that can be read.
#[derive(serde::Serialize)]
pub struct Strange {
    /// Its name.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// What lies in the folder.
pub struct Listing {
    /// Runs, the newest first.
    pub runs: Vec<Run>,
    /// What else lies there.
    pub strange: Vec<Strange>,
}

impl Runs {
    /// The runs in this folder.
    pub fn new(root: PathBuf) -> Self {
        Self {
            root,
            known: Mutex::default(),
        }
    }

    /// Where they lie.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of one.
    ///
    /// # Errors
    /// There is none of this name that could be opened without following a link.
    pub fn folder(&self, name: &str) -> io::Result<Folder> {
        Folder::root(&self.root)?.folder(name)
    }

    /// Every run, and what else lies there.
    ///
    /// # Errors
    /// The folder itself cannot be read.
    pub fn list(&self) -> io::Result<Listing> {
        let root = Folder::root(&self.root)?;
        let (entries, more) = root.entries(MOST)?;
        let mut listing = Listing {
            runs: Vec::new(),
            strange: Vec::new(),
        };
        // Files beside the runs are nobody's runs; links might be.
        let might_be = |entry: &Entry| {
            entry.folder || (entry.length.is_none() && self.root.join(&entry.name).is_dir())
        };
        let entries = entries.into_iter().filter(might_be);
        let names: Vec<String> = entries.map(|entry| entry.name).collect();
        for (name, read) in names.iter().zip(self.read_all(&root, &names)) {
            match read {
                Ok(run) => listing.runs.push(run),
                Err(reason) => listing.strange.push(Strange {
                    name: name.clone(),
                    reason,
                }),
            }
        }
        if more {
            listing.strange.push(Strange {
                name: "\u{2026}".to_owned(),
                reason: format!("only {MOST} entries are looked at"),
            });
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let there: HashSet<&String> = names.iter().collect();
        known.retain(|name, _| there.contains(name));
        listing.runs.sort_by(|one, other| {
            let key = |run: &Run| (run.summary.started, run.folder.clone());
            key(other).cmp(&key(one))
        });
        Ok(listing)
    }

    /// One run.
    ///
    /// # Errors
    /// Why it cannot be read.
    pub fn one(&self, name: &str) -> Result<Run, String> {
        let folder = self.folder(name).map_err(|error| error.to_string())?;
        self.read(name, &folder)
    }

    /// Each of these, in their order. The first time there may be much to read, so every processor reads its part.
    fn read_all(&self, root: &Folder, names: &[String]) -> Vec<Result<Run, String>> {
        let one = |name: &String| {
            let folder = root.folder(name).map_err(|error| error.to_string())?;
            self.read(name, &folder)
        };
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        let part = names.len().div_ceil(processors).max(1);
        std::thread::scope(|scope| {
            let parts: Vec<_> = names
                .chunks(part)
                .map(|names| scope.spawn(move || names.iter().map(one).collect::<Vec<_>>()))
                .collect();
            parts
                .into_iter()
                .flat_map(|part| part.join().unwrap_or_else(|panic| resume_unwind(panic)))
                .collect()
        })
    }

    fn read(&self, name: &str, folder: &Folder) -> Result<Run, String> {
        let open = |file: &str| {
            folder.file(file).map_err(|error| match error.kind() {
                ErrorKind::NotFound => format!("no run: it has no {file}"),
                _ => format!("{file}: {error}"),
            })
        };
        let (run, events) = (open("run.json")?, open(EVENTS)?);
        // Before it is read: what is written meanwhile makes it another.
        let stamp = |meta: io::Result<Metadata>| {
            meta.map(|meta| stamp(&meta))
                .map_err(|error| error.to_string())
        };
        let stamps = [stamp(run.metadata())?, stamp(events.metadata())?];
        let under_way = writers::is_written(&events);
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let before = known()
            .get(name)
            .filter(|known| known.stamps == stamps)
            .cloned();
        let read = match before {
            Some(known) => known.read,
            None => {
                let read = summary(name, folder).map(Arc::new);
                let fresh = Known {
                    stamps,
                    read: read.clone(),
                };
                known().insert(name.to_owned(), fresh);
                read
            }
        };
        Ok(Run {
            folder: name.to_owned(),
            summary: read?,
            under_way,
        })
    }
}

fn summary(name: &str, folder: &Folder) -> Result<Summary, String> {
    let read = |file: &str| {
        folder
            .read(file)
            .map_err(|error| format!("{file}: {error}"))
    };
    Summary::of(Path::new(name), &read("run.json")?, &read(EVENTS)?)
        .map_err(|error| format!("{error:#}"))
}

fn stamp(meta: &Metadata) -> Stamp {
    (
        meta.dev(),
        meta.ino(),
        meta.len(),
        meta.mtime(),
        meta.mtime_nsec(),
    )
}
