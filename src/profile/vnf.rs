//! What can stand in `[ixit.vnf]`: [`check`].

use serde_json::Value;

use super::finding::Finding;
use crate::model::sut::VnfRequests;

/// Texts that are just a name in braces must be known placeholders.
pub(super) fn check(requests: &VnfRequests) -> Vec<Finding> {
    let unknown = |(label, members): (&'static str, &serde_json::Map<String, Value>)| {
        let unknown = members.values().find_map(unknown_placeholder)?;
        let known = VnfRequests::PLACEHOLDERS.join(" ");
        Some(Finding::of(
            label,
            format!("unknown placeholder {unknown}; known are {known}"),
        ))
    };
    requests.parts().into_iter().filter_map(unknown).collect()
}

/// The first text that is just a name in braces, and none that is known.
fn unknown_placeholder(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => {
            let braced = text.starts_with('{') && text.ends_with('}');
            let known = VnfRequests::PLACEHOLDERS.contains(&text.as_str());
            (braced && !known).then_some(text)
        }
        Value::Array(entries) => entries.iter().find_map(unknown_placeholder),
        Value::Object(members) => members.values().find_map(unknown_placeholder),
        _ => None,
    }
}
