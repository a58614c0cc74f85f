//! `[ixit.vnf]`: what the product wants in requests. Main type: [`VnfRequests`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What the product wants in requests beyond the members that the tester sends anyway. A string that is just a placeholder
/// becomes the value that it stands for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct VnfRequests {
    /// Members that the product wants in the creation of a VNF instance, beside or in place of the tester's own.
    pub create: Map<String, Value>,
    /// The same for its instantiation.
    pub instantiate: Map<String, Value>,
    /// The same for the change of its external connectivity, which asks for new certificates.
    pub change_ext_conn: Map<String, Value>,
}

impl VnfRequests {
    /// The placeholders that may stand in them.
    pub const PLACEHOLDERS: [&'static str; 2] = ["{vnfcs}", "{vnfcis}"];

    /// Each part with its label.
    pub fn parts(&self) -> [(&'static str, &Map<String, Value>); 3] {
        [
            ("ixit.vnf.create", &self.create),
            ("ixit.vnf.instantiate", &self.instantiate),
            ("ixit.vnf.change-ext-conn", &self.change_ext_conn),
        ]
    }
}
