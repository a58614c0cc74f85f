//! A run as it happens.

use std::fs::File;
use std::io::Write as _;

use serde_json::Value;

use super::client::{Events, Served};
use super::{run, run_in, sample};
use crate::support::{SHORT, Stage};

/// A run that this test writes, as the recorder does: with its lock held.
pub struct Writer {
    file: File,
    lines: std::vec::IntoIter<String>,
}

impl Writer {
    /// Begins a copy of the committed run, without its report, and writes this many of its events.
    pub fn begin(stage: &Stage, name: &str, events: usize) -> Self {
        // Made elsewhere: a run that has ended is never written anew, so nobody watches one.
        let (made, reports) = (stage.path("made"), stage.path("reports"));
        run_in(&made, name, |_| {});
        for drawn in ["index.html", "events.jsonl"] {
            std::fs::remove_file(made.join(drawn)).unwrap();
        }
        let folder = reports.join(name);
        std::fs::create_dir_all(&reports).unwrap();
        std::fs::rename(&made, &folder).unwrap();
        let file = File::create_new(folder.join("events.jsonl")).unwrap();
        file.lock().unwrap();
        let text = std::fs::read_to_string(sample().join("events.jsonl")).unwrap();
        let lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
        let mut writer = Self {
            file,
            lines: lines.into_iter(),
        };
        for _ in 0..events {
            writer.write();
        }
        writer
    }

    /// Writes the next event, in two parts; returns it, if there is one.
    pub fn write(&mut self) -> Option<Value> {
        let line = self.lines.next()?;
        let (one, other) = line.split_at(line.len() / 2);
        self.file.write_all(one.as_bytes()).unwrap();
        self.file.write_all(other.as_bytes()).unwrap();
        Some(serde_json::from_str(&line).unwrap())
    }
}

#[test]
fn each_event_is_told_as_it_is_appended() {
    let stage = Stage::new();
    let mut writer = Writer::begin(&stage, "a-run", 2);
    let served = Served::start(&stage);
    let mut events = served.events("/live/a-run/events", &[]);
    let before: Vec<_> = events.by_ref().take(2).collect();
    assert_eq!(before[0].data["event"], "run-started");
    // None is written before the one before it was heard.
    let mut last = String::new();
    while let Some(written) = writer.write() {
        let heard = events.next().unwrap();
        assert_eq!((heard.name.as_str(), &heard.data), ("record", &written));
        last = heard.id;
    }
    let row = served.page("/").rows_of("runs")[0].join(" ");
    assert!(row.contains("under way: 1 of 1 scenarios"), "{row}");
    drop(writer);
    let end = events.next().unwrap();
    assert_eq!(
        (end.name.as_str(), end.data["how"].as_str()),
        ("end", Some("finished"))
    );
    assert_eq!(end.data["report"], false);
    assert!(events.next().is_none(), "nothing follows the end");

    // Who has lost the connection goes on where it stopped.
    let names = |events: Events| -> Vec<String> { events.map(|heard| heard.name).collect() };
    let rest = served.events("/live/a-run/events", &[("Last-Event-ID", &last)]);
    assert_eq!(names(rest), ["end"]);
    let rest = served.events(&format!("/live/a-run/events?from={}", before[0].id), &[]);
    assert_eq!(names(rest).len(), 13);
    let whole = served.events("/live/a-run/events?from=7", &[]);
    assert_eq!(names(whole).len(), 14, "a place within a line is none");
}

#[test]
fn a_run_whose_process_is_gone_ends_and_one_that_is_no_record_is_told() {
    let stage = Stage::new();
    let writer = Writer::begin(&stage, "killed", 5);
    let broken = run(&stage, "broken", |_| {});
    std::fs::write(broken.join("events.jsonl"), "{}\n").unwrap();
    let served = Served::start(&stage);
    assert!(served.page("/?verdict=under-way").rows_of("runs")[0][0].contains("killed"));
    let mut events = served.events("/live/killed/events", &[]);
    assert_eq!(events.by_ref().take(5).count(), 5);
    drop(writer);
    let end = events.next().unwrap();
    assert_eq!(
        (end.name.as_str(), end.data["how"].as_str()),
        ("end", Some("gone"))
    );
    let page = served.page("/live/killed");
    assert!(
        page.text.contains("Whoever ran it is gone"),
        "{}",
        page.text
    );
    let row = served.page("/?verdict=interrupted").rows_of("runs")[0].join(" ");
    assert!(row.contains("Inconclusive"), "{row}");

    let mut events = served.events("/live/broken/events", &[]);
    let trouble = events.next().unwrap();
    assert_eq!(trouble.name, "trouble");
    assert!(
        trouble.data.as_str().unwrap().contains("is no event"),
        "{trouble:?}"
    );
    assert!(events.next().is_none());
    assert_eq!(served.get("/live/nowhere/events").status, 404);
}

#[test]
fn a_real_run_that_begins_later_is_told_from_its_beginning_to_its_end() {
    let stage = Stage::new();
    let served = Served::start(&stage);
    let mut changes = served.events("/changes", &[]);
    assert!(served.page("/live").text.contains("No run is under way"));
    let mut child = stage
        .scas(&["run", "--select", SHORT])
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let begun = changes
        .by_ref()
        .find(|heard| heard.name == "begun")
        .unwrap();
    let name = begun.data["run"].as_str().unwrap().to_owned();
    assert_eq!(begun.data["live"], format!("/live/{name}"));
    let mut events: Vec<_> = served
        .events(&format!("/live/{name}/events"), &[])
        .collect();
    let end = events.pop().unwrap();
    assert_eq!(
        (end.name.as_str(), end.data["how"].as_str()),
        ("end", Some("finished"))
    );
    assert_eq!(
        end.data["report"], true,
        "the report is drawn before the end is told"
    );
    let recorded = std::fs::read_to_string(stage.run_folder().join("events.jsonl")).unwrap();
    let recorded: Vec<Value> = recorded
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let told: Vec<Value> = events.into_iter().map(|heard| heard.data).collect();
    assert_eq!(told, recorded);
    assert!(child.wait().unwrap().success());
    // Its end changes the list too.
    assert!(changes.any(|heard| heard.name == "changed"));
    assert_eq!(
        served.get(&format!("/runs/{name}/")).header("content-type"),
        "text/html; charset=utf-8"
    );
    assert_eq!(served.end(), Some(0));
}
