//! The content security policy of a report: its own script and style sheet by their digests, and nothing else. Main function: [`of()`].

use base64::Engine as _;
use sha2::{Digest as _, Sha256};

/// What stands before the policy in the head of a report.
const BEFORE: &str = "<meta http-equiv=\"Content-Security-Policy\" content=\"";

/// How long the Base64 of a SHA-256 is.
const DIGEST: usize = 44;

/// The policy of a page with this script and this style sheet.
pub fn of(script: &str, style: &str) -> String {
    written(&source(script), &source(style))
}

/// What lets in an element with this text, by its digest.
pub fn source(text: &str) -> String {
    let digest = base64::engine::general_purpose::STANDARD.encode(Sha256::digest(text.as_bytes()));
    format!("'sha256-{digest}'")
}

/// The policy that a report states of itself, whichever version drew it; none if this is the beginning of anything else. Nothing but
/// digests can be in it.
pub fn stated(beginning: &str) -> Option<String> {
    let (_, rest) = beginning.split_once(BEFORE)?;
    let (policy, _) = rest.split_once('"')?;
    let policy = policy.replace("&#39;", "'");
    let of = |name: &str| {
        let (_, rest) = policy.split_once(&format!("{name} 'sha256-"))?;
        let (digest, _) = rest.split_once('\'')?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
        (digest.len() == DIGEST && digest.bytes().all(plain)).then(|| format!("'sha256-{digest}'"))
    };
    let same = written(&of("script-src")?, &of("style-src")?);
    (same == policy).then_some(same)
}

fn written(script: &str, style: &str) -> String {
    format!(
        "default-src 'none'; script-src {script}; style-src {style}; base-uri 'none'; form-action 'none'"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(policy: &str) -> String {
        format!("<html><head>{BEFORE}{policy}\"></head>")
    }

    #[test]
    fn a_report_states_its_policy_and_nothing_else_does() {
        let own = of("script", "style");
        assert_eq!(stated(&page(&own.replace('\'', "&#39;"))), Some(own));
        let digest = source("a");
        for foreign in [
            "default-src *".to_owned(),
            format!("{}; img-src *", of("a", "b")),
            format!("script-src 'unsafe-inline'; {}", of("a", "b")),
            of("a", "b").replace(&digest, "'unsafe-inline'"),
            format!("script-src {digest} 'unsafe-inline'; style-src {digest}"),
            String::new(),
        ] {
            assert_eq!(stated(&page(&foreign)), None, "{foreign}");
        }
        assert_eq!(stated("<html>"), None);
    }
}
