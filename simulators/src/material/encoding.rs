//! The layers that bytes are wrapped in (base64, hex, gzip, escapes), taken off one by one: [`unwrapped`].

use std::io::Read as _;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use flate2::read::MultiGzDecoder;
use zeroize::Zeroizing;

/// Bytes that may be, or hold, a private key.
pub(crate) type Bytes = Zeroizing<Vec<u8>>;

/// How deep layers may be nested.
const MAX_DEPTH: usize = 6;
/// How many layers are looked at in all.
const MAX_LAYERS: usize = 20_000;
/// How many bytes are looked at in all: four times the longest body that a simulator takes.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// Shorter runs of base64 or hex hold no private key: the shortest, Ed25519 in PKCS#8, has 64 characters of base64.
const MIN_RUN: usize = 40;

const FORGIVING: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, FORGIVING);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, FORGIVING);

/// What is left of the work that a peer may make us do.
struct Budget {
    layers: usize,
    bytes: usize,
}

impl Budget {
    fn spend(&mut self, bytes: usize) -> bool {
        let affordable = self.layers > 0 && self.bytes >= bytes;
        if affordable {
            self.layers -= 1;
            self.bytes -= bytes;
        }
        affordable
    }
}

/// Shows these bytes and all that is wrapped in them, outermost first, until `visit` says stop (`false`). Returns
/// whether all was seen: not if the bytes are nested or repeated without end.
pub(crate) fn unwrapped(bytes: &[u8], mut visit: impl FnMut(&[u8]) -> bool) -> bool {
    let mut budget = Budget {
        layers: MAX_LAYERS,
        bytes: MAX_BYTES,
    };
    let mut open = vec![(Zeroizing::new(bytes.to_vec()), 0)];
    let mut complete = true;
    while let Some((layer, depth)) = open.pop() {
        if !budget.spend(layer.len()) {
            return false;
        }
        if !visit(&layer) {
            return true;
        }
        let inner = peeled(&layer);
        complete &= inner.complete;
        if depth == MAX_DEPTH {
            complete &= inner.layers.is_empty();
        } else {
            open.extend(inner.layers.into_iter().map(|layer| (layer, depth + 1)));
        }
    }
    complete
}

struct Peeled {
    layers: Vec<Bytes>,
    complete: bool,
}

/// One layer off, in every way that is possible.
fn peeled(bytes: &[u8]) -> Peeled {
    let mut layers = Vec::new();
    let mut complete = true;
    if is_gzip(bytes) {
        let inner = gunzipped(bytes);
        complete = inner.is_some();
        layers.extend(inner);
    } else if let Ok(text) = std::str::from_utf8(bytes) {
        layers.extend(unescaped(text));
        layers.extend(runs(text).iter().flat_map(|run| decoded(run)));
    }
    Peeled { layers, complete }
}

/// Whether these bytes begin like a gzip file.
pub(crate) fn is_gzip(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x1F, 0x8B, 0x08])
}

/// The content of a gzip file; `None` if it is broken or has more than [`MAX_BYTES`].
pub(crate) fn gunzipped(bytes: &[u8]) -> Option<Bytes> {
    let mut content = Zeroizing::new(Vec::new());
    let limit = MAX_BYTES as u64 + 1;
    MultiGzDecoder::new(bytes)
        .take(limit)
        .read_to_end(&mut content)
        .ok()?;
    (content.len() <= MAX_BYTES).then_some(content)
}

/// Base64 of either alphabet, with or without padding and white space.
pub(crate) fn base64(text: &str) -> Option<Bytes> {
    let compact: Zeroizing<String> =
        Zeroizing::new(text.chars().filter(|c| !c.is_ascii_whitespace()).collect());
    let decoded = STANDARD
        .decode(compact.as_bytes())
        .or_else(|_| URL_SAFE.decode(compact.as_bytes()));
    decoded.ok().map(Zeroizing::new)
}

/// A run as base64 and as hex.
fn decoded(run: &str) -> Vec<Bytes> {
    let unhexed = hex::decode(run).ok().map(Zeroizing::new);
    base64(run).into_iter().chain(unhexed).collect()
}

