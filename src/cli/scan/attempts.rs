//! `scas scan --probe-as`: attempts to reach the sources as another user.

use std::path::Path;
use std::process::Command;

use anyhow::Context as _;

use super::super::Failure;
use super::{ATTEMPT, Args};
use crate::exposure::given::Source;
use crate::exposure::probe::{self, Attempt, ProbeTargets, Who};

/// Files of one folder that are tried; the rest is told.
const FILES: usize = 1000;

/// Tries to reach every source, if that was asked for.
pub fn attempts(args: &Args, sources: &[Source]) -> Result<Vec<Attempt>, Failure> {
    let Some(command) = command(args).map_err(Failure::Usage)? else {
        return Ok(Vec::new());
    };
    let as_user = args.probe_as.clone().or_else(|| args.probe_with.clone());
    let (targets, left_out) = targets(sources, &as_user.unwrap_or_default());
    let mut attempts = probe::run(command, &targets).map_err(|error| {
        let why = anyhow::Error::from(error).context("--probe-as, --probe-with");
        Failure::Usage(why)
    })?;
    attempts.extend(left_out);
    Ok(attempts)
}

/// Our own program, to be run as the other user.
fn command(args: &Args) -> anyhow::Result<Option<Command>> {
    let program = std::env::current_exe().context("our own program")?;
    let (who, option) = match (&args.probe_as, &args.probe_with) {
        (Some(user), _) => (Who::User(user.clone()), "--probe-as"),
        (None, Some(words)) => (Who::Through(words.clone()), "--probe-with"),
        (None, None) => return Ok(None),
    };
    let command = who.command(&program, &[ATTEMPT.to_owned()]);
    Ok(Some(command.context(option)?))
}

/// What there is to reach, and what of it is not tried.
fn targets(sources: &[Source], as_user: &str) -> (ProbeTargets, Vec<Attempt>) {
    let (mut targets, mut left_out) = (ProbeTargets::default(), Vec::new());
    for source in sources {
        match source {
            Source::Processes { pids, .. } => pids.iter().for_each(|pid| targets.process(*pid)),
            Source::File { path, .. } => targets.files.push(absolute(path)),
            Source::Files { files, .. } => {
                let paths = files.iter().map(|(_, path)| absolute(path));
                targets.files.extend(paths);
            }
            Source::Folder { written, path } => {
                targets.folders.push(absolute(path));
                let more = files(&absolute(path), &mut targets);
                if more > 0 {
                    left_out.push(Attempt {
                        what: format!("{more} more files of {written}"),
                        as_user: as_user.to_owned(),
                        result: probe::AttemptResult::NotTried {
                            why: format!("only the first {FILES} of a folder are tried"),
                        },
                    });
                }
            }
            // Those are refused with --via, or are nowhere.
            Source::Stream { .. } | Source::Export { .. } | Source::Afar { .. } => {}
        }
    }
    (targets, left_out)
}

/// The other user's process starts elsewhere.
fn absolute(path: &Path) -> std::path::PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Adds the files below a folder; returns how many are left out. What cannot be listed is told by the search itself.
fn files(folder: &Path, targets: &mut ProbeTargets) -> usize {
    let (mut folders, mut added, mut more) = (vec![folder.to_owned()], 0, 0);
    while let Some(folder) = folders.pop() {
        let Ok(listed) = std::fs::read_dir(folder) else {
            continue;
        };
        for entry in listed.flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(kind) if kind.is_file() && added < FILES => {
                    added += 1;
                    targets.files.push(entry.path());
                }
                Ok(kind) if kind.is_file() => more += 1,
                _ => {}
            }
        }
    }
    more
}
