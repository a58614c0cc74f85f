//! What no reading of files shows: the names of files, folders and links, where links lead, and extended attributes. All of it as
//! one source to search: [`Names`]. It lies in memory, in a file without a name.

use std::fs::{File, Metadata};
use std::io::{self, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::answer::{Answer, GapAt};
use crate::attributes::attributes;
use crate::given::Source;
use crate::source::{Gap, GapKind, Place};

/// What it is called as a source.
const NAMES: &str = "names";
/// Between two parts, so that nothing is made out of two halves.
const GAP: &[u8] = &[0; 64];

/// Names and attributes, one after another.
#[derive(Default)]
pub struct Names {
    bytes: Zeroizing<Vec<u8>>,
    at: NamedAt,
    file: Option<File>,
}

/// What the bytes of [`Names`] are the names of.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct NamedAt {
    /// Where each part begins, and what it is.
    parts: Vec<(u64, String)>,
    /// Files whose attributes could not be read, and why.
    unread: Vec<(String, String)>,
}

impl Names {
    /// Everything below a folder.
    pub(crate) fn below(&mut self, folder: &Path) {
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            // What cannot be listed is told where its files are searched.
            for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
                let Ok(met) = entry.metadata() else { continue };
                self.add(&entry.path(), &met);
                if met.is_dir() {
                    folders.push(entry.path());
                }
            }
        }
    }

    /// One file, folder or link.
    pub(super) fn add(&mut self, path: &Path, met: &Metadata) {
        let within = path.parent().unwrap_or(path).display().to_string();
        if let Some(name) = path.file_name() {
            self.part(name.as_bytes(), || format!("a name in {within}"));
        }
        if met.is_symlink()
            && let Ok(target) = std::fs::read_link(path)
        {
            self.part(target.as_os_str().as_bytes(), || {
                format!("where the link {} leads", path.display())
            });
        }
        match attributes(path) {
            Ok(found) => {
                for (name, value) in found {
                    let words = || format!("an extended attribute of {}", path.display());
                    self.part(name.as_bytes(), words);
                    self.part(&value, words);
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => self
                .at
                .unread
                .push((path.display().to_string(), error.to_string())),
        }
    }

    /// To be searched while this lives.
    pub(super) fn source(&mut self) -> io::Result<Source> {
        let flags = nix::sys::memfd::MFdFlags::MFD_CLOEXEC;
        let mut file = File::from(nix::sys::memfd::memfd_create(c"names", flags)?);
        file.write_all(&self.bytes)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        self.file = Some(file);
        Ok(Source::File {
            written: NAMES.to_owned(),
            path,
        })
    }

    /// What its bytes are the names of.
    pub fn named_at(&self) -> &NamedAt {
        &self.at
    }

    fn part(&mut self, bytes: &[u8], words: impl FnOnce() -> String) {
        self.at.parts.push((self.bytes.len() as u64, words()));
        self.bytes.extend_from_slice(bytes);
        self.bytes.extend_from_slice(GAP);
    }
}

impl NamedAt {
    /// Tells in an answer of what each sighting is the name, and what could not be read. `via` is the command behind which the names
    /// lie, if they do not lie here.
    pub fn explain(&self, answer: &mut Answer, via: Option<&str>) {
        for seen in &mut answer.exposures {
            if seen.place.source == NAMES
                && seen.place.via() == via
                && let Some((_, words)) = self.at(seen.at)
            {
                seen.place.source.clone_from(words);
            }
        }
        answer
            .gaps
            .extend(self.unread.iter().map(|(path, why)| GapAt {
                place: Place {
                    source: format!("extended attributes of {path}"),
                    inside: via.map(Place::by_way_of).into_iter().collect(),
                    ..Place::default()
                },
                gap: Gap {
                    kind: GapKind::Unreadable,
                    what: why.clone(),
                    bytes: None,
                },
            }));
    }

    fn at(&self, offset: u64) -> Option<&(u64, String)> {
        let after = self.parts.partition_point(|(start, _)| *start <= offset);
        self.parts.get(after.checked_sub(1)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_what_is_empty_and_where_links_lead_are_there_and_told_by_their_place() {
        let folder = tempfile::tempdir().expect("a folder");
        let within = folder.path().join("secret-folder");
        std::fs::create_dir(&within).expect("a folder");
        std::fs::write(within.join("secret-file"), "").expect("a file");
        std::os::unix::fs::symlink("secret-target", within.join("x")).expect("a link");
        let mut names = Names::default();
        names.below(folder.path());
        for (secret, words) in [
            (
                "secret-folder",
                format!("a name in {}", folder.path().display()),
            ),
            ("secret-file", format!("a name in {}", within.display())),
            (
                "secret-target",
                format!("where the link {}/x leads", within.display()),
            ),
        ] {
            let mut windows = names.bytes.windows(secret.len());
            let at = windows.position(|bytes| bytes == secret.as_bytes());
            let at = at.expect(secret) as u64;
            assert_eq!(names.named_at().at(at + 3).expect("a part").1, words);
        }
        assert!(names.source().is_ok());
    }
}
