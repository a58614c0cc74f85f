//! Searches real processes: this very test program, started again to hold some bytes in some way ([`child`]).

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests; the child speaks to its parent"
)]

#[path = "process/child.rs"]
mod child;
#[path = "process/finder.rs"]
mod finder;
#[path = "process/helper.rs"]
mod helper;
#[path = "process/probe.rs"]
mod probe;

use child::{Child, secret};
use finder::Finder;
use scas_exposure::source::GapKind;
use scas_exposure::source::process::core_dump::CoreMap;
use scas_exposure::source::process::{Options, ProcessError, works};

/// Runs the part of a child; see [`child`]. As a test of its own it does nothing.
#[test]
fn as_child() {
    child::main();
}

fn search(child: &Child, seed: u64) -> Finder {
    let finder = Finder::new(secret(seed));
    for work in works("pid:N", child.pid(), &Options::default()).unwrap() {
        work(&finder);
    }
    finder.check();
    finder
}

#[test]
fn finds_what_lies_on_the_heap_and_nothing_in_the_twin() {
    let child = Child::start("heap", 1);
    let finder = search(&child, 1);
    let (place, at) = finder.only_hit();
    assert_eq!(at, child.address(0));
    assert!(place.addresses, "{place:?}");
    assert_eq!(place.source, "pid:N");
    assert_eq!(finder.undecided(), [""; 0]);

    let twin = search(&child, 2);
    assert!(twin.hits().is_empty());
    assert!(twin.searched() > 100_000);
}

#[test]
fn finds_what_crosses_the_border_of_two_mappings() {
    // Half in a page that can be written, half in one that can only be read.
    let child = Child::start("border", 3);
    let finder = search(&child, 3);
    assert_eq!(finder.only_hit().1, child.address(0));
}

#[test]
fn finds_what_lies_at_the_border_to_pages_that_were_never_touched() {
    // The secret ends with a zero byte, which lies in the next page, which was never touched. A terabyte is reserved.
    let child = Child::start("reservation", 5);
    let finder = search(&child, 5);
    let hits: Vec<_> = finder.hits().into_iter().map(|(_, at)| at).collect();
    assert_eq!(hits, [child.address(0), child.address(1)]);
    // So it is if zeros before it belong to it.
    let padded = Finder::new([&[0; 9], &secret(5)[..31]].concat());
    for work in works("x", child.pid(), &Options::default()).unwrap() {
        work(&padded);
    }
    let hits: Vec<_> = padded.hits().into_iter().map(|(_, at)| at).collect();
    assert_eq!(hits, [child.address(0) - 9, child.address(1) - 9]);
    assert!(finder.searched() < 1 << 30, "{}", finder.searched());
    assert_eq!(finder.undecided(), [""; 0]);
}

#[test]
fn a_large_sparse_shared_mapping_stays_sparse() {
    // A terabyte of shared memory of which one page holds something, written without touching the mapping.
    let child = Child::start("shared", 6);
    let finder = search(&child, 6);
    let hits = finder.hits();
    assert!(
        hits.iter()
            .any(|(place, at)| place.addresses && *at == child.address(0)),
        "{hits:?}"
    );
    assert!(finder.searched() < 1 << 30, "{}", finder.searched());
    assert_eq!(
        child.ask_blocks(),
        child.address(1),
        "searching made the memory grow"
    );
}

#[test]
fn shared_memory_that_cannot_be_reached_by_itself_is_told() {
    // As the one above, but its descriptor is closed. Root reaches it nevertheless.
    let child = Child::start("shared-closed", 6);
    let finder = search(&child, 6);
    assert!(finder.searched() < 1 << 30, "{}", finder.searched());
    let told = finder.told(GapKind::Unreadable).join("\n");
    if nix::unistd::geteuid().is_root() {
        assert_eq!(told, "");
        assert_eq!(finder.only_hit().1, child.address(0));
    } else {
        assert!(
            told.contains("pages that this process has not touched"),
            "{told}"
        );
        assert!(finder.hits().is_empty());
    }
}

#[test]
fn finds_what_may_not_be_read_by_the_process_itself() {
    let child = Child::start("protected", 7);
    let finder = search(&child, 7);
    assert_eq!(finder.only_hit().1, child.address(0));
}

