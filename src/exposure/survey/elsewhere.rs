//! Files outside the product's folder that may be its own: those that it holds open ([`open`]), those in everybody's folders
//! ([`shared`]), and file systems that it alone can see ([`own_mounts`]).

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::names::Names;
use super::{Lack, LackKind, within};
use crate::leftovers;

/// Open files that are searched.
const OPEN: usize = 1000;
/// Where every user may leave files.
const EVERYBODYS: [&str; 3] = ["/dev/shm", "/tmp", "/var/tmp"];
/// Files there that are searched; whoever has more is told, not passed over.
pub const FILES: usize = 20_000;
/// Entries there that are looked at.
const ENTRIES: usize = 2_000_000;

/// Files: the name under which each is told, and the path by which it is read.
pub type Files = Vec<(String, PathBuf)>;

/// Files with a name that processes hold open, but for those below the product's `folder`. One that is another file to us under that name, or
/// none, is read through the descriptor. Files without a name are searched with the process.
pub(super) fn open(product: &[u32], folder: Option<&Path>, lacks: &mut Vec<Lack>) -> Files {
    let (mut found, mut known) = (Files::new(), BTreeSet::new());
    for pid in product {
        let elsewhere = sees_other_files(*pid);
        let listed = std::fs::read_dir(format!("/proc/{pid}/fd"));
        for entry in listed.into_iter().flatten().flatten() {
            let path = entry.path();
            let (Ok(name), Ok(met)) = (std::fs::read_link(&path), std::fs::metadata(&path)) else {
                continue;
            };
            let searched = !elsewhere && folder.is_some_and(|folder| name.starts_with(folder));
            let kernels = ["/proc", "/sys"].iter().any(|root| name.starts_with(root));
            if !met.is_file() || met.nlink() == 0 || searched || kernels {
                continue;
            }
            if known.insert((met.dev(), met.ino())) {
                let same = std::fs::symlink_metadata(&name)
                    .is_ok_and(|ours| (ours.dev(), ours.ino()) == (met.dev(), met.ino()));
                let told = format!("{}, open in process {pid}", name.display());
                found.push((told, if same { name } else { path }));
            }
        }
    }
    if found.len() > OPEN {
        lacks.push(LackKind::Time.of(format!(
            "{} files that the product holds open outside its folder: {OPEN} are searched",
            found.len()
        )));
        found.truncate(OPEN);
    }
    found
}

/// Where to look for files that anybody may have written.
pub struct Shared {
    /// Further folders than everybody's.
    pub further: Vec<PathBuf>,
    /// Folders of which only the files directly in them are looked at.
    pub shallow: Vec<PathBuf>,
    /// What is older is not the product's.
    pub since: SystemTime,
    /// The most files that are searched.
    pub most: usize,
    /// What is searched otherwise, or ours to write meanwhile.
    pub but: Vec<PathBuf>,
}

/// Files there that were changed in the scenario, but for what this program has planted; their names, and those of folders and
/// links, are added to `names`.
pub fn shared(places: &Shared, names: &mut Names, lacks: &mut Vec<Lack>) -> Files {
    let since = places.since.duration_since(SystemTime::UNIX_EPOCH);
    let since = since.map_or(0, |since| since.as_secs().cast_signed());
    let (mut found, mut entries, mut known) = (Files::new(), 0, BTreeSet::new());
    let roots = EVERYBODYS
        .iter()
        .map(PathBuf::from)
        .chain(places.further.clone());
    let mut folders: Vec<(PathBuf, bool)> = roots.map(|root| (root, true)).collect();
    folders.extend(places.shallow.iter().map(|root| (root.clone(), false)));
    while let Some((folder, deep)) = folders.pop() {
        if !known.insert(folder.clone()) {
            continue;
        }
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            entries += 1;
            let passed = within(&path, &places.but);
            let Ok(met) = entry.metadata() else { continue };
            if passed || entries > ENTRIES || leftovers::is_ours(&path) {
                continue;
            }
            // The time of the last change of the file itself: nobody can set it back.
            if met.ctime() >= since {
                names.add(&path, &met);
                if met.is_file() {
                    found.push((path.display().to_string(), path.clone()));
                }
            }
            if met.is_dir() && deep {
                folders.push((path, true));
            }
        }
    }
    let most = places.most;
    if found.len() > most || entries > ENTRIES {
        lacks.push(LackKind::Time.of(format!(
            "{} changed files among {entries} in {}: {most} among {ENTRIES} are searched; remove what others left there, or \
             run this where less else runs",
            found.len(),
            EVERYBODYS.join(", ")
        )));
        found.truncate(most);
    }
    found
}

