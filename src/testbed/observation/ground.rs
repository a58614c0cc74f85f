//! What there is to look at: the product's processes, its folder, files elsewhere that may be its own, and what the profile names.
//! Main type: [`Ground`].

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context as _;

use super::super::processes;
use super::super::vnf::Undone;
use super::elsewhere::{self, FILES as SHARED_FILES, Shared};
use super::names::Names;
use crate::exposure::given::Source;
use crate::exposure::probe::ProbeTargets;
use crate::model::sut::{Ixit, OtherProcesses};

/// What the pre-condition asks for.
pub(super) const LOOKS: &str = "the tester can look into the VNFM's processes";
/// What the product's processes are called as a source.
pub(super) const PRODUCT: &str = "VNFM";
/// What other processes are called.
pub(super) const OTHERS: &str = "others";
/// What files that the product holds open outside its folder are called together.
const OPEN: &str = "open files";
/// What files in everybody's folders are called together: what of them could not be searched is passed over.
pub(super) const SHARED: &str = "shared folders";
/// Files that are tried as another user.
const FILES: usize = 1000;

/// What there is to look at.
pub(super) struct Ground {
    /// To search.
    pub(super) sources: Vec<Source>,
    /// What the tester has no means for.
    pub(super) lacked: Vec<String>,
    /// One of the sources lies in it.
    pub(super) names: Names,
    product: Vec<u32>,
    folder: PathBuf,
}

/// Where the tester's own folders are.
pub(super) struct Folders<'a> {
    /// The product's, with all that it was given.
    pub(super) product: &'a Path,
    /// What it is told of that lies elsewhere.
    pub(super) given: Vec<PathBuf>,
    /// The record, which is ours to write meanwhile.
    pub(super) record: &'a Path,
}

impl Ground {
    /// Finds out. `first` are the product's first processes, `since` is when the scenario began: what is older in folders of
    /// everybody's is not the product's.
    pub(super) fn survey(
        first: &[u32],
        folders: Folders<'_>,
        ixit: &Ixit,
        since: SystemTime,
    ) -> anyhow::Result<Self> {
        let mut lacked = Vec::new();
        let product = product(first, ixit, &mut lacked)?;
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
        let folder = folders.product;
        let own = elsewhere::own_mounts(&product).into_iter();
        for path in std::iter::once(folder.to_owned()).chain(own) {
            sources.push(Source::Folder {
                written: path.display().to_string(),
                path,
            });
        }
        let mut names = Names::default();
        names.below(folder);
        let open = elsewhere::open(&product, folder, &mut lacked);
        let shared = Shared {
            further: folders.given,
            shallow: working_folders(&product),
            since,
            most: SHARED_FILES,
            but: [folder, folders.record],
        };
        let shared = elsewhere::shared(shared, &mut names, &mut lacked);
        for (written, files) in [(OPEN, open), (SHARED, shared)] {
            sources.push(Source::Files {
                written: written.to_owned(),
                files,
            });
        }
        sources.push(names.source()?);
        for written in &ixit.observe.storage {
            match Source::parse(written) {
                Ok(source) => sources.push(source),
                Err(error) => lacked.push(format!("ixit.observe.storage: {error}")),
            }
        }
        Ok(Self {
            sources,
            lacked,
            names,
            product,
            folder: folder.to_owned(),
        })
    }

    /// Whether every process can be looked into.
    pub(super) fn reachable(first: &[u32], ixit: &Ixit) -> anyhow::Result<()> {
        let mut lacked = Vec::new();
        let product = product(first, ixit, &mut lacked)?;
        for written in &ixit.observe.storage {
            if let Err(error) = Source::parse(written) {
                lacked.push(format!("ixit.observe.storage: {error}"));
            }
        }
        if let Some(means) = lacked.first() {
            return Err(Undone::error(LOOKS, format!("it lacks {means}")));
        }
        for pid in &product {
            if let Err(error) = std::fs::File::open(format!("/proc/{pid}/mem"))
                && error.kind() == std::io::ErrorKind::PermissionDenied
            {
                let lacks = format!("memory of process {pid}: {error}; run this as root");
                return Err(Undone::error(LOOKS, lacks));
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
                    // The request is JSON, which has no words for other names. The file itself is searched.
                    _ if entry.path().to_str().is_none() => {}
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

/// The product's processes: what descends from the first ones, and what the profile names.
fn product(first: &[u32], ixit: &Ixit, lacked: &mut Vec<String>) -> anyhow::Result<Vec<u32>> {
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
    if elsewhere && ixit.observe.product.is_empty() {
        lacked.push(
            "the VNFM's processes: it runs by itself (ixit.api.running); name them in ixit.observe.product, e.g. \"port:9443\" or \
             \"unit:vnfm\""
                .to_owned(),
        );
    } else if product.is_empty() {
        lacked.push(
            "a process of the VNFM to look into: it has ended, or runs elsewhere (ixit.observe.product)"
                .to_owned(),
        );
    }
    if elsewhere && ixit.observe.storage.is_empty() {
        lacked.push(
            "the VNFM's storage: it runs by itself (ixit.api.running); name its folders or devices in ixit.observe.storage"
                .to_owned(),
        );
    }
    Ok(product)
}

/// The folders in which the product's processes run: what is written to a name alone, a core file too, lies there.
fn working_folders(product: &[u32]) -> Vec<PathBuf> {
    let folders = product
        .iter()
        .filter_map(|pid| std::fs::read_link(format!("/proc/{pid}/cwd")).ok());
    folders.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_product_that_runs_by_itself_processes_and_storage_must_be_named() {
        let loaded = crate::profile::reference().expect("a profile");
        let mut ixit = loaded.profile.ixit;
        ixit.api.root = Some("https://127.0.0.1:9443".to_owned());
        ixit.api.running = true;
        let lacked = |ixit: &Ixit| {
            let mut lacked = Vec::new();
            product(&[], ixit, &mut lacked).expect("processes");
            lacked.join("\n")
        };
        let told = lacked(&ixit);
        assert!(told.contains("ixit.observe.product") && told.contains("ixit.observe.storage"));
        ixit.observe.product = vec![format!("pid:{}", std::os::unix::process::parent_id())];
        ixit.observe.storage = vec!["/var/lib/vnfm".to_owned()];
        assert_eq!(lacked(&ixit), "");
    }
}
