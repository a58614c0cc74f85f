//! One run from its plan to its results: [`Session`]. Shared by `scas run` and `scas selftest`.

mod begun;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use jiff::Timestamp;
use rand::Rng as _;

use crate::applicability::{self, Applicability};
use crate::catalogue::Catalogue;
use crate::catalogue::Selection;
use crate::context::{RunContext, Tier};
use crate::model::event::{Event, NotApplicable, PlannedCase, PlannedScenario};
use crate::model::test_case::{self, ScenarioKind, TestCase};
use crate::operator::Operator;
use crate::profile::{Loaded, of_others, unknown_cases, unknown_documents};
use crate::recorder::Recorder;
use crate::report;
use crate::report::record::{self, RunInfo};
use crate::report::results::Results;
use crate::report::selftest::Selftest;
use crate::run::{self, Plan};
use crate::testbed::{Reserved, preflight};

pub use begun::Begun;

/// Scenarios under way at once. Most of a scenario's time is the SUT's and the disk's.
const CONCURRENCY: usize = 4;

/// What is to be run.
pub struct Session {
    /// The suite.
    pub catalogue: Arc<Catalogue>,
    /// The system under test.
    pub sut: Loaded,
    /// What of the suite; `None` is everything.
    pub selection: Option<Selection>,
    /// How thorough.
    pub tier: Tier,
    /// Seed of everything chosen by chance and not for secrecy.
    pub seed: u64,
    /// Defects that the reference is to have.
    pub defects: Vec<String>,
    /// Whether what a scenario made in a product that runs by itself stays there.
    pub keep: bool,
    /// Whether the traffic is kept with its TLS session secrets.
    pub with_secrets: bool,
    /// What `scas selftest` has shown of this suite, for the report to repeat.
    pub selftest: Option<Selftest>,
    /// Who does what only a person can do.
    pub operator: Operator,
}

/// Why a run was not begun.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// What the user wrote, or what lies on their machine.
    #[error(transparent)]
    Configuration(anyhow::Error),
    /// Ours.
    #[error(transparent)]
    Harness(anyhow::Error),
}

fn harness(error: impl Into<anyhow::Error>) -> PrepareError {
    PrepareError::Harness(error.into())
}

/// Hears a run's events as they happen.
pub type Listener = Box<dyn Fn(&Event) + Send + Sync>;

/// A run that is set up: nothing has been started yet.
pub struct Prepared {
    /// The run's folder.
    pub folder: PathBuf,
    plan: Plan,
    context: Arc<RunContext>,
    recorder: Arc<Recorder>,
    /// The event that the run begins with, or goes on with.
    opening: Event,
    _reserved: Reserved,
}

impl Session {
    /// Checks that everything is there to begin with, and makes the run's folder under `out`.
    ///
    /// # Errors
    /// A configuration mistake, which names the label that the user wrote; or the folder cannot be made.
    pub async fn prepare(&self, out: &Path, listener: Listener) -> Result<Prepared, PrepareError> {
        let plan = self.plan().map_err(PrepareError::Configuration)?;
        let reserved = self.look().await.map_err(PrepareError::Configuration)?;
        let started = Timestamp::now();
        let id = format!(
            "{}-{:04x}",
            started.strftime("%Y%m%dT%H%M%SZ"),
            rand::rng().random::<u16>()
        );
        let folder = std::path::absolute(out)
            .unwrap_or_else(|_| out.to_owned())
            .join(&id);
        fs::create_dir_all(&folder)
            .with_context(|| format!("--out: cannot make the folder {}", folder.display()))
            .map_err(PrepareError::Configuration)?;
        let info = serde_json::to_vec_pretty(&self.info(id, started)).map_err(harness)?;
        let profile = &self.sut.profile;
        let inventory = self
            .catalogue
            .inventory(profile.sut.role, &profile.ics, &plan.planned)
            .map_err(harness)?;
        let mut inventory = serde_json::to_vec(&inventory).map_err(harness)?;
        inventory.push(b'\n');
        let selftest = self.selftest.as_ref();
        let selftest = selftest.map(serde_json::to_vec_pretty).transpose();
        let selftest = selftest.map_err(harness)?;
        let files = [
            ("run.json", info.as_slice()),
            (record::INVENTORY, inventory.as_slice()),
            ("profile.toml", self.sut.text.as_bytes()),
        ];
        let selftest = selftest
            .iter()
            .map(|text| (record::SELFTEST, text.as_slice()));
        for (name, bytes) in files.into_iter().chain(selftest) {
            // A run that is killed here has not begun.
            report::write_whole(&folder.join(name), bytes).map_err(PrepareError::Harness)?;
        }
        let context = self
            .context(&folder, 0)
            .map_err(PrepareError::Configuration)?;
        Ok(Prepared {
            recorder: Arc::new(Recorder::create(&folder, listener).map_err(harness)?),
            opening: Event::RunStarted {
                at: Timestamp::now(),
                plan: plan.planned.clone(),
            },
            folder,
            plan,
            context,
            _reserved: reserved,
        })
    }

