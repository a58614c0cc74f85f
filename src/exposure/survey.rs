//! What there is to look at of a product that runs on this machine: its processes, its folder, files elsewhere that may be its own,
//! and what is named besides. [`Product`] says whose, [`Survey::of`] finds out.

pub(crate) mod carriers;
mod elsewhere;
mod names;

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

pub use elsewhere::{FILES, Files, Shared, shared};
pub use names::{NamedAt, Names};

use crate::given::{GivenError, Source};
use crate::hygiene;
use crate::probe::ProbeTargets;
use crate::source::process;

/// What other processes are called.
pub const OTHERS: &str = "others";
/// What files that the product holds open outside its folder are called together.
pub const OPEN: &str = "open files";
/// What files in everybody's folders are called together: they come and go, and hold others' keys.
pub const SHARED: &str = "shared folders";
/// Files that are tried as another user.
const TRIED: usize = 1000;

/// Whose things are looked for.
#[derive(Clone, Debug)]
pub struct Product {
    /// What its processes are called as a source.
    pub called: String,
    /// Those of its processes whose numbers are known.
    pub pids: Vec<u32>,
    /// Its processes as somebody wrote them: `port:9443`, `unit:vnfm` ...
    pub processes: Vec<String>,
    /// Whether every other process of the machine is looked at as well.
    pub others: bool,
    /// Processes that are left out, whoever starts them.
    pub but_processes: Vec<u32>,
    /// Its own folder.
    pub folder: Option<PathBuf>,
    /// Whether files outside its folder are looked for.
    pub elsewhere: bool,
    /// Further folders, of which what was changed is looked at.
    pub given: Vec<PathBuf>,
    /// Folders that are not looked at.
    pub but: Vec<PathBuf>,
    /// Its storage as somebody wrote it: folders, files, devices.
    pub storage: Vec<String>,
    /// What is older in folders of everybody's is not its own.
    pub since: SystemTime,
}

/// What there is to look at.
pub struct Survey {
    /// To search, for as long as this lives.
    pub sources: Vec<Source>,
    /// What cannot be looked at.
    pub lacks: Vec<Lack>,
    /// One of the sources lies in it.
    pub names: Names,
    /// The product's processes.
    pub product: Vec<u32>,
    /// Processes that were left out ([`Product::but_processes`]), where all are looked at.
    pub left_out: Vec<u32>,
    folders: Vec<PathBuf>,
}

/// Something that cannot be looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lack {
    /// Of what kind it is.
    pub kind: LackKind,
    /// What it is, and why.
    pub what: String,
}

/// A kind of thing that cannot be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LackKind {
    /// A process that was written.
    Process,
    /// Storage that was written.
    Storage,
    /// Memory that may not be read.
    Rights,
    /// More than there is time for.
    Time,
}

impl Survey {
    /// Finds out.
    ///
    /// # Errors
    /// The machine's processes cannot be listed, or there is no room in memory.
    pub fn of(product: &Product) -> io::Result<Self> {
        let mut lacks = Vec::new();
        let pids = product_processes(product, &mut lacks);
        let (mut sources, mut left_out) = (Vec::new(), Vec::new());
        if !pids.is_empty() {
            sources.push(Source::Processes {
                written: product.called.clone(),
                pids: pids.clone(),
            });
        }
        if product.others {
            left_out.clone_from(&product.but_processes);
            let known = [left_out.as_slice(), &pids].concat();
            sources.push(Source::Processes {
                written: OTHERS.to_owned(),
                pids: others(&known)?,
            });
        }
        let own = elsewhere::own_mounts(&pids).into_iter();
        for path in product.folder.clone().into_iter().chain(own) {
            sources.push(Source::Folder {
                written: path.display().to_string(),
                path,
            });
        }
        let mut names = Names::default();
        if let Some(folder) = &product.folder {
            names.below(folder);
        }
        if product.elsewhere {
            files(product, &pids, &mut names, &mut lacks, &mut sources);
        }
        let folders = storage(product, &mut names, &mut lacks, &mut sources);
        sources.push(names.source()?);
        Ok(Self {
            sources,
            lacks,
            names,
            product: pids,
            left_out,
            folders: product.folder.iter().cloned().chain(folders).collect(),
        })
    }

