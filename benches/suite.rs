//! Wall seconds of the two commands of every day: `scas run --quick` and `scas selftest`.

#![expect(clippy::print_stdout, reason = "figures are for people")]

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::Context as _;

const SCAS: &str = env!("CARGO_BIN_EXE_scas");
const ROUNDS: usize = 3;
/// How many of the slowest defects are named.
const SLOWEST: usize = 8;

fn main() -> anyhow::Result<()> {
    let reports = tempfile::tempdir()?;
    let mut quick = Vec::new();
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let status = Command::new(SCAS)
            .args(["run", "--quick", "--out"])
            .arg(reports.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        anyhow::ensure!(status.success(), "scas run --quick ended with {status}");
        quick.push(started.elapsed().as_secs_f64());
    }
    println!("scas run --quick: {quick:.1?} s (goal: at most 15)");
    selftest()
}

/// Once: it is long. Each line of its standard error is one defect done.
fn selftest() -> anyhow::Result<()> {
    let started = Instant::now();
    let mut child = Command::new(SCAS)
        .arg("selftest")
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let stderr = child.stderr.take().context("standard error is not ours")?;
    let mut steps = Vec::new();
    let mut last = Instant::now();
    for line in BufReader::new(stderr).lines() {
        steps.push((last.elapsed().as_secs_f64(), line?));
        last = Instant::now();
    }
    let status = child.wait()?;
    anyhow::ensure!(status.success(), "scas selftest ended with {status}");
    println!(
        "scas selftest: {:.1} s for {} runs of the suite (goal: at most 180)",
        started.elapsed().as_secs_f64(),
        steps.len()
    );
    steps.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (seconds, line) in steps.iter().take(SLOWEST) {
        println!("  {seconds:.1} s {line}");
    }
    Ok(())
}
