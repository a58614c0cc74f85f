//! PEM around a CMS, label `CMS` (RFC 7468 clause 9), and how to find it at the end of a text.

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::CmsError;

/// PEM with the label `CMS` and LF line ends.
pub fn to_pem(der: &[u8]) -> String {
    der::pem::encode_string("CMS", der::pem::LineEnding::LF, der)
        .expect("the label is ours and valid, and a String can be grown to any length")
}

/// The DER inside the first PEM block labelled `CMS` or `PKCS7`.
///
/// # Errors
/// [`CmsError::Unparsable`] if there is no such block, it is empty, or it is not base64.
pub fn from_pem(text: &[u8]) -> Result<Vec<u8>, CmsError> {
    let unparsable = |reason: &str| CmsError::Unparsable {
        reason: reason.to_owned(),
    };
    let block = find_block(text).ok_or_else(|| unparsable("no PEM block labelled CMS"))?;
    let body: Vec<u8> = text[block.body]
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    if body.is_empty() {
        return Err(unparsable("the PEM block is empty"));
    }
    STANDARD.decode(body).map_err(|error| CmsError::Unparsable {
        reason: format!("the PEM block is not base64: {error}"),
    })
}

/// Where a PEM block lies in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The offset of its first line: in a manifest, what lies before is what was signed.
    pub start: usize,
    /// The base64 between the two label lines.
    pub body: Range<usize>,
}

/// The first PEM block labelled `CMS` or `PKCS7` that begins at the beginning of a line; the label may be set in spaces
/// (`----- BEGIN CMS -----`), as some manifests have it. A block that is not ended runs to the end of the text.
pub fn find_block(text: &[u8]) -> Option<Block> {
    let (start, body_start) = lines(text)
        .find(|(line, _)| is_label(&text[line.clone()], "BEGIN"))
        .map(|(line, next)| (line.start, next))?;
    let body_end = lines(text)
        .find(|(line, _)| line.start >= body_start && is_label(&text[line.clone()], "END"))
        .map_or(text.len(), |(line, _)| line.start);
    Some(Block {
        start,
        body: body_start..body_end,
    })
}

/// Each line's range without its end, and where the next begins.
fn lines(text: &[u8]) -> impl Iterator<Item = (Range<usize>, usize)> + '_ {
    let mut start = 0;
    std::iter::from_fn(move || {
        if start >= text.len() {
            return None;
        }
        let end = text[start..]
            .iter()
            .position(|&byte| byte == b'\n')
            .map_or(text.len(), |offset| start + offset);
        let next = (end + 1).min(text.len());
        let line = start..end;
        start = next;
        Some((line, next))
    })
}

fn is_label(line: &[u8], word: &str) -> bool {
    let Ok(line) = std::str::from_utf8(line) else {
        return false;
    };
    let inner = line
        .trim_end()
        .strip_prefix("-----")
        .and_then(|rest| rest.strip_suffix("-----"));
    let mut words = inner.unwrap_or_default().split_whitespace();
    words.next() == Some(word)
        && matches!(words.next(), Some("CMS" | "PKCS7"))
        && words.next().is_none()
}
