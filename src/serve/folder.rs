//! A folder that may come from anybody, read without following anything in it: [`Folder`].

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::Mode;

/// The longest file that is read into memory.
const LONGEST: u64 = 256 << 20;

/// An open folder below the folder of runs.
pub struct Folder {
    file: File,
    path: PathBuf,
}

/// What was found behind a path.
pub enum Found {
    /// A regular file.
    File(File),
    /// A folder.
    Folder(Folder),
}

/// One entry of a folder.
pub struct Entry {
    /// Its name, with what is no UTF-8 replaced.
    pub name: String,
    /// Whether it is a folder.
    pub folder: bool,
    /// Bytes of a regular file; none of anything else.
    pub length: Option<u64>,
}

impl Folder {
    /// Opens the folder of runs, which the user named.
    ///
    /// # Errors
    /// Those of the system.
    pub fn root(path: &Path) -> io::Result<Self> {
        let file = open(
            path,
            OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC,
            Mode::empty(),
        )?;
        Ok(Self {
            file: file.into(),
            path: path.to_owned(),
        })
    }

    /// Opens what lies behind a path of names and `/`, each name by itself, so that no link in between leads out.
    ///
    /// # Errors
    /// It is not there, leads out, or is neither a file nor a folder.
    pub fn open(&self, path: &str) -> io::Result<Found> {
        let mut at = Found::Folder(Self {
            file: self.file.try_clone()?,
            path: self.path.clone(),
        });
        for name in path.split('/') {
            let Found::Folder(folder) = at else {
                return Err(Errno::ENOTDIR.into());
            };
            at = folder.enter(name)?;
        }
        Ok(at)
    }

    /// The folder of this name.
    ///
    /// # Errors
    /// As [`Folder::open`]; or it is none.
    pub fn folder(&self, name: &str) -> io::Result<Self> {
        match self.enter(name)? {
            Found::Folder(folder) => Ok(folder),
            Found::File(_) => Err(Errno::ENOTDIR.into()),
        }
    }

    /// The file of this name.
    ///
    /// # Errors
    /// As [`Folder::open`]; or it is none.
    pub fn file(&self, name: &str) -> io::Result<File> {
        match self.enter(name)? {
            Found::File(file) => Ok(file),
            Found::Folder(_) => Err(Errno::EISDIR.into()),
        }
    }

    /// A whole file.
    ///
    /// # Errors
    /// As [`Folder::file`]; or it is too long.
    pub fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.file(name)?.take(LONGEST + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > LONGEST {
            return Err(io::Error::other(format!(
                "it has more than {LONGEST} bytes"
            )));
        }
        Ok(bytes)
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What lies in it, at most so many entries, in the order of their names; and whether there is more.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn entries(&self, most: usize) -> io::Result<(Vec<Entry>, bool)> {
        let mut entries = Vec::new();
        // By its descriptor: its name may lead elsewhere by now.
        let mut listed = std::fs::read_dir(format!("/proc/self/fd/{}", self.file.as_raw_fd()))?;
        for entry in listed.by_ref().take(most) {
            let entry = entry?;
            // Of a link this tells about the link.
            let meta = entry.metadata()?;
            entries.push(Entry {
                name: entry.file_name().to_string_lossy().into_owned(),
                folder: meta.is_dir(),
                length: meta.is_file().then_some(meta.len()),
            });
        }
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        Ok((entries, listed.next().is_some()))
    }

    fn enter(&self, name: &str) -> io::Result<Found> {
        if matches!(name, "" | "." | "..") || name.contains(['/', '\0']) {
            return Err(Errno::ENOENT.into());
        }
        // A pipe that nobody writes to would keep us waiting.
        let how = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
        let file = match openat(self.file.as_fd(), name, how, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::ELOOP) => {
                return Err(io::Error::other(
                    "it is a symbolic link, which is not followed",
                ));
            }
            Err(error) => return Err(error.into()),
        };
        let kind = file.metadata()?.file_type();
        if kind.is_dir() {
            let path = self.path.join(name);
            return Ok(Found::Folder(Self { file, path }));
        }
        if !kind.is_file() {
            return Err(io::Error::other("it is neither a file nor a folder"));
        }
        Ok(Found::File(file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leads_out_and_a_pipe_keeps_nobody_waiting() {
        let temporary = tempfile::tempdir().expect("a folder");
        let root = temporary.path().join("root");
        std::fs::create_dir_all(root.join("a/b")).expect("made");
        std::fs::write(root.join("a/b/file"), "inside").expect("written");
        std::fs::write(temporary.path().join("secret"), "outside").expect("written");
        let link =
            |to: &str, at: &str| std::os::unix::fs::symlink(to, root.join(at)).expect("a link");
        link("../../secret", "a/secret");
        link("../..", "a/up");
        link("b", "a/within");
        nix::unistd::mkfifo(&root.join("a/pipe"), Mode::S_IRWXU).expect("a pipe");
        let folder = Folder::root(&root).expect("open");
        assert!(matches!(folder.open("a/b/file"), Ok(Found::File(_))));
        assert!(matches!(folder.open("a/b"), Ok(Found::Folder(_))));
        for out in [
            "a/secret",
            "a/up/secret",
            "a/within/file",
            "../secret",
            "a/../a/b/file",
            "a//b",
            "/etc/passwd",
            "",
            ".",
            "a/pipe",
            "a/b/file/x",
            "a\0b",
            "not there",
        ] {
            assert!(folder.open(out).is_err(), "{out}");
        }
        let (entries, more) = folder.folder("a").and_then(|a| a.entries(2)).expect("read");
        assert!(more && entries.len() == 2);
    }
}
