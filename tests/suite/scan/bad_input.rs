//! What goes wrong at a lab's desk: each a clear line, the rest searched, the exit code right.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::Stdio;

use super::{Pair, call, has, is_root, put, scan, scan_known, text};
use crate::support::{Ended, Stage};

fn stage() -> Option<(Stage, Pair)> {
    if !has("openssl", &["version"]) {
        return None;
    }
    let stage = Stage::new();
    let pair = Pair::ec(&stage, "vnfci");
    put(&stage, "data/file", b"nothing");
    Some((stage, pair))
}

#[test]
fn a_key_that_does_not_fit_the_certificate_is_told_before_anything_is_searched() {
    let Some((stage, pair)) = stage() else { return };
    let other = Pair::ec(&stage, "other");
    let ended = stage.run(&[
        "scan",
        "--key",
        text(&other.key),
        "--cert",
        text(&pair.cert),
        "data",
    ]);
    ended.assert_told(
        64,
        &[
            "other.key",
            "fits no certificate",
            "vnfci.pem",
            "give the certificate of this key",
        ],
    );
}

#[test]
fn a_certificate_in_the_place_of_a_key_is_told_where_it_belongs_and_a_key_too() {
    let Some((stage, pair)) = stage() else { return };
    let ended = stage.run(&["scan", "--key", text(&pair.cert), "data"]);
    ended.assert_told(64, &["vnfci.pem is a certificate", "give it with --cert"]);
    let ended = stage.run(&["scan", "--cert", text(&pair.key), "data"]);
    ended.assert_told(64, &["vnfci.key", "private key", "give it with --key"]);
}

#[test]
fn a_key_that_cannot_be_read_is_told_by_its_name() {
    let Some((stage, pair)) = stage() else { return };
    put(&stage, "empty.key", b"");
    put(
        &stage,
        "noise.key",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    );
    let arguments = [
        "pkcs8",
        "-topk8",
        "-in",
        text(&pair.key),
        "-out",
        "locked.key",
        "-passout",
        "pass:secret",
    ];
    call(&stage, "openssl", &arguments);
    put(&stage, "wrong", b"not it\n");
    put(&stage, "right", b"not it\nsecret\n");
    for (arguments, names) in [
        (
            &["--key", "absent.key"][..],
            &["absent.key", "No such file"][..],
        ),
        (&["--key", "empty.key"], &["empty.key", "empty"]),
        (&["--key", "noise.key"], &["noise.key"]),
        (&["--key", text(&pair.cert)], &["vnfci.pem", "certificate"]),
        (&["--cert", text(&pair.key)], &["vnfci.key", "private key"]),
        (&["--key", "data"], &["data", "folder"]),
        (
            &["--key", "locked.key"],
            &["locked.key", "encrypted", "--password-file"],
        ),
        (
            &["--key", "locked.key", "--password-file", "wrong"],
            &["locked.key", "password"],
        ),
        (&[], &["--cert", "--key"]),
    ] {
        let mut all = vec!["scan"];
        all.extend(arguments);
        all.push("data");
        stage.run(&all).assert_told(64, names);
    }
    scan(
        &stage,
        &["--key", "locked.key", "--password-file", "right"],
        &["data"],
    )
    .assert_nothing_found();
}

#[test]
fn a_source_that_is_none_is_told_before_anything_is_searched() {
    let Some((stage, pair)) = stage() else { return };
    for (source, names) in [
        ("absent", &["absent"][..]),
        ("pid:abc", &["pid:abc", "number"]),
        ("pid:4194305", &["pid:4194305", "there is no process"]),
        ("port:x", &["port:x"]),
        ("unit:no-such-unit.service", &["no-such-unit"]),
        ("", &["\"\"", "give a file, folder or device"]),
    ] {
        let ended = stage.run(&["scan", "--key", text(&pair.key), source]);
        ended.assert_told(64, names);
    }
}

#[test]
fn what_may_not_be_read_is_told_and_the_rest_is_searched() {
    let Some((stage, pair)) = stage() else { return };
    if !is_root() {
        return;
    }
    put(&stage, "data/open", pair.key_text().as_bytes());
    let closed = put(&stage, "data/closed", b"x");
    std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o000)).unwrap();
    // Root may read anything, so the scanner must be somebody else, and reach what it needs.
    for path in [".", "tmp", "data"] {
        std::fs::set_permissions(stage.path(path), std::fs::Permissions::from_mode(0o777)).unwrap();
    }
    std::fs::set_permissions(&pair.key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let program = put(
        &stage,
        "scas",
        &std::fs::read(env!("CARGO_BIN_EXE_scas")).unwrap(),
    );
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let as_nobody = |source: &str| {
        let arguments = [
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            text(&program),
            "scan",
            "--key",
            text(&pair.key),
            source,
        ];
        Ended::of(stage.command("setpriv", &arguments).output().unwrap())
    };
    as_nobody("data").assert_told(1, &["data/open", "data/closed", "ermission denied"]);
    std::fs::remove_file(stage.path("data/open")).unwrap();
    as_nobody("data").assert_told(2, &["data/closed", "ermission denied"]);
    as_nobody("pid:1").assert_told(2, &["pid:1", "ermission"]);
}

