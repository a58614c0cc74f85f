//! What commands of the profile leave running becomes this program's children ([`adopt_orphans`](super::processes::adopt_orphans)), so that
//! nobody else takes note of its end: [`take_note`].
//!
//! A process that has ended is there for everybody until somebody has. A script that stops a product which an earlier one has started, and
//! waits until it is gone, would wait for ever.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use tokio::process::Child;

use crate::exposure::hygiene;
use crate::exposure::source::process::processes;

#[derive(Default)]
struct Known {
    /// Commands that run: whoever started them waits for them.
    ours: BTreeSet<u32>,
    /// What others have left to us.
    left: BTreeSet<u32>,
}

static KNOWN: Mutex<Known> = Mutex::new(Known {
    ours: BTreeSet::new(),
    left: BTreeSet::new(),
});

/// A command that runs, until this is dropped.
pub(super) struct Ours(u32);

/// Starts a command that somebody will wait for.
///
/// # Errors
/// It does not start.
pub(super) fn started(start: impl FnOnce() -> io::Result<Child>) -> io::Result<(Child, Ours)> {
    // Held meanwhile, so that it is not taken for an orphan.
    let mut known = known();
    let child = start()?;
    let pid = child.id().unwrap_or_default();
    known.ours.insert(pid);
    Ok((child, Ours(pid)))
}

/// Finds what was left to us, and lets go of what of it has ended.
pub(super) fn take_note() {
    let mut known = known();
    let below = processes(&format!("tree:{}", std::process::id())).unwrap_or_default();
    for pid in below {
        if !known.ours.contains(&pid) && is_our_child(pid) && hygiene::is_of_a_command(pid) {
            known.left.insert(pid);
        }
    }
    known.left.retain(|pid| {
        let waited = waitpid(Pid::from_raw(pid.cast_signed()), Some(WaitPidFlag::WNOHANG));
        matches!(waited, Ok(WaitStatus::StillAlive))
    });
}

fn is_our_child(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"));
    parent.is_some_and(|parent| parent.trim() == std::process::id().to_string())
}

fn known() -> MutexGuard<'static, Known> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Ours {
    fn drop(&mut self) {
        known().ours.remove(&self.0);
    }
}
