//! `scas selftest`: each check is seen to fail.

mod bench;
mod matrix;

use std::path::PathBuf;
use std::sync::Arc;

use self::bench::{Bench, Depth};
use super::{Failure, Outcome};

/// Runs the suite on the honest reference, which must pass, and on the reference with each defect, which must be
/// caught by just the test cases that name it. Of each test case the normative scenarios are run, and of those that name the
/// defect the extended ones too, if the normative do not catch it. Scenarios that nothing has turned red by then are tried with
/// further defects that their test case names. With --defect all scenarios of these test cases are run.
///
/// Test cases of a PKCS#11 token are run with a softhsm2 token, if softhsm2 is installed.
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
    /// With --row: leave out extended scenarios of a test case whose normative ones have caught the defect
    #[arg(long, hide = true, requires = "row")]
    brief: bool,
    /// Seed of everything that is chosen by chance and not for secrecy
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
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
        let depth = if args.brief {
            Depth::Brief
        } else {
            Depth::Whole
        };
        let rows = runtime.block_on(bench.rows_here(&args.defect, depth))?;
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
