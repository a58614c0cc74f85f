//! Files that stay, grow, shrink and have holes.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::detector::{REACH, Window};
use crate::source::path::works;
use crate::source::testing::{Seen, noise};

const NEEDLE: &[u8] = b"the needle that is looked for";
const LONG: u64 = 2 * SPAN + 12_345;

/// Does something to the file at the first window.
struct Meddling<'a> {
    seen: &'a Seen,
    done: AtomicBool,
    /// Again at each window.
    always: bool,
    meddle: &'a (dyn Fn() + Sync),
}

impl Visitor for Meddling<'_> {
    fn window(&self, place: &Place, window: &Window<'_>) {
        if !self.done.swap(true, Ordering::Relaxed) || self.always {
            (self.meddle)();
        }
        self.seen.window(place, window);
    }

    fn gap(&self, place: &Place, gap: Gap) {
        self.seen.gap(place, gap);
    }
}

/// Searches a file of `content` while `meddle` does something to it.
fn meddled(content: &[u8], always: bool, meddle: impl Fn(&File) + Sync) -> Seen {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().write_all_at(content, 0).unwrap();
    let writer = OpenOptions::new().write(true).open(file.path()).unwrap();
    let seen = Seen::new(NEEDLE);
    let (limits, rules) = Default::default();
    let meddle = || meddle(&writer);
    let visitor = Meddling {
        seen: &seen,
        done: AtomicBool::new(false),
        always,
        meddle: &meddle,
    };
    for work in works("it", file.path(), &limits, &rules).unwrap() {
        work(&visitor);
    }
    seen
}

#[test]
fn small_and_large_files_are_searched_to_the_last_byte() {
    let lengths = [0, 1, 4096, 4097, REACH as u64, SPAN - 1, SPAN, SPAN + 1];
    for length in lengths.into_iter().chain([SPAN + 4096, SPAN + 4097, LONG]) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&noise(length, length as usize)).unwrap();
        let mut places = vec![];
        for at in [0, length / 2, SPAN - 7, SPAN, length.saturating_sub(29)] {
            if at + 29 <= length && places.iter().all(|other: &u64| other.abs_diff(at) > 29) {
                file.as_file().write_all_at(NEEDLE, at).unwrap();
                places.push(at);
            }
        }
        let seen = Seen::of_path(NEEDLE, file.path(), &Limits::default());
        assert_eq!(seen.tiled(&[]), length);
        assert_eq!(seen.found().len(), places.len(), "{length}: {places:?}");
        assert!(seen.gaps().is_empty(), "{:?}", seen.gaps());
    }
}

#[test]
fn a_terabyte_of_holes_costs_nothing_and_hides_nothing() {
    let size = 1 << 40;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(size).unwrap();
    // The last begins with zeros that lie in the hole.
    let places = [4096 * 5, (1 << 35) + 4096 * 3 + 100, size - 29];
    for at in places {
        file.as_file().write_all_at(NEEDLE, at).unwrap();
    }
    let seen = Seen::of_path(NEEDLE, file.path(), &Limits::default());
    let expected = places.iter().map(|at| format!("@ {at}"));
    let found = seen.found().join(" ");
    assert!(
        expected.into_iter().all(|place| found.contains(&place)),
        "{found}"
    );
    assert!(seen.gaps().is_empty());
    let read: u64 = seen
        .fresh(&[])
        .iter()
        .map(|range| range.end - range.start)
        .sum();
    assert!(read < 1 << 20, "{read} bytes were read");
    // A key whose first bytes are zeros begins in the hole before its page.
    let seen = Seen::of_path(&[&[0; 8], NEEDLE].concat(), file.path(), &Limits::default());
    assert_eq!(seen.found().len(), 3);
    file.seek(SeekFrom::Start(0)).unwrap();
}

#[test]
fn many_small_extents_are_answered_for_once() {
    let file = tempfile::NamedTempFile::new().unwrap();
    file.as_file().set_len(200 << 20).unwrap();
    for page in (0..50_000).step_by(70).chain((0..20_000).step_by(2)) {
        file.as_file().write_all_at(NEEDLE, page * 4096).unwrap();
    }
    let seen = Seen::of_path(NEEDLE, file.path(), &Limits::default());
    seen.fresh(&[]);
    let planted: std::collections::HashSet<u64> = (0..50_000)
        .step_by(70)
        .chain((0..20_000).step_by(2))
        .collect();
    assert_eq!(seen.found().len(), planted.len());
}

#[test]
fn a_small_file_that_is_written_to_is_searched_again() {
    let seen = meddled(&noise(1, 100_000), false, |file| {
        file.write_all_at(NEEDLE, 5).unwrap();
    });
    assert_eq!(seen.found(), ["it @ 5"]);
    assert!(seen.gaps().is_empty(), "{:?}", seen.gaps());
}

#[test]
fn a_small_file_that_is_written_to_without_an_end_is_told() {
    let seen = meddled(&noise(1, 100_000), true, |file| {
        // Whatever the clock's ticks are, the size tells.
        let size = file.metadata().unwrap().len();
        file.set_len(size - 1).unwrap();
    });
    assert_eq!(seen.gap_kinds(), [GapKind::Changed]);
}