    /// What another user may try to reach.
    pub fn probe_targets(&self) -> ProbeTargets {
        let mut targets = ProbeTargets::default();
        for pid in &self.product {
            targets.process(*pid);
        }
        let mut folders = self.folders.clone();
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
                    Ok(kind) if kind.is_file() && targets.files.len() < TRIED => {
                        targets.files.push(entry.path());
                    }
                    _ => {}
                }
            }
        }
        targets
    }
}

/// What stands in the way of looking at a product, without looking: words that mean nothing, and memory that may not be read. Returns
/// its processes too.
pub fn reach(product: &Product) -> (Vec<u32>, Vec<Lack>) {
    let mut lacks = Vec::new();
    let pids = product_processes(product, &mut lacks);
    for written in &product.storage {
        if let Err(why) = storage_of(written) {
            lacks.push(LackKind::Storage.of(why));
        }
    }
    for pid in &pids {
        if let Err(error) = std::fs::File::open(format!("/proc/{pid}/mem"))
            && error.kind() == io::ErrorKind::PermissionDenied
        {
            lacks.push(LackKind::Rights.of(format!("memory of process {pid}: {error}")));
        }
    }
    (pids, lacks)
}

/// The storage that is meant by a path, if it can be read.
///
/// # Errors
/// It is not there, cannot be read, or is no storage; in words that name it.
pub fn storage_of(written: &str) -> Result<Source, String> {
    let source = match Source::parse(written) {
        Ok(source) => source,
        Err(GivenError::Path { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            return Err(format!("'{written}' does not exist"));
        }
        Err(GivenError::Path { source, .. }) => {
            return Err(format!("'{written}' cannot be reached: {source}"));
        }
        Err(error) => return Err(format!("'{written}' is no folder, file or device: {error}")),
    };
    match readable(&source) {
        Ok(()) => Ok(source),
        Err(error) => Err(format!("'{written}' cannot be read: {error}")),
    }
}

fn readable(source: &Source) -> io::Result<()> {
    match source {
        Source::Folder { path, .. } => std::fs::read_dir(path).map(drop),
        Source::File { path, .. } => std::fs::File::open(path).map(drop),
        Source::Stream { .. }
        | Source::Processes { .. }
        | Source::Files { .. }
        | Source::Export { .. }
        | Source::Afar { .. } => Err(io::Error::other("it is no folder, file or device")),
    }
}

impl LackKind {
    pub(crate) fn of(self, what: impl Into<String>) -> Lack {
        Lack {
            kind: self,
            what: what.into(),
        }
    }
}

/// Those whose numbers are known, and those that were written.
fn product_processes(product: &Product, lacks: &mut Vec<Lack>) -> Vec<u32> {
    let mut pids = product.pids.clone();
    for written in &product.processes {
        match Source::parse(written) {
            Ok(Source::Processes { pids: found, .. }) => pids.extend(found),
            Ok(_) => lacks.push(LackKind::Process.of(format!("'{written}' is no process"))),
            Err(error) => lacks.push(LackKind::Process.of(error.to_string())),
        }
    }
    // What a product starts is its own.
    let mut all: Vec<u32> = match process::with_descendants(&pids) {
        Ok(all) => all.into_iter().collect(),
        Err(error) => {
            let what =
                format!("what the product's processes started: /proc cannot be listed: {error}");
            lacks.push(LackKind::Rights.of(what));
            pids
        }
    };
    let ours = hygiene::own_pids();
    all.retain(|pid| {
        let carries = product.but_processes.contains(pid);
        if carries {
            lacks.push(LackKind::Process.of(format!(
                "process {} is named as the product's, and reads for the tester or carries what is read: it cannot be searched; \
                 name no more than the product's own",
                carriers::words(*pid)
            )));
        }
        !carries && !ours.contains(pid)
    });
    all
}

/// Files outside the product's folder that may be its own.
fn files(
    product: &Product,
    pids: &[u32],
    names: &mut Names,
    lacks: &mut Vec<Lack>,
    sources: &mut Vec<Source>,
) {
    let open = elsewhere::open(pids, product.folder.as_deref(), lacks);
    let places = Shared {
        further: product.given.clone(),
        shallow: working_folders(pids),
        since: product.since,
        most: FILES,
        but: product.folder.iter().chain(&product.but).cloned().collect(),
    };
    let shared = elsewhere::shared(&places, names, lacks);
    for (written, files) in [(OPEN, open), (SHARED, shared)] {
        sources.push(Source::Files {
            written: written.to_owned(),
            files,
        });
    }
}

/// What was written for storage; returns the folders of it.
fn storage(
    product: &Product,
    names: &mut Names,
    lacks: &mut Vec<Lack>,
    sources: &mut Vec<Source>,
) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for written in &product.storage {
        match storage_of(written) {
            Ok(source) => {
                if let Source::Folder { path, .. } = &source {
                    names.below(path);
                    folders.push(path.clone());
                }
                sources.push(source);
            }
            Err(why) => lacks.push(LackKind::Storage.of(why)),
        }
    }
    folders
}

