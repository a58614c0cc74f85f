//! An evidence pack as files: a run's folder, or a ZIP container of one. Main type: [`Pack`].
//!
//! A pack comes from somebody else, so nothing in it is followed, and nothing is believed: no link, no path out of it, no size
//! that it states.

mod container;
mod digest;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

pub use container::{Limits, names};
pub use digest::Digest;
use digest::digests;

/// The longest file that is read into memory. A run at a capacity of a million identifiers has a question of some 100 MB.
pub const LONGEST: u64 = 1 << 30;

/// A pack that can be read.
#[derive(Debug)]
pub struct Pack {
    root: PathBuf,
    files: BTreeMap<String, u64>,
    /// Whether it came as a container; unpacked, it is removed with this.
    container: Option<tempfile::TempDir>,
    /// What was digested so far.
    digested: Mutex<BTreeMap<String, Digest>>,
}

/// Why a pack is not read.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// There is nothing that could be a pack: the user's mistake.
    #[error("{}: {reason}", path.display())]
    Nothing {
        /// What was named.
        path: PathBuf,
        /// Why it is none.
        reason: String,
    },
    /// It is one, and is not to be trusted so far as to be unpacked.
    #[error("{file}: {reason}")]
    Refused {
        /// The entry, or the container itself.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file of it, or of ours, cannot be read or written.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}

impl Pack {
    /// Opens a run's folder, or unpacks a container into a private folder.
    ///
    /// # Errors
    /// [`PackError::Nothing`] if there is none; [`PackError::Refused`] with the entry and the reason; [`PackError::Io`].
    pub fn open(path: &Path, limits: Limits) -> Result<Self, PackError> {
        let meta = std::fs::metadata(path).map_err(|error| PackError::Nothing {
            path: path.to_owned(),
            reason: format!(
                "{error}: name the folder of a run, e.g. reports/<run-id>, or a container (.asice, .zip)"
            ),
        })?;
        if meta.is_dir() {
            return Self::of_folder(path.to_owned(), None);
        }
        if !meta.is_file() {
            return Err(PackError::Nothing {
                path: path.to_owned(),
                reason: "neither a folder nor a file".to_owned(),
            });
        }
        let folder = tempfile::Builder::new()
            .prefix("scas-pack-")
            .tempdir()
            .map_err(|source| io(&std::env::temp_dir(), source))?;
        container::unpack(path, folder.path(), limits)?;
        Self::of_folder(folder.path().to_owned(), Some(folder))
    }

    fn of_folder(root: PathBuf, container: Option<tempfile::TempDir>) -> Result<Self, PackError> {
        let mut files = BTreeMap::new();
        walk(&root, "", &mut files)?;
        Ok(Self {
            root,
            files,
            container,
            digested: Mutex::default(),
        })
    }

    /// Whether it came as a container.
    pub fn is_container(&self) -> bool {
        self.container.is_some()
    }

    /// The folder in which its files lie.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Its files in the order of their names, with their lengths. Names have `/` between their parts.
    pub fn files(&self) -> &BTreeMap<String, u64> {
        &self.files
    }

    /// Length and SHA-256 of every file. What was [taken in](Self::take_in) is not read again.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn digests(&self) -> Result<BTreeMap<String, Digest>, PackError> {
        self.digests_of(self.files.keys().map(String::as_str))
    }

    /// The same of these files, as far as they are there.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn digests_of<'n>(
        &self,
        names: impl IntoIterator<Item = &'n str>,
    ) -> Result<BTreeMap<String, Digest>, PackError> {
        let names: Vec<&str> = names.into_iter().filter(|name| self.has(name)).collect();
        let known = self.digested();
        let open = names.iter().copied();
        let open: Vec<&str> = open.filter(|name| !known.contains_key(*name)).collect();
        // Whoever reckons must not keep others from entering what they have read.
        drop(known);
        let new = digests(&self.root, &open)?;
        let mut known = self.digested();
        for (name, digest) in new {
            known.entry(name).or_insert(digest);
        }
        let all = names.into_iter();
        let all = all.filter_map(|name| Some((name.to_owned(), known.get(name)?.clone())));
        Ok(all.collect())
    }

    fn digested(&self) -> MutexGuard<'_, BTreeMap<String, Digest>> {
        self.digested.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it has this file.
    pub fn has(&self, name: &str) -> bool {
        self.files.contains_key(name)
    }

    /// A file's bytes. No name leads out: only a file that was found by walking is opened.
    ///
    /// # Errors
    /// It is not there, is longer than [`LONGEST`], or cannot be read.
    pub fn read(&self, name: &str) -> Result<Vec<u8>, PackError> {
        let refused = |reason: String| PackError::Refused {
            file: name.to_owned(),
            reason,
        };
        let Some(length) = self.files.get(name) else {
            return Err(refused("is missing".to_owned()));
        };
        if *length > LONGEST {
            return Err(refused(format!(
                "has {length} bytes, more than the {LONGEST} that are read into memory"
            )));
        }
        let path = self.root.join(name);
        // With room for one byte more, the end of a file that has not grown is met without growing.
        let mut bytes = Vec::with_capacity(usize::try_from(*length).map_or(0, |room| room + 1));
        File::open(&path)
            .and_then(|file| file.take(LONGEST).read_to_end(&mut bytes))
            .map_err(|source| io(&path, source))?;
        Ok(bytes)
    }

    /// As [`Self::read`], and these very bytes are what [`Self::digests`] tells of.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn take_in(&self, name: &str) -> Result<Vec<u8>, PackError> {
        let bytes = self.read(name)?;
        self.digest(name, &bytes);
        Ok(bytes)
    }

    /// Enters the digest of a file that was [read](Self::read), as [`Self::take_in`] does at once.
    pub fn digest(&self, name: &str, bytes: &[u8]) {
        let known = self.digested().contains_key(name);
        if !known && self.has(name) {
            let digest = Digest::of(bytes);
            self.digested().entry(name.to_owned()).or_insert(digest);
        }
    }
}

fn walk(folder: &Path, prefix: &str, files: &mut BTreeMap<String, u64>) -> Result<(), PackError> {
    let entries = std::fs::read_dir(folder).map_err(|source| io(folder, source))?;
    for entry in entries {
        let entry = entry.map_err(|source| io(folder, source))?;
        let path = entry.path();
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let refused = |reason: &str| PackError::Refused {
            file: name.clone(),
            reason: reason.to_owned(),
        };
        if entry.file_name().to_str().is_none() {
            return Err(refused("its name is no UTF-8"));
        }
        let meta = path
            .symlink_metadata()
            .map_err(|source| io(&path, source))?;
        if meta.is_symlink() {
            return Err(refused(
                "is a symbolic link: a pack has files of its own only",
            ));
        } else if meta.is_dir() {
            walk(&path, &format!("{name}/"), files)?;
        } else if meta.is_file() {
            files.insert(name, meta.len());
        } else {
            return Err(refused("is neither a file nor a folder"));
        }
    }
    Ok(())
}

fn io(path: &Path, source: std::io::Error) -> PackError {
    PackError::Io {
        path: path.to_owned(),
        source,
    }
}
