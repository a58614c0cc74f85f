//! Runs a command of the profile to its end: [`run`].
//!
//! Where a product runs by itself, what a command leaves running (a product that it has restarted, as a daemon) is marked: it is not ours to
//! end. It is looked into like everything else that descends from us.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};

use super::left;
use super::sut_process::{StartError, tail};

/// A variable of the environment by which a process is known that a command has left: name and value.
pub type Mark = (&'static str, &'static str);

/// Runs it. What it prints is appended to a file, whose end is told if it fails; what it has started ends with it then.
///
/// # Errors
/// [`StartError::Command`]: it cannot be run, ended with another status than 0, or did not end in time.
pub async fn run(
    label: &str,
    words: &[String],
    output: &Path,
    limit: Duration,
    mark: Option<Mark>,
) -> Result<(), StartError> {
    let failed = |why: String| StartError::Command {
        label: label.to_owned(),
        why,
    };
    let (program, arguments) = words
        .split_first()
        .ok_or_else(|| failed("is empty".to_owned()))?;
    let print = || -> std::io::Result<Stdio> {
        let mut file = std::fs::File::options();
        file.create(true).append(true).open(output).map(Stdio::from)
    };
    // Other commands may have printed there.
    let from = std::fs::metadata(output).map_or(0, |file| file.len());
    let spawned = print().and_then(|stdout| {
        let stderr = print()?;
        left::started(|| {
            Command::new(program)
                .args(arguments)
                .envs(mark)
                .stdin(Stdio::null())
                .stdout(stdout)
                .stderr(stderr)
                .process_group(0)
                .kill_on_drop(true)
                .spawn()
        })
    });
    let (mut child, _ours) =
        spawned.map_err(|error| failed(format!("cannot run '{program}': {error}")))?;
    let group = child.id();
    let ended = tokio::time::timeout(limit, end(&mut child)).await;
    left::take_note();
    let well = matches!(&ended, Ok(Ok(status)) if status.success());
    if let Some(group) = group.filter(|_| !well) {
        // The group has its number until the last of it is gone, and nobody may be left.
        let _ = killpg(Pid::from_raw(group.cast_signed()), Signal::SIGKILL);
    }
    match ended {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(failed(format!(
            "'{program}' ended with {status}; its last words: {}",
            tail(output, from)
        ))),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(_) => Err(failed(format!(
            "'{program}' did not end within {} s (ixit.timeouts); its last words: {}",
            limit.as_secs(),
            tail(output, from)
        ))),
    }
}

/// Waits for the end of a command. Meanwhile what it waits for itself may end, and be ours to take note of.
async fn end(child: &mut Child) -> std::io::Result<ExitStatus> {
    let mut ended = signal(SignalKind::child())?;
    left::take_note();
    loop {
        tokio::select! {
            status = child.wait() => return status,
            _ = ended.recv() => left::take_note(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_command_that_fails_tells_its_own_last_words_or_that_it_printed_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let output = folder.path().join("output");
        std::fs::write(&output, "of another command\n").expect("written");
        for (line, told) in [
            ("exit 3", "its last words: (none: it printed nothing"),
            ("echo no room >&2; exit 3", "its last words: no room"),
        ] {
            let words = ["sh", "-c", line].map(str::to_owned);
            let limit = Duration::from_secs(60);
            let failed = run("ixit.commands.reset", &words, &output, limit, None).await;
            let why = failed.expect_err("it fails").to_string();
            assert!(why.contains(told) && !why.contains("of another"), "{why}");
        }
    }
}