#[test]
fn a_large_file_that_was_changed_is_told() {
    let content = noise(2, LONG as usize);
    let shrunk = meddled(&content, false, |file| file.set_len(SPAN + 5).unwrap());
    let told = format!(
        "it: Changed: shrank from {LONG} to {} bytes while it was searched",
        SPAN + 5
    );
    assert_eq!(shrunk.gaps(), [told]);
    let grown = meddled(&content, false, |file| file.set_len(LONG + 5).unwrap());
    assert_eq!(grown.gap_kinds(), [GapKind::Changed]);
}

/// What was handed out is cut off while it is looked at, which ends a program that reads a mapping without care.
#[test]
fn a_large_file_that_is_cut_short_under_the_search_is_told() {
    let content = noise(2, LONG as usize);
    for kept in [0, 5, 4096, 300_000, SPAN - 1] {
        let seen = meddled(&content, false, |file| file.set_len(kept).unwrap());
        let told = format!("it: Changed: shrank from {LONG} to {kept} bytes while it was searched");
        assert_eq!(seen.gaps(), [told]);
    }
}

/// Cut short, and then a longer log: nobody has seen what was between.
#[test]
fn a_log_that_was_begun_again_is_told() {
    let content = b"Nov 21 22:39:00 nfvo: all is well\n".repeat(2_100_000);
    let longer = [&content[..], b"Nov 21 22:40:00 nfvo: still\n"].concat();
    let calls = std::sync::atomic::AtomicU32::new(0);
    let seen = meddled(&content, true, |file| {
        match calls.fetch_add(1, Ordering::Relaxed) {
            0 => file.set_len(0).unwrap(),
            1 => file.write_all_at(&longer, 0).unwrap(),
            _ => {}
        }
    });
    assert_eq!(seen.gap_kinds(), [GapKind::Changed], "{:?}", seen.gaps());
}

/// Several threads, while the file becomes shorter and longer all the time.
#[test]
fn a_file_that_breathes_ends_no_thread() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let content = noise(4, 3 * SPAN as usize);
    file.as_file().write_all_at(&content, 0).unwrap();
    let (limits, rules) = Default::default();
    let works = works("it", file.path(), &limits, &rules).unwrap();
    let (seen, done) = (Seen::new(NEEDLE), AtomicBool::new(false));
    // Once in any case.
    file.as_file().set_len(1).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut size = content.len() as u64;
            while !done.load(Ordering::Relaxed) {
                size = (size * 7 + 12_345) % content.len() as u64;
                file.as_file().set_len(size).unwrap();
                file.as_file().set_len(content.len() as u64).unwrap();
            }
        });
        seen.do_all(works);
        done.store(true, Ordering::Relaxed);
    });
    assert!(seen.gap_kinds().contains(&GapKind::Changed));
}

#[test]
fn what_is_added_to_a_log_is_searched_too() {
    let content = b"Nov 21 22:39:00 nfvo: all is well\n".repeat(2_100_000);
    let length = content.len() as u64;
    let seen = meddled(&content, false, |file| {
        // The first half of the needle is what the log ended with.
        file.write_all_at(NEEDLE, length - 10).unwrap();
    });
    assert_eq!(seen.found(), [format!("it @ {}", length - 10)]);
    assert!(seen.gaps().is_empty(), "{:?}", seen.gaps());
}

#[test]
fn a_file_of_the_kernel_without_a_size_is_read_to_its_end() {
    let seen = Seen::of_path(b"processor", Path::new("/proc/cpuinfo"), &Limits::default());
    assert!(!seen.found().is_empty());
    assert!(seen.gaps().is_empty(), "{:?}", seen.gaps());
    let limits = Limits {
        unsized_bytes: 20,
        ..Limits::default()
    };
    let seen = Seen::of_path(b"processor", Path::new("/proc/cpuinfo"), &limits);
    assert_eq!(seen.gap_kinds(), [GapKind::Bound]);
    assert_eq!(seen.tiled(&[]), 20);
}

#[test]
fn what_cannot_be_searched_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (limits, rules) = <(Limits, Rules)>::default();
    let missing = works("x/y", &folder.path().join("y"), &limits, &rules);
    let told = missing.err().unwrap().to_string();
    assert_eq!(told, "there is no file, folder or device \"x/y\"");
    let endless = works("/dev/zero", Path::new("/dev/zero"), &limits, &rules);
    let told = endless.err().unwrap().to_string();
    assert!(told.contains("has no end"), "{told}");
    let path = folder.path().join("key");
    fs::write(&path, NEEDLE).unwrap();
    let mut rules = Rules::default();
    rules.exclude(&path, "the key file that you gave").unwrap();
    let seen = Seen::of_path_with(NEEDLE, &path, &limits, &rules);
    assert_eq!(
        seen.gaps(),
        ["key: Unreadable: the source itself is left out: the key file that you gave"]
    );
    assert!(seen.found().is_empty());
}
