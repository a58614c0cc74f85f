//! PEM blocks in text that was indented, folded or escaped on its way: [`blocks`].

use super::encoding::{self, Bytes};

/// A block: its label, e.g. `EC PRIVATE KEY`, and its bytes, if they can be had.
pub(crate) struct Block {
    pub(crate) label: String,
    pub(crate) der: Option<Bytes>,
}

const BEGIN: &str = "-----BEGIN ";
const DASHES: &str = "-----";

/// Longest label that is taken for one.
const MAX_LABEL: usize = 40;

/// All blocks in this text. What is not base64 between the lines (indentation, header lines) is passed over.
pub(crate) fn blocks(text: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(BEGIN) {
        rest = &rest[start + BEGIN.len()..];
        let Some(label_end) = rest.find(DASHES).filter(|end| *end <= MAX_LABEL) else {
            continue;
        };
        let label = rest[..label_end].to_owned();
        rest = &rest[label_end + DASHES.len()..];
        let Some(end) = rest.find("-----END ") else {
            found.push(Block { label, der: None });
            break;
        };
        let der = body(&rest[..end]);
        found.push(Block { label, der });
        rest = &rest[end + DASHES.len()..];
    }
    found
}

fn body(text: &str) -> Option<Bytes> {
    let mut compact = zeroize::Zeroizing::new(String::new());
    for line in text.lines().filter(|line| !line.contains(':')) {
        compact.extend(line.split_ascii_whitespace());
    }
    encoding::base64(&compact)
}

/// Whether text holds the label of a private key of any kind, encrypted or not.
pub(crate) fn names_private_key(text: &str) -> bool {
    text.contains("PRIVATE KEY-----") || text.contains("PRIVATE KEY BLOCK-----")
}
