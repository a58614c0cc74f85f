//! This machine: ports, documents, places to look.

use std::process::Stdio;

use super::{USAGE, answer, refused, running, server};
use crate::program::free_port;
use crate::support::{SHORT, Stage, profile};

#[test]
fn two_runs_do_not_share_a_port() {
    let stage = Stage::new();
    let port = free_port();
    let listen = "listen = \"127.0.0.1:0\"\nsecurity";
    let fixed = listen.replace("127.0.0.1:0", &format!("127.0.0.1:{port}"));
    // A product that tells that it was started, and is never ready: the run lasts as long as we want.
    let started = stage.path("started");
    let command = format!(
        "command = [\"sh\", \"-c\", \"echo > {}; cat\"]\n#",
        started.display()
    );
    let text = profile(listen, &fixed).replacen("command = ", &command, 1);
    stage.write(
        "first.toml",
        &text.replacen("start = 20", "start = 3600", 1),
    );
    nix::unistd::mkfifo(&started, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut first = stage
        .scas(&["run", "--sut", "first.toml", "--select", SHORT])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let told = std::fs::read(&started).unwrap();
    assert_eq!(told, b"\n");
    stage.write("second.toml", &profile(listen, &fixed));
    let second = stage.run(&[
        "run",
        "--sut",
        "second.toml",
        "--out",
        "others",
        "--select",
        SHORT,
    ]);
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(first.id().try_into().unwrap()),
        nix::sys::signal::Signal::SIGINT,
    )
    .unwrap();
    first.wait().unwrap();
    second.assert_told(
        USAGE,
        &[
            "ixit.nfvo.listen: another run of scas uses address ",
            "wait for its end, or write another address",
        ],
    );
    assert!(!stage.path("others").exists());
    stage
        .run(&["check", "--sut", "second.toml"])
        .assert_told(0, &["nothing to mend"]);
}

#[test]
fn one_port_for_two_simulators_is_told() {
    let port = free_port();
    let text = include_str!("../../../fixtures/sut/reference-vnfm.toml");
    let text = text.replace(
        "127.0.0.1:0\"\nsecurity",
        &format!("127.0.0.1:{port}\"\nsecurity"),
    );
    let text = text.replace(
        "[ixit.cmf]\nlisten = \"127.0.0.1:0\"",
        &format!("[ixit.cmf]\nlisten = \"127.0.0.1:{port}\""),
    );
    refused(
        &Stage::new(),
        &text,
        &[
            "ixit.cmf.listen: ",
            "is that of ixit.nfvo.listen too; write another port, or 0 for a free one",
        ],
    );
    // A product that runs by itself was told the port: a free one would not be that.
    let root = server(|_| answer("200 OK", "", "{}"));
    let listens = format!(
        "[ixit.nfvo]\nlisten = \"127.0.0.1:{port}\"\n[ixit.vim]\nlisten = \"127.0.0.1:{port}\"\n"
    );
    refused(
        &Stage::new(),
        &format!("{}{listens}", running(&root, "")),
        &[
            "ixit.vim.listen: ",
            "write another port, and configure the product",
        ],
    );
    let elsewhere = profile(
        "listen = \"127.0.0.1:0\"\nsecurity",
        "listen = \"192.0.2.7:9443\"\nsecurity",
    );
    refused(
        &Stage::new(),
        &elsewhere,
        &[
            "ixit.nfvo.listen: cannot listen on 192.0.2.7:9443",
            "this machine has no such address",
        ],
    );
}

#[test]
fn a_document_that_is_not_the_one_that_was_read_is_told() {
    let stage = Stage::new();
    stage.write("manual.txt", "abc");
    let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let with = |digest: &str| {
        let table = format!(
            "vnfd-signature-verification = {{ file = \"manual.txt\", section = \"2\", sha256 = \"{digest}\", checked-by = \"A\", date = 2026-11-22 }}"
        );
        profile(
            "vnfd-signature-verification = \"docs/reference-vnfm.md, Verification of a VNFD\"",
            &table,
        )
    };
    let other = known.replace("ba78", "0000");
    refused(
        &stage,
        &with(&other),
        &[
            "documents.vnfd-signature-verification.sha256: ",
            "manual.txt is another file",
            known,
            &other,
        ],
    );
    refused(
        &stage,
        &with("abc"),
        &["documents.vnfd-signature-verification.sha256: 'abc' is no SHA-256"],
    );
    stage.write("sut.toml", &with(known));
    stage
        .run(&["check", "--sut", "sut.toml"])
        .assert_told(0, &["manual.txt has the SHA-256 that was noted"]);
    std::fs::remove_file(stage.path("manual.txt")).unwrap();
    refused(
        &stage,
        &with(known),
        &[
            "documents.vnfd-signature-verification.file: cannot read ",
            "begins at the profile's folder",
        ],
    );
}

#[test]
fn places_to_look_that_are_not_there_are_told() {
    let storage = profile(
        "processes = \"descendants\"",
        "storage = [\"/nowhere/volume\"]",
    );
    refused(
        &Stage::new(),
        &storage,
        &[
            "ixit.observe.storage: '/nowhere/volume' does not exist; write the path of a folder, file or device of this machine",
        ],
    );
    let port = free_port();
    let root = server(|_| answer("200 OK", "", "{}"));
    let text = running(&root, "").replace(
        "delegation-mode = { supported = false, reason = \"not built\" }",
        "delegation-mode = true",
    );
    let text = format!(
        "{text}[ixit.oam]\naddress = \"127.0.0.1:9444\"\n[ixit.observe]\nproduct = [\"port:{port}\"]\n"
    );
    refused(
        &Stage::new(),
        &text,
        &[
            "ixit.observe.product: ",
            "the product must run while it is looked at",
        ],
    );
}

#[test]
fn a_canary_is_planted_in_each_folder_that_is_named_and_taken_away_again() {
    let stage = Stage::new();
    std::fs::create_dir(stage.path("vault")).unwrap();
    let vault = stage.path("vault").display().to_string();
    let with = |storage: &str| {
        profile(
            "processes = \"descendants\"",
            &format!("storage = [\"{storage}\"]"),
        )
    };
    stage.write("sut.toml", &with(&vault));
    let found = format!("ixit.observe.storage: a canary in {vault} was found");
    stage
        .run(&["check", "--sut", "sut.toml"])
        .assert_told(0, &[&found]);
    assert_eq!(std::fs::read_dir(&vault).unwrap().count(), 0);
    // Nobody can write there.
    stage.write("sut.toml", &with("/proc/sys/kernel/random"));
    stage.run(&["check", "--sut", "sut.toml"]).assert_told(
        0,
        &[
            "lacks: ",
            "ixit.observe.storage: a canary cannot be planted in '/proc/sys/kernel/random'",
            "nothing can be written there",
        ],
    );
}
