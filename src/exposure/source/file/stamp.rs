//! Whether a file stayed as it was.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

/// What changes when a file's content does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Bytes.
    pub(crate) size: u64,
    modified: (i64, i64),
    /// Unlike the time of modification, this one cannot be set back.
    changed: (i64, i64),
}

impl Stamp {
    pub(crate) fn of(met: &Metadata) -> Self {
        Self {
            size: met.len(),
            modified: (met.mtime(), met.mtime_nsec()),
            changed: (met.ctime(), met.ctime_nsec()),
        }
    }

    /// What happened between this and `after`, in a line.
    pub(crate) fn difference(&self, after: &Self) -> String {
        if after.size < self.size {
            format!(
                "shrank from {} to {} bytes while it was searched",
                self.size, after.size
            )
        } else if after.size > self.size {
            format!(
                "grew from {} to {} bytes while it was searched",
                self.size, after.size
            )
        } else if after.modified != self.modified {
            "was written to while it was searched".to_owned()
        } else {
            "was changed, renamed or linked while it was searched".to_owned()
        }
    }
}
