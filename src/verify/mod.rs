//! Whether an evidence pack bears out what it says: [`verify`]. Offline, and without trust in the pack.
//!
//! Every file is digested, every report is drawn again, every judge is asked again, and what a judge was told is looked up in what
//! was kept raw: transcripts, archives, looks. What does not follow is a [`Mismatch`], with the file and the field.

mod claims;
mod files;
mod judged;
pub mod phrases;
mod raw;
mod record;
mod traffic;
mod vectors;

use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};
pub use record::difference;
use serde::Serialize;

use crate::model::event::ScenarioId;
use crate::model::sut::Profile;
use crate::model::verdict::Verdict;
use crate::pack::{Pack, PackError};
use crate::report::results::ScenarioResult;

/// Something that a pack says, and that does not follow from the rest of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Mismatch {
    /// The file that says it.
    pub file: String,
    /// Where in it.
    pub field: String,
    /// What it says.
    pub said: String,
    /// What follows from the rest.
    pub follows: String,
}

/// What was done, in figures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// Files that were digested.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Reports that were drawn again and compared.
    pub reports: usize,
    /// Questions that a judge was asked again.
    pub questions: usize,
    /// Exchanges that were read.
    pub exchanges: usize,
    /// Facts of questions that were looked up in what was kept raw.
    pub facts: usize,
    /// Archives whose signatures were verified again.
    pub archives: usize,
}

/// What came out.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Verification {
    /// The run's identifier, if its record could be read.
    pub run: Option<String>,
    /// The verdict that follows from the evidence; none if nothing was judged.
    pub verdict: Option<Verdict>,
    /// What does not follow.
    pub mismatches: Vec<Mismatch>,
    /// What a reader should know beside that.
    pub remarks: Vec<String>,
    /// What was done.
    pub figures: Figures,
}

impl Verification {
    /// Whether everything that was said follows.
    pub fn holds(&self) -> bool {
        self.mismatches.is_empty()
    }

    /// Takes in what was found of a part.
    fn absorb(&mut self, part: Self) {
        self.mismatches.extend(part.mismatches);
        self.remarks.extend(part.remarks);
        let (all, of_part) = (&mut self.figures, part.figures);
        all.files += of_part.files;
        all.bytes += of_part.bytes;
        all.reports += of_part.reports;
        all.questions += of_part.questions;
        all.exchanges += of_part.exchanges;
        all.facts += of_part.facts;
        all.archives += of_part.archives;
    }

    /// Enters a mismatch.
    pub fn miss(
        &mut self,
        file: impl Into<String>,
        field: impl Into<String>,
        said: impl Into<String>,
        follows: impl Into<String>,
    ) {
        self.mismatches.push(Mismatch {
            file: file.into(),
            field: field.into(),
            said: said.into(),
            follows: follows.into(),
        });
    }

    /// Enters a mismatch unless both are the same.
    fn compare<T: PartialEq + std::fmt::Display>(
        &mut self,
        file: &str,
        field: &str,
        said: &T,
        follows: &T,
    ) {
        if said != follows {
            self.miss(file, field, said.to_string(), follows.to_string());
        }
    }
}

/// Verifies a pack. `apart` are files that stand beside the record and that the caller accounts for, such as those of a seal.
///
/// # Errors
/// Our own disk. Whatever is wrong with the pack is in what comes out.
pub fn verify(pack: &Pack, apart: &[&str]) -> anyhow::Result<Verification> {
    let mut found = Verification::default();
    let Some(told) = record::check(pack, &mut found)? else {
        return Ok(found);
    };
    let results = &told.results;
    found.run = Some(results.run.id.clone());
    found.verdict = results.verdict;
    let scenarios = results.cases.iter().flat_map(|case| {
        let scenarios = case.scenarios.iter();
        scenarios.map(|scenario| (case.id.as_str(), scenario))
    });
    let scenarios: Vec<_> = scenarios.collect();
    let mut claimed = Verification::default();
    let ((reports, (claims, evidence)), scenes) = rayon::join(
        || {
            rayon::join(
                || record::redraw(pack, &told, &mut found),
                || {
                    let claims = record::claims(pack, &told, &mut claimed);
                    (claims, files::evidence(pack))
                },
            )
        },
        || {
            let scenes = scenarios.into_par_iter();
            let scenes = scenes.map(|(case, scenario)| self::scene(pack, &told, case, scenario));
            scenes.collect::<Vec<_>>()
        },
    );
    claims?;
    found.absorb(claimed);
    scenes.into_iter().for_each(|scene| found.absorb(scene));
    files::check(pack, &told, &evidence, &reports?, apart, &mut found);
    found.remarks.extend(results.run.warning());
    if let Some(why) = &results.interrupted {
        found.remarks.push(format!("the run is not whole: {why}"));
    }
    found.mismatches.sort();
    found.mismatches.dedup();
    Ok(found)
}

/// Everything that can be said of one scenario.
fn scene(pack: &Pack, told: &record::Told, case: &str, scenario: &ScenarioResult) -> Verification {
    let mut found = Verification::default();
    let id = ScenarioId {
        case: case.to_owned(),
        line: scenario.line,
    };
    for attempt in &scenario.cut_off {
        let at = format!("{case} line {}", scenario.line);
        judged::cut_off(pack, &at, attempt, &mut found);
    }
    // The verdict of one that did not end is Inconclusive at least, and what was asked of a judge is not listed.
    if told.finished.contains(&id) {
        let scene = Scene::read(pack, &told.profile, &id, scenario, &mut found);
        judged::check(&scene, &mut found);
        raw::check(&scene, &mut found);
        vectors::check(&scene, &told.results, &mut found);
        traffic::check(&scene, &told.results.run, &mut found);
    }
    found
}

/// One scenario with the files that it lists.
struct Scene<'a> {
    pack: &'a Pack,
    profile: &'a Profile,
    case: &'a str,
    scenario: &'a ScenarioResult,
    /// Its folder, with `/` at the end.
    folder: String,
    questions: Vec<judged::Asked>,
}

impl<'a> Scene<'a> {
    fn read(
        pack: &'a Pack,
        profile: &'a Profile,
        id: &'a ScenarioId,
        scenario: &'a ScenarioResult,
        found: &mut Verification,
    ) -> Self {
        let folder = format!("{}/", id.folder());
        let questions = judged::questions(pack, &folder, scenario, found);
        Self {
            pack,
            profile,
            case: &id.case,
            scenario,
            folder,
            questions,
        }
    }

    /// A file of the scenario, by its short name, if the record lists it. What it lists and is not there was told before.
    fn file(&self, name: &str) -> Option<Vec<u8>> {
        self.bytes_of(&self.path(name), Pack::take_in)
    }

    /// The same by its path, read in this way.
    fn bytes_of(
        &self,
        path: &str,
        read: impl Fn(&Pack, &str) -> Result<Vec<u8>, PackError>,
    ) -> Option<Vec<u8>> {
        let listed = self.scenario.evidence.iter().any(|file| file.path == path);
        listed.then(|| read(self.pack, path).ok()).flatten()
    }

    /// The short names of its files.
    fn names(&self) -> impl Iterator<Item = &str> {
        let files = self.scenario.evidence.iter();
        files.filter_map(|file| file.path.strip_prefix(self.folder.as_str()))
    }

    fn path(&self, name: &str) -> String {
        format!("{}{name}", self.folder)
    }
}
