//! Files that must not stay behind when a signal ends the program: destructors do not run then.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

static FILES: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

/// Removes every file that is remembered. For the program's handling of signals.
pub fn remove_all() {
    for path in std::mem::take(&mut *files()) {
        // There is nobody left to tell.
        let _ = std::fs::remove_file(path);
    }
}

/// Whether a file is one that this program has planted, and that still lies there.
pub fn is_ours(path: &Path) -> bool {
    files().contains(path)
}

/// A file is about to be made.
pub(crate) fn remember(path: &Path) {
    files().insert(path.to_owned());
}

/// A file is about to be removed.
pub(crate) fn forget(path: &Path) {
    files().remove(path);
}

fn files() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    FILES.lock().unwrap_or_else(PoisonError::into_inner)
}
