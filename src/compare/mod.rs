//! What changed between two runs: [`compare`]. Of the product, the suite, the configuration, the environment, the verdicts, the time and the
//! exchanges; and which of the earlier verdicts still hold.

mod exchanges;
mod profile;
mod verdicts;

use serde::Serialize;

use crate::pack::Pack;
use crate::report;
use crate::report::record::{Record, RunInfo};
use crate::report::results::Results;

pub use exchanges::ExchangesChanged;
pub use verdicts::{Standing, VerdictChange};

/// Something that is another in the later run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What.
    pub what: String,
    /// In the earlier run; nothing if it was not there.
    pub before: Option<String>,
    /// In the later one.
    pub after: Option<String>,
}

/// What changed.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The earlier run.
    pub before: String,
    /// The later one.
    pub after: String,
    /// The product's name plate.
    pub product: Vec<Change>,
    /// The suite and the program.
    pub suite: Vec<Change>,
    /// The profile, label by label, and how the run was started.
    pub configuration: Vec<Change>,
    /// Machine and time.
    pub environment: Vec<Change>,
    /// Each scenario of either run.
    pub verdicts: Vec<VerdictChange>,
    /// Seconds, where both runs had the scenario: before, after.
    pub timings: Vec<Timing>,
    /// Exchanges that there were more or fewer of.
    pub exchanges: Vec<ExchangesChanged>,
}

/// The time that a scenario took.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Timing {
    /// Test case and line.
    pub scenario: String,
    /// Seconds in the earlier run.
    pub before: f64,
    /// Seconds in the later one.
    pub after: f64,
}

/// Times that differ by less are the same to a reader.
const NOTABLE: f64 = 1.5;
/// Seconds; shorter scenarios are all noise.
const LONG_ENOUGH: f64 = 1.0;

impl Timing {
    /// Whether a reader should be told.
    pub fn is_notable(&self) -> bool {
        let (least, most) = (self.before.min(self.after), self.before.max(self.after));
        most >= LONG_ENOUGH && most > NOTABLE * least
    }
}

/// A run with its files.
pub struct Side {
    /// Its files.
    pub pack: Pack,
    /// What it came to, folded from its record.
    pub results: Results,
}

impl Side {
    /// Reads a run from its record; what was drawn from it before is not believed.
    ///
    /// # Errors
    /// The record cannot be read.
    pub fn read(pack: Pack) -> anyhow::Result<Self> {
        let results = report::fold::results(&Record::read(pack.root())?);
        Ok(Self { pack, results })
    }
}

/// Compares two runs.
///
/// # Errors
/// A file of one of them cannot be read.
pub fn compare(before: &Side, after: &Side) -> anyhow::Result<Comparison> {
    let (one, other) = (&before.results.run, &after.results.run);
    let product = product(one, other);
    let suite = changes([
        ("suite", &one.suite_digest, &other.suite_digest),
        ("scas", &one.tool_version, &other.tool_version),
    ]);
    let mut configuration = changes([
        ("tier", &one.tier, &other.tier),
        ("selection", &one.selection, &other.selection),
        (
            "defects",
            &one.defects.join(", "),
            &other.defects.join(", "),
        ),
        ("seed", &one.seed.to_string(), &other.seed.to_string()),
        (
            "with_secrets",
            &one.with_secrets.to_string(),
            &other.with_secrets.to_string(),
        ),
    ]);
    let profile = profile::changes(&before.pack, &after.pack)?;
    // A seed chooses among what is the same, and a selection decides what was judged, not how.
    let same = product.is_empty()
        && suite.is_empty()
        && profile.is_empty()
        && one.defects == other.defects
        && one.tier == other.tier;
    configuration.extend(profile);
    Ok(Comparison {
        before: one.id.clone(),
        after: other.id.clone(),
        verdicts: verdicts::changes(&before.results, &after.results, same),
        timings: timings(&before.results, &after.results),
        exchanges: exchanges::changes(before, after)?,
        environment: changes([
            ("machine", &one.machine, &other.machine),
            (
                "started",
                &one.started.to_string(),
                &other.started.to_string(),
            ),
        ]),
        product,
        suite,
        configuration,
    })
}

impl Comparison {
    /// Whether a verdict is worse than it was.
    pub fn is_worse(&self) -> bool {
        let mut verdicts = self.verdicts.iter();
        verdicts.any(|one| one.standing == Standing::Worse)
    }
}

fn product(one: &RunInfo, other: &RunInfo) -> Vec<Change> {
    let (a, b) = (&one.sut, &other.sut);
    let role = |role: &crate::model::clause::Role| role.to_string();
    let serial = |serial: &Option<String>| serial.clone().unwrap_or_default();
    changes([
        ("name", &a.name, &b.name),
        ("vendor", &a.vendor, &b.vendor),
        ("version", &a.version, &b.version),
        ("role", &role(&a.role), &role(&b.role)),
        ("serial", &serial(&a.serial), &serial(&b.serial)),
    ])
}

fn changes<'a>(all: impl IntoIterator<Item = (&'a str, &'a String, &'a String)>) -> Vec<Change> {
    let told = |text: &String| (!text.is_empty()).then(|| text.clone());
    all.into_iter()
        .filter(|(_, before, after)| before != after)
        .map(|(what, before, after)| Change {
            what: what.to_owned(),
            before: told(before),
            after: told(after),
        })
        .collect()
}

fn timings(before: &Results, after: &Results) -> Vec<Timing> {
    let all = |results: &Results| -> Vec<(String, f64)> {
        let cases = results.cases.iter();
        cases
            .flat_map(|case| {
                case.scenarios
                    .iter()
                    .map(|one| (format!("{} line {}", case.id, one.line), one.seconds))
            })
            .collect()
    };
    let later = all(after);
    all(before)
        .into_iter()
        .filter_map(|(scenario, before)| {
            let (_, after) = later.iter().find(|(name, _)| *name == scenario)?;
            Some(Timing {
                scenario,
                before,
                after: *after,
            })
        })
        .collect()
}
