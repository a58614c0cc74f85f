//! A run under way: [`page`] as it stands, and [`events`] as they are appended.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::{Deserialize, Serialize};

use super::pages::{VerdictView, link, told};
use super::stream::{Teller, stream};
use super::summary::Summary;
use super::tail::Tail;
use super::trouble::Trouble;
use super::watch::Watch;
use super::writers::is_written;
use super::{App, aside};
use crate::model::event::ScenarioId;
use crate::model::verdict::Verdict;
use crate::report::fold;
use crate::report::record::{EVENTS, Record};
use crate::report::results::{Results, ScenarioResult};

#[derive(Serialize)]
struct LiveView {
    run: String,
    product: Option<String>,
    started: Option<String>,
    under_way: bool,
    /// How it came to its end, if it has.
    end: Option<End>,
    /// Its files, its report among them.
    open: String,
    /// Where the events after those that are shown come from.
    events: String,
    rows: Vec<Row>,
    done: usize,
    /// How many of those did not pass.
    red: usize,
}

#[derive(Serialize)]
struct Row {
    case: String,
    line: usize,
    name: String,
    normative: bool,
    state: VerdictView,
}

/// How a run ended.
#[derive(Serialize)]
struct End {
    /// `finished`, `interrupted` or `gone`.
    how: &'static str,
    told: String,
    report: bool,
}

/// From where on events are wanted.
#[derive(Deserialize)]
pub struct From {
    #[serde(default)]
    from: u64,
}

/// Leads to the run that is under way; if there is none, to a page that waits for the next.
pub async fn next(State(app): State<Arc<App>>) -> Result<Response, Trouble> {
    aside(move || {
        let listing = app.runs.list();
        let listing = listing.map_err(|error| Trouble::ours(error.into()))?;
        let newest = listing.runs.iter().find(|run| run.under_way);
        match newest.and_then(|run| link("/live", &run.folder)) {
            Some(link) => Ok(Redirect::to(&link).into_response()),
            None => app.pages.draw("next.html", ()),
        }
    })
    .await
}

/// Answers with a run as it stands.
pub async fn page(
    State(app): State<Arc<App>>,
    Path(run): Path<String>,
) -> Result<Response, Trouble> {
    aside(move || {
        let view = view(&app, &run)?;
        app.pages.draw("live.html", view)
    })
    .await
}

fn view(app: &App, run: &str) -> Result<LiveView, Trouble> {
    let not_shown = |error: &dyn std::fmt::Display| {
        Trouble::nothing_here(format!("{run} is not shown: {error}"))
    };
    let folder = app.runs.folder(run).map_err(|error| not_shown(&error))?;
    let (open, live) = (link("/runs", run), link("/live", run));
    let (Some(open), Some(live)) = (open, live) else {
        return Err(not_shown(&"its name leads elsewhere"));
    };
    // Asked before it is read: a run that ends meanwhile is told by the events.
    let under_way = match folder.file(EVENTS) {
        Ok(events) => is_written(&events),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Ok(LiveView {
                run: run.to_owned(),
                product: None,
                started: None,
                under_way: true,
                end: None,
                open: format!("{open}/"),
                events: format!("{live}/events?from=0"),
                rows: Vec::new(),
                done: 0,
                red: 0,
            });
        }
        Err(error) => return Err(not_shown(&error)),
    };
    let read = |name: &str| {
        folder
            .read(name)
            .map_err(|error| not_shown(&format!("{name}: {error}")))
    };
    let (info, events) = (read("run.json")?, read(EVENTS)?);
    let record = Record::parse(std::path::Path::new(run), &info, &events);
    let record = record.map_err(|error| not_shown(&format!("{error:#}")))?;
    let results = fold::results(&record);
    let (ended, open_scenarios) = fold::ended_and_open(&record);
    let whole = events
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |last| last + 1);
    let end = (!under_way).then(|| {
        let report = folder.file("index.html").is_ok();
        end(
            results.interrupted.as_deref(),
            results.ended.is_some(),
            report,
        )
    });
    Ok(LiveView {
        product: Some(format!(
            "{} {}",
            record.run.sut.name, record.run.sut.version
        )),
        started: Some(told(record.run.started)),
        run: run.to_owned(),
        under_way,
        end,
        open: format!("{open}/"),
        events: format!("{live}/events?from={whole}"),
        done: ended.len(),
        red: scenarios(&results)
            .filter(|(id, one)| ended.contains(id) && one.verdict != Verdict::Pass)
            .count(),
        rows: rows(&results, &ended, &open_scenarios, under_way),
    })
}

