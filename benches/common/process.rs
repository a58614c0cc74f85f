//! A program that serves while something is measured: [`Process`].

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long a program may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(5);

/// A running program. Dropping it ends it.
pub struct Process(Child);

impl Process {
    /// Starts the program and waits for the line of its standard output in which `ready` finds what is wanted.
    pub fn start<T>(
        command: &mut Command,
        ready: impl Fn(&str) -> Option<T>,
    ) -> anyhow::Result<(Self, T)> {
        let mut child = command
            // Its end tells our products that nobody needs them any more.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot run {command:?}"))?;
        let stdout = child.stdout.take();
        let process = Self(child);
        let mut lines = BufReader::new(stdout.context("standard output is not ours")?);
        let mut seen = String::new();
        loop {
            let start = seen.len();
            anyhow::ensure!(
                lines.read_line(&mut seen)? > 0,
                "{command:?} ended before it was ready: {seen}"
            );
            if let Some(found) = ready(&seen[start..]) {
                // A full pipe would stop it. The thread ends with the program.
                thread::spawn(move || {
                    let mut buffer = [0; 4096];
                    while lines.read(&mut buffer).is_ok_and(|read| read > 0) {}
                });
                return Ok((process, found));
            }
        }
    }
}

impl Drop for Process {
    /// Asks first: killed, it could not remove its temporary files.
    fn drop(&mut self) {
        let Self(child) = self;
        drop(child.stdin.take());
        // Not waited for yet, so that the number is still the child's.
        if let Ok(pid) = child.id().try_into() {
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        let asked = Instant::now();
        while matches!(child.try_wait(), Ok(None)) && asked.elapsed() < GRACE {
            thread::sleep(Duration::from_millis(10));
        }
        // An error means that it has ended: just what is wanted.
        let _ = child.kill();
        let _ = child.wait();
    }
}
