//! One scenario's state, typed. Steps read and write it; nothing of it outlives the scenario but the evidence.

mod custody;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use sha2::{Digest, Sha256};

use crate::context::RunContext;
use crate::judge;
use crate::model::event::{Event, ScenarioId, Step};
use crate::model::evidence::{EvidenceFile, Measurement, Observation};
use crate::model::question::{IdentifierRecord, Offer, Question, Round};
use crate::model::verdict::{Keyword, Outcome, Verdict};
use crate::recorder::Recorder;
use crate::report::write_whole;
use crate::steps::{Problem, StepResult};
use crate::testbed::{PRODUCT_TIME, Testbed};
use crate::vnf_package::Pair;
pub use custody::Custody;

/// One scenario's state.
#[derive(Default)]
pub struct World {
    scenario: Option<Scenario>,
    /// The simulators and the SUT, once a step has put them up.
    pub bed: Option<Testbed>,
    /// The archives in play, under two VNFD identifiers (SEC 030 4.2.2.1).
    pub pairs: Vec<Pair>,
    /// The flaw of each pair's second archive, in the words of the feature.
    pub flaw: String,
    /// What was offered so far (SEC 030 4.2.2.1).
    pub offers: Offers,
    /// VNFDs that the NFVO holds (SEC 030 4.2.2.2).
    pub vnfd_ids: Vec<String>,
    /// The rounds of creations so far (SEC 030 4.2.2.2).
    pub rounds: Vec<Round>,
    /// The identifiers that creation notifications named.
    pub notified: Vec<IdentifierRecord>,
    /// What became of private keys (SEC 030 4.2.2.3 to 4.2.2.5).
    pub custody: Custody,
    /// What the scenario has to tell beside its verdict.
    pub records: Records,
}

/// What is known of a scenario from its beginning.
struct Scenario {
    context: Arc<RunContext>,
    recorder: Arc<Recorder>,
    id: ScenarioId,
    folder: PathBuf,
}

/// What was offered so far (SEC 030 4.2.2.1).
#[derive(Default)]
pub struct Offers {
    /// The valid twin, before the flawed archive.
    pub before: Vec<Offer>,
    /// The flawed archive.
    pub flawed: Vec<Offer>,
    /// The valid twins, after it.
    pub after: Vec<Offer>,
}

/// What a scenario leaves behind.
#[derive(Default)]
pub struct Records {
    /// What each finished step means, and under which keyword.
    steps: Vec<(Keyword, Verdict)>,
    /// Files that were kept.
    pub evidence: Vec<EvidenceFile>,
    /// What was seen.
    pub observations: Vec<Observation>,
    /// What was measured.
    pub measurements: Vec<Measurement>,
    questions: usize,
}

impl World {
    /// Tells the world which scenario it is; called once, before the first step.
    pub fn begin(&mut self, context: Arc<RunContext>, recorder: Arc<Recorder>, id: ScenarioId) {
        let folder = context.folder.join(id.folder());
        self.scenario = Some(Scenario {
            context,
            recorder,
            id,
            folder,
        });
    }

    /// What the run knows.
    ///
    /// # Errors
    /// The world was not begun: a fault of the runner.
    pub fn context(&self) -> anyhow::Result<&Arc<RunContext>> {
        Ok(&self.scenario()?.context)
    }