fn scenarios(results: &Results) -> impl Iterator<Item = (ScenarioId, &ScenarioResult)> {
    results.cases.iter().flat_map(|case| {
        case.scenarios.iter().map(|one| {
            let id = ScenarioId {
                case: case.id.clone(),
                line: one.line,
            };
            (id, one)
        })
    })
}

/// Every planned scenario with what is known of it now.
fn rows(
    results: &Results,
    ended: &BTreeSet<ScenarioId>,
    open: &BTreeSet<ScenarioId>,
    under_way: bool,
) -> Vec<Row> {
    scenarios(results)
        .map(|(id, one)| Row {
            state: if ended.contains(&id) || !under_way {
                Some(one.verdict).into()
            } else if open.contains(&id) {
                VerdictView::word("under way", "under-way")
            } else {
                VerdictView::word("to come", "none")
            },
            case: id.case,
            line: id.line,
            name: one.name.clone(),
            normative: one.normative,
        })
        .collect()
}

fn end(interrupted: Option<&str>, ended: bool, report: bool) -> End {
    let (how, told) = match (interrupted, ended) {
        (None, _) => ("finished", "The run came to its end.".to_owned()),
        (Some(why), true) => (
            "interrupted",
            format!("The run did not come to its end: {why}."),
        ),
        (Some(why), false) => ("gone", format!("Whoever ran it is gone: {why}.")),
    };
    End { how, told, report }
}

/// Answers with the events of a run as they are appended, and `end` when nobody writes it any more.
pub async fn events(
    State(app): State<Arc<App>>,
    Path(run): Path<String>,
    Query(From { from }): Query<From>,
    headers: HeaderMap,
) -> Result<Response, Trouble> {
    if let Err(error) = app.runs.folder(&run) {
        return Err(Trouble::nothing_here(format!(
            "{run} is not shown: {error}"
        )));
    }
    // A browser that has lost its connection says how far it has come.
    let last = headers.get("last-event-id");
    let last = last.and_then(|last| last.to_str().ok()?.parse().ok());
    let from = last.unwrap_or(from);
    Ok(stream(
        Arc::clone(&app),
        async move |teller: Arc<Teller>| follow(&app, &run, from, &teller).await,
    ))
}

async fn follow(app: &Arc<App>, run: &str, from: u64, teller: &Teller) -> anyhow::Result<()> {
    let folder = app.runs.folder(run)?;
    // Watched before it is looked at: nothing falls in between.
    let watch = Watch::new()?;
    watch.add(folder.path())?;
    let events = loop {
        match folder.file(EVENTS) {
            Ok(events) => break events,
            Err(error) if error.kind() == ErrorKind::NotFound => watch.next().await?,
            Err(error) => return Err(error.into()),
        };
    };
    let mut tail = Tail::new(events, from)?;
    // A lock is of an opening, so each asks with its own.
    if is_written(&folder.file(EVENTS)?) {
        let mut gone = std::pin::pin!(app.writers.gone(folder.file(EVENTS)?)?);
        loop {
            tell_all(&mut tail, teller).await?;
            tokio::select! {
                changed = watch.next() => { changed?; }
                () = &mut gone => break,
            }
        }
    }
    tell_all(&mut tail, teller).await?;
    let (shared, name) = (Arc::clone(app), run.to_owned());
    let end = tokio::task::spawn_blocking(move || {
        let report = folder.file("index.html").is_ok();
        match shared.runs.one(&name).map(|run| run.summary) {
            Ok(summary) => ended(&summary, report),
            Err(reason) => end(Some(&reason), false, report),
        }
    });
    teller.tell("end", None, end.await?).await
}

fn ended(summary: &Summary, report: bool) -> End {
    end(
        summary.interrupted.as_deref(),
        summary.ended.is_some(),
        report,
    )
}

async fn tell_all(tail: &mut Tail, teller: &Teller) -> anyhow::Result<()> {
    loop {
        let told = tail.read()?;
        if told.is_empty() {
            return Ok(());
        }
        for told in told {
            teller.tell("record", Some(told.next), &told.event).await?;
        }
    }
}
