//! `scas verify` beside `sha256sum` of the same files, in turns: ratios are medians over pairs. The pack is the run that is named, or one
//! that is made: `cargo bench --bench verify -- 11 reports/<run-id>`.

#![expect(clippy::print_stdout, reason = "figures are for people")]

#[path = "common/figures.rs"]
mod figures;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, ensure};
use figures::{Pairs, median, rounds};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use walkdir::WalkDir;

const SCAS: &str = env!("CARGO_BIN_EXE_scas");

fn main() -> anyhow::Result<()> {
    let rounds = rounds(11);
    let reports = tempfile::tempdir()?;
    let mut named = std::env::args().skip(1).map(PathBuf::from);
    let pack = match named.find(|path| path.is_dir()) {
        Some(path) => path,
        None => run(reports.path())?,
    };
    let files: Vec<PathBuf> = WalkDir::new(pack.join("evidence"))
        .into_iter()
        .filter_map(|entry| entry.ok().filter(|entry| entry.file_type().is_file()))
        .map(walkdir::DirEntry::into_path)
        .collect();
    let lengths = files.iter().map(|path| Ok(path.metadata()?.len()));
    let bytes = lengths.sum::<std::io::Result<u64>>()?;
    #[expect(clippy::cast_precision_loss, reason = "a figure for readers")]
    let megabytes = bytes as f64 / 1e6;
    println!(
        "{}: {} files of evidence, {megabytes:.1} MB; {rounds} rounds",
        pack.display(),
        files.len()
    );
    let mut verify = Command::new(SCAS);
    verify.arg("verify").arg(&pack);
    let mut sums = Command::new("sha256sum");
    sums.args(&files);
    // So that the page cache has the files for either.
    timed(&mut verify)?;
    let peer = timed(&mut sums).is_ok();
    if !peer {
        println!("NOT RUN: sha256sum (Debian package coreutils)");
    }
    let mut pairs = Pairs::default();
    let mut computed = Vec::new();
    for _ in 0..rounds {
        let before = children()?;
        let ours = timed(&mut verify)?;
        computed.push(children()? - before);
        if peer {
            pairs.add(megabytes / ours, megabytes / timed(&mut sums)?);
        } else {
            println!("  {:.1} MB/s", megabytes / ours);
        }
    }
    println!(
        "all processors together: {:.3} s",
        median(computed.into_iter())
    );
    if peer {
        pairs.conclude("verify", "MB/s", "goal: at least 300 MB/s");
    }
    Ok(())
}

/// A run of the whole suite on the reference.
fn run(into: &Path) -> anyhow::Result<PathBuf> {
    let status = Command::new(SCAS)
        .args(["run", "--quick", "--out"])
        .arg(into)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    ensure!(status.success(), "scas run --quick ended with {status}");
    let mut folders = std::fs::read_dir(into)?;
    Ok(folders.next().context("no run was made")??.path())
}

/// Wall seconds.
fn timed(command: &mut Command) -> anyhow::Result<f64> {
    let started = Instant::now();
    let status = command
        .stdout(Stdio::null())
        .status()
        .with_context(|| format!("cannot run {:?}", command.get_program()))?;
    let seconds = started.elapsed().as_secs_f64();
    ensure!(
        status.success(),
        "{:?} ended with {status}",
        command.get_program()
    );
    Ok(seconds)
}

/// Seconds that our children have computed so far, the kernel for them included.
#[expect(clippy::cast_precision_loss, reason = "a figure for readers")]
fn children() -> anyhow::Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(micros as f64 / 1e6)
}
