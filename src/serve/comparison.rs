//! What changed between two runs: [`page`]. As `scas diff` finds it.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::pages::{VerdictView, link};
use super::trouble::Trouble;
use super::{App, aside};
use crate::compare::{
    Change, Comparison, ExchangesChanged, Side, Standing, VerdictChange, compare,
};
use crate::model::verdict::Verdict;
use crate::pack::{Limits, Pack};

/// Entries of a list that are shown; the rest is counted.
const SHOWN: usize = 500;

/// Two runs by the names of their folders.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Wanted {
    before: String,
    after: String,
}

#[derive(Serialize)]
struct ComparisonView {
    before: Chosen,
    after: Chosen,
    /// What is the same, and what is not.
    parts: Vec<Part>,
    worse: bool,
    standings: Vec<(&'static str, usize)>,
    verdicts: List<VerdictRow>,
    timings: List<Timed>,
    exchanges: List<ExchangesChanged>,
    swapped: String,
}

#[derive(Serialize)]
struct Chosen {
    folder: String,
    open: Option<String>,
}

#[derive(Serialize)]
struct Part {
    name: &'static str,
    changes: Vec<Change>,
}

#[derive(Serialize)]
struct List<T> {
    shown: Vec<T>,
    left_out: usize,
}

#[derive(Serialize)]
struct VerdictRow {
    standing: VerdictView,
    case: String,
    line: usize,
    name: String,
    normative: bool,
    before: VerdictView,
    after: VerdictView,
    reason: String,
}

#[derive(Serialize)]
struct Timed {
    scenario: String,
    before: String,
    after: String,
}

/// Answers with what changed.
pub async fn page(
    State(app): State<Arc<App>>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Trouble> {
    aside(move || {
        if wanted.before.is_empty() || wanted.after.is_empty() {
            let what = "choose two runs in the list: one in the column 'before', one in the column 'after'";
            return Err(Trouble::new(axum::http::StatusCode::BAD_REQUEST, what));
        }
        let before = side(&app, &wanted.before)?;
        let after = side(&app, &wanted.after)?;
        let found = compare(&before, &after).map_err(|error| Trouble::nothing_here(format!("{error:#}")))?;
        app.pages.draw("compare.html", view(&wanted, found))
    })
    .await
}

fn side(app: &App, name: &str) -> Result<Side, Trouble> {
    let not_read = |error: anyhow::Error| {
        Trouble::nothing_here(format!("{name} cannot be compared: {error:#}"))
    };
    // It is a folder of its own, and no link to one elsewhere; what lies in it, the pack looks at.
    let folder = app
        .runs
        .folder(name)
        .map_err(|error| not_read(error.into()))?;
    let pack =
        Pack::open(folder.path(), Limits::default()).map_err(|error| not_read(error.into()))?;
    Side::read(pack).map_err(not_read)
}

fn view(wanted: &Wanted, found: Comparison) -> ComparisonView {
    let worse = found.is_worse();
    let of = |standing| {
        found
            .verdicts
            .iter()
            .filter(|one| one.standing == standing)
            .count()
    };
    let standings = vec![
        ("worse", of(Standing::Worse)),
        ("better", of(Standing::Better)),
        ("hold (judged again, the same)", of(Standing::Holds)),
        (
            "stand (not judged again, nothing that they depend on changed)",
            of(Standing::Stands),
        ),
        (
            "open (not judged again, something changed)",
            of(Standing::Open),
        ),
        ("new", of(Standing::New)),
    ];
    let mut changed: Vec<&VerdictChange> = found
        .verdicts
        .iter()
        .filter(|one| place(one.standing).is_some())
        .collect();
    changed.sort_by_key(|one| place(one.standing));
    let timings = found
        .timings
        .iter()
        .filter(|one| one.is_notable())
        .map(|one| Timed {
            scenario: one.scenario.clone(),
            before: format!("{:.1}", one.before),
            after: format!("{:.1}", one.after),
        });
    ComparisonView {
        worse,
        standings,
        verdicts: List::of(changed.into_iter().map(row).collect()),
        timings: List::of(timings.collect()),
        exchanges: List::of(found.exchanges),
        parts: vec![
            Part::new("Product", found.product),
            Part::new("Suite", found.suite),
            Part::new("Configuration", found.configuration),
            Part::new("Environment", found.environment),
        ],
        swapped: swapped(wanted),
        before: Chosen::new(&wanted.before),
        after: Chosen::new(&wanted.after),
    }
}

fn swapped(wanted: &Wanted) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query
        .append_pair("before", &wanted.after)
        .append_pair("after", &wanted.before);
    format!("/compare?{}", query.finish())
}

impl Part {
    fn new(name: &'static str, changes: Vec<Change>) -> Self {
        Self { name, changes }
    }
}

impl Chosen {
    fn new(name: &str) -> Self {
        Self {
            folder: name.to_owned(),
            open: link("/runs", name).map(|link| format!("{link}/")),
        }
    }
}

impl<T> List<T> {
    fn of(mut all: Vec<T>) -> Self {
        let left_out = all.len().saturating_sub(SHOWN);
        all.truncate(SHOWN);
        Self {
            shown: all,
            left_out,
        }
    }
}

/// Where a verdict stands among those that are told; none if it is as it was.
fn place(standing: Standing) -> Option<usize> {
    match standing {
        Standing::Worse => Some(0),
        Standing::Better => Some(1),
        Standing::New => Some(2),
        Standing::Open => Some(3),
        Standing::Holds | Standing::Stands => None,
    }
}

fn row(one: &VerdictChange) -> VerdictRow {
    let (word, class) = match one.standing {
        Standing::Worse => ("worse", "fail"),
        Standing::Better => ("better", "pass"),
        Standing::Open => ("open", "inconclusive"),
        Standing::New => ("new", "none"),
        Standing::Holds => ("holds", "none"),
        Standing::Stands => ("stands", "none"),
    };
    let told = |verdict: Option<Verdict>| match verdict {
        Some(_) => verdict.into(),
        None => VerdictView::word("not run", "none"),
    };
    VerdictRow {
        standing: VerdictView::word(word, class),
        case: one.case.clone(),
        line: one.line,
        name: one.name.clone(),
        normative: one.normative,
        before: told(one.before),
        after: told(one.after),
        reason: one.reason.clone(),
    }
}
