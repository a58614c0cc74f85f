//! Access probes: can another user read what only the product should? [`attempts_here`] tries, with the rights of the process
//! that calls it; [`run`] has it done in a child that has dropped its rights, or by a command that changes the user.
//!
//! Nothing that was read is kept: one byte is read, and wiped.

mod attempt;
mod core_dumps;
mod user;
mod who;

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};

pub use attempt::attempts_here;
pub use core_dumps::{CoreDumps, core_dumps};
pub use user::{UNPRIVILEGED, User, child_command};
pub use who::{Tried, Who, WhoError};

use crate::source::process::mapped_address;

/// What is to be tried.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ProbeTargets {
    /// Processes.
    pub processes: Vec<ProbeProcess>,
    /// Files.
    pub files: Vec<PathBuf>,
    /// Folders, to be listed.
    pub folders: Vec<PathBuf>,
}

/// A process whose memory, descriptors and so on are tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ProbeProcess {
    /// Its number.
    pub pid: u32,
    /// An address at which it has memory: whoever may not read the list of its mappings could have guessed it.
    pub address: Option<u64>,
}

impl ProbeTargets {
    /// Adds a process, with an address that the caller's rights find out.
    pub fn process(&mut self, pid: u32) {
        let address = mapped_address(pid);
        self.processes.push(ProbeProcess { pid, address });
    }
}

/// One attempt, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Attempt {
    /// What was tried: `read memory of process 12 (/proc/12/mem)`, `read file /x/y`.
    pub what: String,
    /// As whom: `nobody (65534)`.
    pub as_user: String,
    /// How it ended.
    pub result: AttemptResult,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "outcome")]
pub enum AttemptResult {
    /// It was possible.
    Succeeded {
        /// What could be seen, without any of it: `1 byte`, `3 entries`.
        detail: String,
    },
    /// The kernel refused it for lack of rights.
    Denied {
        /// The kernel's words.
        error: String,
    },
    /// Neither can be said: there is nothing to try it on, or it failed for another reason.
    NotTried {
        /// Why.
        why: String,
    },
}

/// The attempts could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// The child or command cannot be started. Another user can be tried by root only, or through a command.
    #[error("the probe cannot be started")]
    Start(#[source] io::Error),
    /// Talking to it failed.
    #[error("the probe's answer cannot be read")]
    Talk(#[source] io::Error),
    /// The request is no JSON that we know, or cannot be written as such: a path that is no UTF-8.
    #[error("the probe's request cannot be read or written")]
    Request(#[source] serde_json::Error),
    /// It ended without an answer.
    #[error("the probe gave no answer ({status}): {stderr}")]
    NoAnswer {
        /// How it ended.
        status: std::process::ExitStatus,
        /// Last line of what it said.
        stderr: String,
    },
}

/// Has the attempts made by a command: our own program with the hidden subcommand that calls [`answer`], started through
/// [`child_command`] or through a command of the user's (`sudo -u other`, `ssh host`). Waits until it ends.
///
/// # Errors
///
/// If there is no answer. A refused attempt is no error.
pub fn run(mut command: Command, targets: &ProbeTargets) -> Result<Vec<Attempt>, ProbeError> {
    let request = serde_json::to_vec(targets).map_err(ProbeError::Request)?;
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(ProbeError::Start)?;
    if let Some(mut input) = child.stdin.take() {
        // A child that has ended already tells more by its exit status.
        let _ = input.write_all(&request);
    }
    let output = child.wait_with_output().map_err(ProbeError::Talk)?;
    let lines = output.stdout.split(|byte| *byte == b'\n');
    // Logging in may print lines of its own.
    lines
        .rev()
        .find_map(|line| serde_json::from_slice(line).ok())
        .ok_or_else(|| ProbeError::NoAnswer {
            status: output.status,
            stderr: String::from_utf8_lossy(&output.stderr)
                .trim()
                .lines()
                .next_back()
                .unwrap_or_default()
                .to_owned(),
        })
}

/// The other side of [`run`]: reads the request, makes the attempts, and writes them as one line.
///
/// # Errors
///
/// If the request cannot be read or the answer not written.
pub fn answer(mut input: impl Read, mut output: impl Write) -> Result<(), ProbeError> {
    let mut request = Vec::new();
    input.read_to_end(&mut request).map_err(ProbeError::Talk)?;
    let targets = serde_json::from_slice(&request).map_err(ProbeError::Request)?;
    let attempts = serde_json::to_string(&attempts_here(&targets)).map_err(ProbeError::Request)?;
    write!(output, "\n{attempts}\n")
        .and_then(|()| output.flush())
        .map_err(ProbeError::Talk)
}
