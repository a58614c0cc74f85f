//! YAML of peers, read into JSON values: [`parse`].

use serde_json::Value;
use serde_saphyr::DuplicateKeyPolicy;

/// Reads one YAML document (JSON is one too). Limits of the parser keep aliases from growing without end.
///
/// # Errors
/// What the parser says, in one line, without a copy of the text: that may hold a key.
pub(crate) fn parse(text: &str) -> Result<Value, String> {
    let options = serde_saphyr::options! {
        // As those who read HOT and cloud-config do.
        duplicate_keys: DuplicateKeyPolicy::LastWins,
        ignore_binary_tag_for_string: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let message = error.to_string();
        message.lines().next().unwrap_or_default().to_owned()
    })
}
