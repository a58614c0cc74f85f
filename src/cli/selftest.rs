//! `scas selftest`: each check is seen to fail.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::{Deserialize, Serialize};

use super::{Failure, Outcome};
use crate::catalogue::Catalogue;
use crate::catalogue::Selection;
use crate::context::Tier;
use crate::model::test_case::DefectEffect;
use crate::model::verdict::Verdict;
use crate::profile::{self, Loaded};
use crate::report::results::{CaseResult, Results};
use crate::session::Session;

/// Creations of a quick run here: enough for every defect that needs no more to show.
const CREATIONS: u64 = 300;
/// Runs under way at once, each in a process of its own: most of the time one waits, for a deadline of the product's or the disk.
const AT_ONCE: usize = 4;

/// Runs the suite on the honest reference, which must pass, and on the reference with each defect, which must be
/// caught by just the test cases that name it: all of their scenarios are run, and the normative ones of the others.
///
/// A defect that only volume shows is marked [full] in its feature, and run in the full tier. One that takes away what
/// a test case needs is marked [inconclusive]: there the case must not guess.
#[derive(clap::Args)]
pub struct Args {
    /// Only these defects (repeatable)
    #[arg(long, value_name = "NAME")]
    defect: Vec<String>,
    /// Print the matrix as JSON
    #[arg(long)]
    json: bool,
    /// Keep the runs under this folder; without it they are thrown away
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Take the features from this folder instead of those built in
    #[arg(long, value_name = "DIR")]
    features: Option<PathBuf>,
    /// Run in this process, and print the row of the one defect as JSON: what the matrix starts for each defect
    #[arg(long, hide = true, requires = "defect")]
    row: bool,
    /// Seed of everything that is chosen by chance and not for secrecy
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// The whole of what was seen.
#[derive(Serialize)]
struct Matrix {
    /// True if everything is as it ought to be.
    ok: bool,
    /// The honest reference's verdict.
    honest: Option<Verdict>,
    /// The test cases, in order.
    cases: Vec<String>,
    /// A row per defect.
    defects: Vec<Row>,
    /// Scenarios that no defect turned red: checks that nobody has seen to fail. Only all defects together can tell.
    never_failed: Option<Vec<String>>,
}

/// What became of one defect.
#[derive(Serialize, Deserialize)]
struct Row {
    name: String,
    summary: String,
    /// True if every test case that names it said what its feature says it must: Fail, unless marked [inconclusive].
    killed: bool,
    /// The test cases that failed.
    by: Vec<String>,
    /// The test cases that name it.
    named_by: Vec<String>,
    /// Test cases that do not name it and did not pass all the same.
    unexpected: Vec<String>,
    /// The scenarios that failed, `case:line`.
    scenarios: Vec<String>,
    /// Verdict of each test case, in order; none if it was not run.
    verdicts: Vec<Option<Verdict>>,
}

/// Refuses names that the reference does not have.
pub fn known_defects(names: &[String]) -> Result<(), Failure> {
    let known: Vec<&str> = scas_reference::defect::all()
        .iter()
        .map(|d| d.name)
        .collect();
    for name in names {
        if !known.contains(&name.as_str()) {
            return Err(Failure::Usage(anyhow::anyhow!(
                "--defect {name}: the reference has no such defect; it has {}",
                known.join(", ")
            )));
        }
    }
    Ok(())
}

/// Runs the subcommand. Exit code 0 if everything is as it ought to be, else 1.
pub fn run(args: Args) -> Outcome {
    known_defects(&args.defect)?;
    let catalogue = Arc::new(super::run::catalogue(args.features.as_deref())?);
    let scratch = tempfile::tempdir().map_err(|e| Failure::Harness(e.into()))?;
    let bench = Bench {
        catalogue: Arc::clone(&catalogue),
        out: args
            .out
            .clone()
            .unwrap_or_else(|| scratch.path().to_owned()),
        seed: args.seed,
        features: args.features.clone(),
    };
    let runtime = super::runtime()?;
    if args.row {
        let rows = runtime.block_on(bench.rows_here(&args.defect))?;
        runtime.shutdown_timeout(std::time::Duration::from_secs(5));
        super::print_json(&rows)?;
        return Ok(0);
    }
    let matrix = runtime.block_on(async {
        tokio::select! {
            matrix = bench.matrix(&args.defect) => matrix,
            by = super::run::interrupted() => Err(Failure::Harness(anyhow::anyhow!("interrupted by {by}"))),
        }
    });
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    let matrix = matrix?;
    if args.json {
        super::print_json(&matrix)?;
    } else {
        super::print(&matrix.table());
    }
    Ok(u8::from(!matrix.ok))
}

struct Bench {
    catalogue: Arc<Catalogue>,
    out: PathBuf,
    seed: u64,
    features: Option<PathBuf>,
}

impl Bench {
    async fn rows_here(&self, names: &[String]) -> Result<Vec<Row>, Failure> {
        let wanted = scas_reference::defect::all()
            .iter()
            .filter(|defect| names.iter().any(|name| name == defect.name));
        let mut rows = Vec::new();
        for defect in wanted {
            rows.push(self.defect(defect.name, defect.summary).await?);
        }
        Ok(rows)
    }

