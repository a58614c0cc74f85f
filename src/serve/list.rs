//! The list of runs: [`page`]. It is filtered by the query, so that a filter can be kept and sent as a link.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use serde::{Deserialize, Serialize};

use super::pages::{VerdictView, link, told};
use super::runs::{Listing, Run, Strange};
use super::summary::Summary;
use super::trouble::Trouble;
use super::{App, aside};

/// Runs on one page.
const SHOWN: usize = 200;

/// Folders that are no runs and are named; the rest is counted.
const STRANGE_SHOWN: usize = 200;

/// What is wanted; what is empty does not matter.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Wanted {
    /// One of [`STATES`].
    verdict: String,
    /// The product's name.
    product: String,
    /// Words, all of which stand in the row.
    text: String,
    /// From 1.
    page: String,
}

/// What a run can be asked for by: in the query, in words.
const STATES: [(&str, &str); 7] = [
    ("pass", "Pass"),
    ("fail", "Fail"),
    ("inconclusive", "Inconclusive"),
    ("error", "Error"),
    ("none", "nothing was judged"),
    ("under-way", "under way"),
    ("interrupted", "interrupted"),
];

#[derive(Serialize)]
struct ListView {
    folder: String,
    wanted: Wanted,
    filtered: bool,
    states: [(&'static str, &'static str); 7],
    products: BTreeSet<String>,
    rows: Vec<Row>,
    found: usize,
    total: usize,
    page: usize,
    pages: usize,
    newer: Option<String>,
    older: Option<String>,
    strange: Vec<Strange>,
    strange_left_out: usize,
}

/// A run in the list.
#[derive(Serialize)]
struct Row {
    folder: String,
    /// What the record calls it, if that is another name.
    calls_itself: Option<String>,
    open: Option<String>,
    live: Option<String>,
    product: String,
    vendor: String,
    verdict: VerdictView,
    under_way: bool,
    planned: usize,
    done: usize,
    cases: String,
    extended: String,
    started: String,
    duration: Option<String>,
    tier: String,
    defects: String,
    selection: String,
    interrupted: Option<String>,
    resumed: usize,
    faults: usize,
    waived: usize,
}

