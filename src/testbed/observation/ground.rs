//! What there is to look at: the product's processes, its folder, files that it holds open elsewhere, and what the profile names.
//! Main type: [`Ground`].

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context as _;

use super::super::processes;
use super::super::vnf::Undone;
use crate::exposure::given::Source;
use crate::exposure::probe::ProbeTargets;
use crate::model::sut::{Ixit, OtherProcesses};

/// What the product's processes are called as a source.
pub(super) const PRODUCT: &str = "VNFM";
/// What other processes are called.
pub(super) const OTHERS: &str = "others";
/// Files that are tried as another user.
const FILES: usize = 1000;
/// Open files outside the product's folder that are searched.
const OPEN_FILES: usize = 64;
/// Where every user may leave files.
const SHARED: [&str; 3] = ["/dev/shm", "/tmp", "/var/tmp"];
/// Files there that are looked at, and how deep.
const SHARED_FILES: usize = 200;
const SHARED_DEPTH: usize = 4;
/// Folders of ours there.
const OURS: &str = "scas-";

/// What there is to look at.
pub(super) struct Ground {
    /// To search.
    pub(super) sources: Vec<Source>,
    /// What the tester has no means for.
    pub(super) lacked: Vec<String>,
    /// Sources that anybody may write to: what of them could not be searched is passed over.
    pub(super) shared: Vec<String>,
    product: Vec<u32>,
    folder: PathBuf,
}

impl Ground {
    /// Finds out. `first` are the product's first processes, `folder` the one that it was given, `since` when the scenario began:
    /// what is older in folders of everybody's is not the product's. `record` is ours to write meanwhile.
    pub(super) fn survey(
        first: &[u32],
        folder: &Path,
        ixit: &Ixit,
        since: SystemTime,
        record: &Path,
    ) -> anyhow::Result<Self> {
        let mut lacked = Vec::new();
        let mut product = processes::of_product(first)?;
        for written in &ixit.observe.product {
            match Source::parse(written) {
                Ok(Source::Processes { pids, .. }) => product.extend(pids),
                Ok(_) => lacked.push(format!("processes '{written}' (ixit.observe.product)")),
                Err(error) => lacked.push(format!("ixit.observe.product: {error}")),
            }
        }
        product.sort_unstable();
        product.dedup();
        let elsewhere = ixit.api.running;
        if product.is_empty() || elsewhere && ixit.observe.product.is_empty() {
            lacked.push(
                "a process of the VNFM to look into: it runs elsewhere, or has ended (ixit.observe.product)"
                    .to_owned(),
            );
        }
        let mut sources = Vec::new();
        if !product.is_empty() {
            sources.push(Source::Processes {
                written: PRODUCT.to_owned(),
                pids: product.clone(),
            });
        }
        if ixit.observe.processes == OtherProcesses::All {
            let pids = processes::others(&product).context("the machine's processes")?;
            sources.push(Source::Processes {
                written: OTHERS.to_owned(),
                pids,
            });
        }
        sources.push(Source::Folder {
            written: folder.display().to_string(),
            path: folder.to_owned(),
        });
        let mut files = open_files(&product, folder);
        let mut shared = shared_files(since, record);
        shared.retain(|path| !files.contains(path));
        files.extend(shared.iter().cloned());
        for path in files {
            sources.push(Source::File {
                written: path.display().to_string(),
                path,
            });
        }
        for written in &ixit.observe.storage {
            match Source::parse(written) {
                Ok(source) => sources.push(source),
                Err(error) => lacked.push(format!("ixit.observe.storage: {error}")),
            }
        }
        Ok(Self {
            sources,
            lacked,
            shared: shared
                .iter()
                .map(|path| path.display().to_string())
                .collect(),
            product,
            folder: folder.to_owned(),
        })
    }

    /// Whether every process can be looked into.
    pub(super) fn reachable(&self) -> anyhow::Result<()> {
        const EXPECTED: &str = "the tester can look into the VNFM's processes";
        if let Some(means) = self.lacked.first() {
            return Err(Undone::error(EXPECTED, format!("it lacks {means}")));
        }
        for pid in &self.product {
            if let Err(error) = std::fs::File::open(format!("/proc/{pid}/mem"))
                && error.kind() == std::io::ErrorKind::PermissionDenied
            {
                let lacks = format!("memory of process {pid}: {error}; run this as root");
                return Err(Undone::error(EXPECTED, lacks));
            }
        }
        Ok(())
    }

    /// What another user may try to reach.
    pub(super) fn probe_targets(&self) -> ProbeTargets {
        let mut targets = ProbeTargets::default();
        for pid in &self.product {
            targets.process(*pid);
        }
        let mut folders = vec![self.folder.clone()];
        while let Some(folder) = folders.pop() {
            let Ok(listed) = std::fs::read_dir(&folder) else {
                continue;
            };
            targets.folders.push(folder);
            for entry in listed.flatten() {
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                    Ok(kind) if kind.is_file() && targets.files.len() < FILES => {
                        targets.files.push(entry.path());
                    }
                    _ => {}
                }
            }
        }
        targets
    }
}

/// Files with a name that the product holds open outside its folder. Those without one are searched with the process.
fn open_files(product: &[u32], folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for pid in product {
        let listed = std::fs::read_dir(format!("/proc/{pid}/fd"));
        for entry in listed.into_iter().flatten().flatten() {
            let Ok(path) = std::fs::read_link(entry.path()) else {
                continue;
            };
            let is_file =
                std::fs::metadata(entry.path()).is_ok_and(|met| met.is_file() && met.nlink() > 0);
            let apart = !path.starts_with(folder) && !path.starts_with("/proc");
            if is_file && apart && path.exists() && !found.contains(&path) {
                found.push(path);
            }
        }
    }
    found.truncate(OPEN_FILES);
    found
}

/// Files in folders of everybody's that were changed in the scenario, ours aside.
pub(in crate::testbed) fn shared_files(since: SystemTime, record: &Path) -> Vec<PathBuf> {
    let since = since
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs().cast_signed());
    let mut found = Vec::new();
    let mut folders: Vec<(PathBuf, usize)> = SHARED.map(|path| (PathBuf::from(path), 0)).to_vec();
    while let Some((folder, depth)) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let ours = entry.file_name().to_string_lossy().contains(OURS)
                || entry.path().starts_with(record);
            let Ok(met) = entry.metadata() else { continue };
            if ours || found.len() >= SHARED_FILES {
                continue;
            }
            if met.is_dir() && depth < SHARED_DEPTH {
                folders.push((entry.path(), depth + 1));
            // The time of the last change of the file itself: nobody can set it back.
            } else if met.is_file() && met.ctime() >= since {
                found.push(entry.path());
            }
        }
    }
    found
}
