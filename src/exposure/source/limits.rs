//! How far a search goes ([`Limits`]), and what it leaves out on purpose ([`Rules`]).

use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Bounds on what is taken out of containers. Where one is reached, that container ends in a gap of the kind `Bound`; the
/// bytes of the outermost stream are searched whatever is in it, and so is everything beside it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Containers inside each other that are opened: 8. A `.tar.gz` is two.
    pub depth: u32,
    /// Members that are opened in one file or stream, at all depths together: 1,000,000.
    pub members: u64,
    /// Bytes that are unpacked from one file or stream, at all depths together: 1 TiB.
    pub expanded: u64,
    /// Bytes that may come out for one byte that went in, once `free` is used up: 200. Logs and databases pack 5 to 50 to
    /// one; Deflate cannot do better than 1,032, and a bomb comes close to that in each of its layers.
    pub ratio: u64,
    /// Bytes that are unpacked from one file or stream before the ratio counts: 1 GiB. One member has a quarter of it, so
    /// that a bomb does not use up what its neighbours need.
    pub free: u64,
    /// Bytes that are read of a file without a size of its own, as those of `/proc` are: 64 MiB.
    pub unsized_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 8,
            members: 1_000_000,
            expanded: 1 << 40,
            ratio: 200,
            free: 1 << 30,
            unsized_bytes: 64 << 20,
        }
    }
}

/// What is left out on purpose: it is told as a gap of the kind `ByRule`, with the reason that was given here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    excluded: HashMap<(u64, u64), Excluded>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Excluded {
    reason: String,
    /// The name that was given, where one was: a file's other names are no such thing.
    path: Option<PathBuf>,
}

impl Rules {
    /// Leaves out a file, or a folder with everything below it. A hard link under another name is not left out: it may be just
    /// what was forgotten.
    ///
    /// # Errors
    /// The file's identity could not be read.
    pub fn exclude(&mut self, path: &Path, reason: impl Into<String>) -> io::Result<()> {
        let (met, canonical) = (fs::metadata(path)?, fs::canonicalize(path)?);
        let excluded = Excluded {
            reason: reason.into(),
            path: Some(canonical),
        };
        self.excluded.insert((met.dev(), met.ino()), excluded);
        Ok(())
    }

    /// Leaves out the file with this device and inode number.
    pub fn exclude_file(&mut self, device: u64, inode: u64, reason: impl Into<String>) {
        let excluded = Excluded {
            reason: reason.into(),
            path: None,
        };
        self.excluded.insert((device, inode), excluded);
    }

    /// Why this file is left out, if it is.
    pub(crate) fn reason(&self, met: &fs::Metadata, path: &Path) -> Option<&str> {
        let excluded = self.excluded.get(&(met.dev(), met.ino()))?;
        let other_name = met.is_file()
            && met.nlink() > 1
            && excluded.path.as_ref().is_some_and(|given| {
                fs::canonicalize(path).is_ok_and(|canonical| canonical != *given)
            });
        (!other_name).then_some(excluded.reason.as_str())
    }
}