/// Text in which `\n` and `\/` stand for themselves (JSON in JSON, `echo -e`), made plain.
fn unescaped(text: &str) -> Option<Bytes> {
    (text.contains("\\n") || text.contains("\\/") || text.contains("%0A")).then(|| {
        let plain = text
            .replace("\\\\n", "\n")
            .replace("\\n", "\n")
            .replace("\\r", "")
            .replace("\\/", "/")
            .replace("%0A", "\n")
            .replace("%2B", "+")
            .replace("%2F", "/")
            .replace("%3D", "=");
        Zeroizing::new(plain.into_bytes())
    })
}

/// Runs of base64 or hex: within a line, and over lines that hold nothing else (however indented).
fn runs(text: &str) -> Vec<Zeroizing<String>> {
    let mut found = Vec::new();
    let mut block: Vec<&str> = Vec::new();
    for line in text.lines().chain([""]) {
        // Padding says nothing, and `=` is also what stands before a value.
        let line = line.trim().trim_end_matches('=');
        if !line.is_empty() && line.chars().all(in_run) {
            block.push(line);
            continue;
        }
        found.extend(joined(&block));
        block.clear();
        found.extend(
            line.split(|c| !in_run(c))
                .map(|run| Zeroizing::new(run.to_owned())),
        );
        // Folded by YAML: a line became a word.
        let words: Vec<_> = line.split_ascii_whitespace().collect();
        let groups = words.split(|word| !word.chars().all(in_run));
        found.extend(groups.filter(|group| group.len() > 1).flat_map(joined));
    }
    found.retain(|run| run.len() >= MIN_RUN);
    found
}

/// All lines in one; and each wrapped run among them by itself: lines of one length, and a last that is shorter. A
/// word before or after it would spoil it otherwise.
fn joined(lines: &[&str]) -> Vec<Zeroizing<String>> {
    let mut found = vec![Zeroizing::new(lines.concat())];
    let mut start = 0;
    for index in 1..=lines.len() {
        let ends = index == lines.len()
            || lines[index].len() > lines[index - 1].len()
            || (index - start > 1 && lines[index - 1].len() < lines[index - 2].len());
        if ends {
            if (start, index) != (0, lines.len()) {
                found.push(Zeroizing::new(lines[start..index].concat()));
            }
            start = index;
        }
    }
    found
}

fn in_run(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '_' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::STANDARD as PLAIN;
    use proptest::prelude::*;
    use std::io::Write as _;

    fn sees(carrier: &[u8], inner: &[u8]) -> bool {
        let mut seen = false;
        unwrapped(carrier, |layer| {
            seen |= layer == inner;
            !seen
        });
        seen
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(bytes).expect("memory");
        gzip.finish().expect("memory")
    }

    #[test]
    fn every_wrapping_in_use_comes_off() {
        let secret = b"thirty-two bytes and a few more than that".to_vec();
        let plain = PLAIN.encode(&secret);
        let wrapped = format!("key: |\n    {}\n    {}\n", &plain[..32], &plain[32..]);
        let folded = format!("key: {} {}", &plain[..32], &plain[32..]);
        for carrier in [
            plain.clone().into_bytes(),
            wrapped.into_bytes(),
            folded.into_bytes(),
            format!("echo '{plain}' | base64 -d > /x").into_bytes(),
            PLAIN.encode(gzip(&secret)).into_bytes(),
            PLAIN.encode(&plain).into_bytes(),
            hex::encode(&secret).into_bytes(),
            gzip(plain.as_bytes()),
        ] {
            assert!(sees(&carrier, &secret), "{carrier:?}");
        }
    }

    #[test]
    fn a_bomb_is_not_all_seen() {
        let bomb = gzip(&vec![0; MAX_BYTES + 1]);
        assert!(!unwrapped(&bomb, |_| true));
    }

    proptest! {
        #[test]
        fn whatever_comes_is_looked_through(bytes: Vec<u8>, text in "[A-Za-z0-9+/=\\\\n \n-]{0,400}") {
            unwrapped(&bytes, |_| true);
            unwrapped(text.as_bytes(), |_| true);
        }

        #[test]
        fn base64_is_found_in_any_text(before in "[a-z: \n]{0,40}", secret in prop::collection::vec(any::<u8>(), 48..200)) {
            let carrier = format!("{before}\n{}\n", PLAIN.encode(&secret));
            prop_assert!(sees(carrier.as_bytes(), &secret));
        }
    }
}
