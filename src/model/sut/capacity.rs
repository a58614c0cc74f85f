//! `[ixit.capacity]`: how much the product can handle. Main type: [`Capacity`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How many VNF instances the product says it can handle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Capacity {
    /// VNF instances that the quick tier asks for.
    #[schemars(range(min = 2, max = 100_000_000), example = 2000)]
    pub quick: u64,
    /// VNF instances that the product says it can handle: the full tier asks for as many.
    #[schemars(range(min = 2, max = 100_000_000), example = 20_000)]
    pub full: u64,
    /// Creations under way at once.
    #[schemars(range(min = 1, max = 1024), example = 4)]
    pub concurrency: usize,
}
