//! What the answer says: to people, to programs, and what it must never say.

use serde_json::Value;

use super::{Pair, call, has, is_root, put, scan, scan_blind, scan_known, text};
use crate::support::Stage;

fn stage() -> Option<(Stage, Pair)> {
    if !has("openssl", &["version"]) {
        return None;
    }
    let stage = Stage::new();
    let pair = Pair::ec(&stage, "vnfci");
    put(
        &stage,
        "data/file",
        format!("key: {}", pair.key_text()).as_bytes(),
    );
    Some((stage, pair))
}

#[test]
fn the_committed_schema_is_the_schema_of_what_is_written() {
    let Some((stage, pair)) = stage() else { return };
    let made = stage.run(&["scan", "--schema"]);
    let committed: Value =
        serde_json::from_str(include_str!("../../../reports/schema/scan.schema.json")).unwrap();
    assert_eq!(
        made.json(),
        committed,
        "run: scas scan --schema > reports/schema/scan.schema.json"
    );
    let validator = jsonschema::validator_for(&committed).unwrap();
    for options in [&["--no-canary"][..], &[], &["--time-limit", "1"]] {
        let mut all = vec!["--key", text(&pair.key)];
        all.extend(options);
        let answer = scan(&stage, &all, &["data"]).answer;
        let errors: Vec<String> = validator
            .iter_errors(&answer)
            .map(|e| e.to_string())
            .collect();
        assert!(errors.is_empty(), "{errors:?}");
    }
}

#[test]
fn people_read_where_what_and_how_it_is_known() {
    let Some((stage, pair)) = stage() else { return };
    let ended = stage.run(&[
        "scan",
        "--key",
        text(&pair.key),
        "--cert",
        text(&pair.cert),
        "data",
    ]);
    ended.assert_told(
        1,
        &[
            "looked for",
            "vnfci.pem (EC P-256), by its encodings",
            "canary for data",
            "EXPOSED: 1",
            "data/file",
            "offset 5",
            "PEM",
            "\nfound",
        ],
    );
    let ended = stage.run(&["scan", "--cert", text(&pair.cert), "data"]);
    ended.assert_told(1, &["blindly", "EXPOSED: 1", "its public key was computed"]);
}

#[test]
fn no_answer_holds_a_piece_of_the_key() {
    let Some((stage, pair)) = stage() else { return };
    let everything = [
        stage.run(&["scan", "--key", text(&pair.key), "data"]),
        stage.run(&["scan", "--key", text(&pair.key), "--json", "data"]),
        stage.run(&["scan", "--cert", text(&pair.cert), "--json", "data"]),
    ];
    let told: String = everything
        .iter()
        .map(|ended| format!("{}{}", ended.stdout, ended.stderr))
        .collect();
    let output = put(&stage, "told", told.as_bytes());
    scan_known(&stage, &pair, &[text(&output)]).assert_nothing_found();
}

#[test]
fn a_key_that_fits_nothing_is_told_and_decides_nothing() {
    let Some((stage, _)) = stage() else { return };
    let wanted = Pair::rsa(&stage, "wanted");
    let scanned = scan_known(&stage, &wanted, &["data"]);
    scanned.assert_nothing_found();
    assert_eq!(scanned.answer["other_keys"][0]["algorithm"], "EC P-256");
    assert_eq!(scanned.answer["other_keys"][0]["at"], 5);
}

#[test]
fn a_closed_container_leaves_the_answer_undecided_until_its_password_is_given() {
    let Some((stage, pair)) = stage() else { return };
    let arguments = [
        "pkcs12",
        "-export",
        "-inkey",
        text(&pair.key),
        "-in",
        text(&pair.cert),
        "-passout",
        "pass:secret",
        "-out",
        "data/store.p12",
    ];
    call(&stage, "openssl", &arguments);
    std::fs::remove_file(stage.path("data/file")).unwrap();
    scan_known(&stage, &pair, &["data"]).assert_undecided(&["store.p12", "PKCS#12"]);
    put(&stage, "passwords", b"other\nsecret\n");
    let options = ["--key", text(&pair.key), "--password-file", "passwords"];
    scan(&stage, &options, &["data"]).assert_found(&["store.p12", "PKCS#12"]);
}

#[test]
fn without_a_canary_nothing_found_says_nothing() {
    let Some((stage, pair)) = stage() else { return };
    std::fs::remove_file(stage.path("data/file")).unwrap();
    let options = ["--key", text(&pair.key), "--no-canary"];
    scan(&stage, &options, &["data"]).assert_undecided(&["no canary"]);
    let options = ["--key", text(&pair.key), "--canary-beside"];
    scan(&stage, &options, &["data"]).assert_nothing_found();
    stage.assert_nothing_left();
}

#[test]
fn the_canary_is_of_the_kind_of_the_key_and_gone_afterwards() {
    let Some((stage, pair)) = stage() else { return };
    let rsa = Pair::rsa(&stage, "rsa");
    let known = scan_known(&stage, &pair, &["data", "data/file"]);
    let kinds = |answer: &Value| -> Vec<String> {
        let canaries = answer["canaries"].as_array().unwrap().iter();
        canaries
            .map(|c| {
                assert_eq!(c["found"], true, "{c}");
                format!(
                    "{}: {}",
                    c["source"].as_str().unwrap(),
                    c["kind"].as_str().unwrap()
                )
            })
            .collect()
    };
    assert_eq!(
        kinds(&known.answer),
        ["data: EC P-256, known", "data/file: EC P-256, known"]
    );
    let blind = scan_blind(&stage, &rsa, &["data"]);
    assert_eq!(kinds(&blind.answer), ["data: RSA 2048, blind"]);
    assert_eq!(std::fs::read_dir(stage.path("data")).unwrap().count(), 1);
    stage.assert_nothing_left();
}

#[test]
fn what_another_user_can_reach_is_told() {
    let Some((stage, pair)) = stage() else { return };
    if !is_root() {
        return;
    }
    use std::os::unix::fs::PermissionsExt as _;
    for path in [".", "data"] {
        std::fs::set_permissions(stage.path(path), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let closed = put(&stage, "data/closed", b"x");
    std::fs::set_permissions(closed, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::set_permissions(
        stage.path("data/file"),
        std::fs::Permissions::from_mode(0o644),
    )
    .unwrap();
    let mut process = stage.command("sleep", &["1000"]).spawn().unwrap();
    let pid = format!("pid:{}", process.id());
    let options = ["--key", text(&pair.key), "--probe-as", "nobody"];
    let scanned = scan(&stage, &options, &["data", &pid]);
    process.kill().unwrap();
    process.wait().unwrap();
    let result = |what: &str| {
        let probes = scanned.answer["probes"].as_array().unwrap();
        let probe = probes
            .iter()
            .find(|probe| probe["what"].as_str().unwrap().contains(what));
        probe.unwrap_or_else(|| panic!("{what}: {probes:#?}"))["result"]
            .to_string()
            .to_lowercase()
    };
    assert!(result("data/file").contains("succeeded"));
    assert!(result("data/closed").contains("denied"));
    assert!(result("memory").contains("denied"));
    assert!(result("environ").contains("denied"));
    let ended = stage.run(&[
        "scan",
        "--key",
        text(&pair.key),
        "--probe-as",
        "no-such-user",
        "data",
    ]);
    ended.assert_told(64, &["no-such-user"]);
}
