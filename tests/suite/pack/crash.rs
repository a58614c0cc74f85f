//! A run that is killed at any moment, or whose disk is full, leaves what it had written.

use std::collections::BTreeMap;
use std::io::{PipeReader, Read as _};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use scas::model::event::Event;
use scas::pack::{Limits, Pack};
use scas::report::fold;
use scas::report::record::Record;
use scas::{report, verify};

use crate::support::{Ended, SHORT, Stage, json, root};

/// How often a run is killed.
const KILLS: usize = 100;
/// Where the moments are drawn from; any other would do.
const SEED: u64 = 20_261_122;

/// A run, and everything that is written below its folder for reports as it happens.
struct Watched {
    child: Child,
    /// Held by the run and every process that it started; it ends with the last of them.
    alive: PipeReader,
    inotify: Inotify,
    folders: BTreeMap<WatchDescriptor, PathBuf>,
    seen: usize,
}

const CHANGES: AddWatchFlags = AddWatchFlags::IN_CREATE
    .union(AddWatchFlags::IN_MODIFY)
    .union(AddWatchFlags::IN_MOVED_TO)
    .union(AddWatchFlags::IN_CLOSE_WRITE);

impl Watched {
    fn start(stage: &Stage) -> Self {
        let reports = stage.path("reports");
        std::fs::create_dir_all(&reports).unwrap();
        let inotify = Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC).unwrap();
        let (alive, held) = std::io::pipe().unwrap();
        // Standard error is handed down to every process below as 3, whatever they do with their own.
        let line = "exec \"$@\" 3>&2";
        let program = env!("CARGO_BIN_EXE_scas");
        let child = stage
            .command(
                "sh",
                &[
                    "-c", line, "sh", program, "run", "--select", SHORT, "--seed", "1",
                ],
            )
            .stdout(Stdio::null())
            .stderr(held)
            .spawn()
            .unwrap();
        let mut watched = Self {
            child,
            alive,
            inotify,
            folders: BTreeMap::new(),
            seen: 0,
        };
        watched.watch(&reports);
        watched
    }

    /// Watches a folder and those in it. What came before it was watched is not seen: the count is none of files.
    fn watch(&mut self, folder: &Path) {
        let Ok(descriptor) = self.inotify.add_watch(folder, CHANGES) else {
            return;
        };
        self.folders.insert(descriptor, folder.to_owned());
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                self.watch(&entry.path());
            }
        }
    }

    /// Waits until so many changes were seen, or the run has ended; true if it has not.
    fn until(&mut self, wanted: usize) -> bool {
        while self.seen < wanted {
            let mut waiting = [
                PollFd::new(self.inotify.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.alive.as_fd(), PollFlags::POLLIN),
            ];
            poll(&mut waiting, PollTimeout::NONE).unwrap();
            let ended = waiting[1].revents().unwrap().contains(PollFlags::POLLHUP);
            let events = match self.inotify.read_events() {
                Ok(events) => events,
                Err(Errno::EAGAIN) if ended => return false,
                Err(Errno::EAGAIN) => {
                    self.said();
                    continue;
                }
                Err(error) => panic!("{error}"),
            };
            for event in events {
                self.seen += 1;
                let folder = self.folders.get(&event.wd).cloned();
                if let (Some(folder), Some(name)) = (folder, event.name)
                    && folder.join(&name).is_dir()
                {
                    self.watch(&folder.join(name));
                }
                if self.seen == wanted {
                    break;
                }
            }
        }
        true
    }

    /// Takes what was said, which is of no interest, so that nobody waits for it.
    fn said(&mut self) {
        let mut buffer = [0; 4096];
        let _ = self.alive.read(&mut buffer).unwrap();
    }

    /// Kills it, and waits for everything that it started.
    fn kill(mut self) {
        let _ = self.child.kill();
        self.child.wait().unwrap();
        self.alive.read_to_end(&mut Vec::new()).unwrap();
    }
}

