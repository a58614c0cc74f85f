//! Evidence packs: verified, sealed, tampered with, compared.

mod canaries;
mod crash;
mod diff;
mod forged;
mod lab;
mod seal;
mod stamp;
mod tamper;
mod traffic;
mod verify;

use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::support::{Stage, json};

/// The folder of the one scenario of the committed sample.
const SCENE: &str = "evidence/TC_SIGNATURE_VERIFICATION_FILES_VNFD/line-030";

/// The committed sample, as a folder of the test's own: a run of one scenario that failed.
fn sample(stage: &Stage) -> PathBuf {
    let run = stage.path("run");
    copy(
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/reports/sample")),
        &run,
    );
    run
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let copied = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &copied);
        } else {
            std::fs::copy(&path, &copied).unwrap();
        }
    }
}

/// Rewrites a file of JSON.
fn change(path: &Path, change: impl FnOnce(&mut Value)) {
    let mut value = json(path);
    change(&mut value);
    std::fs::write(path, serde_json::to_vec_pretty(&value).unwrap()).unwrap();
}

/// Rewrites every event.
fn change_events(run: &Path, mut change: impl FnMut(&mut Value)) {
    let path = run.join("events.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    let mut written = String::new();
    for line in text.lines() {
        let mut event: Value = serde_json::from_str(line).unwrap();
        change(&mut event);
        written += &format!("{event}\n");
    }
    std::fs::write(path, written).unwrap();
}

/// What a forger does who knows the format: every digest that events.jsonl lists is made that of the file, and the reports are drawn
/// again.
fn fix_up(stage: &Stage, run: &Path) {
    change_events(run, |event| {
        let files = event.get_mut("evidence").and_then(Value::as_array_mut);
        for file in files.into_iter().flatten() {
            let bytes = std::fs::read(run.join(file["path"].as_str().unwrap())).unwrap();
            file["length"] = bytes.len().into();
            file["sha256"] = hex::encode(Sha256::digest(&bytes)).into();
        }
    });
    let ended = stage.run(&["report", run.to_str().unwrap()]);
    assert!(ended.code < 64, "{}", ended.stderr);
}
