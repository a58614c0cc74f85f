//! `scas report`: draws the reports of a run again, from its record alone.

use std::path::{Path, PathBuf};

use super::{Failure, Outcome};
use crate::report::{self, results, terminal};

/// Draws results.json, junit.xml and the table again from run.json and events.jsonl.
#[derive(clap::Args)]
pub struct Args {
    /// The run's folder, e.g. reports/20261121T193800Z-1a2b
    #[arg(value_name = "RUN", required_unless_present = "schema")]
    run: Option<PathBuf>,
    /// Print the results as JSON instead of the table
    #[arg(long)]
    json: bool,
    /// Print the JSON schema of results.json instead
    #[arg(long, conflicts_with_all = ["run", "json"])]
    schema: bool,
}

/// Runs the subcommand. The exit code is the run's.
pub fn run(args: Args) -> Outcome {
    if args.schema {
        super::print_json(&results::schema())?;
        return Ok(0);
    }
    let folder = args.run.as_deref().unwrap_or(Path::new("."));
    let results = report::redraw(folder).map_err(Failure::Usage)?;
    if args.json {
        super::print_json(&results)?;
    } else {
        super::print(&terminal::table(&results, super::paint()));
    }
    Ok(results.exit_code)
}