#[test]
fn links_sockets_and_pipes_in_a_folder_are_told_not_followed() {
    let Some((stage, pair)) = stage() else { return };
    put(&stage, "elsewhere", pair.key_text().as_bytes());
    symlink(stage.path("elsewhere"), stage.path("data/link")).unwrap();
    symlink(stage.path("data"), stage.path("data/loop")).unwrap();
    nix::unistd::mkfifo(&stage.path("data/pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(stage.path("data/socket")).unwrap();
    let scanned = scan_known(&stage, &pair, &["data"]);
    scanned.assert_nothing_found();
    for name in ["data/link", "data/loop", "data/pipe", "data/socket"] {
        assert!(
            scanned.ended.stdout.contains(name),
            "{name}: {}",
            scanned.ended.stdout
        );
    }
}

#[test]
fn a_bomb_is_told_and_the_rest_is_searched() {
    let Some((stage, pair)) = stage() else { return };
    if !has("python3", &["--version"]) {
        return;
    }
    put(&stage, "data/key", pair.key_text().as_bytes());
    let bomb = "import gzip\nwith gzip.open('data/bomb.gz', 'wb') as f:\n  for _ in range(64): f.write(bytes(1 << 20))";
    call(&stage, "python3", &["-c", bomb]);
    let options = ["--key", text(&pair.key), "--expanded", "8"];
    scan(&stage, &options, &["data"]).assert_found(&["data/key"]);
    std::fs::remove_file(stage.path("data/key")).unwrap();
    scan(&stage, &options, &["data"]).assert_undecided(&["data/bomb.gz", "bound"]);
}

#[test]
fn empty_and_damaged_files_are_searched_as_they_are() {
    let Some((stage, pair)) = stage() else { return };
    put(&stage, "data/empty", b"");
    scan_known(&stage, &pair, &["data", "data/empty"]).assert_nothing_found();
    put(
        &stage,
        "data/half.gz",
        b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03half",
    );
    put(&stage, "data/half.zip", b"PK\x03\x04half");
    scan_known(&stage, &pair, &["data"]).assert_undecided(&["half.gz", "half.zip", "closed"]);
}

#[test]
fn a_process_that_ends_under_the_scan_leaves_it_undecided() {
    let Some((stage, pair)) = stage() else { return };
    let mut child = stage
        .command("sleep", &["1000"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let source = format!("pid:{}", child.id());
    scan_known(&stage, &pair, &[&source]).assert_nothing_found();
    child.kill().unwrap();
    // Not yet waited for: a zombie, which has no memory.
    let ended = stage.run(&["scan", "--key", text(&pair.key), &source]);
    assert!(
        matches!(ended.code, 2 | 64),
        "{} {}",
        ended.code,
        ended.stdout
    );
    child.wait().unwrap();
    stage
        .run(&["scan", "--key", text(&pair.key), &source])
        .assert_told(64, &[&source, "there is no process"]);
}

#[test]
fn the_scanner_does_not_search_itself() {
    let Some((stage, pair)) = stage() else { return };
    let ended = stage.run(&["scan", "--key", text(&pair.key), "pid:self"]);
    ended.assert_told(64, &["pid:self"]);
    // A folder that holds the key which was given: told, no finding.
    let scanned = scan_known(&stage, &pair, &[text(&stage.path("."))]);
    scanned.assert_nothing_found();
    assert!(scanned.ended.stdout.contains("the key file that was given"));
    // A copy of it is one.
    std::fs::copy(&pair.key, stage.path("copy")).unwrap();
    scan_known(&stage, &pair, &[text(&stage.path("."))]).assert_found(&["copy"]);
}

#[test]
fn standard_input_is_a_source() {
    let Some((stage, pair)) = stage() else { return };
    put(
        &stage,
        "noise",
        format!("...{}...", pair.key_text()).as_bytes(),
    );
    let input = std::fs::File::open(stage.path("noise")).unwrap();
    let mut command = stage.scas(&["scan", "--key", text(&pair.key), "-"]);
    Ended::of(command.stdin(input).output().unwrap()).assert_told(1, &["PEM"]);
    let ended = stage.run(&["scan", "--key", text(&pair.key), "-"]);
    ended.assert_told(0, &["not found"]);
}
