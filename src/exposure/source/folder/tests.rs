//! Folders with all that may lie in them.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::*;
use crate::source::limits::{Limits, Rules};
use crate::source::path::works;
use crate::source::testing::Seen;

const NEEDLE: &[u8] = b"the needle that is looked for";

#[test]
fn every_file_at_every_depth_is_searched_whatever_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let mut deep = folder.path().to_owned();
    for _ in 0..60 {
        deep.push("deeper");
    }
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("bottom"), NEEDLE).unwrap();
    fs::write(folder.path().join(".hidden"), NEEDLE).unwrap();
    fs::write(folder.path().join("empty"), "").unwrap();
    let odd = OsStr::from_bytes(b"\xff\n\x1b[2J");
    fs::write(folder.path().join(odd), NEEDLE).unwrap();
    for number in 0..300 {
        fs::write(folder.path().join(format!("many-{number}")), NEEDLE).unwrap();
    }
    fs::hard_link(folder.path().join("many-0"), folder.path().join("same")).unwrap();
    let seen = Seen::of_path(NEEDLE, folder.path(), &Limits::default());
    let found = seen.found();
    assert_eq!(found.len(), 304);
    for name in [
        "bottom",
        ".hidden",
        "\\xff\\n\\u{1b}[2J",
        "many-299",
        "same",
    ] {
        assert!(
            found.contains(&format!("{name} @ 0")),
            "{name} in {found:?}"
        );
    }
    assert!(seen.gaps().is_empty(), "{:?}", seen.gaps());
}

#[test]
fn large_files_among_small_ones_are_cut() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a", "b", "c"] {
        let file = fs::File::create(folder.path().join(name)).unwrap();
        let at = if name == "b" { SPAN + 5 } else { 5 };
        std::os::unix::fs::FileExt::write_all_at(&file, NEEDLE, at).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, &[1; 3 << 20], at + 100).unwrap();
    }
    let seen = Seen::of_path(NEEDLE, folder.path(), &Limits::default());
    let at = SPAN + 5;
    assert_eq!(
        seen.found(),
        ["a @ 5".to_owned(), format!("b @ {at}"), "c @ 5".to_owned()]
    );
}

#[test]
fn what_is_no_file_is_told_and_waited_for_by_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("file"), NEEDLE).unwrap();
    symlink(folder.path(), at("loop")).unwrap();
    symlink("nowhere", at("dangling")).unwrap();
    // Nobody ever writes to it.
    mkfifo(&at("fifo"), Mode::S_IRWXU).unwrap();
    let _listener = UnixListener::bind(at("socket")).unwrap();
    let seen = Seen::of_path(NEEDLE, folder.path(), &Limits::default());
    assert_eq!(seen.found(), ["file @ 0"]);
    assert_eq!(
        seen.gaps(),
        [
            "dangling: ByRule: symbolic link, not followed",
            "fifo: ByRule: named pipe",
            "loop: ByRule: symbolic link, not followed",
            "socket: ByRule: socket",
        ]
    );
    // The one link that is followed is that which the user named.
    let seen = Seen::of_path(NEEDLE, &at("loop"), &Limits::default());
    assert_eq!(seen.found(), ["file @ 0"]);
}

#[test]
fn what_the_rules_leave_out_is_told_with_their_reason() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("ours")).unwrap();
    fs::write(folder.path().join("ours/inside"), NEEDLE).unwrap();
    fs::write(folder.path().join("key"), NEEDLE).unwrap();
    fs::hard_link(folder.path().join("key"), folder.path().join("other-name")).unwrap();
    let mut rules = Rules::default();
    rules
        .exclude(&folder.path().join("ours"), "the scanner's own")
        .unwrap();
    rules
        .exclude(&folder.path().join("key"), "the key file")
        .unwrap();
    let seen = Seen::of_path_with(NEEDLE, folder.path(), &Limits::default(), &rules);
    // Another name of the same file may be what was forgotten.
    assert_eq!(seen.found(), ["other-name @ 0"]);
    assert_eq!(
        seen.gaps(),
        [
            "key: ByRule: the key file",
            "ours: ByRule: the scanner's own",
        ]
    );
}

