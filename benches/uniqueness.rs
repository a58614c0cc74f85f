//! The exact check for duplicate identifiers: 10^8 of them, and 10^7 beside `sort | uniq -d` (coreutils).
//!
//! Identifiers are version 4 UUIDs made from a seed, with a few duplicates planted, which both must find.

#![expect(clippy::print_stdout, reason = "figures are for people")]

#[path = "common/figures.rs"]
mod figures;

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::Context as _;
use scas::judge::uniqueness::duplicates;

use figures::Pairs;

const SEED: u64 = 1;
const SMALL: u64 = 10_000_000;
const LARGE: u64 = 100_000_000;
/// The last so many identifiers repeat the first.
const PLANTED: u64 = 5;

fn main() -> anyhow::Result<()> {
    beside_sort()?;
    forget_peak()?;
    let before = peak()?;
    let started = Instant::now();
    let found = duplicates(identifiers(LARGE));
    let seconds = started.elapsed().as_secs_f64();
    anyhow::ensure!(found == planted(LARGE), "wrong duplicates: {found:?}");
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    let each = (peak()? - before) as f64 / LARGE as f64;
    println!(
        "{LARGE} identifiers made and checked in {seconds:.1} s, peak RSS {} MiB: {each:.2} bytes an identifier (limit: 24)",
        peak()? / (1 << 20)
    );
    Ok(())
}

fn beside_sort() -> anyhow::Result<()> {
    let available = |program| Command::new(program).arg("--version").output().is_ok();
    if !available("sort") || !available("uniq") {
        println!(
            "NOT RUN: `sort` or `uniq` is missing (package coreutils): there is no figure of a peer"
        );
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("identifiers");
    let mut file = BufWriter::new(File::create(&path)?);
    for id in identifiers(SMALL) {
        file.write_all(&id.0)?;
        file.write_all(b"\n")?;
    }
    file.into_inner()?.sync_all()?;
    println!("seconds for {SMALL} identifiers in a file; peer: sort FILE | uniq -d, LC_ALL=C");
    let mut pairs = Pairs::default();
    for _ in 0..figures::rounds(3) {
        let started = Instant::now();
        let text = fs::read_to_string(&path)?;
        let found = duplicates(text.lines());
        let ours = started.elapsed().as_secs_f64();
        anyhow::ensure!(found == planted(SMALL), "wrong duplicates: {found:?}");
        drop(text);
        pairs.add(ours, sort(&path, folder.path())?);
    }
    pairs.conclude(
        "exact duplicate check, 10^7 identifiers",
        "s",
        "less is faster",
    );
    Ok(())
}

/// Seconds that `sort | uniq -d` takes, with as many threads and as much memory as it likes.
fn sort(path: &Path, scratch: &Path) -> anyhow::Result<f64> {
    let started = Instant::now();
    let mut sort = Command::new("sort")
        .arg(path)
        .arg("--temporary-directory")
        .arg(scratch)
        .env("LC_ALL", "C")
        .stdout(Stdio::piped())
        .spawn()?;
    let sorted = sort.stdout.take().context("standard output is not ours")?;
    let repeated = Command::new("uniq")
        .arg("-d")
        .env("LC_ALL", "C")
        .stdin(sorted)
        .output()?;
    let ended = sort.wait()?;
    let seconds = started.elapsed().as_secs_f64();
    let count = repeated
        .stdout
        .iter()
        .filter(|byte| **byte == b'\n')
        .count();
    anyhow::ensure!(
        ended.success() && repeated.status.success() && count as u64 == PLANTED,
        "sort | uniq -d found {count} duplicates, not {PLANTED}"
    );
    Ok(seconds)
}

/// An identifier in text.
struct Id([u8; 36]);

impl AsRef<str> for Id {
    fn as_ref(&self) -> &str {
        // Hexadecimal digits and hyphens, always.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

fn identifiers(count: u64) -> impl Iterator<Item = Id> + Clone {
    let different = count - PLANTED;
    (0..count).map(move |position| {
        let number = position % different;
        let random = (u128::from(mixed(2 * number)) << 64) | u128::from(mixed(2 * number + 1));
        let mut id = Id([0; 36]);
        uuid::Builder::from_random_bytes(random.to_be_bytes())
            .into_uuid()
            .hyphenated()
            .encode_lower(&mut id.0);
        id
    })
}

/// SplitMix64 at this step: no two steps give the same.
fn mixed(step: u64) -> u64 {
    let mut z = SEED.wrapping_add((step + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn planted(count: u64) -> Vec<(u64, u64)> {
    (0..PLANTED)
        .map(|first| (first, count - PLANTED + first))
        .collect()
}

/// Peak resident memory of this process in bytes, since it was last forgotten.
fn peak() -> anyhow::Result<u64> {
    let status =
        fs::read_to_string("/proc/self/status").context("peak RSS is known on Linux only")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes: u64 = line
        .and_then(|line| line.trim().strip_suffix("kB"))
        .context("no VmHWM in /proc/self/status")?
        .trim()
        .parse()?;
    Ok(kibibytes * 1024)
}

fn forget_peak() -> anyhow::Result<()> {
    fs::write("/proc/self/clear_refs", "5").context("cannot reset the peak of resident memory")
}
