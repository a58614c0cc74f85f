//! A run's record: `run.json`, `inventory.json` and `events.jsonl`. Main type: [`Record`].

use std::path::Path;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::model::event::Event;
use crate::model::evidence::TRAFFIC;
use crate::model::inventory::Inventory;
use crate::model::sut::{Sut, Waiver};
use crate::report::selftest::Selftest;

/// The file with what happened, one event a line.
pub const EVENTS: &str = "events.jsonl";

/// The file with what the suite holds.
pub const INVENTORY: &str = "inventory.json";

/// The file with what `scas selftest` has shown of the suite, if the run was given it.
pub const SELFTEST: &str = "selftest.json";

/// What is known of a run from its beginning (`run.json`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunInfo {
    /// Name of the run and of its folder.
    pub id: String,
    /// Version of this program.
    pub tool_version: String,
    /// SHA-256 over the features and clause lists.
    pub suite_digest: String,
    /// The product's name plate.
    pub sut: Sut,
    /// The profile's file, or `built in`.
    pub profile: String,
    /// SHA-256 of the profile as written.
    pub profile_digest: String,
    /// `quick` or `full`.
    pub tier: String,
    /// What was selected, as written; empty for everything.
    pub selection: String,
    /// Defects that the reference was given; anything but empty is no conforming product.
    pub defects: Vec<String>,
    /// Seed of everything chosen by chance and not for secrecy.
    pub seed: u64,
    /// Operating system, architecture and number of processors.
    pub machine: String,
    /// When it began.
    #[schemars(with = "String")]
    pub started: Timestamp,
    /// The profile's waivers.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub waivers: Vec<Waiver>,
    /// True if the evidence holds the traffic with its TLS session secrets: whoever has it reads whatever was sent, private keys included.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub with_secrets: bool,
}

impl RunInfo {
    /// What every reader of the run must know, if secrets are in its evidence.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        self.with_secrets.then(|| {
            format!(
                "the evidence holds the traffic with its TLS session secrets (--with-secrets, {TRAFFIC}): whoever has it reads whatever was \
                 sent, the private keys of the test included"
            )
        })
    }
}

/// A run's record.
#[derive(Clone, Debug)]
pub struct Record {
    /// `run.json`.
    pub run: RunInfo,
    /// `inventory.json`: what the suite holds. A record without it tells less.
    pub inventory: Option<Inventory>,
    /// `selftest.json`, if the run was given one.
    pub selftest: Option<Selftest>,
    /// `events.jsonl`, in order.
    pub events: Vec<Event>,
    /// True if the last line was cut short: the run was killed while it wrote.
    pub cut: bool,
}

impl Record {
    /// Reads a run's folder. A last line that is cut short is left out and told; any other that cannot be read is
    /// an error.
    ///
    /// # Errors
    /// A file is missing or cannot be read; file and line are named.
    pub fn read(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join("run.json");
        let run = std::fs::read(&path).with_context(|| {
            format!(
                "cannot read {}: name the folder of a run, e.g. reports/<run-id>",
                path.display()
            )
        })?;
        let path = folder.join(EVENTS);
        let events =
            std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let record = Self::parse(folder, &run, &events)?;
        Ok(Self {
            inventory: read_if_there(&folder.join(INVENTORY))?,
            selftest: read_if_there(&folder.join(SELFTEST))?,
            ..record
        })
    }

    /// The same from the bytes of `run.json` and `events.jsonl`, without what else may lie in the folder; `folder` is named in errors.
    ///
    /// # Errors
    /// One of them is not what a run writes; file and line are named.
    pub fn parse(folder: &Path, run: &[u8], events: &[u8]) -> anyhow::Result<Self> {
        let path = folder.join("run.json");
        let run = serde_json::from_slice(run)
            .with_context(|| format!("{} is not a run's record", path.display()))?;
        let path = folder.join(EVENTS);
        let mut told = Vec::new();
        let mut cut = false;
        let mut lines = events
            .split_inclusive(|byte| *byte == b'\n')
            .enumerate()
            .peekable();
        while let Some((index, line)) = lines.next() {
            match serde_json::from_slice(line) {
                Ok(event) => told.push(event),
                Err(_) if lines.peek().is_none() && !line.ends_with(b"\n") => cut = true,
                Err(error) => bail!("{} line {}: {error}", path.display(), index + 1),
            }
        }
        Ok(Self {
            run,
            inventory: None,
            selftest: None,
            events: told,
            cut,
        })
    }
}

fn read_if_there<T: DeserializeOwned>(path: &Path) -> anyhow::Result<Option<T>> {
    let text = match std::fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", path.display()));
        }
    };
    let read = serde_json::from_slice(&text)
        .with_context(|| format!("{} is not what a run writes there", path.display()))?;
    Ok(Some(read))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A run of which nothing matters but that it is one.
    pub fn run_info() -> RunInfo {
        RunInfo {
            id: "r".into(),
            tool_version: "0".into(),
            suite_digest: String::new(),
            sut: Sut {
                name: "n".into(),
                vendor: "v".into(),
                version: "1".into(),
                role: crate::model::clause::Role::Vnfm,
                serial: None,
                client: None,
                lab: None,
                tester: None,
            },
            profile: "built in".into(),
            profile_digest: String::new(),
            tier: "quick".into(),
            selection: String::new(),
            defects: Vec::new(),
            seed: 1,
            machine: String::new(),
            started: Timestamp::UNIX_EPOCH,
            waivers: Vec::new(),
            with_secrets: false,
        }
    }

    fn folder(events: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("folder");
        let run = serde_json::to_vec(&run_info()).expect("json");
        std::fs::write(folder.path().join("run.json"), run).expect("written");
        std::fs::write(folder.path().join("events.jsonl"), events).expect("written");
        folder
    }

    const LINE: &str = r#"{"event":"run-finished","at":"1970-01-01T00:00:00Z"}"#;

    #[test]
    fn a_last_line_that_is_cut_short_is_left_out_and_told() {
        let folder = folder(&format!("{LINE}\n{}", &LINE[..20]));
        let record = Record::read(folder.path()).expect("readable");
        assert_eq!(record.events.len(), 1);
        assert!(record.cut);
    }

    #[test]
    fn a_broken_line_in_the_middle_is_an_error_that_names_it() {
        let folder = folder(&format!("{LINE}\n{}\n{LINE}\n", &LINE[..20]));
        let error = Record::read(folder.path()).expect_err("broken");
        assert!(format!("{error:#}").contains("line 2"), "{error:#}");
    }

    #[test]
    fn a_folder_without_a_run_says_what_to_name() {
        let empty = tempfile::tempdir().expect("folder");
        let error = Record::read(empty.path()).expect_err("nothing there");
        assert!(format!("{error:#}").contains("name the folder of a run"));
    }
}
