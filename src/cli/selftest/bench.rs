//! Runs the suite on the reference, honest and with each defect: [`Bench`].

use std::cell::Cell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::stream::{self, StreamExt as _};

use super::super::softhsm::Token;
use super::super::{Failure, error};
use super::matrix::{Matrix, Row};
use crate::catalogue::Catalogue;
use crate::catalogue::Selection;
use crate::context::Tier;
use crate::model::test_case::DefectEffect;
use crate::model::verdict::Verdict;
use crate::profile::{self, Loaded};
use crate::report::results::CaseResult;
use crate::report::terminal::visible;
use crate::session::Session;

/// Creations of a quick run here: enough for every defect that needs no more to show.
const CREATIONS: u64 = 300;
/// Runs under way at once for each processor, every one in a process of its own: most of the time one waits, for a deadline of the
/// product's or the disk.
const AT_ONCE: usize = 3;
/// What is said where there is no token.
const NO_TOKEN: &str = "NOT RUN: the test cases of a PKCS#11 token; there is no softhsm2 (on Debian: apt-get install softhsm2)";

/// How much of a test case is run on a defect that it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    /// The extended scenarios only if the normative ones have not caught it.
    Brief,
    /// All scenarios.
    Whole,
}

/// Where runs are made.
pub(super) struct Bench {
    pub(super) catalogue: Arc<Catalogue>,
    pub(super) out: PathBuf,
    pub(super) seed: u64,
    pub(super) features: Option<PathBuf>,
}

impl Bench {
    /// The rows of these defects, run in this process.
    pub(super) async fn rows_here(
        &self,
        names: &[String],
        depth: Depth,
    ) -> Result<Vec<Row>, Failure> {
        let wanted = scas_reference::defect::all()
            .iter()
            .filter(|defect| names.iter().any(|name| name == defect.name));
        let mut rows = Vec::new();
        for defect in wanted {
            rows.push(self.defect(defect.name, defect.summary, depth).await?);
        }
        Ok(rows)
    }

