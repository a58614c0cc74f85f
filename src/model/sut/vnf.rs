//! `[ixit.vnf]`: what the product wants in requests. Main type: [`VnfRequests`].

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What the product wants in requests beyond the members that the tester sends anyway, and in VNF packages. A string that is just a
/// placeholder becomes the value that it stands for: `{vnfcs}` how many VNFCs there are to be, `{vnfcis}` a list of `vnfcInstanceId` and
/// `configuration` (the address of a VNFCI's SOL002 configuration interface), `{vim}` Keystone's address at the VIM, `{vim-user}` and
/// `{vim-password}` what the product shows there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct VnfRequests {
    /// Members that the product wants in the creation of a VNF instance, beside or in place of the tester's own.
    pub create: Map<String, Value>,
    /// The same for its instantiation.
    pub instantiate: Map<String, Value>,
    /// The same for the change of its external connectivity, which asks for new certificates.
    pub change_ext_conn: Map<String, Value>,
    /// A folder whose files are put into each VNF package as artifacts, listed in its manifest: what the product needs there, e.g.
    /// templates for the VIM.
    pub artifacts: Option<PathBuf>,
}

impl VnfRequests {
    /// The placeholders that may stand in them.
    pub const PLACEHOLDERS: [&'static str; 5] = [
        "{vnfcs}",
        "{vnfcis}",
        "{vim}",
        "{vim-user}",
        "{vim-password}",
    ];

    /// Each part with its label.
    pub fn parts(&self) -> [(&'static str, &Map<String, Value>); 3] {
        [
            ("ixit.vnf.create", &self.create),
            ("ixit.vnf.instantiate", &self.instantiate),
            ("ixit.vnf.change-ext-conn", &self.change_ext_conn),
        ]
    }
}
