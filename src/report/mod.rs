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

/// Everything that is derived from a record, as the files that it is kept in.
pub type Reports = [(&'static str, Vec<u8>); 7];

/// Reads a run's record, folds it, and writes everything that is derived from it beside the record.
///
/// # Errors
/// The record cannot be read, or a report not be written; the path is named.
pub fn redraw(folder: &Path) -> anyhow::Result<Results> {
    let record = Record::read(folder)?;
    let results = fold::results(&record);
    for (name, bytes) in draw(folder, &record, &results)? {
        write_whole(&folder.join(name), &bytes)?;
    }
    Ok(results)
}

/// Draws every report of a run from its record, what that comes to, and the evidence in its folder. The same gives the same bytes.
///
/// # Errors
/// A report cannot be drawn: a mistake of ours.
pub fn draw(folder: &Path, record: &Record, results: &Results) -> anyhow::Result<Reports> {
    let (page, others) = rayon::join(
        || html::render(folder, record, results),
        || -> anyhow::Result<_> {
            let table = terminal::table(results, terminal::Paint::Plain);
            Ok([
                ("results.json", to_json(results)?),
                ("junit.xml", junit::render(results)?),
                ("ctrf.json", ctrf::render(results)?),
                ("assessment-results.json", oscal::render(results)?),
                ("summary.md", markdown::render(results).into_bytes()),
                ("summary.txt", table.into_bytes()),
            ])
        },
    );
    let [results, junit, ctrf, oscal, markdown, table] = others?;
    let page = ("index.html", page?);
    Ok([results, junit, ctrf, oscal, markdown, table, page])
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