#[test]
fn a_run_that_is_killed_at_any_moment_leaves_a_record_that_reads_and_verifies() {
    let stage = Stage::new();
    let mut whole = Watched::start(&stage);
    whole.until(usize::MAX);
    let course = whole.seen;
    whole.kill();
    assert!(course > 50, "{course} changes: too few to choose from");
    let mut random = StdRng::seed_from_u64(SEED);
    let moments: Vec<usize> = (0..KILLS).map(|_| random.random_range(1..course)).collect();
    let next = AtomicUsize::new(0);
    let (begun, ended) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Some(moment) = moments.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let stage = Stage::new();
                    let mut run = Watched::start(&stage);
                    run.until(*moment);
                    run.kill();
                    match left(&stage, *moment) {
                        Left::Nothing => {}
                        Left::Interrupted => {
                            begun.fetch_add(1, Ordering::Relaxed);
                        }
                        Left::Whole => {
                            ended.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    // Most moments lie within the run; a few before its record begins, or after its end.
    let (begun, ended) = (begun.into_inner(), ended.into_inner());
    assert!(
        begun > KILLS / 2,
        "{begun} were interrupted, {ended} had ended"
    );
}

/// What a killed run left.
enum Left {
    /// No record: it had not begun.
    Nothing,
    /// A part.
    Interrupted,
    /// All of it.
    Whole,
}

fn left(stage: &Stage, moment: usize) -> Left {
    let entry = std::fs::read_dir(stage.path("reports")).unwrap().next();
    let Some(folder) = entry.map(|entry| entry.unwrap().path()) else {
        return Left::Nothing;
    };
    if !folder.join("events.jsonl").exists() {
        // What is there is whole: it was put there by its name only then.
        if folder.join("run.json").exists() {
            json(&folder.join("run.json"));
        }
        return Left::Nothing;
    }
    let record = Record::read(&folder).unwrap_or_else(|error| panic!("at {moment}: {error:#}"));
    let results = fold::results(&record);
    // To draw and verify each would take longer than to run it.
    if moment.is_multiple_of(4) {
        report::redraw(&folder).unwrap_or_else(|error| panic!("at {moment}: {error:#}"));
        let pack = Pack::open(&folder, Limits::default()).unwrap();
        let found = verify::verify(&pack, &[]).unwrap();
        assert!(found.holds(), "at {moment}: {:?}", found.mismatches);
    }
    if record
        .events
        .last()
        .is_some_and(|last| matches!(last, Event::RunFinished { .. }))
    {
        assert_eq!(results.interrupted, None, "at {moment}");
        return Left::Whole;
    }
    let why = results.interrupted.unwrap_or_default();
    assert!(
        why.contains("ends before the run did"),
        "at {moment}: {why}"
    );
    assert_eq!(
        results.exit_code, 2,
        "at {moment}: an interrupted run is inconclusive"
    );
    Left::Interrupted
}

/// A disk of its own for the reports, of so many KiB; afterwards there is room again, and the record is read.
const SMALL_DISK: &str = "mount -t tmpfs -o size=\"$1\"k scas reports || exit 99\n\
    \"$2\" run --select \"$3\" --seed 1 > told 2>&1; echo $? > code\n\
    mount -o remount,size=64m reports\n\
    for run in reports/*; do \"$2\" report \"$run\" > report 2>&1; echo $? > report-code; \"$2\" verify \"$run\" > verify 2>&1; done\n\
    cp -r reports kept\n";

#[test]
fn a_full_disk_is_an_error_that_names_the_path_and_loses_nothing() {
    if !root() {
        #[expect(clippy::print_stderr, reason = "whoever runs the tests must see it")]
        let () = eprintln!("NOT RUN: only root can make a small disk");
        return;
    }
    let (mut cut, mut events) = (0, 0);
    for kib in [12, 40, 160, 180, 200, 220, 240, 260] {
        let stage = Stage::new();
        std::fs::create_dir(stage.path("reports")).unwrap();
        let program = env!("CARGO_BIN_EXE_scas");
        let size = kib.to_string();
        let arguments = [
            "--mount", "sh", "-c", SMALL_DISK, "sh", &size, program, SHORT,
        ];
        let ended = Ended::of(stage.command("unshare", &arguments).output().unwrap());
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let read = |name: &str| std::fs::read_to_string(stage.path(name)).unwrap_or_default();
        let (told, code) = (read("told"), read("code"));
        assert_eq!(code.trim(), "3", "{kib} KiB: {told}");
        assert!(
            told.contains("No space left on device"),
            "{kib} KiB: {told}"
        );
        assert!(told.contains("reports/"), "{kib} KiB: the path: {told}");
        let Some(run) = std::fs::read_dir(stage.path("kept")).unwrap().next() else {
            continue;
        };
        let run = run.unwrap().path();
        if !run.join("events.jsonl").exists() {
            continue;
        }
        let record = Record::read(&run).unwrap_or_else(|error| panic!("{kib} KiB: {error:#}"));
        assert!(!record.cut, "{kib} KiB: no part of a line is left");
        events += record.events.len();
        let report = read("report");
        // Where the record is whole, only the reports found no room: drawn again, they say what the record says.
        let whole = matches!(record.events.last(), Some(Event::RunFinished { .. }));
        let known = ["3", "2"].contains(&read("report-code").trim());
        assert!(known || whole, "{kib} KiB: never green: {report}");
        assert!(
            !read("verify").contains("MISMATCH events.jsonl"),
            "{kib} KiB: {}",
            read("verify")
        );
        cut += 1;
    }
    assert!(cut > 3 && events > 10, "{cut} records with {events} events");
}
