//! This machine: space, rights, and whether the tester can look where the profile says: [`check`].

use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;

use super::{DELEGATION, Preflight, afar};
use crate::exposure::given::Source;
use crate::exposure::survey;
use crate::model::sut::Profile;
use crate::profile::Finding;
use crate::testbed::observation;

/// What a run must have room for, in bytes: evidence of a whole run on the reference takes a tenth of it.
const ROOM: u64 = 256 * 1024 * 1024;

/// Looks at space always, and at means to look into the product where test cases need them.
pub(super) async fn check(profile: &Profile, found: &mut Preflight) {
    for folder in [std::env::temp_dir(), PathBuf::from(".")] {
        found.findings.extend(roomy(&folder));
    }
    let observes = profile
        .ics
        .items
        .get(DELEGATION)
        .is_some_and(|item| item.supported());
    if !observes {
        return;
    }
    if profile.ixit.observe.via.is_empty() {
        points(profile, found);
        canaries(profile, found).await;
    } else {
        afar::check(profile, found).await;
    }
    if profile.ixit.observe.via.is_empty() && !nix::unistd::geteuid().is_root() {
        let text = "this is not root, so that memory of other users' processes cannot be read and nobody else be played; run as root, or \
                    the cases of delegation mode are Inconclusive";
        found.lacks.push(Finding::of("ixit.observe", text));
    }
    match tokio::task::spawn_blocking(observation::canary).await {
        Ok(Ok(places)) => found
            .seen
            .push(format!("canaries were found: {}", places.join("; "))),
        Ok(Err(why)) => {
            let text = format!(
                "a search of our own memory and files does not find what was put there: {why}"
            );
            found.lacks.push(Finding::of("ixit.observe", text));
        }
        Err(error) => found
            .lacks
            .push(Finding::of("ixit.observe", error.to_string())),
    }
}

/// What is put into the named folders is found there.
async fn canaries(profile: &Profile, found: &mut Preflight) {
    for written in &profile.ixit.observe.storage {
        // What cannot be read has been told.
        let Ok(source @ Source::Folder { .. }) = survey::storage_of(written) else {
            continue;
        };
        let looked = tokio::task::spawn_blocking(move || observation::canary_in(&source)).await;
        match looked.unwrap_or_else(|error| Err(error.to_string())) {
            Ok(()) => found.seen.push(format!(
                "ixit.observe.storage: a canary in {written} was found"
            )),
            Err(why) => {
                let text = format!(
                    "a canary cannot be planted in '{written}', or is not found: {why}; that nothing is found there will say less"
                );
                found.lacks.push(Finding::of("ixit.observe.storage", text));
            }
        }
    }
}

fn roomy(folder: &Path) -> Option<Finding> {
    let met = statvfs(folder).ok()?;
    let free = met.blocks_available() * met.fragment_size();
    let text = format!(
        "{}: only {} MiB are free for evidence and work folders; make room for at least {} MiB{}",
        folder.display(),
        free >> 20,
        ROOM >> 20,
        if folder == Path::new(".") {
            ""
        } else {
            ", or set TMPDIR to another folder"
        }
    );
    (free < ROOM).then(|| Finding::of("", text))
}

/// So many, in words.
pub(super) fn processes(many: usize) -> String {
    match many {
        1 => "1 process".to_owned(),
        many => format!("{many} processes"),
    }
}

/// What the profile offers to look at is there. Processes of a product that is not started yet are not.
fn points(profile: &Profile, found: &mut Preflight) {
    let observe = &profile.ixit.observe;
    for written in &observe.storage {
        match survey::storage_of(written) {
            Ok(_) => found
                .seen
                .push(format!("ixit.observe.storage: {written} can be read")),
            Err(why) => {
                let text = format!(
                    "{why}; write the path of a folder, file or device of this machine in which the product keeps something, or leave it out"
                );
                found
                    .findings
                    .push(Finding::of("ixit.observe.storage", text));
            }
        }
    }
    if !profile.ixit.api.running {
        return;
    }
    for written in &observe.product {
        match Source::parse(written) {
            Ok(Source::Processes { pids, .. }) if !pids.is_empty() => {
                found.seen.push(format!(
                    "ixit.observe.product: {written} is {}",
                    processes(pids.len())
                ));
            }
            Ok(_) => {
                let text = format!(
                    "'{written}' is no process that runs; the product must run while it is looked at"
                );
                found
                    .findings
                    .push(Finding::of("ixit.observe.product", text));
            }
            Err(error) => {
                let text = format!("{error}; the product must run while it is looked at");
                found
                    .findings
                    .push(Finding::of("ixit.observe.product", text));
            }
        }
    }
}
