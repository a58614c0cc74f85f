//! A run that was killed is taken up again: what had ended stands, what was under way is run again, and the record tells it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::support::{Stage, json};

/// No test waits longer for what must happen.
const LIMIT: Duration = Duration::from_secs(300);
/// Enough scenarios that some are always under way.
const SELECTION: &str = "4.2.2.1 and @extended";

/// Scenarios, as events name them.
type Names = BTreeSet<String>;

/// A run that was killed in the middle.
struct Killed {
    stage: Stage,
    folder: PathBuf,
    /// Its record, up to the last whole line.
    record: Vec<u8>,
    /// What had ended, and what was under way.
    ended: Names,
    open: Names,
}

fn events(text: &[u8]) -> Vec<Value> {
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    lines
        .filter(|line| line.ends_with(b"\n"))
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

/// The scenarios of these events.
fn of(events: &[Value], kind: &str) -> Vec<String> {
    let wanted = events.iter().filter(|event| event["event"] == kind);
    wanted.map(|event| event["scenario"].to_string()).collect()
}

impl Killed {
    /// Stops the run whenever something has been written, until the record shows scenarios of both kinds; then kills it.
    fn with(stage: Stage, arguments: &[&str]) -> Self {
        let mut child = stage
            .scas(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let id = Pid::from_raw(child.id().try_into().unwrap());
        let begun = Instant::now();
        loop {
            assert!(begun.elapsed() < LIMIT, "nothing has ended");
            assert_eq!(child.try_wait().unwrap(), None, "it is still there");
            kill(id, Signal::SIGSTOP).unwrap();
            waitpid(id, Some(WaitPidFlag::WUNTRACED)).unwrap();
            if let Some(killed) = Self::look(&stage) {
                let (folder, record, [ended, open]) = killed;
                // It is stopped, and still has its record.
                stage
                    .run(&["run", "--resume", folder.to_str().unwrap()])
                    .assert_told(64, &["--resume", "the run is still under way"]);
                end(&mut child, id);
                return Self {
                    stage,
                    folder,
                    record,
                    ended,
                    open,
                };
            }
            kill(id, Signal::SIGCONT).unwrap();
            std::thread::yield_now();
        }
    }

    fn look(stage: &Stage) -> Option<(PathBuf, Vec<u8>, [Names; 2])> {
        let mut folders = std::fs::read_dir(stage.path("reports")).ok()?;
        let folder = folders.next()?.ok()?.path();
        let mut record = std::fs::read(folder.join("events.jsonl")).ok()?;
        record.truncate(record.iter().rposition(|byte| *byte == b'\n')? + 1);
        let told = events(&record);
        let ended: BTreeSet<_> = of(&told, "scenario-finished").into_iter().collect();
        let begun: BTreeSet<_> = of(&told, "scenario-started").into_iter().collect();
        let open: BTreeSet<_> = begun.difference(&ended).cloned().collect();
        let both = ended.len() >= 3 && !open.is_empty();
        both.then_some((folder, record, [ended, open]))
    }

    fn run(&self) -> &str {
        self.folder.to_str().unwrap()
    }

    fn events_path(&self) -> PathBuf {
        self.folder.join("events.jsonl")
    }
}

fn end(child: &mut Child, id: Pid) {
    kill(id, Signal::SIGKILL).unwrap();
    child.wait().unwrap();
}

/// Every file below a folder with its digest.
fn digests(folder: &Path) -> BTreeSet<(PathBuf, String)> {
    walkdir::WalkDir::new(folder)
        .into_iter()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let bytes = std::fs::read(entry.path()).unwrap();
            (entry.path().to_owned(), hex::encode(Sha256::digest(bytes)))
        })
        .collect()
}