#[test]
fn guard_pages_and_pages_beyond_a_files_end_are_no_gaps() {
    let child = Child::start("nothing-there", 8);
    let finder = search(&child, 8);
    if finder::is_root("pages beyond a file's end") {
        assert_eq!(finder.undecided(), [""; 0]);
    }
}

#[test]
fn finds_what_lies_in_files_without_a_name() {
    for (how, part) in [
        ("unlinked", "(deleted)"),
        ("memfd", "memfd:"),
        ("tmpfile", "(deleted)"),
    ] {
        let child = Child::start(how, 9);
        let finder = search(&child, 9);
        let (place, at) = finder.only_hit();
        assert_eq!(at, 3_000_000, "{how}");
        let path = place.path.as_deref().unwrap();
        assert!(path.starts_with("fd ") && path.contains(part), "{path}");
        assert!(!place.addresses);
    }
}

#[test]
fn finds_what_lies_in_the_environment_and_on_the_command_line() {
    let child = Child::start_with("idle", 11, |command| {
        command.env("WORD", "one-word-of-the-environment");
        command.arg("one-word-of-the-command-line");
    });
    for (word, name) in [
        ("one-word-of-the-environment", "environ"),
        ("one-word-of-the-command-line", "cmdline"),
    ] {
        let finder = Finder::new(word.into());
        for work in works("x", child.pid(), &Options::default()).unwrap() {
            work(&finder);
        }
        let hits = finder.hits();
        // There, and on the stack, where it comes from.
        for name in [name, "[stack]"] {
            assert!(
                hits.iter()
                    .any(|(place, _)| place.path.as_deref() == Some(name)),
                "{name}: {hits:?}"
            );
        }
    }
}

#[test]
fn tells_what_is_not_searched() {
    let child = Child::start("open", 12);
    let finder = search(&child, 12);
    assert!(
        finder.hits().is_empty(),
        "a file that has a name is no part of the process"
    );
    let told = finder.told(GapKind::ByRule).join("\n");
    for expected in ["the-open-file", "pipes", "1 sockets", "[vvar]"] {
        assert!(told.contains(expected), "{expected} in:\n{told}");
    }
    assert_eq!(finder.undecided(), [""; 0]);
}

#[test]
fn secret_memory_is_told_as_unreadable() {
    let child = Child::start("secretmem", 13);
    if child.said("unsupported") {
        finder::not_run("secret memory", "this kernel has none");
        return;
    }
    let finder = search(&child, 13);
    assert!(finder.hits().is_empty());
    let told = finder.told(GapKind::Unreadable);
    let range = format!("{:#x}-{:#x}", child.address(0), child.address(0) + 8192);
    assert!(
        told.iter()
            .any(|line| line.contains("secretmem") && line.contains(&range)),
        "{told:?}"
    );
    // What lies on either side of it is searched.
    let finder = search(&child, 14);
    assert_eq!(finder.hits().len(), 2, "{:?}", finder.hits());
}

#[test]
fn a_process_that_ends_half_way_is_told_once() {
    let mut child = Child::start("large", 15);
    let finder = Finder::new(secret(15));
    let list: Vec<_> = works("x", child.pid(), &Options::default())
        .unwrap()
        .collect();
    finder.at_first_window(move || child.kill());
    for work in list {
        work(&finder);
    }
    let told = finder.told(GapKind::Changed);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("ended"), "{told:?}");
}

#[test]
fn a_process_that_becomes_another_program_is_told() {
    let child = Child::start("large", 16);
    let finder = Finder::new(secret(16));
    let list: Vec<_> = works("x", child.pid(), &Options::default())
        .unwrap()
        .collect();
    finder.at_first_window(move || child.become_another());
    for work in list {
        work(&finder);
    }
    let told = finder.told(GapKind::Changed);
    assert_eq!(told.len(), 1, "{told:?}");
}