    /// The scenario's folder for evidence, made if missing.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn folder(&self) -> anyhow::Result<&Path> {
        let folder = &self.scenario()?.folder;
        std::fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        Ok(folder)
    }

    /// Which scenario this is.
    pub fn id(&self) -> Option<&ScenarioId> {
        self.scenario.as_ref().map(|scenario| &scenario.id)
    }

    /// The test bed.
    ///
    /// # Errors
    /// No step has put it up.
    pub fn bed(&mut self) -> anyhow::Result<&mut Testbed> {
        self.bed
            .as_mut()
            .context("no step has put up the test bed before this one")
    }

    /// Keeps bytes as evidence under `name` in the scenario's folder.
    ///
    /// # Errors
    /// They cannot be written.
    pub fn keep(&mut self, name: &str, what: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let path = self.folder()?.join(name);
        let cleaned = self.scenario()?.context.secrets.clean_bytes(bytes);
        let bytes = cleaned
            .as_ref()
            .map_or(bytes, |(cleaned, _)| cleaned.as_slice());
        // A judge's answer that was cut short would leave its scenario open for good.
        write_whole(&path, bytes)?;
        self.keep_file(&path, what)
    }

    /// Enters a file that already lies in the run's folder.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn keep_file(&mut self, path: &Path, what: &str) -> anyhow::Result<()> {
        let root = &self.scenario()?.context.folder;
        let bytes =
            std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let relative = path
            .strip_prefix(root)
            .unwrap_or(path)
            .to_string_lossy()
            .replace(std::path::MAIN_SEPARATOR, "/");
        self.records.evidence.push(EvidenceFile {
            path: relative,
            what: what.to_owned(),
            length: bytes.len() as u64,
            sha256: hex::encode(Sha256::digest(&bytes)),
        });
        Ok(())
    }

    /// Notes something worth telling that no verdict hangs on.
    pub fn observe(&mut self, name: &str, text: &str, clause: Option<&str>) {
        let mut text = text.to_owned();
        self.withhold([&mut text]);
        self.records.observations.push(Observation {
            name: name.to_owned(),
            text,
            clause: clause.map(str::to_owned),
        });
    }

    /// Asks the judge, and keeps question and answer as evidence.
    ///
    /// # Errors
    /// What the judge answers, if it is not "met"; or the evidence cannot be kept.
    pub fn ask(&mut self, question: &Question) -> StepResult {
        let judgement = judge::answer(question);
        self.records.questions += 1;
        let name = format!("question-{}.json", self.records.questions);
        let mut record = serde_json::json!({ "asked": question, "answered": judgement });
        if let Some(bed) = &self.bed {
            bed.withhold_in(&mut record);
        }
        let text = serde_json::to_vec_pretty(&record)?;
        self.keep(
            &name,
            "what the judge was asked, with all its facts, and what it answered",
            &text,
        )?;
        for mut observation in judgement.observations {
            self.withhold([&mut observation.text]);
            if !self.records.observations.contains(&observation) {
                self.records.observations.push(observation);
            }
        }
        self.records.measurements.extend(judgement.measurements);
        match judgement.outcome {
            Outcome::Met => Ok(()),
            Outcome::Unmet { expected, actual } => Err(Problem::Unmet { expected, actual }),
            Outcome::Undecided { reason } => Err(Problem::Undecided(reason)),
            Outcome::Harness { error } => Err(Problem::Harness(anyhow::anyhow!(error))),
        }
    }

    /// Replaces texts in which a private key can be read: they may be the product's own words.
    fn withhold<'t>(&self, texts: impl IntoIterator<Item = &'t mut String>) {
        if let Some(bed) = &self.bed {
            texts.into_iter().for_each(|text| bed.withhold(text));
        }
    }

    /// Enters a step that ended, and tells the run of it.
    pub fn enter(&mut self, mut step: Step) {
        match &mut step.outcome {
            Outcome::Met => {}
            Outcome::Unmet { expected, actual } => self.withhold([expected, actual]),
            Outcome::Undecided { reason } => self.withhold([reason]),
            Outcome::Harness { error } => self.withhold([error]),
        }
        self.records
            .steps
            .push((step.keyword, Verdict::of_step(step.keyword, &step.outcome)));
        if let Some(scenario) = &self.scenario {
            scenario.recorder.note(&Event::StepFinished {
                at: jiff::Timestamp::now(),
                scenario: scenario.id.clone(),
                step,
            });
        }
    }

    /// Takes the bed down, keeps what it leaves, and sums the scenario up.
    pub async fn finish(&mut self, scenario: ScenarioId) -> Event {
        let mut verdict = self.verdict();
        let mut residue = Vec::new();
        if let Some(bed) = self.bed.take() {
            let left = bed.take_down().await;
            residue = left.residue;
            self.records.observations.extend(left.observations);
            self.records.measurements.push(Measurement {
                name: PRODUCT_TIME.to_owned(),
                value: left.product_seconds,
                unit: "s".to_owned(),
            });
            if !left.lost.is_empty() {
                // Evidence that is lost is a fault of ours, whatever was judged before.
                residue.extend(left.lost);
                verdict = Verdict::Error;
            }
            for (path, what) in left.files {
                if let Err(error) = self.keep_file(&path, what) {
                    residue.push(format!("evidence lost: {error:#}"));
                    verdict = Verdict::Error;
                }
            }
        }
        let records = std::mem::take(&mut self.records);
        Event::ScenarioFinished {
            at: jiff::Timestamp::now(),
            scenario,
            verdict,
            evidence: records.evidence,
            observations: records.observations,
            measurements: records.measurements,
            residue,
        }
    }

    /// The scenario's verdict: the worst of its steps. One in which no expected result was judged has shown
    /// nothing, and is an error.
    pub fn verdict(&self) -> Verdict {
        let worst = self.records.steps.iter().map(|(_, verdict)| *verdict).max();
        let judged = self
            .records
            .steps
            .iter()
            .any(|(keyword, _)| *keyword == Keyword::Then);
        match worst {
            Some(Verdict::Pass) if !judged => Verdict::Error,
            Some(verdict) => verdict,
            None => Verdict::Error,
        }
    }

    fn scenario(&self) -> anyhow::Result<&Scenario> {
        self.scenario
            .as_ref()
            .context("the runner began no scenario in this world")
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("id", &self.id()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_without_a_step_is_an_error() {
        assert_eq!(World::default().verdict(), Verdict::Error);
    }

    #[test]
    fn a_scenario_that_judges_nothing_is_an_error() {
        let met = |keyword| Step {
            keyword,
            text: String::new(),
            line: 1,
            millis: 0,
            at_code: String::new(),
            outcome: Outcome::Met,
        };
        let mut world = World::default();
        world.enter(met(Keyword::Given));
        world.enter(met(Keyword::When));
        assert_eq!(world.verdict(), Verdict::Error);
        world.enter(met(Keyword::Then));
        assert_eq!(world.verdict(), Verdict::Pass);
    }
}