#[test]
fn a_killed_run_goes_on_where_it_was_and_repeats_nothing_that_had_ended() {
    let killed = Killed::with(Stage::new(), &["run", "--select", SELECTION]);
    let half = b"{\"event\":\"step-finis";
    std::fs::write(
        killed.events_path(),
        [killed.record.as_slice(), half].concat(),
    )
    .unwrap();
    let evidence_of = |scenario: &str| {
        let scenario: Value = serde_json::from_str(scenario).unwrap();
        killed.folder.join(format!(
            "evidence/{}/line-{:03}",
            scenario["case"].as_str().unwrap(),
            scenario["line"].as_u64().unwrap()
        ))
    };
    let before: Vec<_> = killed
        .ended
        .iter()
        .map(|one| digests(&evidence_of(one)))
        .collect();
    let ended = killed.stage.run(&["run", "--resume", killed.run()]);
    ended.assert_told(
        0,
        &[
            "the run was cut off and resumed at",
            "36/36",
            "verdict: Pass",
        ],
    );

    let record = std::fs::read(killed.events_path()).unwrap();
    assert!(
        record.starts_with(&killed.record),
        "what was told stands, byte for byte"
    );
    let told = events(&record);
    let resumed = told.iter().find(|event| event["event"] == "run-resumed");
    let resumed = resumed.expect("the resumption is told");
    assert_eq!(resumed["cut_line"], std::str::from_utf8(half).unwrap());
    let begun = of(&told, "scenario-started");
    let times = |scenario: &String| begun.iter().filter(|one| *one == scenario).count();
    for scenario in &killed.ended {
        assert_eq!(times(scenario), 1, "{scenario} had ended");
    }
    let after: Vec<_> = killed
        .ended
        .iter()
        .map(|one| digests(&evidence_of(one)))
        .collect();
    assert_eq!(before, after, "evidence of what had ended");
    let cut_off = resumed["cut_off"].as_array().unwrap();
    let told_open: BTreeSet<_> = cut_off
        .iter()
        .map(|one| one["scenario"].to_string())
        .collect();
    assert_eq!(told_open, killed.open);
    for scenario in &killed.open {
        assert_eq!(times(scenario), 2, "{scenario} was under way");
    }
    // Every file of evidence is told of, and is what it is said to be.
    let mut listed = BTreeSet::new();
    let finished = told
        .iter()
        .filter(|event| event["event"] == "scenario-finished");
    for file in finished
        .chain(cut_off)
        .flat_map(|one| one["evidence"].as_array().unwrap())
    {
        let path = killed.folder.join(file["path"].as_str().unwrap());
        listed.insert((path, file["sha256"].as_str().unwrap().to_owned()));
    }
    assert_eq!(digests(&killed.folder.join("evidence")), listed);
    let results = json(&killed.folder.join("results.json"));
    assert_eq!(results["resumed"].as_array().unwrap().len(), 1);

    killed
        .stage
        .run(&["run", "--resume", killed.run()])
        .assert_told(
            64,
            &[
                "the run came to its end, there is nothing to resume",
                "scas report",
            ],
        );
}

#[test]
fn another_run_is_not_taken_for_the_one_that_was_cut_off() {
    let stage = Stage::new();
    let text = include_str!("../../fixtures/sut/reference-vnfm.toml");
    stage.write("sut.toml", text);
    let killed = Killed::with(
        stage,
        &[
            "run", "--sut", "sut.toml", "--select", SELECTION, "--seed", "7",
        ],
    );
    let whole = std::fs::read(killed.events_path()).unwrap();
    let refused = |more: &[&str], told: &[&str]| {
        let mut arguments = vec!["run", "--resume", killed.run()];
        arguments.extend(more);
        let ended = killed.stage.run(&arguments);
        ended.assert_told(64, told);
        assert_eq!(
            std::fs::read(killed.events_path()).unwrap(),
            whole,
            "the record is left alone"
        );
    };
    refused(
        &[
            "--seed",
            "8",
            "--full",
            "--select",
            "4.2.2.2",
            "--with-secrets",
        ],
        &[
            "another run was begun there",
            "--seed: was 7, is 8",
            "--with-secrets: was no, is yes",
            "--quick, --full: was quick, is full",
            "--select: was '4.2.2.1 and @extended', is '4.2.2.2'",
        ],
    );
    killed.stage.write("other.toml", &format!("{text}\n# more"));
    refused(
        &["--sut", "other.toml"],
        &["--sut: was ", "profile.toml), or begin a new run"],
    );
    killed
        .stage
        .write("sut.toml", &format!("{text}\n# changed"));
    refused(&[], &["--sut: was "]);
    refused(&["--out", "elsewhere"], &["--out"]);
    killed.stage.write("sut.toml", text);
    // A record that contradicts itself stays what it is.
    let first = whole.split_inclusive(|byte| *byte == b'\n').next().unwrap();
    std::fs::write(killed.events_path(), [&whole, first].concat()).unwrap();
    killed
        .stage
        .run(&["run", "--resume", killed.run()])
        .assert_told(64, &["stays an Error", "second plan"]);
    killed
        .stage
        .run(&["run", "--resume", "nowhere"])
        .assert_told(64, &["--resume nowhere: is no run's folder"]);
}