#[test]
fn a_mapping_that_moves_is_followed() {
    let child = Child::start("large", 17);
    let finder = Finder::new(secret(17));
    let pid = child.pid();
    // At the first window, the mapping with the secret is moved elsewhere; the work for it is planned already, as
    // it is when several threads search.
    let mut list = works("x", pid, &Options::default()).unwrap();
    let first: Vec<_> = list.by_ref().take(200).collect();
    finder.at_first_window(move || {
        child.ask("move");
        child
    });
    for work in first.into_iter().chain(list) {
        work(&finder);
    }
    assert_eq!(finder.hits().len(), 1, "{:?}", finder.hits());
    assert_eq!(finder.undecided(), [""; 0]);
}

#[test]
fn a_process_stands_still_while_it_is_searched_if_that_is_asked_for() {
    let child = Child::start("busy", 21);
    let mut options = Options::default();
    options.stopped = true;
    let finder = Finder::new(secret(21));
    let mut list = works("x", child.pid(), &options).unwrap();
    list.next().unwrap()(&finder);
    let states_now = states(&child);
    assert!(states_now.len() > 2, "{states_now:?}");
    assert!(
        states_now.iter().all(|state| state == "t"),
        "{states_now:?}"
    );
    for work in list {
        work(&finder);
    }
    assert_eq!(finder.hits().len(), 1);
    assert!(!finder.told(GapKind::ByRule).join("").contains("stopped"));
    // And now they go on.
    assert!(states(&child).iter().all(|state| state != "t"));
    assert!(!child.ask("status").is_empty());
}

fn states(child: &Child) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", child.pid())).unwrap();
    tasks
        .map(|task| {
            let status = std::fs::read_to_string(task.unwrap().path().join("status")).unwrap();
            let (_, state) = status.split_once("State:\t").unwrap();
            state[..1].to_owned()
        })
        .collect()
}

#[test]
fn a_core_dump_tells_the_address() {
    let folder = tempfile::tempdir().unwrap();
    let pattern = std::fs::read_to_string("/proc/sys/kernel/core_pattern").unwrap();
    if pattern.starts_with(['|', '/']) {
        return finder::not_run("a core dump", &format!("they go to {pattern}"));
    }
    let mut child = Child::start_with("heap", 22, |command| {
        command.current_dir(folder.path());
    });
    child.ask("dump");
    child.reap();
    let mut files = std::fs::read_dir(folder.path()).unwrap();
    let Some(file) = files.next() else {
        return finder::not_run("a core dump", "the kernel wrote none");
    };
    let core = std::fs::read(file.unwrap().path()).unwrap();
    let map = CoreMap::parse(&core).unwrap();
    let needle = secret(22);
    let at = core
        .windows(32)
        .position(|window| window == needle)
        .unwrap();
    let (address, _) = map.address_of(at as u64).unwrap();
    assert_eq!(address, child.address(0));
    // The program's own code is there under its name.
    let program = std::env::current_exe().unwrap();
    let named = (0..core.len() as u64)
        .step_by(4096)
        .filter_map(|offset| map.address_of(offset)?.1)
        .any(|name| name == program.display().to_string());
    assert!(named);
}

#[test]
fn zombies_threads_of_the_kernel_and_the_gone_are_errors() {
    let mut child = Child::start("idle", 18);
    let pid = child.pid();
    child.kill();
    let error = |pid| works("x", pid, &Options::default()).err();
    assert!(matches!(error(pid), Some(ProcessError::Zombie { .. })));
    child.reap();
    assert!(matches!(error(pid), Some(ProcessError::Gone { .. })));
    match error(2) {
        Some(ProcessError::Kernel { .. }) => {}
        other => finder::not_run(
            "a thread of the kernel",
            &format!("there is none here: {other:?}"),
        ),
    }
}

#[test]
fn other_threads_keep_a_process_alive() {
    let child = Child::start("leaderless", 19);
    let finder = search(&child, 19);
    assert_eq!(finder.only_hit().1, child.address(0));
}

#[test]
fn the_scanner_leaves_itself_out() {
    let finder = Finder::new(secret(20));
    for work in works("tree:1", std::process::id(), &Options::default()).unwrap() {
        work(&finder);
    }
    assert_eq!(finder.searched(), 0);
    assert!(finder.told(GapKind::ByRule)[0].contains("the scanner itself"));
}