/// The folders in which the product's processes run: what is written to a name alone, a core file too, lies there.
fn working_folders(product: &[u32]) -> Vec<PathBuf> {
    let folders = product
        .iter()
        .filter_map(|pid| std::fs::read_link(format!("/proc/{pid}/cwd")).ok());
    folders.collect()
}

/// Every process of the machine that has memory of its own, is not ours, and none of these.
///
/// # Errors
/// `/proc` cannot be listed.
pub fn others(product: &[u32]) -> io::Result<Vec<u32>> {
    let ours = hygiene::own_pids();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc")? {
        let pid = entry?
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        let Some(pid) = pid.filter(|pid| !ours.contains(pid) && !product.contains(pid)) else {
            continue;
        };
        // Threads of the kernel and zombies have none.
        let statm = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
        if statm
            .split(' ')
            .next()
            .is_some_and(|pages| !matches!(pages, "" | "0"))
        {
            found.push(pid);
        }
    }
    Ok(found)
}

/// Whether a path lies in one of these.
fn within(path: &Path, folders: &[PathBuf]) -> bool {
    folders.iter().any(|folder| path.starts_with(folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product() -> Product {
        Product {
            called: "product".to_owned(),
            pids: Vec::new(),
            processes: Vec::new(),
            others: false,
            but_processes: Vec::new(),
            folder: None,
            elsewhere: false,
            given: Vec::new(),
            but: Vec::new(),
            storage: Vec::new(),
            since: SystemTime::now(),
        }
    }

    #[test]
    fn what_means_nothing_is_lacking_and_what_is_there_is_a_source() {
        let folder = tempfile::tempdir().unwrap();
        let written = folder.path().display().to_string();
        let product = Product {
            processes: vec!["pid:4294967295".to_owned(), "/tmp".to_owned()],
            storage: vec![written.clone(), "/no/such/folder".to_owned()],
            ..product()
        };
        let survey = Survey::of(&product).unwrap();
        let kinds: Vec<LackKind> = survey.lacks.iter().map(|lack| lack.kind).collect();
        let expected = [LackKind::Process, LackKind::Process, LackKind::Storage];
        assert_eq!(kinds, expected, "{:?}", survey.lacks);
        assert!(survey.sources.iter().any(|one| one.written() == written));
        assert_eq!(survey.probe_targets().folders, [folder.path()]);
        let (pids, lacks) = reach(&product);
        assert!(pids.is_empty());
        assert_eq!(lacks.len(), 3, "{lacks:?}");
    }
}
