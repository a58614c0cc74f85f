//! The SUT's durable state and logs as files.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use scas_simulators::transcript::Secrets;
use sha2::{Digest, Sha256};

/// The most of a SUT's log that is kept, in bytes.
const KEPT_LOG: u64 = 16 * 1024 * 1024;

/// What is kept of each SUT, and what it is.
const LOGS: [(&str, &str); 2] = [("log", "the SUT's log"), (OUTPUT, "what the SUT printed")];
const OUTPUT: &str = "output";

/// Copies a folder with its files, folders and links. Sockets and the like hold no state and are left out.
///
/// # Errors
/// A file cannot be read or written; it is named.
pub fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    let entries = fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))?;
    for entry in entries {
        let entry = entry?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy(&path, &target)?;
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(&path)?, &target)
                .with_context(|| format!("cannot copy the link {}", path.display()))?;
        } else if kind.is_file() {
            fs::copy(&path, &target).with_context(|| format!("cannot copy {}", path.display()))?;
        }
    }
    Ok(())
}

/// Every file below a folder, by its path in it, with the SHA-256 of its content.
///
/// # Errors
/// A file cannot be read; it is named.
pub fn files(folder: &Path) -> anyhow::Result<BTreeMap<PathBuf, [u8; 32]>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let entries =
            fs::read_dir(&next).with_context(|| format!("cannot read {}", next.display()))?;
        for entry in entries {
            let entry = entry?;
            let path = entry.path();
            if entry.file_type()?.is_dir() {
                folders.push(path);
                continue;
            }
            if !entry.file_type()?.is_file() {
                continue;
            }
            let bytes =
                fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            let name = path.strip_prefix(folder).unwrap_or(&path).to_owned();
            found.insert(name, Sha256::digest(&bytes).into());
        }
    }
    Ok(found)
}

/// The logs of the SUTs below `work` that there are.
pub fn logs(work: &Path) -> Vec<PathBuf> {
    let all = names(work).into_iter().flat_map(|name| {
        let dir = work.join(name);
        LOGS.map(|(file, _)| dir.join(file))
    });
    all.filter(|path| is_log(path)).collect()
}

/// Not through a link: the SUT would choose what becomes evidence.
fn is_log(path: &Path) -> bool {
    path.symlink_metadata()
        .is_ok_and(|meta| meta.is_file() && meta.len() > 0)
}

/// Keeps the logs of the SUTs below `work` in the scenario's folder, up to a bound, but those that are withheld; returns those
/// that are not empty, without secrets. They are written elsewhere first: a SUT is not told where its judge keeps the record.
///
/// # Errors
/// A log cannot be copied.
pub fn keep_logs(
    work: &Path,
    folder: &Path,
    withheld: &[PathBuf],
    secrets: &Secrets,
) -> anyhow::Result<Vec<(PathBuf, &'static str)>> {
    let mut kept = Vec::new();
    for name in names(work) {
        for (file, what) in LOGS {
            let from = work.join(&name).join(file);
            if !is_log(&from) {
                continue;
            }
            if withheld.contains(&from) {
                let to = folder.join(format!("{name}.{file}.withheld"));
                std::fs::write(&to, "key material was found in this log: it is not kept\n")
                    .with_context(|| format!("cannot write {}", to.display()))?;
                kept.push((
                    to,
                    "stands for a log of the SUT in which a private key was found",
                ));
                continue;
            }
            let to = folder.join(called(&name, file));
            let copied = fs::File::open(&from).and_then(|source| {
                let mut bytes = Vec::new();
                source.take(KEPT_LOG).read_to_end(&mut bytes)?;
                // A product may write down the password that it was given.
                let text = String::from_utf8_lossy(&bytes);
                match secrets.clean(&text) {
                    Some((cleaned, _)) => fs::write(&to, cleaned),
                    None => fs::write(&to, &bytes),
                }
            });
            copied
                .with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
            kept.push((to, what));
        }
    }
    Ok(kept)
}

/// What a log of the SUT of this name is called as evidence.
fn called(name: &str, file: &str) -> String {
    match file {
        OUTPUT => format!("{name}.output.log"),
        _ => format!("{name}.{file}"),
    }
}

/// What a file becomes as evidence into which a SUT or a command prints; none if it is not kept.
pub fn kept_as(output: &Path) -> Option<String> {
    let name = output.parent()?.file_name()?.to_str()?;
    (output.file_name()? == OUTPUT).then(|| called(name, OUTPUT))
}

fn names(work: &Path) -> Vec<String> {
    let entries = fs::read_dir(work).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
