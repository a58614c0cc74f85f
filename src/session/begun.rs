//! A run that was interrupted or killed, to be taken up again: [`Begun`].
//!
//! What it wrote stands. Scenarios that were under way are run again; what their first attempt left is set aside under another name, so
//! that no evidence is of two attempts.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::Listener;
use crate::model::event::{CutOff, Event, PlannedCase, ScenarioId};
use crate::model::evidence::EvidenceFile;
use crate::recorder::{EVENTS, Recorder};
use crate::report::record::{Record, RunInfo};
use crate::report::{cut_off, fold};

/// How often a lock is tried that somebody holds: a reader that looks whether the record is being written holds it for a moment.
const TRIES: u32 = 10;
/// Time between two of them.
const PAUSE: Duration = Duration::from_millis(20);

/// Locks the events for writing.
fn lock(events: &File) -> Result<(), TryLockError> {
    for _ in 1..TRIES {
        match events.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(PAUSE),
            answer => return answer,
        }
    }
    events.try_lock()
}

/// A run's record, whose writing end nobody else has.
pub struct Begun {
    folder: PathBuf,
    /// What is known of it from its beginning.
    pub run: RunInfo,
    plan: Vec<PlannedCase>,
    /// Scenarios that are not run again.
    pub ended: BTreeSet<ScenarioId>,
    open: BTreeSet<ScenarioId>,
    /// How many times it was taken up before.
    resumptions: usize,
    /// True if its last line was cut short.
    cut: bool,
    events: File,
}