    /// The row of a defect, from a process of its own: scenarios that look into the product's processes take turns within one.
    async fn elsewhere(&self, name: &str, depth: Depth) -> Result<Row, Failure> {
        let failed = |error: anyhow::Error| {
            Failure::Harness(error.context(format!("the run of {name} in a process of its own")))
        };
        let program = std::env::current_exe().map_err(|error| failed(error.into()))?;
        let mut command = tokio::process::Command::new(program);
        command.args(["selftest", "--row", "--defect", name]);
        if depth == Depth::Brief {
            command.arg("--brief");
        }
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

    /// Everything, or these defects only.
    pub(super) async fn matrix(&self, only: &[String]) -> Result<Matrix, Failure> {
        let honest = self.honest().await?;
        let mut unseen: BTreeSet<String> = honest.iter().flat_map(names).collect();
        let verdict = honest.iter().filter_map(CaseResult::worst).max();
        told("honest reference", verdict);
        let honest_reasons: Vec<String> = honest.iter().flat_map(reasons).collect();
        let depth = if only.is_empty() {
            Depth::Brief
        } else {
            Depth::Whole
        };
        let all = scas_reference::defect::all()
            .iter()
            .map(|defect| defect.name);
        let mut wanted: Vec<&str> = all
            .filter(|name| only.is_empty() || only.iter().any(|one| one == name))
            .collect();
        // What takes longest begins first, so that nothing is waited for alone in the end.
        wanted.sort_by_key(|name| std::cmp::Reverse(self.weight(name)));
        let mut rows: Vec<Row> = Vec::new();
        let mut running = stream::iter(wanted)
            .map(|name| self.elsewhere(name, depth))
            .buffer_unordered(at_once());
        while let Some(row) = running.next().await {
            let row = row?;
            told(&row.name, row.verdicts.iter().flatten().copied().max());
            unseen.retain(|scenario| !row.scenarios.contains(scenario));
            rows.push(row);
        }
        drop(running);
        if only.is_empty() {
            self.complete(&mut rows, &mut unseen).await?;
        }
        let place = |row: &Row| {
            let mut all = scas_reference::defect::all().iter();
            all.position(|defect| defect.name == row.name)
        };
        rows.sort_by_key(place);
        let never_failed = only
            .is_empty()
            .then(|| unseen.into_iter().collect::<Vec<_>>());
        let ok = verdict == Some(Verdict::Pass)
            && never_failed.as_ref().is_none_or(Vec::is_empty)
            && rows.iter().all(|row| {
                row.not_run.is_some() && !must_run() || row.killed && row.unexpected.is_empty()
            });
        Ok(Matrix {
            suite_digest: self.catalogue.digest().to_owned(),
            tool_version: env!("CARGO_PKG_VERSION"),
            ok,
            honest: verdict,
            honest_reasons,
            cases: honest.iter().map(|case| case.id.clone()).collect(),
            defects: rows,
            never_failed,
        })
    }

    /// Tries scenarios that nothing has turned red with defects that their test case names and whose extended scenarios were left
    /// out, until each has been seen red or there is no such defect left.
    async fn complete(
        &self,
        rows: &mut [Row],
        unseen: &mut BTreeSet<String>,
    ) -> Result<(), Failure> {
        let open = |row: &Row, unseen: &BTreeSet<String>| {
            let of = |scenario: &&String| {
                let case = scenario.rsplit_once(':').map(|(case, _)| case);
                row.left_out.iter().any(|id| Some(id.as_str()) == case)
            };
            unseen.iter().filter(of).count()
        };
        let mut candidates: Vec<(usize, String)> = rows
            .iter()
            .map(|row| (open(row, unseen), row.name.clone()))
            .filter(|(open, _)| *open > 0)
            .collect();
        candidates.sort_by(|(a, one), (b, other)| b.cmp(a).then(one.cmp(other)));
        // Those under way when the last is seen are waited for: a run that is cut off leaves its folders behind.
        let goes_on = Cell::new(!unseen.is_empty());
        let mut running = stream::iter(candidates)
            .take_while(|_| std::future::ready(goes_on.get()))
            .map(|(_, name)| async move { self.elsewhere(&name, Depth::Whole).await })
            .buffer_unordered(at_once());
        while let Some(row) = running.next().await {
            let row = row?;
            told(
                &format!("{}, all scenarios", row.name),
                row.verdicts.iter().flatten().copied().max(),
            );
            unseen.retain(|scenario| !row.scenarios.contains(scenario));
            goes_on.set(!unseen.is_empty());
            if let Some(place) = rows.iter_mut().find(|known| known.name == row.name) {
                *place = row;
            }
        }
        Ok(())
    }

    /// How long the run of a defect may take, in a measure that only compares.
    fn weight(&self, name: &str) -> usize {
        let expected = self.expected(name);
        let weights = expected.iter().map(|(id, effect)| match effect {
            DefectEffect::FailsInFull => 1000,
            _ => self.catalogue.case(id).map_or(0, |case| {
                // Those that run alone wait for deadlines.
                let alone = case.scenarios.iter().filter(|scenario| scenario.serial);
                1 + 10 * alone.count()
            }),
        });
        weights.sum()
    }

    async fn honest(&self) -> Result<Vec<CaseResult>, Failure> {
        let mut cases = self.suite(None, None, Tier::Quick).await?;
        let of_token = self.of_token();
        if of_token.is_empty() {
            return Ok(cases);
        }
        if Token::is_possible() {
            let select = of_token.join(" or ");
            let with_token = self.suite(None, Some(&select), Tier::Quick).await?;
            replace(&mut cases, with_token);
        } else {
            error(NO_TOKEN);
        }
        Ok(cases)
    }

    /// The test cases that want the product's keys in a token.
    fn of_token(&self) -> Vec<&str> {
        let cases = self.catalogue.cases.iter();
        cases
            .filter(|case| case.applicability.items().contains(&profile::IN_TOKEN))
            .map(|case| case.id.as_str())
            .collect()
    }

    async fn defect(&self, name: &str, summary: &str, depth: Depth) -> Result<Row, Failure> {
        let expected = self.expected(name);
        let of_token = self.of_token();
        let wants_token = expected
            .iter()
            .any(|(id, _)| of_token.contains(&id.as_str()));
        let only_token = expected
            .iter()
            .all(|(id, _)| of_token.contains(&id.as_str()));
        let cannot = wants_token && !Token::is_possible();
        let (mut results, left_out) = self.quick(name, &expected, depth).await?;
        if wants_token && !cannot {
            let select = of_token.join(" or ");
            let with_token = self.suite(Some(name), Some(&select), Tier::Quick).await?;
            replace(&mut results, with_token);
        }
        for (id, effect) in &expected {
            if *effect == DefectEffect::FailsInFull {
                let again = self.suite(Some(name), Some(id), Tier::Full).await?;
                replace(&mut results, again);
            }
        }
        let expected: Vec<_> = expected
            .into_iter()
            .filter(|(id, _)| !(cannot && of_token.contains(&id.as_str())))
            .collect();
        let verdict = |id: &str| {
            let case = results.iter().find(|case| case.id == id);
            case.and_then(CaseResult::worst)
        };
        let effect = |id: &str| {
            let mut all = expected.iter();
            all.find(|(known, _)| known == id)
                .map(|(_, effect)| *effect)
        };
        let as_expected = |(id, effect): &(String, DefectEffect)| verdict(id) == Some(due(*effect));
        let catching: Vec<&String> = expected
            .iter()
            .filter(|(_, effect)| due(*effect) == Verdict::Fail)
            .map(|(id, _)| id)
            .collect();
        let as_it_should = |case: &&CaseResult| match effect(&case.id) {
            Some(effect) => case.worst() == Some(due(effect)),
            None => case.worst().is_none_or(|verdict| verdict == Verdict::Pass),
        };
        let odd = results.iter().filter(|case| !as_it_should(case));
        let reasons = odd.flat_map(reasons).collect();
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
            named_by: expected.iter().map(|(id, _)| id.clone()).collect(),
            unexpected,
            reasons,
            scenarios: results.iter().flat_map(failures).collect(),
            verdicts: results.iter().map(CaseResult::worst).collect(),
            left_out,
            not_run: (cannot && only_token).then(|| NO_TOKEN.to_owned()),
        })
    }

    /// The quick tier, without a token: the normative scenarios of every test case, and the extended ones of those that name the
    /// defect. Second, the test cases whose extended scenarios were left out because the normative ones have said enough.
    async fn quick(
        &self,
        name: &str,
        expected: &[(String, DefectEffect)],
        depth: Depth,
    ) -> Result<(Vec<CaseResult>, Vec<String>), Failure> {
        if depth == Depth::Whole || expected.is_empty() {
            let select = selection(expected);
            let results = self
                .suite(Some(name), select.as_deref(), Tier::Quick)
                .await?;
            return Ok((results, Vec::new()));
        }
        let mut results = self
            .suite(Some(name), Some("@normative"), Tier::Quick)
            .await?;
        let is_caught = |id: &str| {
            let mut cases = results.iter().filter(|case| case.id == id);
            cases.any(|case| case.worst() == Some(Verdict::Fail))
        };
        let of_token = self.of_token();
        let (mut caught, mut open) = (Vec::new(), Vec::new());
        for (id, effect) in expected {
            if of_token.contains(&id.as_str()) {
                continue;
            }
            match effect {
                DefectEffect::Fails if is_caught(id) => caught.push(id.clone()),
                // The full tier repeats them.
                DefectEffect::FailsInFull => {}
                _ => open.push(id.as_str()),
            }
        }
        if !open.is_empty() {
            let select = format!("({}) and @extended", open.join(" or "));
            for case in self.suite(Some(name), Some(&select), Tier::Quick).await? {
                if let Some(known) = results.iter_mut().find(|known| known.id == case.id) {
                    known.extended = case.extended;
                    known.scenarios.extend(case.scenarios);
                }
            }
        }
        Ok((results, caught))
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
    ) -> Result<Vec<CaseResult>, Failure> {
        let wants_token = select.is_some_and(|text| text == self.of_token().join(" or "));
        let token = match wants_token {
            true => Some(Token::new().map_err(Failure::Harness)?),
            false => None,
        };
        let session = Session {
            catalogue: Arc::clone(&self.catalogue),
            sut: reference(token.as_ref())?,
            selection: select
                .map(|text| Selection::parse(text, &self.catalogue))
                .transpose()
                .map_err(|e| Failure::Harness(e.into()))?,
            tier,
            seed: self.seed,
            defects: defect.map(str::to_owned).into_iter().collect(),
            operator: crate::operator::Operator::default(),
            keep: false,
            with_secrets: false,
            selftest: None,
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
            None => Ok(results.cases),
        }
    }
}

/// In CI nothing may be left out.
fn must_run() -> bool {
    std::env::var("CI").as_deref() == Ok("true")
}

fn at_once() -> usize {
    AT_ONCE * std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Why the scenarios of a test case did not pass, `case:line verdict: reason`.
fn reasons(case: &CaseResult) -> Vec<String> {
    let bad = case.scenarios.iter();
    let bad = bad.filter(|scenario| scenario.verdict != Verdict::Pass);
    bad.map(|one| {
        format!(
            "{}:{} {}: {}",
            case.id,
            one.line,
            one.verdict,
            visible(&one.reason)
        )
    })
    .collect()
}

/// Puts results of the same test cases in the place of earlier ones.
fn replace(results: &mut [CaseResult], later: Vec<CaseResult>) {
    for case in later {
        if let Some(place) = results.iter_mut().find(|known| known.id == case.id) {
            *place = case;
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

fn reference(token: Option<&Token>) -> Result<Loaded, Failure> {
    let loaded = match token {
        Some(token) => token.reference(),
        None => profile::reference(),
    };
    let mut loaded = loaded.map_err(Failure::Harness)?;
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
