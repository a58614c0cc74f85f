//! `[sut]`: what is tested, for whom and by whom. Main type: [`Sut`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::clause::Role;

/// The product's name plate, as reports show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Sut {
    /// Product name.
    pub name: String,
    /// Who makes it.
    pub vendor: String,
    /// Its version.
    pub version: String,
    /// The role under test; today only `VNFM` can be tested.
    #[schemars(with = "String", example = &"VNFM")]
    pub role: Role,
    /// Serial number or build of the very product that was tested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// Who asked for the test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// The laboratory that tests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lab: Option<String>,
    /// The person who tests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tester: Option<String>,
}
