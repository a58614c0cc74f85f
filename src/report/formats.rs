//! The results for other programs: [`ctrf`] for test dashboards, [`oscal`] for compliance tools, [`markdown`] for a pull request, [`sarif`] for
//! code scanning; [`har`] for who wants to look at the traffic. What they count, they count from the same results.

use std::fmt::Write as _;

pub mod ctrf;
pub mod har;
pub mod markdown;
pub mod oscal;
pub mod sarif;

#[cfg(test)]
mod tests;

/// A path as it stands in a URI (RFC 3986).
fn uri(path: &str) -> String {
    let mut text = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // A String takes whatever is written.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}
