//! `--via`: sources on another machine or in a container; the key stays here.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::{Pair, Scanned, call, has, put, scan, text};
use crate::support::Stage;

const SCAS: &str = env!("CARGO_BIN_EXE_scas");
/// Debian does not have it on everybody's path.
const SSHD: &str = "/usr/sbin/sshd";

/// A key, another one that lies nowhere, and a folder with the first.
fn machine(stage: &Stage) -> Option<(Pair, Pair, String)> {
    if !has("openssl", &["version"]) {
        return None;
    }
    let (pair, other) = (Pair::ec(stage, "vnfci"), Pair::ec(stage, "other"));
    let file = put(stage, "there/log/vnfm.log", pair.key_text().as_bytes());
    let folder = file.parent().unwrap().parent().unwrap();
    Some((pair, other, text(folder).to_owned()))
}

fn scan_via(stage: &Stage, via: &str, pair: &Pair, sources: &[&str]) -> Scanned {
    scan(stage, &["--via", via, "--key", text(&pair.key)], sources)
}

/// A command of our own: what it writes to `line` of its script.
fn script(stage: &Stage, name: &str, lines: &str) -> String {
    let path = put(stage, name, format!("#!/bin/sh\n{lines}\n").as_bytes());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    text(&path).to_owned()
}

#[test]
fn a_folder_elsewhere_is_searched_and_a_canary_found_there() {
    let stage = Stage::new();
    let Some((pair, other, folder)) = machine(&stage) else {
        return;
    };
    let found = scan_via(&stage, SCAS, &pair, &[&folder]);
    found.assert_found(&["log/vnfm.log", "via "]);
    assert_eq!(found.answer["searched"][0]["source"], folder.as_str());
    scan_via(&stage, SCAS, &other, &[&folder]).assert_nothing_found();
    let left: Vec<_> = std::fs::read_dir(&folder).unwrap().collect();
    assert_eq!(left.len(), 1, "the canary is gone: {left:?}");
}

#[test]
fn the_key_never_goes_there() {
    let stage = Stage::new();
    let Some((pair, other, folder)) = machine(&stage) else {
        return;
    };
    // Everything that is said to the program there is kept, and searched for the key by those who have it.
    let heard = stage.path("heard");
    let via = script(
        &stage,
        "listener",
        &format!("exec tee {} | {SCAS} \"$@\"", text(&heard)),
    );
    scan_via(&stage, &via, &other, &[&folder]).assert_nothing_found();
    scan_via(&stage, &via, &pair, &[&folder]).assert_found(&["vnfm.log"]);
    assert!(heard.metadata().unwrap().len() > 1000, "a canary at least");
    scan(&stage, &["--key", text(&pair.key)], &[text(&heard)]).assert_nothing_found();
}

#[test]
fn a_process_elsewhere_is_searched() {
    let stage = Stage::new();
    let Some((pair, other, _)) = machine(&stage) else {
        return;
    };
    let mut holder = stage
        .command("sh", &["-c", "read -r go; exec sleep 1000"])
        .env("VNFCI_KEY", pair.key_text())
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let source = format!("pid:{}", holder.id());
    let found = scan_via(&stage, SCAS, &pair, &[&source]);
    let nothing = scan_via(&stage, SCAS, &other, &[&source]);
    holder.kill().unwrap();
    holder.wait().unwrap();
    found.assert_found(&["environ"]);
    nothing.assert_nothing_found();
}

