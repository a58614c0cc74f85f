//! Processes of the tester's on a machine that it looks at from elsewhere: those that read for it, and those that carry what is read.
//! [`all`]
//!
//! Each holds what was read of the product, so a key in it says nothing of the product. A reader may be left over from a look whose
//! network has died.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;

/// What servers are called through which a reader is started: each connection has processes of its own, that outlive its readers.
const SERVERS: [&str; 2] = ["sshd", "dropbear"];

/// The processes above this one; every reader of this very program with those above it, known by its first argument, which is one of
/// the `tasks`; and what serves other connections of the server that serves ours. The machine's first process aside.
pub(crate) fn all(tasks: &[&str]) -> BTreeSet<u32> {
    let above: BTreeSet<u32> = ancestors(std::process::id()).collect();
    let servers: BTreeSet<(u64, u64)> = above
        .iter()
        .filter(|pid| is_server(**pid))
        .filter_map(|pid| program(*pid))
        .collect();
    let ours = program(std::process::id());
    let mut found = above;
    for pid in pids() {
        if pid == std::process::id() || pid == 1 {
            continue;
        }
        let its = program(pid);
        if its.is_some() && its == ours && has_task(pid, tasks) {
            found.insert(pid);
            found.extend(ancestors(pid));
        } else if its.is_some_and(|its| servers.contains(&its)) && is_server(pid) {
            found.insert(pid);
        }
    }
    found.remove(&std::process::id());
    found
}

/// A process as a person finds it: its number, and what the kernel calls it.
pub(crate) fn words(pid: u32) -> String {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    format!("{pid} ({})", name.trim_end())
}

fn pids() -> impl Iterator<Item = u32> {
    let listed = fs::read_dir("/proc").into_iter().flatten().flatten();
    listed.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

fn ancestors(pid: u32) -> impl Iterator<Item = u32> {
    let parent = |pid: u32| -> Option<u32> {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
        line.trim().parse().ok().filter(|parent| *parent > 1)
    };
    std::iter::successors(parent(pid), move |pid| parent(*pid))
}

/// The file that a process runs.
fn program(pid: u32) -> Option<(u64, u64)> {
    let file = fs::metadata(format!("/proc/{pid}/exe")).ok()?;
    Some((file.dev(), file.ino()))
}

fn is_server(pid: u32) -> bool {
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    SERVERS.iter().any(|server| name.starts_with(server))
}

fn has_task(pid: u32, tasks: &[&str]) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let first = line.split(|byte| *byte == 0).nth(1).unwrap_or_default();
    tasks.iter().any(|task| task.as_bytes() == first)
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;
    use crate::survey::{self, LackKind, Product};

    #[test]
    fn a_process_that_carries_us_is_our_ancestor() {
        let parent = std::os::unix::process::parent_id();
        assert!(parent <= 1 || all(&[]).contains(&parent));
        assert!(!all(&[]).contains(&std::process::id()));
    }

    #[test]
    fn a_reader_of_an_earlier_look_is_left_out_and_is_no_product() {
        const NAME: &str =
            "survey::carriers::tests::a_reader_of_an_earlier_look_is_left_out_and_is_no_product";
        const CHILD: &str = "SCAS_TEST_READER";
        if std::env::var_os(CHILD).is_some() {
            let _ = std::io::stdin().read_line(&mut String::new());
            return;
        }
        // Its shell stands for what carries it.
        let mut shell = Command::new("sh")
            .args([
                "-c",
                "exec 3<&0; \"$0\" \"$1\" --exact --test-threads=1 <&3 & wait; :",
            ])
            .arg(std::env::current_exe().unwrap())
            .arg(NAME)
            .env(CHILD, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let reader = loop {
            let ours =
                |pid: &u32| ancestors(*pid).next() == Some(shell.id()) && has_task(*pid, &[NAME]);
            if let Some(pid) =
                pids().find(|pid| ours(pid) && program(*pid) == program(std::process::id()))
            {
                break pid;
            }
            std::thread::yield_now();
        };
        let (with, without) = (all(&[NAME]), all(&["another"]));
        let product = Product {
            called: "product".to_owned(),
            pids: Vec::new(),
            processes: vec![format!("pid:{reader}")],
            others: false,
            but_processes: with.iter().copied().collect(),
            folder: None,
            elsewhere: false,
            given: Vec::new(),
            but: Vec::new(),
            storage: Vec::new(),
            since: std::time::SystemTime::now(),
        };
        let (pids, lacks) = survey::reach(&product);
        let _ = nix::sys::signal::kill(
            nix::unistd::Pid::from_raw(reader.cast_signed()),
            nix::sys::signal::Signal::SIGKILL,
        );
        shell.wait().unwrap();
        assert!(
            with.contains(&reader) && with.contains(&shell.id()),
            "{with:?}"
        );
        assert!(!without.contains(&reader), "{without:?}");
        assert!(pids.is_empty(), "{pids:?}");
        assert!(
            lacks.len() == 1
                && lacks[0].kind == LackKind::Process
                && lacks[0].what.contains(&reader.to_string()),
            "{lacks:?}"
        );
    }
}