/// File systems in memory that a process sees and we do not, as paths by which we can read them.
pub(super) fn own_mounts(product: &[u32]) -> Vec<PathBuf> {
    let ours = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let ours: BTreeSet<&str> = mounts(&ours).map(|mount| mount.device).collect();
    let (mut found, mut known) = (Vec::new(), BTreeSet::new());
    for pid in product.iter().filter(|pid| sees_other_files(**pid)) {
        let text = std::fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap_or_default();
        for mount in mounts(&text) {
            let in_memory = ["tmpfs", "ramfs"].contains(&mount.kind);
            let new = !ours.contains(mount.device) && known.insert(mount.device.to_owned());
            if in_memory && new {
                let path = format!("/proc/{pid}/root{}", mount.at);
                found.push(PathBuf::from(path));
            }
        }
    }
    found
}

/// Whether a process has a mount namespace of its own.
fn sees_other_files(pid: u32) -> bool {
    let of = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/mnt")).ok();
    of(&pid.to_string()) != of("self")
}

struct Mount<'t> {
    device: &'t str,
    at: &'t str,
    kind: &'t str,
}

/// `36 35 98:0 /root /at options optional... - kind source options`.
fn mounts(text: &str) -> impl Iterator<Item = Mount<'_>> {
    text.lines().filter_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let mut fields = before.split(' ');
        Some(Mount {
            device: fields.nth(2)?,
            at: fields.nth(1)?,
            kind: after.split(' ').next()?,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found_in(folder: &Path, but: &Path) -> Vec<PathBuf> {
        let places = Shared {
            further: vec![folder.to_owned()],
            shallow: Vec::new(),
            since: SystemTime::now() - std::time::Duration::from_secs(60),
            most: FILES,
            but: vec![but.to_owned()],
        };
        let (mut names, mut lacks) = (Names::default(), Vec::new());
        let found = shared(&places, &mut names, &mut lacks).into_iter();
        found.map(|(_, path)| path).collect()
    }

    #[test]
    fn no_name_and_no_depth_hides_a_file_but_what_is_ours_is_passed_over() {
        let folder = tempfile::tempdir().expect("a folder");
        let deep = folder.path().join("a/b/c/d/e/f/g");
        let but = folder.path().join("record");
        for within in [&deep, &but] {
            std::fs::create_dir_all(within).expect("folders");
        }
        let hidden = [folder.path().join("scas-bed-of-mine"), deep.join("key")];
        for path in hidden.iter().chain([&but.join("events.jsonl")]) {
            std::fs::write(path, "x").expect("a file");
        }
        let found = found_in(folder.path(), &but);
        for path in &hidden {
            assert!(found.contains(path), "{path:?}: {found:?}");
        }
        assert!(!found.contains(&but.join("events.jsonl")));
    }

    #[test]
    fn what_is_too_much_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        for number in 0..4 {
            std::fs::write(folder.path().join(number.to_string()), "").expect("a file");
        }
        let places = Shared {
            further: vec![folder.path().to_owned()],
            shallow: Vec::new(),
            since: SystemTime::now() - std::time::Duration::from_secs(60),
            most: 3,
            but: Vec::new(),
        };
        let (mut names, mut lacks) = (Names::default(), Vec::new());
        assert_eq!(shared(&places, &mut names, &mut lacks).len(), 3);
        assert!(lacks[0].what.contains("changed files"), "{lacks:?}");
    }

    #[test]
    fn mounts_are_read_as_the_kernel_writes_them() {
        let text = "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw\n\
                    37 36 0:50 / /mnt rw - tmpfs none rw\nodd\n";
        let found: Vec<_> = mounts(text)
            .map(|one| (one.device, one.at, one.kind))
            .collect();
        assert_eq!(
            found,
            [("98:0", "/mnt2", "ext3"), ("0:50", "/mnt", "tmpfs")]
        );
        assert!(own_mounts(&[std::process::id()]).is_empty());
    }

    #[test]
    fn an_open_file_is_read_by_its_name_as_long_as_that_is_the_same_file() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let other = tempfile::NamedTempFile::new().expect("a file");
        let link = file.path().with_extension("link");
        std::fs::hard_link(file.path(), &link).expect("a second name");
        let read_from = || {
            let found = open(&[std::process::id()], None, &mut Vec::new());
            let mut found = found.into_iter();
            let name = file.path().display().to_string();
            found
                .find(|(told, _)| told.starts_with(&name))
                .expect("it is open")
                .1
        };
        assert_eq!(read_from(), file.path());
        // Now it goes by its second name, and another file by its first.
        std::fs::copy(other.path(), file.path().with_extension("new")).expect("a file");
        std::fs::rename(file.path().with_extension("new"), file.path()).expect("renamed");
        let found = open(&[std::process::id()], None, &mut Vec::new());
        let of_file = |path: &Path| {
            let met = std::fs::metadata(path).expect("a file");
            let ours = file.as_file().metadata().expect("a file");
            (met.dev(), met.ino()) == (ours.dev(), ours.ino())
        };
        let mut through = found.iter().filter(|(_, path)| path.starts_with("/proc"));
        assert!(through.any(|(_, path)| of_file(path)), "{found:?}");
        std::fs::remove_file(link).expect("removed");
    }
}
