//! Reports: folds over a run's record. They need neither the SUT nor the suite, so they can be redrawn at any time.

pub mod cut_off;
pub mod fold;
pub mod formats;
pub mod html;
pub mod junit;
pub mod record;
pub mod results;
pub mod selftest;
pub mod terminal;

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use formats::{ctrf, markdown, oscal};
use record::Record;
use results::Results;

/// Everything that [`redraw`] writes into a run's folder, by its path there. The same record and evidence give the same bytes.
pub const DERIVED: [&str; 7] = [
    "results.json",
    "junit.xml",
    "ctrf.json",
    "assessment-results.json",
    "summary.txt",
    "summary.md",
    "index.html",
];

/// Reads a run's record, folds it, and writes everything that is derived from it beside the record.
///
/// # Errors
/// The record cannot be read, or a report not be written; the path is named.
pub fn redraw(folder: &Path) -> anyhow::Result<Results> {
    draw(folder, folder)
}

/// The same into another folder: the one with the record stays as it is.
///
/// # Errors
/// As [`redraw`].
pub fn draw(folder: &Path, into: &Path) -> anyhow::Result<Results> {
    let record = Record::read(folder)?;
    let results = fold::results(&record);
    write_whole(&into.join("results.json"), &to_json(&results)?)?;
    write_whole(&into.join("junit.xml"), &junit::render(&results)?)?;
    write_whole(&into.join("ctrf.json"), &ctrf::render(&results)?)?;
    let oscal = oscal::render(&results)?;
    write_whole(&into.join("assessment-results.json"), &oscal)?;
    let markdown = markdown::render(&results);
    write_whole(&into.join("summary.md"), markdown.as_bytes())?;
    write_whole(
        &into.join("summary.txt"),
        terminal::table(&results, terminal::Paint::Plain).as_bytes(),
    )?;
    html::write(folder, into, &record, &results)?;
    Ok(results)
}

fn to_json(results: &impl serde::Serialize) -> anyhow::Result<Vec<u8>> {
    let mut text = serde_json::to_vec_pretty(results)?;
    text.push(b'\n');
    Ok(text)
}

/// Writes beside and renames: nobody sees half a file, and a kill leaves none under its name.
///
/// # Errors
/// It cannot be written; the path is named.
pub fn write_whole(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".part");
    let beside = PathBuf::from(beside);
    std::fs::write(&beside, bytes)
        .and_then(|()| std::fs::rename(&beside, path))
        .with_context(|| format!("cannot write {}", path.display()))
}