/// Answers with the list.
pub async fn page(
    State(app): State<Arc<App>>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Trouble> {
    aside(move || {
        let listing = app.runs.list().map_err(|error| {
            Trouble::nothing_here(format!("{}: {error}", app.runs.root().display()))
        })?;
        let folder = app.runs.root().display().to_string();
        app.pages.draw("list.html", view(folder, listing, wanted))
    })
    .await
}

fn view(folder: String, listing: Listing, wanted: Wanted) -> ListView {
    let Listing { runs, mut strange } = listing;
    let total = runs.len();
    let products = runs.iter().map(|run| run.summary.name.clone()).collect();
    let found: Vec<&Run> = runs.iter().filter(|run| wanted.wants(run)).collect();
    let pages = found.len().div_ceil(SHOWN).max(1);
    let page = wanted.page.parse().unwrap_or(1).clamp(1, pages);
    let to = |page: usize| {
        let query = Wanted {
            page: page.to_string(),
            ..wanted.clone()
        };
        query.link()
    };
    let strange_left_out = strange.len().saturating_sub(STRANGE_SHOWN);
    strange.truncate(STRANGE_SHOWN);
    ListView {
        rows: found
            .iter()
            .skip((page - 1) * SHOWN)
            .take(SHOWN)
            .map(|run| row(run))
            .collect(),
        newer: (page > 1).then(|| to(page - 1)),
        older: (page < pages).then(|| to(page + 1)),
        found: found.len(),
        filtered: found.len() < total || wanted.link() != Wanted::default().link(),
        folder,
        states: STATES,
        products,
        total,
        page,
        pages,
        wanted,
        strange,
        strange_left_out,
    }
}

impl Wanted {
    fn wants(&self, run: &Run) -> bool {
        let summary = &run.summary;
        let verdict = match self.verdict.as_str() {
            "" => true,
            "under-way" => run.under_way,
            "interrupted" => is_interrupted(run),
            wanted => !run.under_way && VerdictView::from(summary.verdict).class == wanted,
        };
        verdict
            && (self.product.is_empty() || self.product == summary.name)
            && holds_all(&haystack(run), &self.text)
    }

    fn link(&self) -> String {
        let all = [
            ("verdict", &self.verdict),
            ("product", &self.product),
            ("text", &self.text),
            ("page", &self.page),
        ];
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let given = all.into_iter().filter(|(_, value)| !value.is_empty());
        format!("/?{}", query.extend_pairs(given).finish())
    }
}

fn is_interrupted(run: &Run) -> bool {
    !run.under_way && run.summary.interrupted.is_some()
}

/// What the words are looked for in.
fn haystack(run: &Run) -> String {
    let Summary {
        id,
        product,
        vendor,
        tier,
        selection,
        defects,
        ..
    } = run.summary.as_ref();
    let defects = defects.join(" ");
    let all = [&run.folder, id, product, vendor, tier, selection, &defects];
    all.map(|text| text.to_lowercase()).join("\n")
}

fn holds_all(text: &str, words: &str) -> bool {
    let words = words.to_lowercase();
    words.split_whitespace().all(|word| text.contains(word))
}

fn row(run: &Run) -> Row {
    let summary = &run.summary;
    let tally = |tally: &crate::report::results::Tally| {
        let told = [
            (tally.pass, "passed"),
            (tally.fail, "failed"),
            (tally.inconclusive, "inconclusive"),
            (tally.error, "errors"),
            (tally.not_applicable, "not applicable"),
        ];
        let told = told.iter().filter(|(many, _)| *many > 0);
        let told: Vec<String> = told.map(|(many, what)| format!("{many} {what}")).collect();
        if told.is_empty() {
            "none".to_owned()
        } else {
            told.join(", ")
        }
    };
    Row {
        folder: run.folder.clone(),
        calls_itself: (summary.id != run.folder).then(|| summary.id.clone()),
        open: link("/runs", &run.folder).map(|link| format!("{link}/")),
        live: link("/live", &run.folder),
        product: summary.product.clone(),
        vendor: summary.vendor.clone(),
        verdict: match run.under_way {
            true => so_far(summary),
            false => summary.verdict.into(),
        },
        under_way: run.under_way,
        planned: summary.planned,
        done: summary.done,
        cases: tally(&summary.cases),
        extended: tally(&summary.extended),
        started: told(summary.started),
        duration: summary
            .ended
            .filter(|_| !run.under_way)
            .map(|ended| duration(ended.duration_since(summary.started).as_secs())),
        tier: summary.tier.clone(),
        defects: summary.defects.join(", "),
        selection: summary.selection.clone(),
        interrupted: summary.interrupted.clone().filter(|_| is_interrupted(run)),
        resumed: summary.resumed,
        faults: summary.faults,
        waived: summary.waived,
    }
}

/// A run under way has no verdict; what did not pass already will not be mended by the rest.
fn so_far(summary: &Summary) -> VerdictView {
    match summary.so_far {
        Some(verdict) if verdict.exit_code() != 0 => {
            let VerdictView { word, class } = Some(verdict).into();
            VerdictView::word(&format!("{word} so far"), &class)
        }
        _ => VerdictView::word("under way", "under-way"),
    }
}

fn duration(seconds: i64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_a_link_and_durations_are_read_at_a_glance() {
        let wanted = Wanted {
            product: "a&b=c".into(),
            page: "2".into(),
            ..Wanted::default()
        };
        assert_eq!(wanted.link(), "/?product=a%26b%3Dc&page=2");
        assert_eq!(
            [duration(9), duration(83), duration(3723)],
            ["9 s", "1 min 23 s", "1 h 2 min"]
        );
        assert!(holds_all("tacker 16\nquick", "Quick TACK"));
        assert!(!holds_all("tacker 16", "tacker 17"));
    }
}
