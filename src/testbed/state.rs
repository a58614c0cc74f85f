//! The SUT's durable state and logs as files.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Copies a folder with everything in it.
///
/// # Errors
/// A file cannot be read or written; it is named.
pub fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    let entries = fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))?;
    for entry in entries {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)
                .with_context(|| format!("cannot copy {}", entry.path().display()))?;
        }
    }
    Ok(())
}

/// The logs in a scenario's folder that are not empty.
pub fn logs(folder: &Path) -> Vec<(PathBuf, &'static str)> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut logs: Vec<(PathBuf, &'static str)> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .filter(|path| path.metadata().is_ok_and(|meta| meta.len() > 0))
        .map(|path| {
            let printed = path.to_string_lossy().ends_with(".output.log");
            let what = if printed {
                "what the SUT printed"
            } else {
                "the SUT's log"
            };
            (path, what)
        })
        .collect();
    logs.sort();
    logs
}
