//! What no reading of files shows: the names of files, folders and links, where links lead, and extended attributes. All of it as
//! one source to search: [`Names`]. It lies in memory, in a file without a name.

use std::fs::{File, Metadata};
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use zeroize::Zeroizing;

use crate::exposure::attributes::attributes;
use crate::exposure::given::Source;
use crate::model::key_protection::{Look, Medium, NotSearched};

/// What it is called as a source.
pub(super) const NAMES: &str = "names";
/// Between two parts, so that nothing is made out of two halves.
const GAP: &[u8] = &[0; 64];

/// Names and attributes, one after another.
#[derive(Default)]
pub(super) struct Names {
    bytes: Zeroizing<Vec<u8>>,
    /// Where each part begins, and what it is.
    parts: Vec<(u64, String)>,
    unread: Vec<(PathBuf, String)>,
    file: Option<File>,
}

impl Names {
    /// Everything below a folder.
    pub(super) fn below(&mut self, folder: &Path) {
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
            Err(error) => self.unread.push((path.to_owned(), error.to_string())),
        }
    }

    /// To be searched while this lives.
    pub(super) fn source(&mut self) -> anyhow::Result<Source> {
        let name = nix::sys::memfd::memfd_create(c"names", nix::sys::memfd::MFdFlags::MFD_CLOEXEC);
        let mut file = File::from(name.context("no file in memory")?);
        file.write_all(&self.bytes).context("no room in memory")?;
        let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        self.file = Some(file);
        Ok(Source::File {
            written: NAMES.to_owned(),
            path,
        })
    }

    /// Tells a look of what each sighting is the name, and what could not be read.
    pub(super) fn tell(&self, look: &mut Look) {
        for sighting in &mut look.sightings {
            let place = sighting.place.strip_prefix(NAMES);
            let at = place.and_then(|at| at.rsplit(' ').next()?.parse().ok());
            if let Some((_, words)) = at.and_then(|at| self.at(at)) {
                sighting.place.clone_from(words);
            }
        }
        look.gaps
            .extend(self.unread.iter().map(|(path, why)| NotSearched {
                medium: Medium::Storage,
                process: None,
                place: format!("extended attributes of {}", path.display()),
                why: why.clone(),
                passing: false,
            }));
    }

    fn at(&self, offset: u64) -> Option<&(u64, String)> {
        let after = self.parts.partition_point(|(start, _)| *start <= offset);
        self.parts.get(after.checked_sub(1)?)
    }

    fn part(&mut self, bytes: &[u8], words: impl FnOnce() -> String) {
        self.parts.push((self.bytes.len() as u64, words()));
        self.bytes.extend_from_slice(bytes);
        self.bytes.extend_from_slice(GAP);
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
            assert_eq!(names.at(at + 3).expect("a part").1, words);
        }
        assert!(names.source().is_ok());
    }
}
