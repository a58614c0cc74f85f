//! Where a key was once overlooked, or the scanner led astray: what an attacker found.

use std::io::Write as _;
use std::process::Stdio;

use super::{Pair, call, has, put, scan, scan_known, text};
use crate::support::{Ended, Stage};

fn stage() -> Option<(Stage, Pair)> {
    if !has("openssl", &["version"]) {
        return None;
    }
    let stage = Stage::new();
    let pair = Pair::ec(&stage, "vnfci");
    Some((stage, pair))
}

#[test]
fn a_key_behind_thousands_of_others_is_found() {
    let Some((stage, pair)) = stage() else { return };
    let other = Pair::ec(&stage, "other").key_text();
    let mut many = other.repeat(12_000);
    many.push_str(&pair.key_text());
    put(&stage, "data/many", many.as_bytes());
    scan_known(&stage, &pair, &["data"]).assert_found(&["many"]);
}

#[test]
fn what_lies_behind_a_script_or_another_archive_is_opened() {
    let Some((stage, pair)) = stage() else { return };
    if !has("gzip", &["--version"]) {
        return;
    }
    put(&stage, "empty", b"nothing");
    let nothing = call(&stage, "gzip", &["-c", "empty"]);
    let packed = call(&stage, "gzip", &["-c", text(&pair.key)]);
    for (name, parts) in [
        (
            "installer",
            vec![b"#!/bin/sh\nexit 0\n".to_vec(), packed.clone()],
        ),
        (
            "padded",
            vec![nothing.clone(), vec![0; 700], packed.clone()],
        ),
    ] {
        put(&stage, &format!("data/{name}"), &parts.concat());
    }
    scan_known(&stage, &pair, &["data"]).assert_found(&["installer[\"gzip\"]", "padded[\"gzip\"]"]);
}

#[test]
fn a_stream_without_an_end_is_left_when_the_time_is_over() {
    let Some((stage, pair)) = stage() else { return };
    let mut child = stage
        .scas(&[
            "scan",
            "--json",
            "--time-limit",
            "1",
            "--key",
            text(&pair.key),
            "-",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    // Ends only because the scanner closes its side.
    while input.write_all(&[b'y'; 4096]).is_ok() {}
    Ended::of(child.wait_with_output().unwrap()).assert_told(2, &["the time limit was reached"]);
}

#[test]
fn where_nothing_was_searched_nothing_is_said() {
    let Some((stage, pair)) = stage() else { return };
    let key = text(&pair.key);
    scan(&stage, &["--key", key], &[key]).assert_undecided(&["the source itself is left out"]);
    scan(&stage, &["--key", key], &["-"]).assert_undecided(&["nothing came"]);
    stage
        .run(&["scan", "--key", key, "-", "-"])
        .assert_told(64, &["give it once"]);
}

#[test]
fn another_name_of_the_key_file_is_an_exposure() {
    let Some((stage, pair)) = stage() else { return };
    put(&stage, "data/file", b"nothing");
    std::fs::hard_link(&pair.key, stage.path("data/leftover.bak")).unwrap();
    scan_known(&stage, &pair, &["data"]).assert_found(&["leftover.bak"]);
}

/// A name is data too; and the answer repeats names.
#[test]
fn a_key_in_a_name_is_found_and_not_repeated() {
    let Some((stage, pair)) = stage() else { return };
    let der = call(
        &stage,
        "openssl",
        &["pkey", "-in", text(&pair.key), "-outform", "DER"],
    );
    // The scalar is the first OCTET STRING of 32 bytes.
    let at = der
        .windows(2)
        .position(|pair| pair == [0x04, 0x20])
        .unwrap()
        + 2;
    let scalar = hex::encode(&der[at..at + 32]);
    put(
        &stage,
        &format!("data/{scalar}"),
        pair.key_text().as_bytes(),
    );
    let scanned = scan_known(&stage, &pair, &["data"]);
    scanned.assert_found(&["(a name that holds the key)[\"name\"]: scalar, hex"]);
    assert!(!scanned.ended.stdout.contains(&scalar[..40]));
    let told = stage.run(&["scan", "--key", text(&pair.key), "data"]);
    assert!(!told.stdout.contains(&scalar[..40]), "{}", told.stdout);
}
