//! Snapshots: taken before the key is known, searched after.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use super::{Pair, has, put, text};
use crate::support::Stage;

/// Starts a scan that holds a snapshot, and waits until it is taken.
fn held(stage: &Stage, source: &str) -> Child {
    let mut child = stage
        .scas(&["scan", "--hold", "--json", source])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stderr.as_mut().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(line.contains("taken"), "{line}");
    child
}

#[test]
fn a_key_that_is_learnt_later_is_found_where_it_was_before() {
    if !has("openssl", &["version"]) {
        return;
    }
    let stage = Stage::new();
    let (pair, other) = (Pair::ec(&stage, "vnfci"), Pair::ec(&stage, "other"));
    let store = put(
        &stage,
        "data/store",
        format!("...{}...", pair.key_text()).as_bytes(),
    );
    let mut child = held(&stage, text(&stage.path("data")));
    std::fs::remove_file(store).unwrap();
    let mut input = child.stdin.take().unwrap();
    writeln!(
        input,
        "{}\nno-such-file\n{}\n{}",
        text(&pair.key),
        text(&other.key),
        text(&pair.cert)
    )
    .unwrap();
    drop(input);
    let mut output = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut output)
        .unwrap();
    let answers: Vec<Value> = serde_json::Deserializer::from_str(&output)
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let results: Vec<&str> = answers
        .iter()
        .map(|answer| answer["result"].as_str().unwrap())
        .collect();
    assert_eq!(results, ["found", "not-found", "found"], "{output}");
    assert_eq!(
        answers[0]["exposures"][0]["place"]["path"],
        text(&stage.path("data/store"))
    );
    assert_eq!(child.wait().unwrap().code(), Some(1));
    stage.assert_nothing_left();
}

#[test]
fn a_signal_ends_it_without_a_trace() {
    let stage = Stage::new();
    put(&stage, "data/store", b"nothing");
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        let mut child = held(&stage, text(&stage.path("data")));
        let planted = std::fs::read_dir(stage.path("data")).unwrap().count();
        assert_eq!(planted, 2, "the store and a canary");
        // Waiting would close it, and that is another way to end.
        let _open = child.stdin.take();
        kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(128 + signal as i32));
        let left = std::fs::read_dir(stage.path("data")).unwrap().count();
        assert_eq!(left, 1, "the canary is gone after {signal}");
        stage.assert_nothing_left();
    }
}

#[test]
fn the_snapshot_has_no_name_and_does_not_hold_the_key_in_clear() {
    if !has("openssl", &["version"]) {
        return;
    }
    let stage = Stage::new();
    let pair = Pair::ec(&stage, "vnfci");
    put(&stage, "data/store", pair.key_text().as_bytes());
    let mut child = held(&stage, text(&stage.path("data")));
    // What the scanner holds open is what could lie on the disk.
    let open: Vec<_> = std::fs::read_dir(format!("/proc/{}/fd", child.id()))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| std::fs::read_link(path).is_ok_and(|to| to.starts_with(stage.path("tmp"))))
        .collect();
    assert_eq!(open.len(), 1, "one snapshot: {open:?}");
    let bytes = std::fs::read(&open[0]).unwrap();
    assert!(!bytes.is_empty());
    let copy = put(&stage, "copy", &bytes);
    super::scan_known(&stage, &pair, &[text(&copy)]).assert_nothing_found();
    assert_eq!(stage.left_behind(), Vec::<std::path::PathBuf>::new());
    drop(child.stdin.take());
    child.wait().unwrap();
}

#[test]
fn a_snapshot_that_nobody_asks_about_is_a_mistake() {
    let stage = Stage::new();
    put(&stage, "data/store", b"nothing");
    let ended = stage.run(&["scan", "--hold", "data"]);
    ended.assert_told(64, &["named no key"]);
    let ended = stage.run(&["scan", "--hold", "-"]);
    ended.assert_told(64, &["`-`", "give a file"]);
}
