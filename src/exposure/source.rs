//! Where is looked: sources are cut into [`Work`], which hands [`Window`]s to a [`Visitor`].
//!
//! What could not be searched is told to the visitor too: silence means searched.

mod container;
mod device;
pub(crate) mod export;
mod file;
mod folder;
pub mod limits;
mod map;
pub mod path;
mod patient;
pub mod process;
mod sparse;
pub mod stream;
#[cfg(test)]
mod testing;
pub mod text;
pub mod windows;

use serde::{Deserialize, Serialize};

use crate::detector::Window;

/// Before the command that leads to another machine.
const VIA: &str = "via ";

/// A place that bytes came from.
#[derive(
    Clone,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
pub struct Place {
    /// The source as the user wrote it: `/var/log`, `pid:4711`, `-`.
    pub source: String,
    /// Path of the file, name of the mapping (`[heap]`, `/usr/lib/x.so`), or `environ`, `cmdline`, `fd 5: /tmp/x (deleted)`;
    /// absent where the source says it all. Bytes that are no UTF-8 are escaped.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path: Option<String>,
    /// Containers that were opened on the way, outermost first: `gzip`, `zip: conf/key.pem`, `tar: etc/x`.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub inside: Vec<String>,
    /// Whether positions are addresses in a process, not offsets.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub addresses: bool,
}

impl Place {
    /// The entry of [`Self::inside`] that stands for the way to another machine: a command.
    pub(crate) fn by_way_of(command: &str) -> String {
        format!("{VIA}{command}")
    }

    /// The command behind which it is, if it is not here.
    pub fn via(&self) -> Option<&str> {
        self.inside.first()?.strip_prefix(VIA)
    }
}

/// A piece of searching, for any thread to do. It reports its own failures to the visitor.
pub type Work<'s> = Box<dyn FnOnce(&dyn Visitor) + Send + 's>;

/// Takes what sources hand out. Called from several threads at once.
pub trait Visitor: Sync {
    /// Bytes to search. The bytes of `fresh` count as searched.
    fn window(&self, place: &Place, window: &Window<'_>);

    /// Something that was not, or not wholly, searched.
    fn gap(&self, place: &Place, gap: Gap);

    /// Whether nothing will be searched any more, so that reading on is in vain: an endless stream must not keep us.
    fn is_done(&self) -> bool {
        false
    }
}

/// What was not searched, and why.
#[derive(
    Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct Gap {
    /// Its kind.
    pub kind: GapKind,
    /// What was met, in a line: `permission denied`, `secretmem: 0x7f..-0x7f..` ...
    pub what: String,
    /// Number of bytes, where that is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bytes: Option<u64>,
}

/// Whether a gap leaves the answer undecided.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum GapKind {
    /// Could not be read: no permission, an I/O error, memory that the kernel gives to nobody. Undecided.
    Unreadable,
    /// Vanished or changed while it was searched. Undecided.
    Changed,
    /// A bound was reached: depth, expanded size, number of members. Undecided.
    Bound,
    /// A container that could not be opened: damaged or encrypted. Its bytes themselves were searched. Undecided.
    Closed,
    /// Left out by rule: a symbolic link (what it leads to is another place), a device node or socket in a folder, the
    /// scanner itself, the key file that the user gave. Told, not undecided.
    ByRule,
}

impl GapKind {
    /// Whether "not found" can no longer be said.
    pub fn undecided(self) -> bool {
        !matches!(self, Self::ByRule)
    }
}
