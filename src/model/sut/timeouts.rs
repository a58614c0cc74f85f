//! `[ixit.timeouts]`: how long to wait for the product. Main type: [`Timeouts`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How long to wait for the product, in seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Timeouts {
    /// Seconds for the product to be ready after its start.
    #[schemars(range(min = 1, max = 3600))]
    pub start: u64,
    /// Seconds for one answer, and for creation notifications to arrive.
    #[schemars(range(min = 1, max = 3600))]
    pub answer: u64,
    /// Seconds for a lifecycle operation to end.
    #[schemars(range(min = 1, max = 3600))]
    pub operation: u64,
    /// Seconds for the product to end after it was asked to; then it is killed, and a remark kept.
    #[schemars(range(min = 1, max = 3600))]
    pub stop: u64,
    /// Seconds for a person to do what is asked of the operator.
    #[schemars(range(min = 1, max = 604_800))]
    pub operator: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            start: 20,
            answer: 30,
            operation: 120,
            stop: 20,
            operator: 3600,
        }
    }
}
