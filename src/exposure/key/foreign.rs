//! Keys made by other people's programs, so that tests compare us with somebody else than ourselves: [`Foreign`].

use std::process::Command;

/// A folder in which other programs run, removed at the end.
pub(crate) struct Foreign {
    folder: tempfile::TempDir,
}

impl Foreign {
    /// `None`, said aloud, if one of the programs is not installed; in a CI system that is a failure.
    #[expect(clippy::print_stderr, reason = "a test left out must be seen")]
    pub(crate) fn new(programs: &[&str]) -> Option<Self> {
        for program in programs {
            let found = Command::new("sh")
                .args(["-c", &format!("command -v {program}")])
                .output();
            if !found.is_ok_and(|output| output.status.success()) {
                assert!(
                    std::env::var("CI").as_deref() != Ok("true"),
                    "{program} is not installed: this test must not be left out here"
                );
                eprintln!("NOT RUN: {program} is not installed");
                return None;
            }
        }
        Some(Self {
            folder: tempfile::tempdir().unwrap(),
        })
    }

    /// Runs commands of a shell; fails the test, with their words, unless all succeed.
    pub(crate) fn run(&self, script: &str) -> &Self {
        let output = Command::new("sh")
            .args(["-e", "-c", script])
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{script}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        self
    }

    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join(name)).unwrap()
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.folder.path().join(name), bytes).unwrap();
    }
}
