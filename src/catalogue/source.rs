//! The files of a suite, from a folder or from inside the program: [`Source`].

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};
use sha2::{Digest, Sha256};

use super::finding::Finding;

static EMBEDDED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/features");

/// The files that make up a suite: features and `clauses.toml`, and nothing else.
#[derive(Clone, Debug, Default)]
pub(super) struct Source {
    /// Where the files are, as shown to people.
    pub root: PathBuf,
    /// The files, ordered by path.
    pub files: Vec<SuiteFile>,
    /// Files that could not be read.
    pub findings: Vec<Finding>,
}

/// One file of a suite.
#[derive(Clone, Debug)]
pub(super) struct SuiteFile {
    /// Path inside the suite, with `/` on every system, so that the digest is the same everywhere.
    pub inside: String,
    /// Path as shown to people.
    pub path: PathBuf,
    /// The text.
    pub text: String,
}

impl Source {
    /// The suite that is built into the program.
    pub fn embedded() -> Self {
        let mut source = Self {
            root: PathBuf::from("features"),
            ..Self::default()
        };
        source.add_embedded(&EMBEDDED);
        source.in_order()
    }

    /// The suite in a folder. What cannot be read is a finding.
    pub fn from_dir(root: &Path) -> Self {
        let mut source = Self {
            root: root.to_owned(),
            ..Self::default()
        };
        source.add_dir(root, "");
        source.in_order()
    }

    /// SHA-256 over path and content of each file, lower-case hex.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for file in &self.files {
            // Lengths first: moving a byte from one file to the next, or into a name, gives another digest.
            for part in [file.inside.as_bytes(), file.text.as_bytes()] {
                hash.update((part.len() as u64).to_be_bytes());
                hash.update(part);
            }
        }
        hex::encode(hash.finalize())
    }

    fn add_embedded(&mut self, dir: &Dir<'_>) {
        for file in dir.files() {
            let inside = file.path().to_string_lossy().replace('\\', "/");
            self.add(inside, file.contents().to_vec());
        }
        dir.dirs().for_each(|inner| self.add_embedded(inner));
    }

    fn add_dir(&mut self, dir: &Path, inside: &str) {
        if let Err(error) = self.try_add_dir(dir, inside) {
            let mend = "name a folder with features that you may read".to_owned();
            self.findings.push(Finding::new(
                dir,
                0,
                format!("cannot be read ({error})"),
                mend,
            ));
        }
    }

    fn try_add_dir(&mut self, dir: &Path, inside: &str) -> io::Result<()> {
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let inside = if inside.is_empty() {
                name.clone()
            } else {
                format!("{inside}/{name}")
            };
            // `file_type` does not follow links: a link to a folder above would never end.
            if entry.file_type()?.is_dir() {
                self.add_dir(&entry.path(), &inside);
            } else if belongs(&inside) {
                match fs::read(entry.path()) {
                    Ok(bytes) => self.add(inside, bytes),
                    Err(error) => self.findings.push(Finding::new(
                        &entry.path(),
                        0,
                        format!("cannot be read ({error})"),
                        "make it readable or remove it",
                    )),
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, inside: String, bytes: Vec<u8>) {
        if !belongs(&inside) {
            return;
        }
        let path = self.root.join(&inside);
        match String::from_utf8(bytes) {
            Ok(text) => self.files.push(SuiteFile { inside, path, text }),
            Err(error) => {
                let good = error.utf8_error().valid_up_to();
                let line = 1 + error.as_bytes()[..good]
                    .iter()
                    .filter(|byte| **byte == b'\n')
                    .count();
                self.findings.push(Finding::new(
                    &path,
                    line,
                    "is not UTF-8",
                    "save the file as UTF-8",
                ));
            }
        }
    }

    fn in_order(mut self) -> Self {
        self.files.sort_by(|a, b| a.inside.cmp(&b.inside));
        self
    }
}

/// Editors' leavings and documentation are no part of a suite and must not change its digest.
fn belongs(inside: &str) -> bool {
    let name = inside.rsplit('/').next().unwrap_or(inside);
    !name.starts_with('.') && (name == "clauses.toml" || name.ends_with(".feature"))
}