    /// The same for a run that was cut off: it goes on in its folder, with the scenarios that had not ended.
    ///
    /// # Errors
    /// As [`Session::prepare`]; or this is not the same run.
    pub async fn resume(&self, begun: Begun, listener: Listener) -> Result<Prepared, PrepareError> {
        let mut plan = self.plan().map_err(PrepareError::Configuration)?;
        let now = self.info(begun.run.id.clone(), begun.run.started);
        begun
            .ensure_same(&now, &plan.planned)
            .map_err(PrepareError::Configuration)?;
        let reserved = self.look().await.map_err(PrepareError::Configuration)?;
        let folder = begun.folder().to_owned();
        let context = self
            .context(&folder, begun.attempt())
            .map_err(PrepareError::Configuration)?;
        plan.ended.clone_from(&begun.ended);
        let (recorder, opening) = begun.take_up(listener).map_err(PrepareError::Harness)?;
        Ok(Prepared {
            recorder: Arc::new(recorder),
            opening,
            folder,
            plan,
            context,
            _reserved: reserved,
        })
    }

    fn context(&self, folder: &Path, resumptions: usize) -> anyhow::Result<Arc<RunContext>> {
        let context = RunContext::new(
            folder,
            self.sut.profile.clone(),
            self.tier,
            self.seed,
            self.defects.clone(),
        )?;
        Ok(Arc::new(RunContext {
            keep: self.keep,
            with_secrets: self.with_secrets,
            operator: self.operator.clone(),
            resumptions,
            ..context
        }))
    }

    /// Preflight: what is amiss is told at once. Addresses that the profile fixes are this run's until its end.
    async fn look(&self) -> anyhow::Result<Reserved> {
        let profile = &self.sut.profile;
        let others = of_others(&self.catalogue, |case| !self.scenarios(case).is_empty());
        let mut found = preflight(profile, &others).await.findings;
        found.extend(unknown_cases(&profile.waiver, &self.catalogue));
        found.extend(unknown_documents(&profile.documents, &self.catalogue));
        match Reserved::take(&profile.ixit) {
            Ok(reserved) if found.is_empty() => return Ok(reserved),
            // Taken since it was looked at.
            Err(finding) if found.is_empty() => found.push(finding),
            _ => {}
        }
        Err(self.sut.findings(found).into())
    }

    fn plan(&self) -> anyhow::Result<Plan> {
        let profile = &self.sut.profile;
        let selected = self.catalogue.cases.iter();
        let selected = selected.filter(|case| !self.scenarios(case).is_empty());
        let open = applicability::unanswered(selected, profile.sut.role, &profile.ics);
        if !open.is_empty() {
            return Err(self.sut.findings(open).into());
        }
        let mut cases = Vec::new();
        let mut planned = Vec::new();
        for case in &self.catalogue.cases {
            let scenarios = self.scenarios(case);
            if scenarios.is_empty() {
                continue;
            }
            let not_applicable =
                match applicability::applicable_in_role(case, profile.sut.role, &profile.ics)? {
                    Applicability::Yes => None,
                    Applicability::No { item, reason } => Some(NotApplicable { item, reason }),
                };
            planned.push(PlannedCase {
                id: case.id.clone(),
                document: case.document.clone(),
                clause: case.clause.clone(),
                requirement: case.requirement.clone(),
                purpose: case.purpose.clone(),
                keyword: case.keyword.to_string(),
                path: case.path.display().to_string(),
                scenarios: if not_applicable.is_some() {
                    Vec::new()
                } else {
                    scenarios
                },
                not_applicable,
            });
            cases.push(Arc::new(case.clone()));
        }
        Ok(Plan {
            cases,
            planned,
            ended: BTreeSet::new(),
        })
    }

