//! The real `openssl` command, so that tests compare us with somebody else than ourselves.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder for files that `openssl` reads, removed at the end.
pub(crate) struct OpenSsl {
    folder: tempfile::TempDir,
}

impl OpenSsl {
    /// `None`, said aloud, if the command is not installed; in a CI system that is a failure.
    pub(crate) fn new() -> Option<Self> {
        if Command::new("openssl")
            .arg("version")
            .output()
            .is_ok_and(|output| output.status.success())
        {
            return Some(Self {
                folder: tempfile::tempdir().unwrap(),
            });
        }
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "openssl is not installed: this test must not be left out here"
        );
        report_not_run();
        None
    }

    /// Writes a file and says where.
    pub(crate) fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn run(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Output {
        Command::new("openssl")
            .args(arguments)
            .current_dir(self.folder.path())
            .output()
            .unwrap()
    }

    /// Runs the command and fails the test, with its words, unless it succeeds.
    pub(crate) fn expect(&self, line: &str) {
        let output = self.run(line.split(' '));
        assert!(
            output.status.success(),
            "openssl {line}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Runs the command and fails the test unless it refuses with these words.
    pub(crate) fn expect_refusal(&self, line: &str, words: &str) {
        let output = self.run(line.split(' '));
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(!output.status.success(), "openssl {line} accepted: {said}");
        assert!(
            said.contains(words),
            "openssl {line} refused with other words: {said}"
        );
    }
}

#[expect(
    clippy::print_stderr,
    reason = "a test that did not run must say so where people look"
)]
fn report_not_run() {
    eprintln!("NOT RUN: the command openssl is not installed");
}
