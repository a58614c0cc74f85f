//! What a VIM gets wrong by itself, beyond the wire: [`VimFault`].

use serde::{Deserialize, Serialize};

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