    fn scenarios(&self, case: &TestCase) -> Vec<PlannedScenario> {
        case.scenarios
            .iter()
            .filter(|scenario| runs(scenario.tier, self.tier))
            .filter(|scenario| {
                self.selection
                    .as_ref()
                    .is_none_or(|selection| selection.matches(case, scenario))
            })
            .map(|scenario| PlannedScenario {
                name: scenario.name.clone(),
                line: scenario.line,
                normative: scenario.kind == ScenarioKind::Normative,
            })
            .collect()
    }

    fn info(&self, id: String, started: Timestamp) -> RunInfo {
        RunInfo {
            id,
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            suite_digest: self.catalogue.digest().to_owned(),
            sut: self.sut.profile.sut.clone(),
            profile: self.sut.name.clone(),
            profile_digest: self.sut.digest.clone(),
            tier: self.tier.to_string(),
            selection: self
                .selection
                .as_ref()
                .map_or(String::new(), |selection| selection.as_str().to_owned()),
            defects: self.defects.clone(),
            seed: self.seed,
            machine: format!(
                "{} {}, {} processors",
                std::env::consts::OS,
                std::env::consts::ARCH,
                std::thread::available_parallelism().map_or(0, usize::from)
            ),
            started,
            waivers: self.sut.profile.waiver.clone(),
            with_secrets: self.with_secrets,
        }
    }
}

impl Prepared {
    /// How many scenarios will be run.
    pub fn scenarios(&self) -> usize {
        self.plan
            .planned
            .iter()
            .map(|case| case.scenarios.len())
            .sum()
    }

    /// How many of them ended before the run was cut off and taken up again.
    pub fn ended(&self) -> usize {
        self.plan.ended.len()
    }

    /// Runs to the end or until `interrupted` says by what, then folds the record. Whatever ends it: children are
    /// ended, events are written, and the verdicts so far are kept.
    ///
    /// # Errors
    /// Record or reports cannot be written.
    pub async fn run(self, interrupted: impl Future<Output = String>) -> anyhow::Result<Results> {
        self.recorder.keep_out(self.context.secrets.clone());
        self.recorder.record(&self.opening)?;
        // Boxed, so that it is dropped here, with the test beds in it, when it is interrupted.
        let suite = Box::pin(run::run(
            &self.plan,
            Arc::clone(&self.context),
            Arc::clone(&self.recorder),
            self.concurrency(),
        ));
        let by = tokio::select! {
            () = suite => None,
            by = interrupted => Some(by),
            () = self.recorder.broken() => Some("its own record, which cannot be written".to_owned()),
        };
        if by.is_some() {
            // What a product has left in sessions of its own is nobody's any more.
            crate::testbed::processes::end_adopted();
        }
        let at = Timestamp::now();
        self.recorder.note(&match by {
            None => Event::RunFinished { at },
            Some(by) => Event::RunInterrupted { at, by },
        });
        if let Some(fault) = self.recorder.fault() {
            let folder = self.folder.display();
            anyhow::bail!(
                "the record of the run is not complete: {fault}; what was written until then stands: scas report {folder}"
            );
        }
        report::redraw(&self.folder)
    }

    /// A product with fixed addresses serves one scenario at a time.
    fn concurrency(&self) -> usize {
        let ixit = &self.context.profile.ixit;
        if ixit.api.root.is_some() || ixit.nfvo.listen.port() != 0 {
            1
        } else {
            CONCURRENCY
        }
    }
}

fn runs(scenario: test_case::Tier, run: Tier) -> bool {
    match scenario {
        test_case::Tier::Both => true,
        test_case::Tier::QuickOnly => run == Tier::Quick,
        test_case::Tier::FullOnly => run == Tier::Full,
    }
}
