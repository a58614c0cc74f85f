//! `[ixit.observe]`: where the tester may look. Main type: [`Observe`].

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Action;

/// Where the tester may look, and as whom it tries to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Observe {
    /// A command that runs `scas`, in this version, where the product runs: `["ssh", "lab@vnfm.example", "scas"]`, `["podman", "exec",
    /// "-i", "vnfm", "/scas"]`. All that is named in this table is then looked at there; what is looked for stays here. Needs root there.
    pub via: Vec<String>,
    /// The user, by name or number, as whom the tester tries to reach the product's processes and files; `nobody` if neither
    /// this nor `probe-with` is given. Needs root.
    pub probe_as: Option<String>,
    /// A command that runs another as another user instead, e.g. `sudo -n -u nobody`.
    pub probe_with: Option<String>,
    /// Which processes, beside the product's own, are searched for the key.
    pub processes: OtherProcesses,
    /// The product's own processes where they do not descend from the start command: `port:N`, `unit:NAME`, `name:NAME`,
    /// `pidfile:PATH`, `tree:N`. What they started belongs to them.
    pub product: Vec<String>,
    /// Commands whose output is searched in each look, run here, by names of your own: `journal = ["ssh", "lab@vnfm.example",
    /// "journalctl", "-o", "export", "-u", "vnfm"]`, a dump of a data base. One that fails, prints nothing or takes longer than
    /// `timeouts.operation` leaves the verdict open.
    pub exports: BTreeMap<String, Vec<String>>,
    /// Dumps of the memory of the machine on which the product runs, written anew to `{file}` for each look, by names of your own: by a program
    /// (`vm = ["virsh", "dump", "--memory-only", "vnfm", "{file}"]`) or a person (`vm = { operator = "Dump the memory of vnfm to {file}" }`).
    /// ELF cores, LiME, AVML and plain memory are understood. One that fails, or leaves no such file, leaves the verdict open.
    pub dumps: BTreeMap<String, Action>,
    /// Further storage of the product: folders (also the upper one of a container), files (logs,
    /// images of disks and volumes), block devices.
    pub storage: Vec<String>,
}

impl Observe {
    /// Each of the dumps with its label.
    pub fn dumps(&self) -> impl Iterator<Item = (String, &Action)> {
        let dumps = self.dumps.iter();
        dumps.map(|(name, action)| (format!("ixit.observe.dumps.{name}"), action))
    }
}

/// Which processes, beside the product's own, are searched for the key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OtherProcesses {
    /// Those that the product started, wherever they went.
    #[default]
    Descendants,
    /// All of the machine.
    All,
}
