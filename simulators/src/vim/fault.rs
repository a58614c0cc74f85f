//! What a VIM gets wrong by itself, beyond the wire: [`VimFault`].

use std::sync::Mutex;

use serde::{Deserialize, Serialize};

use super::state::lock;
use crate::fault::Times;

/// Misbehaviour of the simulated VIM; see [`Vim::fault`](super::Vim::fault). Faults of single answers and silence are
/// set by [`Control`](crate::control::Control). Written in kebab-case, e.g. `"boot-without-key"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VimFault {
    /// A stack is refused (403, quota exceeded). The request was read, nothing is booted.
    RefuseStack,
    /// The stack is accepted and its servers boot, but it ends in CREATE_FAILED.
    CreateFailed,
    /// The stack is accepted and its servers boot, but it stays CREATE_IN_PROGRESS.
    NeverComplete,
    /// The servers of the stack boot, but the private keys given to them are lost.
    BootWithoutKey,
    /// The stack ends in CREATE_COMPLETE, but none of its servers ever comes up.
    NoBoot,
    /// The deletion of a stack is accepted, but ends in DELETE_FAILED.
    DeleteFailed,
}

impl std::fmt::Display for VimFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::RefuseStack => "refuse-stack",
            Self::CreateFailed => "create-failed",
            Self::NeverComplete => "never-complete",
            Self::BootWithoutKey => "boot-without-key",
            Self::NoBoot => "no-boot",
            Self::DeleteFailed => "delete-failed",
        })
    }
}

/// The faults that are still to come.
#[derive(Default)]
pub(super) struct Faults {
    /// With how often each is left; `None`: always.
    planned: Mutex<Vec<(VimFault, Option<u32>)>>,
}

impl Faults {
    pub(super) fn plan(&self, fault: VimFault, times: Times) {
        lock(&self.planned).push((fault, times.count()));
    }

    pub(super) fn clear(&self) {
        lock(&self.planned).clear();
    }

    /// Whether this happens now; counted as used.
    pub(super) fn take(&self, fault: VimFault) -> bool {
        let mut planned = lock(&self.planned);
        let due = |entry: &(VimFault, Option<u32>)| entry.0 == fault && entry.1 != Some(0);
        let Some(index) = planned.iter().position(due) else {
            return false;
        };
        if let Some(left) = &mut planned[index].1 {
            *left -= 1;
            if *left == 0 {
                planned.remove(index);
            }
        }
        true
    }
}
