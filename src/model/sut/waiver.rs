//! `[[waiver]]`: a test case that is known not to pass, and put up with for a while. Main type: [`Waiver`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Day;

/// A test case that is known not to pass. Its verdict stays what it is and is shown as waived; until the day is over it does not
/// decide the exit code. A waiver that has expired, or whose test case passed or did not apply, turns the run red.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Waiver {
    /// The test case, by its id.
    pub case: String,
    /// Why it is put up with.
    pub reason: String,
    /// Who answers for that.
    pub owner: String,
    /// Where it is followed up, e.g. the address of a ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// The last day on which it holds (UTC).
    pub expires: Day,
}
