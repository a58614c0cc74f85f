//! `scas diff`: what changed between two runs.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::{Failure, Outcome};
use crate::compare::{Change, Comparison, Side, Standing, VerdictChange, compare};
use crate::pack::{Limits, Pack};

/// Entries of a list that are written out; the rest is counted.
const SHOWN: usize = 20;

/// Says what changed between two runs, and which of the earlier verdicts still hold.
///
/// Exit codes: 0 no verdict is worse, 1 some is, 64 usage.
#[derive(clap::Args)]
pub struct Args {
    /// The earlier run: its folder, or a container
    #[arg(value_name = "BEFORE")]
    before: PathBuf,
    /// The later run
    #[arg(value_name = "AFTER")]
    after: PathBuf,
    /// Print what changed as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the subcommand.
pub fn run(args: &Args) -> Outcome {
    let side =
        |path: &Path| -> anyhow::Result<Side> { Side::read(Pack::open(path, Limits::default())?) };
    let before = side(&args.before).map_err(Failure::Usage)?;
    let after = side(&args.after).map_err(Failure::Usage)?;
    let found = compare(&before, &after).map_err(Failure::Usage)?;
    if args.json {
        super::print_json(&found)?;
    } else {
        super::print(&text(&found));
    }
    Ok(u8::from(found.is_worse()))
}

fn text(found: &Comparison) -> String {
    let mut text = format!("before: {}\nafter:  {}\n", found.before, found.after);
    for (name, changes) in [
        ("product", &found.product),
        ("suite", &found.suite),
        ("configuration", &found.configuration),
        ("environment", &found.environment),
    ] {
        listed(&mut text, name, changes.iter().map(change));
    }
    let changed = found
        .verdicts
        .iter()
        .filter(|one| !matches!(one.standing, Standing::Holds | Standing::Stands));
    // What was judged again first: many that were not would hide it.
    let mut changed: Vec<&VerdictChange> = changed.collect();
    changed.sort_by_key(|one| match one.standing {
        Standing::Worse => 0,
        Standing::Better => 1,
        Standing::New => 2,
        Standing::Open | Standing::Holds | Standing::Stands => 3,
    });
    listed(&mut text, "verdicts", changed.into_iter().map(verdict));
    let notable = found.timings.iter().filter(|one| one.is_notable());
    listed(
        &mut text,
        "timings",
        notable.map(|one| {
            format!(
                "{}: {:.1} s -> {:.1} s",
                one.scenario, one.before, one.after
            )
        }),
    );
    let exchanges = found.exchanges.iter();
    listed(
        &mut text,
        "exchanges",
        exchanges.map(|one| {
            format!(
                "{}: {}: {} -> {}",
                one.scenario, one.exchange, one.before, one.after
            )
        }),
    );
    let of = |standing: Standing| {
        found
            .verdicts
            .iter()
            .filter(|one| one.standing == standing)
            .count()
    };
    let _ = writeln!(
        text,
        "earlier verdicts: {} hold (judged again, the same), {} stand (not judged again, nothing that they depend on changed), {} are \
         open (not judged again, something changed), {} better, {} worse; {} new",
        of(Standing::Holds),
        of(Standing::Stands),
        of(Standing::Open),
        of(Standing::Better),
        of(Standing::Worse),
        of(Standing::New),
    );
    text
}

fn listed(text: &mut String, name: &str, lines: impl Iterator<Item = String>) {
    let lines: Vec<String> = lines.collect();
    if lines.is_empty() {
        let _ = writeln!(text, "{name}: the same");
        return;
    }
    let _ = writeln!(text, "{name}:");
    for line in lines.iter().take(SHOWN) {
        let _ = writeln!(text, "    {line}");
    }
    if lines.len() > SHOWN {
        let _ = writeln!(
            text,
            "    ... and {} more (--json has all)",
            lines.len() - SHOWN
        );
    }
}

fn change(change: &Change) -> String {
    let told = |side: &Option<String>| side.clone().unwrap_or_else(|| "(none)".to_owned());
    format!(
        "{}: {} -> {}",
        change.what,
        told(&change.before),
        told(&change.after)
    )
}

fn verdict(one: &VerdictChange) -> String {
    let told = |verdict: Option<crate::model::verdict::Verdict>| {
        verdict.map_or("not run".to_owned(), |verdict| verdict.to_string())
    };
    let standing = match one.standing {
        Standing::Worse => "WORSE ",
        Standing::Better => "better ",
        Standing::Open => "open ",
        Standing::New => "new ",
        Standing::Holds | Standing::Stands => "",
    };
    let reason = match one.reason.as_str() {
        "" => String::new(),
        reason => format!(" ({reason})"),
    };
    format!(
        "{standing}{} line {}: {} -> {}{reason}",
        one.case,
        one.line,
        told(one.before),
        told(one.after)
    )
}
