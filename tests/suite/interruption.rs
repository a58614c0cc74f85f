//! A run that is ended early keeps what it has, and leaves nothing running.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{Ended, Stage, json};

/// Starts a long run and waits until its first scenario has ended.
fn underway(stage: &Stage) -> Child {
    let mut child = stage
        .scas(&["run", "--full"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    // The normative load scenario runs alone and first; the second to end is one of many.
    lines.read_line(&mut line).unwrap();
    assert!(line.starts_with("Pass"), "{line}");
    child.stderr = Some(lines.into_inner());
    child
}

fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
}

#[test]
fn ctrl_c_ends_cleanly_and_keeps_the_verdicts_so_far() {
    let stage = Stage::new();
    let child = underway(&stage);
    signal(&child, Signal::SIGINT);
    let ended = Ended::of(child.wait_with_output().unwrap());
    ended.assert_told(2, &["SIGINT"]);
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
    let mut child = underway(&stage);
    signal(&child, Signal::SIGKILL);
    child.wait().unwrap();
    let folder = stage.run_folder();
    let ended = stage.run(&["report", folder.to_str().unwrap()]);
    ended.assert_told(2, &["did not come to its end"]);
    // The SUT notices by the end of its standard input: wait for that, as long as the test may run.
    while !stage.processes().is_empty() {
        std::thread::yield_now();
    }
}