impl Begun {
    /// Opens the record of a run that did not come to its end.
    ///
    /// # Errors
    /// It is none, or is still under way, or came to its end, or is not to be believed.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        let named = || format!("--resume {}", folder.display());
        let path = folder.join(EVENTS);
        ensure!(
            path.is_file() && folder.join("run.json").is_file(),
            "{}: is no run's folder, which has run.json and {EVENTS}; name one, e.g. reports/<run-id>",
            named()
        );
        let events = File::options().read(true).append(true).open(&path);
        let events = events
            .with_context(|| format!("cannot write {}", path.display()))
            .with_context(named)?;
        match lock(&events) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!(
                "{}: the run is still under way; wait for its end, or end it",
                named()
            ),
            Err(TryLockError::Error(error)) => {
                return Err(error)
                    .with_context(|| format!("cannot lock {}", path.display()))
                    .with_context(named);
            }
        }
        let record = Record::read(folder).with_context(named)?;
        let results = fold::results(&record);
        let anew = "begin a new run (leave out --resume)";
        if let Some(fault) = results.faults.first() {
            bail!(
                "{}: its record stays an Error whatever follows: {fault}; {anew}",
                named()
            );
        }
        ensure!(
            results.interrupted.is_some(),
            "{}: the run came to its end, there is nothing to resume; `scas report {}` shows it, or {anew}",
            named(),
            folder.display()
        );
        let plan = record.events.iter().find_map(|event| match event {
            Event::RunStarted { plan, .. } => Some(plan.clone()),
            _ => None,
        });
        let plan = plan.with_context(|| {
            format!(
                "{}: the run was cut off before anything was planned; {anew}",
                named()
            )
        })?;
        let (ended, open) = fold::ended_and_open(&record);
        Ok(Self {
            folder: std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()),
            run: record.run,
            plan,
            ended,
            open,
            resumptions: results.resumed.len(),
            cut: record.cut,
            events,
        })
    }

    /// The run's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// How many times it will have been taken up.
    pub fn attempt(&self) -> usize {
        self.resumptions + 1
    }

    /// Makes sure that going on means the same run.
    ///
    /// # Errors
    /// Something differs; all of it is told, by what the user wrote.
    pub fn ensure_same(&self, now: &RunInfo, plan: &[PlannedCase]) -> anyhow::Result<()> {
        let then = &self.run;
        let all = |selection: &str| match selection {
            "" => "everything".to_owned(),
            text => format!("'{text}'"),
        };
        let list = |defects: &[String]| match defects {
            [] => "none".to_owned(),
            defects => defects.join(", "),
        };
        let yes_or_no = |told: bool| if told { "yes" } else { "no" }.to_owned();
        let compared = [
            (
                "this program",
                &format!("scas {}", then.tool_version),
                &format!("scas {}", now.tool_version),
            ),
            ("--features", &then.suite_digest, &now.suite_digest),
            ("--sut", &then.profile_digest, &now.profile_digest),
            ("--quick, --full", &then.tier, &now.tier),
            ("--select", &all(&then.selection), &all(&now.selection)),
            ("--defect", &list(&then.defects), &list(&now.defects)),
            (
                "--with-secrets",
                &yes_or_no(then.with_secrets),
                &yes_or_no(now.with_secrets),
            ),
            ("--seed", &then.seed.to_string(), &now.seed.to_string()),
            ("this machine", &then.machine, &now.machine),
        ];
        let mut differs: Vec<String> = compared
            .into_iter()
            .filter(|(_, then, now)| then != now)
            .map(|(what, then, now)| format!("{what}: was {then}, is {now}"))
            .collect();
        if differs.is_empty() && plan != self.plan.as_slice() {
            differs.push("what is planned is no longer the same".to_owned());
        }
        ensure!(
            differs.is_empty(),
            "--resume {}: another run was begun there:\n  {}\nresume it with what it was begun with (options that are left out are taken \
             from its record; the profile lies in {}), or begin a new run",
            self.folder.display(),
            differs.join("\n  "),
            self.folder.join("profile.toml").display()
        );
        Ok(())
    }

    /// Sets aside what the attempts that were cut off have left. Returns the recorder that goes on with the record, and the event to
    /// begin with.
    ///
    /// # Errors
    /// A file cannot be moved, read or written.
    pub fn take_up(self, listener: Listener) -> anyhow::Result<(Recorder, Event)> {
        let mut cut_off = Vec::new();
        for scenario in &self.open {
            cut_off.push(self.set_aside(scenario)?);
        }
        let path = self.folder.join(EVENTS);
        let cut_line = self
            .whole_lines()
            .with_context(|| format!("cannot mend {}", path.display()))?;
        let event = Event::RunResumed {
            at: Timestamp::now(),
            cut_line,
            cut_off,
        };
        Ok((Recorder::go_on(path, self.events, listener), event))
    }

    /// Under the same name each time, so that it does not matter if this is cut off in turn. Returns what it left, and had come to.
    fn set_aside(&self, scenario: &ScenarioId) -> anyhow::Result<CutOff> {
        let name = scenario.folder();
        let aside = format!("{name}.cut-off-{}", self.attempt());
        let (from, to) = (self.folder.join(&name), self.folder.join(&aside));
        if from.exists() && !to.exists() {
            fs::rename(&from, &to).with_context(|| format!("cannot move {}", from.display()))?;
        }
        let mut telling = Vec::new();
        let mut cut_off = CutOff {
            scenario: scenario.clone(),
            evidence: Vec::new(),
            answered: Vec::new(),
            unjudged: Vec::new(),
        };
        if !to.exists() {
            return Ok(cut_off);
        }
        for entry in walkdir::WalkDir::new(&to).sort_by_file_name() {
            let entry = entry?;
            if !entry.file_type().is_file() {
                continue;
            }
            let bytes = fs::read(entry.path())
                .with_context(|| format!("cannot read {}", entry.path().display()))?;
            let within = entry.path().strip_prefix(&to).unwrap_or(entry.path());
            let path = format!("{aside}/{}", within.display());
            cut_off.evidence.push(EvidenceFile {
                path: path.clone(),
                what: "left by an attempt that was cut off".to_owned(),
                length: bytes.len() as u64,
                sha256: hex::encode(Sha256::digest(&bytes)),
            });
            if cut_off::tells(&path) {
                telling.push((path, bytes));
            }
        }
        let telling = telling
            .iter()
            .map(|(path, bytes)| (path.as_str(), bytes.as_slice()));
        (cut_off.answered, cut_off.unjudged) = cut_off::came_to(telling);
        Ok(cut_off)
    }

    /// Takes out a line that was cut short, and returns it. A last line that lacks nothing but its end gets it.
    fn whole_lines(&self) -> std::io::Result<Option<String>> {
        let bytes = fs::read(self.folder.join(EVENTS))?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n');
        let (kept, rest) = bytes.split_at(whole.map_or(0, |last| last + 1));
        if rest.is_empty() {
            return Ok(None);
        }
        if !self.cut {
            (&self.events).write_all(b"\n")?;
            return Ok(None);
        }
        self.events.set_len(kept.len() as u64)?;
        Ok(Some(String::from_utf8_lossy(rest).into_owned()))
    }
}
