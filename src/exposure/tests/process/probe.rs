//! Access probes: what root may, another user may not, and what the same user may depends on the product.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use scas_exposure::probe::{
    Attempt, AttemptResult, ProbeError, ProbeTargets, UNPRIVILEGED, attempts_here, child_command,
    run,
};

use crate::child::{self, Child};
use crate::finder::{is_root, not_run};

fn program() -> std::path::PathBuf {
    std::env::current_exe().unwrap()
}

/// A folder for root alone.
fn closed_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    folder
}

/// The probe, as somebody who owns nothing.
fn unprivileged(program: &Path) -> Command {
    let mut command = child_command(program, UNPRIVILEGED).unwrap();
    child::play(&mut command, "probe", 0);
    command
}

fn targets(child: &Child) -> ProbeTargets {
    let mut targets = ProbeTargets::default();
    targets.process(child.pid());
    targets
}

fn outcomes(attempts: &[Attempt], wanted: impl Fn(&AttemptResult) -> bool) -> Vec<&str> {
    let list = attempts.iter().filter(|attempt| wanted(&attempt.result));
    list.map(|attempt| attempt.what.as_str()).collect()
}

fn succeeded(result: &AttemptResult) -> bool {
    matches!(result, AttemptResult::Succeeded { .. })
}

fn denied(result: &AttemptResult) -> bool {
    matches!(result, AttemptResult::Denied { .. })
}

#[test]
fn root_reads_all_and_another_user_nothing_of_it() {
    if !is_root("probes as another user") {
        return;
    }
    let folder = closed_folder();
    let file = folder.path().join("key.pem");
    fs::write(&file, "x").unwrap();
    let child = Child::start("idle", 40);
    let mut targets = targets(&child);
    targets.files.push(file);
    targets.folders.push(folder.path().to_owned());

    let here = attempts_here(&targets);
    // Input and output are pipes, and are not opened.
    assert!(
        here.iter().all(|attempt| succeeded(&attempt.result)),
        "{here:#?}"
    );
    assert!(here.iter().all(|attempt| attempt.as_user == "root (0)"));

    let there = run(unprivileged(&program()), &targets).unwrap();
    assert!(
        there
            .iter()
            .all(|attempt| attempt.as_user.contains("65534"))
    );
    // Anybody may know whether a crash would write a core dump.
    let expected = format!("read core dump settings of process {}", child.pid());
    assert_eq!(outcomes(&there, succeeded), [expected], "{there:#?}");
    let refused = outcomes(&there, denied).join("\n");
    for part in [
        "key.pem",
        "list folder",
        "maps)",
        "environ)",
        "/mem)",
        "process_vm_readv",
        "ptrace",
        "/fd)",
    ] {
        assert!(refused.contains(part), "{part} in {refused}");
    }

    // None of that disturbed it: it answers, and nobody traces it.
    let status = child.ask("status").join(" ");
    assert!(status.contains("TracerPid:0"), "{status}");
}

#[test]
fn what_everybody_may_read_is_read() {
    if !is_root("probes as another user") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let open = folder.path().join("open");
    fs::write(&open, "x").unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).unwrap();
    let pipe = folder.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let targets = ProbeTargets {
        files: vec![open, folder.path().join("absent"), pipe],
        folders: vec![folder.path().to_owned()],
        processes: Vec::new(),
    };
    let attempts = run(unprivileged(&program()), &targets).unwrap();
    let of = |index: usize| attempts[index].result.clone();
    let detail = "1 byte read".to_owned();
    assert_eq!(of(0), AttemptResult::Succeeded { detail });
    let why = "no such file or directory".to_owned();
    assert_eq!(of(1), AttemptResult::NotTried { why });
    assert!(denied(&of(2)));
    let detail = "2 entries".to_owned();
    assert_eq!(of(3), AttemptResult::Succeeded { detail });
}

#[test]
fn the_same_user_reads_memory_unless_the_product_forbids_it() {
    if !is_root("probes as the same user") {
        return;
    }
    if fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope")
        .is_ok_and(|scope| scope.trim() != "0")
    {
        return not_run(
            "probes as the same user",
            "this kernel forbids them to all (Yama)",
        );
    }
    let memory = |attempts: &[Attempt]| -> Vec<bool> {
        let list = attempts
            .iter()
            .filter(|attempt| attempt.what.starts_with("read memory"));
        list.map(|attempt| succeeded(&attempt.result)).collect()
    };
    for (how, expected) in [("idle", true), ("hardened", false)] {
        let child = Child::play(child_command(&program(), UNPRIVILEGED).unwrap(), how, 41);
        let attempts = run(unprivileged(&program()), &targets(&child)).unwrap();
        assert_eq!(memory(&attempts), [expected; 2], "{how}: {attempts:#?}");
        let settings = scas_exposure::probe::core_dumps(child.pid()).unwrap();
        assert_eq!(settings.dumpable, Some(expected));
        if !expected {
            assert_eq!(settings.limit, Some(("0".to_owned(), "0".to_owned())));
        }
    }
}

#[test]
fn the_child_has_no_rights_left_wherever_the_program_lies() {
    if !is_root("a child without rights") {
        return;
    }
    let folder = closed_folder();
    // A further group, for the child to lose.
    nix::unistd::setgroups(&[nix::unistd::Gid::from_raw(4711)]).unwrap();
    let hidden = folder.path().join("program");
    fs::copy(program(), &hidden).unwrap();
    fs::set_permissions(&hidden, fs::Permissions::from_mode(0o700)).unwrap();
    let child = Child::play(child_command(&hidden, UNPRIVILEGED).unwrap(), "idle", 42);
    let status = child.ask("status").join(" ");
    for expected in [
        "Uid:65534,65534,65534,65534",
        "Gid:65534,65534,65534,65534",
        "CapInh:0000000000000000",
        "CapPrm:0000000000000000",
        "CapEff:0000000000000000",
        "CapAmb:0000000000000000",
        "NoNewPrivs:1",
    ] {
        assert!(status.contains(expected), "{expected} in {status}");
    }
    assert!(status.contains("Groups: "), "further groups in {status}");
}

#[test]
fn an_answer_is_found_behind_other_lines_and_its_absence_is_told() {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", "echo '[welcome]'; exec \"$@\"", "sh"])
        .arg(program());
    child::play(&mut command, "probe", 0);
    let targets = ProbeTargets {
        files: vec!["/".into()],
        ..ProbeTargets::default()
    };
    assert_eq!(run(command, &targets).unwrap().len(), 1);

    let mut command = Command::new("/bin/sh");
    command.args(["-c", "echo 'not allowed' >&2; exit 3"]);
    let error = run(command, &targets).unwrap_err();
    let text = error.to_string();
    assert!(text.contains('3') && text.contains("not allowed"), "{text}");
    let error = run(Command::new("/absent/program"), &targets).unwrap_err();
    assert!(matches!(error, ProbeError::Start(_)));
}