#[test]
fn a_folder_that_changes_under_the_search_is_told() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..3 * BATCH {
        fs::write(folder.path().join(format!("{number}")), NEEDLE).unwrap();
    }
    let (limits, rules) = <(Limits, Rules)>::default();
    let seen = Seen::new(NEEDLE);
    let mut works = works("folder", folder.path(), &limits, &rules).unwrap();
    let first = works.next().unwrap();
    // All are listed by now: the folder is read in one go.
    for number in 0..3 * BATCH {
        fs::remove_file(folder.path().join(format!("{number}"))).unwrap();
    }
    fs::write(folder.path().join("late"), NEEDLE).unwrap();
    first(&seen);
    seen.do_all(works);
    let gaps = seen.gaps();
    let count = |what: &str| gaps.iter().filter(|gap| gap.contains(what)).count();
    assert_eq!(count("Changed: vanished before it was searched"), 3 * BATCH);
    assert_eq!(count("in this folder while"), 1);
}

/// A file that moved from a folder not yet searched into one that was searched already has been in neither.
#[test]
fn a_folder_that_changes_after_it_was_left_is_told() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("inner")).unwrap();
    fs::write(folder.path().join("inner/file"), "").unwrap();
    let (limits, rules) = <(Limits, Rules)>::default();
    let seen = Seen::new(NEEDLE);
    let mut works: Vec<_> = works("folder", folder.path(), &limits, &rules)
        .unwrap()
        .collect();
    let last = works.pop().unwrap();
    works.into_iter().for_each(|work| work(&seen));
    assert!(seen.gaps().is_empty(), "{:?}", seen.gaps());
    fs::write(folder.path().join("inner/moved"), NEEDLE).unwrap();
    last(&seen);
    assert_eq!(seen.gaps().len(), 1, "{:?}", seen.gaps());
    assert!(seen.gaps()[0].starts_with("inner: Changed: files came"));
}

#[test]
fn a_file_that_is_swapped_for_a_link_or_a_pipe_is_not_opened() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("link"), "").unwrap();
    fs::write(folder.path().join("pipe"), "").unwrap();
    let elsewhere = tempfile::NamedTempFile::new().unwrap();
    fs::write(elsewhere.path(), NEEDLE).unwrap();
    let (limits, rules) = <(Limits, Rules)>::default();
    let work = works("f", folder.path(), &limits, &rules)
        .unwrap()
        .next()
        .unwrap();
    fs::remove_file(folder.path().join("link")).unwrap();
    symlink(elsewhere.path(), folder.path().join("link")).unwrap();
    fs::remove_file(folder.path().join("pipe")).unwrap();
    mkfifo(&folder.path().join("pipe"), Mode::S_IRWXU).unwrap();
    let seen = Seen::new(NEEDLE);
    work(&seen);
    assert!(seen.found().is_empty());
    let changed: Vec<_> = seen
        .gaps()
        .into_iter()
        .filter(|gap| !gap.contains("came, went"))
        .collect();
    assert_eq!(
        changed,
        [
            "link: Changed: was replaced by a symbolic link",
            "pipe: Changed: was replaced by something that is no file",
        ]
    );
}

/// Root may read everything, so a thread of the test becomes somebody else for the file system.
#[test]
fn what_may_not_be_read_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("open"), NEEDLE).unwrap();
    fs::write(at("closed"), NEEDLE).unwrap();
    fs::create_dir(at("shut")).unwrap();
    fs::write(at("shut/inside"), NEEDLE).unwrap();
    for (name, mode) in [("closed", 0), ("shut", 0), ("", 0o755)] {
        fs::set_permissions(at(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    let search = || {
        let seen = Seen::new(NEEDLE);
        let (limits, rules) = <(Limits, Rules)>::default();
        for work in works("f", folder.path(), &limits, &rules).unwrap() {
            work(&seen);
        }
        (seen.found(), seen.gaps())
    };
    // The file system asks who a thread is, not who its process is.
    let (found, gaps) = std::thread::scope(|scope| {
        scope
            .spawn(|| {
                if nix::unistd::geteuid().is_root() {
                    nix::unistd::setfsuid(nix::unistd::Uid::from_raw(65_534));
                }
                search()
            })
            .join()
            .unwrap()
    });
    fs::set_permissions(at("shut"), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(found, ["open @ 0"]);
    assert_eq!(
        gaps,
        [
            "closed: Unreadable: Permission denied (os error 13)",
            "shut: Unreadable: Permission denied (os error 13)",
        ]
    );
}

#[test]
fn what_the_kernel_makes_up_is_left_out_unless_it_was_named() {
    assert!(kernel::invents(Path::new("/proc/self")));
    assert!(!kernel::invents(Path::new("/")));
    let seen = Seen::of_path(b"Name:\t", Path::new("/proc/self/task"), &Limits::default());
    assert!(
        seen.found()
            .iter()
            .any(|place| place.starts_with("status @"))
    );
}
