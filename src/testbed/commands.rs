//! Runs a command of the profile to its end: [`run`].
//!
//! What it leaves running (a product that it has restarted, as a daemon) is not ours to end, and is looked into where the profile names it.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::sut_process::{StartError, tail};
use crate::exposure::hygiene;

/// Runs it. What it prints is appended to a file, whose end is told if it fails.
///
/// # Errors
/// [`StartError::Command`]: it cannot be run, ended with another status than 0, or did not end in time.
pub async fn run(
    label: &str,
    words: &[String],
    output: &Path,
    limit: Duration,
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
    let spawned = print().and_then(|stdout| {
        let (name, value) = hygiene::errand();
        Command::new(program)
            .args(arguments)
            .env(name, value)
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(print()?)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
    });
    let mut child = spawned.map_err(|error| failed(format!("cannot run '{program}': {error}")))?;
    match tokio::time::timeout(limit, child.wait()).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(failed(format!(
            "'{program}' ended with {status}; its last words: {}",
            tail(output)
        ))),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(_) => Err(failed(format!(
            "'{program}' did not end within {} s (ixit.timeouts); its last words: {}",
            limit.as_secs(),
            tail(output)
        ))),
    }
}
