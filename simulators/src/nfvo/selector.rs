//! Which attributes of a VNF package stand in a list (SOL013 clause 5.3): [`Selector`].

use serde_json::Value;

use crate::rest::Asked;

/// Left out of a list unless asked for (SOL003 clause 10.4.2.3.2).
const DEFAULT_EXCLUDED: [&str; 5] = [
    "softwareImages",
    "additionalArtifacts",
    "userDefinedData",
    "checksum",
    "onboardingFailureDetails",
];

/// Never left out.
const MANDATORY: [&str; 5] = [
    "id",
    "onboardingState",
    "operationalState",
    "usageState",
    "_links",
];

/// Top-level attributes to leave out.
pub(super) struct Selector(Vec<String>);

impl Selector {
    /// What `all_fields`, `fields`, `exclude_fields` and `exclude_default` say. Of a nested attribute that is named in
    /// `fields` the whole top-level attribute is given; one named in `exclude_fields` is kept.
    pub(super) fn of(asked: &Asked<'_>) -> Self {
        let list = |name: &str| -> Option<Vec<String>> {
            Some(asked.query(name)?.split(',').map(str::to_owned).collect())
        };
        let defaults = DEFAULT_EXCLUDED.iter().map(|&name| name.to_owned());
        let excluded = if asked.query("all_fields").is_some() {
            Vec::new()
        } else if let Some(named) = list("exclude_fields") {
            named
        } else {
            let wanted = list("fields").unwrap_or_default();
            let is_wanted = |name: &String| {
                wanted
                    .iter()
                    .any(|path| path.split('/').next() == Some(name))
            };
            defaults.filter(|name| !is_wanted(name)).collect()
        };
        Self(excluded)
    }

    pub(super) fn apply(&self, mut info: Value) -> Value {
        if let Some(attributes) = info.as_object_mut() {
            attributes
                .retain(|name, _| MANDATORY.contains(&name.as_str()) || !self.0.contains(name));
        }
        info
    }
}