    /// The row of a defect, from a process of its own: scenarios that look into the product's processes take turns within one.
    async fn elsewhere(&self, name: &str) -> Result<Row, Failure> {
        let failed = |error: anyhow::Error| {
            Failure::Harness(error.context(format!("the run of {name} in a process of its own")))
        };
        let program = std::env::current_exe().map_err(|error| failed(error.into()))?;
        let mut command = tokio::process::Command::new(program);
        command.args(["selftest", "--row", "--defect", name]);
        command.args(["--seed", &self.seed.to_string()]);
        command.arg("--out").arg(&self.out);
        if let Some(features) = &self.features {
            command.arg("--features").arg(features);
        }
        let output = command
            .stdin(std::process::Stdio::null())
            .kill_on_drop(true)
            .output()
            .await
            .map_err(|error| failed(error.into()))?;
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(failed(anyhow::anyhow!("{}: {words}", output.status)));
        }
        let rows: Vec<Row> =
            serde_json::from_slice(&output.stdout).map_err(|error| failed(error.into()))?;
        rows.into_iter()
            .next()
            .ok_or_else(|| failed(anyhow::anyhow!("it printed no row")))
    }

    async fn matrix(&self, only: &[String]) -> Result<Matrix, Failure> {
        let honest = self.suite(None, None, Tier::Quick).await?;
        let mut unseen: BTreeSet<String> = honest.cases.iter().flat_map(names).collect();
        told("honest reference", honest.verdict);
        let rows: Vec<Row> = stream::iter(scas_reference::defect::all())
            .filter(|defect| {
                let wanted = only.is_empty() || only.iter().any(|name| name == defect.name);
                std::future::ready(wanted)
            })
            .map(|defect| self.elsewhere(defect.name))
            .buffered(AT_ONCE)
            .inspect_ok(|row| {
                told(&row.name, row.verdicts.iter().flatten().copied().max());
                for scenario in &row.scenarios {
                    unseen.remove(scenario);
                }
            })
            .try_collect()
            .await?;
        let never_failed = only
            .is_empty()
            .then(|| unseen.into_iter().collect::<Vec<_>>());
        let ok = honest.verdict == Some(Verdict::Pass)
            && never_failed.as_ref().is_none_or(Vec::is_empty)
            && rows
                .iter()
                .all(|row| row.killed && row.unexpected.is_empty());
        Ok(Matrix {
            ok,
            honest: honest.verdict,
            cases: honest.cases.iter().map(|case| case.id.clone()).collect(),
            defects: rows,
            never_failed,
        })
    }

    async fn defect(&self, name: &str, summary: &str) -> Result<Row, Failure> {
        let expected = self.expected(name);
        let selection = selection(&expected);
        let mut results = self
            .suite(Some(name), selection.as_deref(), Tier::Quick)
            .await?
            .cases;
        for (id, effect) in &expected {
            if *effect == DefectEffect::FailsInFull {
                let again = self.suite(Some(name), Some(id), Tier::Full).await?;
                for case in again.cases {
                    if let Some(place) = results.iter_mut().find(|known| known.id == case.id) {
                        *place = case;
                    }
                }
            }
        }
        let verdict = |id: &str| {
            let case = results.iter().find(|case| case.id == id);
            case.and_then(CaseResult::worst)
        };
        let as_expected = |(id, effect): &(String, DefectEffect)| verdict(id) == Some(due(*effect));
        let catching: Vec<&String> = expected
            .iter()
            .filter(|(_, effect)| due(*effect) == Verdict::Fail)
            .map(|(id, _)| id)
            .collect();
        let unexpected = results
            .iter()
            .filter(|case| !expected.iter().any(|(id, _)| *id == case.id))
            .filter(|case| case.worst().is_some_and(|verdict| verdict != Verdict::Pass))
            .map(|case| case.id.clone())
            .collect();
        Ok(Row {
            name: name.to_owned(),
            summary: summary.to_owned(),
            killed: !catching.is_empty() && expected.iter().all(as_expected),
            by: results
                .iter()
                .filter(|case| case.worst() == Some(Verdict::Fail))
                .map(|case| case.id.clone())
                .collect(),
            named_by: expected.into_iter().map(|(id, _)| id).collect(),
            unexpected,
            scenarios: results.iter().flat_map(failures).collect(),
            verdicts: results.iter().map(CaseResult::worst).collect(),
        })
    }