#[test]
fn what_does_not_answer_is_told_before_anything_is_searched() {
    let stage = Stage::new();
    let Some((pair, _, folder)) = machine(&stage) else {
        return;
    };
    let refused = |via: &str, sources: &[&str], words: &[&str]| {
        let ended = scan_via(&stage, via, &pair, sources).ended;
        ended.assert_told(64, &[&["--via"], words].concat());
    };
    refused(
        "/no/such/command",
        &[&folder],
        &["/no/such/command", "does not start"],
    );
    let silent = script(&stage, "silent", "exit 7");
    refused(&silent, &[&folder], &["no scas answers", "exit status: 7"]);
    let deaf = script(&stage, "deaf", "exec <&-; sleep 0.3; exit 7");
    refused(&deaf, &[&folder], &["no scas answers", "exit status: 7"]);
    let talking = script(
        &stage,
        "talking",
        "echo 'Permission denied (publickey).' >&2; exit 255",
    );
    refused(&talking, &[&folder], &["Permission denied (publickey)."]);
    let other = script(&stage, "other", "echo hello; cat >/dev/null");
    refused(&other, &[&folder], &["no scas answers"]);
    let old = script(
        &stage,
        "old",
        r#"echo '{"ready":{"version":"0.0.1"}}'; cat >/dev/null"#,
    );
    refused(&old, &[&folder], &["0.0.1", "use the same there"]);
    refused(
        SCAS,
        &["/no/such/folder"],
        &["/no/such/folder", "cannot be searched"],
    );
    refused(SCAS, &["-"], &["-:", "name a file"]);
}

#[test]
fn a_line_that_breaks_off_leaves_it_undecided() {
    let stage = Stage::new();
    let Some((_, other, folder)) = machine(&stage) else {
        return;
    };
    put(&stage, "there/large", &vec![7; 20 << 20]);
    let broken = script(
        &stage,
        "broken",
        &format!("{SCAS} \"$@\" | dd bs=1 count=9000 status=none; echo 'Connection closed.' >&2"),
    );
    let scanned = scan_via(&stage, &broken, &other, &[&folder]);
    scanned.assert_undecided(&["broke off: Connection closed."]);
}

/// An SSH server that speaks to the client who starts it, so that no port is opened.
fn ssh(stage: &Stage, known: &str) -> String {
    let config = format!(
        "HostKey {host}\nAuthorizedKeysFile {client}.pub\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n\
         PermitRootLogin prohibit-password\nPidFile none\n",
        host = text(&stage.path("host")),
        client = text(&stage.path("client")),
    );
    let config = put(stage, "sshd_config", config.as_bytes());
    format!(
        "ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=yes -o UserKnownHostsFile={known} -o IdentityFile={} \
         -o ProxyCommand={} -o HostKeyAlias=vnfm vnfm {SCAS}",
        text(&stage.path("client")),
        script(
            stage,
            "proxy",
            &format!("exec {SSHD} -i -f {}", text(&config))
        ),
    )
}

#[test]
fn a_machine_is_reached_by_ssh_and_only_with_the_right_host_key() {
    let stage = Stage::new();
    let Some((pair, other, folder)) = machine(&stage) else {
        return;
    };
    // It says its usage and ends with 1 if asked for its version.
    if !has("ssh", &["-V"]) || !has(SSHD, &["-t", "-f", "/dev/null", "-h", host_key(&stage)]) {
        return;
    }
    call(
        &stage,
        "ssh-keygen",
        &[
            "-q",
            "-t",
            "ed25519",
            "-N",
            "",
            "-f",
            text(&stage.path("client")),
        ],
    );
    let public = std::fs::read_to_string(stage.path("host.pub")).unwrap();
    let known = put(&stage, "known", format!("vnfm {public}").as_bytes());
    let via = ssh(&stage, text(&known));
    let found = scan_via(&stage, &via, &pair, &[&folder]);
    found.assert_found(&["log/vnfm.log", "via ssh"]);
    scan_via(&stage, &via, &other, &[&folder]).assert_nothing_found();

    let client = std::fs::read_to_string(stage.path("client.pub")).unwrap();
    let changed = put(&stage, "changed", format!("vnfm {client}").as_bytes());
    let via = ssh(&stage, text(&changed));
    let ended = scan_via(&stage, &via, &pair, &[&folder]).ended;
    ended.assert_told(64, &["--via", "Host key verification failed."]);
}

/// Makes the host's key; its path.
fn host_key(stage: &Stage) -> &'static str {
    let path = stage.path("host");
    if Path::new("/usr/bin/ssh-keygen").exists() {
        call(
            stage,
            "ssh-keygen",
            &["-q", "-t", "ed25519", "-N", "", "-f", text(&path)],
        );
    }
    Box::leak(text(&path).to_owned().into_boxed_str())
}