/// A run of a product that does not verify, killed after the judge's answer was kept and before the step that asked was told; since then
/// the product is mended.
fn killed_after_the_answer() -> (Stage, PathBuf) {
    let stage = Stage::new();
    let defect = "accepts-without-verifying";
    let select = "4.2.2.1 and @normative";
    stage
        .run(&["run", "--select", select, "--defect", defect])
        .assert_told(1, &["verdict: Fail"]);
    let folder = stage.run_folder();
    let record = std::fs::read(folder.join("events.jsonl")).unwrap();
    let told = events(&record);
    let is_judged = |event: &Value| event["step"]["outcome"] == "unmet";
    let judged = told.iter().position(is_judged).unwrap();
    let lines = record.split_inclusive(|byte| *byte == b'\n');
    let kept: Vec<&[u8]> = lines.take(judged).collect();
    std::fs::write(folder.join("events.jsonl"), kept.concat()).unwrap();
    let run = std::fs::read_to_string(folder.join("run.json")).unwrap();
    let mended = run.replace(&format!("\"{defect}\""), "");
    assert_ne!(run, mended);
    std::fs::write(folder.join("run.json"), mended).unwrap();
    (stage, folder)
}

#[test]
fn a_judges_answer_stands_though_the_run_was_killed_before_it_was_told() {
    let (stage, folder) = killed_after_the_answer();
    let run = folder.to_str().unwrap();
    let reason = ".cut-off-1/question-2.json): expected ";
    stage.run(&["run", "--resume", run]).assert_told(
        1,
        &[
            "verdict: Fail",
            "before the run was cut off and resumed, a judge had answered",
            reason,
        ],
    );
    let results = json(&folder.join("results.json"));
    let scenario = &results["cases"][0]["scenarios"][0];
    let steps = scenario["steps"].as_array().unwrap();
    let met = steps.iter().all(|step| step["outcome"] == "met");
    assert!(met, "the second attempt passed: {scenario}");
    stage.run(&["verify", run]).assert_told(0, &["Fail"]);

    // Who takes the answer out of the event, or another in, is found out.
    let path = folder.join("events.jsonl");
    let record = std::fs::read_to_string(&path).unwrap();
    for without in [true, false] {
        let mut lines = Vec::new();
        for mut event in events(record.as_bytes()) {
            if let Some(cut_off) = event.get_mut("cut_off").and_then(|all| all.get_mut(0)) {
                let answers = cut_off["answered"].as_array_mut().unwrap();
                assert_eq!(answers.len(), 2);
                if without {
                    answers.pop();
                } else {
                    answers[1] =
                        serde_json::json!({ "path": answers[1]["path"], "outcome": "met" });
                }
            }
            lines.push(event.to_string() + "\n");
        }
        std::fs::write(&path, lines.concat()).unwrap();
        stage
            .run(&["report", run])
            .assert_told(0, &["verdict: Pass"]);
        stage
            .run(&["verify", run])
            .assert_told(1, &["events.jsonl, TC_", "cut_off /answered"]);
    }
}

#[test]
fn what_was_seen_before_a_kill_and_not_judged_leaves_the_scenario_open() {
    let (stage, folder) = killed_after_the_answer();
    let run = folder.to_str().unwrap();
    let questions = walkdir::WalkDir::new(folder.join("evidence"))
        .into_iter()
        .map(|entry| entry.unwrap().into_path());
    for question in questions.filter(|path| path.ends_with("question-2.json")) {
        std::fs::remove_file(&question).unwrap();
        let look = r#"{"look":"at the end","began":"2026-01-01T00:00:00Z","lacked":[],"search":{"exposures":[{}]}}"#;
        std::fs::write(question.with_file_name("look-1.json"), look).unwrap();
    }
    let told = "the attempt that was cut off had seen key material in 1 place(s)";
    stage
        .run(&["run", "--resume", run])
        .assert_told(2, &["verdict: Inconclusive", told]);
    stage
        .run(&["verify", run])
        .assert_told(0, &["Inconclusive"]);
}
