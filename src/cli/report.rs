//! `scas report`: draws the reports of a run again, from its record alone.

use std::path::{Path, PathBuf};

use super::{Failure, Outcome};
use crate::model::inventory;
use crate::report::formats::{har, sarif};
use crate::report::{self, results, terminal};

/// Draws index.html, results.json, junit.xml and the table again from the record of a run.
#[derive(clap::Args)]
pub struct Args {
    /// The run's folder, e.g. reports/20261121T193800Z-1a2b
    #[arg(value_name = "RUN", required_unless_present = "schema")]
    run: Option<PathBuf>,
    /// Write the exchanges of each test case as an HTTP Archive into this folder besides
    #[arg(long, value_name = "FOLDER")]
    har: Option<PathBuf>,
    /// Write what failed as SARIF 2.1.0 into this file besides
    #[arg(long, value_name = "FILE")]
    sarif: Option<PathBuf>,
    /// Print the results as JSON instead of the table
    #[arg(long)]
    json: bool,
    /// Print the JSON schema of results.json, or of inventory.json, instead
    #[arg(long, value_name = "OF", num_args = 0..=1, default_missing_value = "results", conflicts_with_all = ["run", "json", "har", "sarif"])]
    schema: Option<Schema>,
}

/// A file of a run that has a schema.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Schema {
    Results,
    Inventory,
}

/// Runs the subcommand. The exit code is the run's.
pub fn run(args: Args) -> Outcome {
    if let Some(of) = args.schema {
        super::print_json(&match of {
            Schema::Results => results::schema(),
            Schema::Inventory => inventory::schema(),
        })?;
        return Ok(0);
    }
    let folder = args.run.as_deref().unwrap_or(Path::new("."));
    let results = report::redraw(folder).map_err(Failure::Usage)?;
    if let Some(into) = &args.har {
        har::export(folder, &results, into).map_err(Failure::Usage)?;
    }
    if let Some(into) = &args.sarif {
        sarif::export(folder, &results, into).map_err(Failure::Usage)?;
    }
    if args.json {
        super::print_json(&results)?;
    } else {
        super::print(&terminal::table(&results, super::paint()));
    }
    Ok(results.exit_code)
}