    /// The test cases that name the defect, with what each must say of it.
    fn expected(&self, name: &str) -> Vec<(String, DefectEffect)> {
        self.catalogue
            .cases
            .iter()
            .filter_map(|case| {
                let defect = case.defects.iter().find(|defect| defect.name == name)?;
                Some((case.id.clone(), defect.effect))
            })
            .collect()
    }

    async fn suite(
        &self,
        defect: Option<&str>,
        select: Option<&str>,
        tier: Tier,
    ) -> Result<Results, Failure> {
        let session = Session {
            catalogue: Arc::clone(&self.catalogue),
            sut: reference()?,
            selection: select
                .map(|text| Selection::parse(text, &self.catalogue))
                .transpose()
                .map_err(|e| Failure::Harness(e.into()))?,
            tier,
            seed: self.seed,
            defects: defect.map(str::to_owned).into_iter().collect(),
            keep: false,
        };
        let folder: &Path = &self.out.join(defect.unwrap_or("honest"));
        let results = session
            .prepare(folder, Box::new(|_| ()))
            .await?
            .run(std::future::pending())
            .await
            .map_err(Failure::Harness)?;
        // A fault of ours shows nothing about a check, whatever the verdicts say.
        match results.faults.first() {
            Some(fault) => Err(Failure::Harness(anyhow::anyhow!(
                "the run of {}: {fault}",
                defect.unwrap_or("the honest reference")
            ))),
            None => Ok(results),
        }
    }
}

/// All of the test cases that name the defect, and the normative scenarios of the others, which must stay green. Everything if none
/// names it.
fn selection(expected: &[(String, DefectEffect)]) -> Option<String> {
    let ids: Vec<&str> = expected.iter().map(|(id, _)| id.as_str()).collect();
    (!ids.is_empty()).then(|| format!("{} or @normative", ids.join(" or ")))
}

fn due(effect: DefectEffect) -> Verdict {
    match effect {
        DefectEffect::Fails | DefectEffect::FailsInFull => Verdict::Fail,
        DefectEffect::Inconclusive => Verdict::Inconclusive,
    }
}

fn reference() -> Result<Loaded, Failure> {
    let mut loaded = profile::reference().map_err(Failure::Harness)?;
    loaded.profile.ixit.capacity.quick = CREATIONS;
    Ok(loaded)
}

fn names(case: &CaseResult) -> Vec<String> {
    let name = |line: usize| format!("{}:{line}", case.id);
    case.scenarios.iter().map(|s| name(s.line)).collect()
}

fn failures(case: &CaseResult) -> Vec<String> {
    case.scenarios
        .iter()
        .filter(|scenario| scenario.verdict == Verdict::Fail)
        .map(|scenario| format!("{}:{}", case.id, scenario.line))
        .collect()
}

/// One line as it happens, on standard error.
fn told(name: &str, verdict: Option<Verdict>) {
    use std::io::Write as _;
    let word = verdict.map_or("nothing was judged".to_owned(), |v| v.to_string());
    // A reader that closed the pipe has read enough.
    let _ = writeln!(std::io::stderr().lock(), "{word:<12} {name}");
}

impl Matrix {
    fn table(&self) -> String {
        let mut text = String::new();
        for (number, case) in self.cases.iter().enumerate() {
            let _ = writeln!(text, "({}) {case}", number + 1);
        }
        let numbers: Vec<String> = (1..=self.cases.len()).map(|n| format!("({n})")).collect();
        let _ = writeln!(text, "\n{:<38} {}", "defect", cells(&numbers));
        for row in &self.defects {
            let verdicts: Vec<String> = row
                .verdicts
                .iter()
                .map(|verdict| verdict.map_or("-".to_owned(), |v| v.to_string()))
                .collect();
            let remark = if row.killed && row.unexpected.is_empty() {
                format!("killed by {} scenario(s)", row.scenarios.len())
            } else if row.named_by.is_empty() {
                "NAMED BY NO TEST CASE".to_owned()
            } else if row.killed {
                format!("ALSO RED: {}", row.unexpected.join(", "))
            } else {
                "SURVIVED".to_owned()
            };
            let _ = writeln!(text, "{:<38} {} {remark}", row.name, cells(&verdicts));
        }
        for scenario in self.never_failed.iter().flatten() {
            let _ = writeln!(text, "never seen to fail: {scenario}");
        }
        let honest = self
            .honest
            .map_or("nothing was judged".to_owned(), |v| v.to_string());
        let killed = self.defects.iter().filter(|row| row.killed).count();
        let _ = write!(
            text,
            "\nhonest reference: {honest}; {killed} of {} defects killed",
            self.defects.len(),
        );
        let _ = match &self.never_failed {
            Some(list) => writeln!(text, "; {} scenario(s) never seen to fail", list.len()),
            None => writeln!(text),
        };
        text
    }
}

fn cells(texts: &[String]) -> String {
    texts.iter().map(|text| format!("{text:<13}")).collect()
}
