//! Runs `scas` in a world of its own: a folder for reports, a folder for temporary files, and an eye on what it leaves.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// One test's world.
pub struct Stage {
    root: tempfile::TempDir,
}

impl Stage {
    pub fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("tmp")).unwrap();
        Self { root }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The command, with its temporary files and its reports here.
    pub fn scas(&self, arguments: &[&str]) -> Command {
        self.command(env!("CARGO_BIN_EXE_scas"), arguments)
    }

    /// Any command, with its temporary files and its reports here.
    pub fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .current_dir(self.root.path())
            .env("TMPDIR", self.path("tmp"))
            .env_remove("RUST_LOG")
            .stdin(Stdio::null());
        command
    }

    /// Runs to the end.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        Ended::of(self.scas(arguments).output().unwrap())
    }

    /// The folder of the one run that was made.
    pub fn run_folder(&self) -> PathBuf {
        let mut folders: Vec<_> = std::fs::read_dir(self.path("reports"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        assert_eq!(folders.len(), 1, "one run: {folders:?}");
        folders.remove(0)
    }

    /// What lies in the folder for temporary files.
    pub fn left_behind(&self) -> Vec<PathBuf> {
        std::fs::read_dir(self.path("tmp"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect()
    }

    /// Processes that were started below this test's folders: their command line names them.
    pub fn processes(&self) -> Vec<String> {
        let marker = self.root.path().to_string_lossy().into_owned();
        std::fs::read_dir("/proc")
            .unwrap()
            .filter_map(|entry| {
                let path = entry.ok()?.path();
                let pid: u32 = path.file_name()?.to_str()?.parse().ok()?;
                let line = std::fs::read(path.join("cmdline")).ok()?;
                let line = String::from_utf8_lossy(&line).replace('\0', " ");
                (pid != std::process::id() && line.contains(&marker)).then_some(line)
            })
            .collect()
    }

    pub fn assert_nothing_left(&self) {
        assert_eq!(
            self.left_behind(),
            Vec::<PathBuf>::new(),
            "temporary files left behind"
        );
        assert_eq!(
            self.processes(),
            Vec::<String>::new(),
            "processes left behind"
        );
    }
}

/// What a command that ended said.
pub struct Ended {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code().expect("ended by itself"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|e| panic!("{e}: {} {}", self.stdout, self.stderr))
    }

    /// It ended with this code, and its message names each of these.
    #[track_caller]
    pub fn assert_told(&self, code: i32, names: &[&str]) {
        let told = format!("{}\n{}", self.stdout, self.stderr);
        assert_eq!(self.code, code, "{told}");
        for name in names {
            assert!(told.contains(name), "'{name}' is not in: {told}");
        }
    }
}

/// Whether this is root, who alone can look into other processes.
pub fn root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// Whether this is root; if not, that a test is skipped is said.
pub fn root_or_told() -> bool {
    if !root() {
        #[expect(clippy::print_stderr, reason = "whoever runs the tests must see it")]
        {
            eprintln!("skipped: only root can look into another process, and become another user");
        }
    }
    root()
}

/// Reads JSON from a file.
pub fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Copies a folder, but for files of these names.
pub fn copy(from: &Path, to: &Path, without: &[&str]) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name();
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(name), without);
        } else if !without.iter().any(|other| name == *other) {
            std::fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
}

/// The normative scenario of the signature case alone: the shortest run that judges anything.
pub const SHORT: &str = "4.2.2.1 and @normative";

/// The built-in profile, as the user's own file, with one passage replaced.
pub fn profile(from: &str, to: &str) -> String {
    let text = include_str!("../../fixtures/sut/reference-vnfm.toml");
    assert!(text.contains(from), "the profile has no '{from}'");
    text.replacen(from, to, 1)
}

/// A profile whose product is started by this command, and has its API at a fixed address if one is given.
pub fn foreign_profile(command: &[&str], api_root: Option<&str>) -> String {
    let api = api_root.map_or(String::new(), |root| {
        format!("[ixit.api]\nroot = \"{root}\"\nrunning = true\n")
    });
    format!(
        "[sut]\nname = \"foreign\"\nvendor = \"somebody\"\nversion = \"1\"\nrole = \"VNFM\"\n\
         [ics]\nvnfd-signature-verification = true\nvnf-instance-id = true\ndelegation-mode = {{ supported = false, reason = \"not built\" }}\nkey-custody-pkcs11 = {{ supported = false, reason = \"no token\" }}\n\
         [documents]\nvnfd-signature-verification = \"manual, 1\"\nvnf-instance-id = \"manual, 2\"\n\
         [ixit.capacity]\nquick = 20\nfull = 20\nconcurrency = 2\n\
         [ixit.timeouts]\nstart = 3\nanswer = 1\noperation = 1\nstop = 2\n\
         [ixit.start]\ncommand = {command:?}\n{api}"
    )
}
