//! A run that is ended early keeps what it has, and leaves nothing running.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Stage, json};

/// No test waits longer for what must happen: then it says what did not.
const LIMIT: Duration = Duration::from_secs(300);

/// A run that is under way.
struct Underway {
    child: Child,
    /// The lines of its standard error. It ends once neither the run nor any process that it started holds it.
    lines: Receiver<String>,
}

/// Starts a long run and waits until its first scenario has ended.
fn underway(stage: &Stage) -> Underway {
    // The copy of standard error under another number is handed down to every process below.
    let mut child = stage
        .command(
            "sh",
            &[
                "-c",
                "exec \"$@\" 3>&2",
                "sh",
                env!("CARGO_BIN_EXE_scas"),
                "run",
                "--quick",
            ],
        )
        .stdout(File::create(stage.path("stdout")).unwrap())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (told, lines) = channel();
    let stderr = BufReader::new(child.stderr.take().unwrap());
    std::thread::spawn(move || {
        for line in stderr.lines() {
            // Nobody listens any more if the test has failed.
            let _ = told.send(line.unwrap());
        }
    });
    // The normative load scenario runs alone and first; the second to end is one of many.
    let first = lines.recv_timeout(LIMIT).expect("a first verdict in time");
    assert!(first.starts_with("Pass"), "{first}");
    Underway { child, lines }
}

impl Underway {
    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
    }

    /// Waits until the run and every process that it started have ended; returns the exit code, if there is one, and
    /// what was said meanwhile.
    #[track_caller]
    fn end(mut self, stage: &Stage) -> (Option<i32>, String) {
        let mut told = String::new();
        loop {
            match self.lines.recv_timeout(LIMIT) {
                Ok(line) => told += &format!("{line}\n"),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!(
                    "after {LIMIT:?} these still run: {:?}\n{told}",
                    stage.processes()
                ),
            }
        }
        let code = self.child.wait().unwrap().code();
        (
            code,
            told + &std::fs::read_to_string(stage.path("stdout")).unwrap(),
        )
    }
}

#[test]
fn ctrl_c_ends_cleanly_and_keeps_the_verdicts_so_far() {
    let stage = Stage::new();
    let run = underway(&stage);
    run.signal(Signal::SIGINT);
    let (code, told) = run.end(&stage);
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("SIGINT"), "{told}");
    let results = json(&stage.run_folder().join("results.json"));
    assert!(results["interrupted"].as_str().unwrap().contains("SIGINT"));
    let passed = |s: &serde_json::Value| s["verdict"] == "pass";
    let scenarios: Vec<_> = results["cases"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|case| case["scenarios"].as_array().unwrap())
        .collect();
    assert!(scenarios.iter().any(|s| passed(s)), "a verdict was kept");
    assert!(scenarios.iter().any(|s| !passed(s)), "it was ended early");
    stage.assert_nothing_left();
}

#[test]
fn a_killed_run_leaves_a_record_that_reads_and_says_so() {
    let stage = Stage::new();
    let run = underway(&stage);
    run.signal(Signal::SIGKILL);
    // The SUT notices by the end of its standard input, and ends. Nobody is left to remove temporary folders.
    let (code, told) = run.end(&stage);
    assert_eq!(code, None, "it was killed: {told}");
    assert_eq!(stage.processes(), Vec::<String>::new());
    let folder = stage.run_folder();
    let ended = stage.run(&["report", folder.to_str().unwrap()]);
    ended.assert_told(2, &["did not come to its end"]);
}
