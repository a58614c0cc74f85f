//! Where in some bytes a private key stands: [`find`].

use std::ops::Range;

use base64::Engine as _;

use super::Encoding;
use crate::der::{Element, tag};

/// A private key and where it stands.
pub(super) struct Found {
    pub(super) range: Range<usize>,
    pub(super) encoding: Encoding,
    /// The key in DER, or what there was if it could not be decoded.
    pub(super) der: Vec<u8>,
}

/// Layers of base64 that are undone.
const DEPTH: u32 = 2;
/// What a private key has at least, in characters of base64.
const SHORTEST: usize = 40;

/// All keys, in order, without overlap.
pub(super) fn find(bytes: &[u8]) -> Vec<Found> {
    look(bytes, DEPTH)
}

fn look(bytes: &[u8], depth: u32) -> Vec<Found> {
    let mut found = pem(bytes);
    found.extend(der(bytes));
    found.extend(jwk(bytes));
    found.extend(hex_digits(bytes));
    if depth > 0 {
        found.extend(base64(bytes, depth));
    }
    // Where some overlap (the lines of PEM are base64, too), all that they cover goes, under the name of the most telling.
    found.sort_by_key(|found| found.range.start);
    let mut apart: Vec<Found> = Vec::new();
    for next in found {
        match apart.last_mut() {
            Some(last) if next.range.start < last.range.end => {
                last.range.end = last.range.end.max(next.range.end);
                if rank(next.encoding) < rank(last.encoding) {
                    (last.encoding, last.der) = (next.encoding, next.der);
                }
            }
            _ => apart.push(next),
        }
    }
    apart
}

fn rank(encoding: Encoding) -> u8 {
    match encoding {
        Encoding::Pem => 0,
        Encoding::Der => 1,
        Encoding::Jwk => 2,
        Encoding::Hex => 3,
        Encoding::Base64 => 4,
    }
}

/// From `-----BEGIN ... PRIVATE KEY-----` to its end, or to the end of all if that is missing. The blanks may be those
/// of a URL.
fn pem(bytes: &[u8]) -> Vec<Found> {
    const BEGIN: &[u8] = b"-----BEGIN";
    const END: &[u8] = b"-----END";
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(begin) = position(&bytes[at..], BEGIN).map(|offset| at + offset) {
        let after = begin + BEGIN.len();
        let label_end = position(&bytes[after..], b"-----").map(|offset| after + offset);
        let Some(label_end) = label_end.filter(|end| end - after < 64) else {
            at = after;
            continue;
        };
        let mut label = plain(&bytes[after..label_end]);
        // A form writes blanks so.
        label
            .iter_mut()
            .filter(|byte| **byte == b'+')
            .for_each(|byte| *byte = b' ');
        at = label_end + 5;
        if !label.ends_with(b"PRIVATE KEY") && !label.ends_with(b"PRIVATEKEY") {
            continue;
        }
        let body_end = position(&bytes[at..], END).map(|offset| at + offset);
        let end = body_end.map_or(bytes.len(), |end| {
            let tail = end + END.len();
            position(&bytes[tail..], b"-----").map_or(bytes.len(), |offset| tail + offset + 5)
        });
        let body = &bytes[at..body_end.unwrap_or(bytes.len())];
        found.push(Found {
            range: begin..end,
            encoding: Encoding::Pem,
            der: decoded(&plain(body)).unwrap_or_else(|| body.to_vec()),
        });
        at = end;
    }
    found
}

/// Without what JSON, URLs and line breaks put between the characters.
fn plain(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        let hex = |digits: &[u8]| {
            let digits = std::str::from_utf8(digits).ok()?;
            u8::from_str_radix(digits, 16).ok()
        };
        rest = match (first, after) {
            (b'\\', [b'n' | b'r' | b't', after @ ..]) => after,
            (b'\\', [b'/', after @ ..]) => {
                plain.push(b'/');
                after
            }
            (b'%', [high, low, after @ ..]) if hex(&[*high, *low]).is_some() => {
                let byte = hex(&[*high, *low]).unwrap_or_default();
                if byte == b' ' || !byte.is_ascii_whitespace() {
                    plain.push(byte);
                }
                after
            }
            (b'\r' | b'\n' | b'\t', after) => after,
            (byte, after) => {
                plain.push(byte);
                after
            }
        };
    }
    plain
}

/// DER that begins anywhere.
fn der(bytes: &[u8]) -> Vec<Found> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(offset) = bytes[at..].iter().position(|&byte| byte == tag::SEQUENCE) {
        at += offset;
        if let Some(length) = private_key(&bytes[at..]) {
            found.push(Found {
                range: at..at + length,
                encoding: Encoding::Der,
                der: bytes[at..at + length].to_vec(),
            });
            at += length;
        } else {
            at += 1;
        }
    }
    found
}

/// The length of the private key that these bytes begin with.
fn private_key(bytes: &[u8]) -> Option<usize> {
    let outer = Element::expect(tag::SEQUENCE, bytes)?;
    let first = Element::read(outer.content)?;
    let second = Element::read(first.rest)?;
    let is_algorithm = |sequence: &Element<'_>| {
        sequence.tag == tag::SEQUENCE && Element::expect(tag::OID, sequence.content).is_some()
    };
    let is_private = match (first.tag, first.content, second.tag) {
        // EncryptedPrivateKeyInfo: algorithm and data, nothing else.
        (tag::SEQUENCE, _, tag::OCTET_STRING) => is_algorithm(&first) && second.rest.is_empty(),
        // ECPrivateKey (SEC1), version 1; the curves that we know have 28 to 66 octets.
        (tag::INTEGER, [1], tag::OCTET_STRING) => (16..=66).contains(&second.content.len()),
        // PrivateKeyInfo (PKCS#8), version 0 or 1.
        (tag::INTEGER, [0 | 1], tag::SEQUENCE) => {
            is_algorithm(&second) && Element::expect(tag::OCTET_STRING, second.rest).is_some()
        }
        // RSAPrivateKey (PKCS#1): version 0 or 1, then eight integers; the modulus is long.
        (tag::INTEGER, [0 | 1], tag::INTEGER) => {
            second.content.len() >= 32 && integers(first.rest) >= 8
        }
        // PFX (PKCS#12), version 3: keys are what it is for.
        (tag::INTEGER, [3], tag::SEQUENCE) => is_algorithm(&second),
        _ => false,
    };
    is_private.then_some(outer.whole.len())
}

fn integers(mut bytes: &[u8]) -> usize {
    let mut count = 0;
    while let Some(element) = Element::expect(tag::INTEGER, bytes) {
        count += 1;
        bytes = element.rest;
    }
    count
}

/// Runs of base64 that hold a key.
fn base64(bytes: &[u8], depth: u32) -> Vec<Found> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let run = at + run(&bytes[at..]);
        if run - at >= SHORTEST
            && let Some(der) = inside(&plain(&bytes[at..run]), depth)
        {
            found.push(Found {
                range: at..run,
                encoding: Encoding::Base64,
                der,
            });
        }
        at = run + 1;
    }
    found
}

/// How many characters of base64, or of what may stand between them, follow.
fn run(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        at += match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' | b'-' | b'_' | b'=' => 1,
            b'\r' | b'\n' => 1,
            b'\\' if matches!(bytes.get(at + 1), Some(b'n' | b'r' | b'/')) => 2,
            b'%' if at + 2 < bytes.len() => 3,
            _ => break,
        };
    }
    at.min(bytes.len())
}

/// A key in base64 that begins anywhere in the run: what stands before it may look like base64 as well. A SEQUENCE of
/// the length of a key begins with `M`, PEM with `LS0t`; what is wrapped once more is found where the run begins.
fn inside(run: &[u8], depth: u32) -> Option<Vec<u8>> {
    let starts = run.iter().enumerate().filter_map(|(at, byte)| {
        let likely = at == 0 || *byte == b'M' || *byte == b'L' && run[at..].starts_with(b"LS0t");
        likely.then_some(at)
    });
    // Each try costs as much as the run is long: a few are enough for anything but an attack on us.
    for start in starts.take(32) {
        let Some(bytes) = decoded(&run[start..]) else {
            continue;
        };
        let found = look(&bytes, depth - 1);
        if let Some(key) = found.into_iter().next() {
            return Some(key.der);
        }
    }
    None
}

/// Base64 of either alphabet, padded or not, up to the first character of neither; at least one octet.
fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    let characters = text
        .iter()
        .take_while(|&&byte| byte != b'=')
        .map(|byte| match byte {
            b'-' => b'+',
            b'_' => b'/',
            other => *other,
        });
    let mut characters: Vec<u8> = characters.collect();
    // What is left of a last group may be cut; the key is whole before it or not at all.
    if characters.len() % 4 == 1 {
        characters.pop();
    }
    let bytes = lenient().decode(&characters).ok()?;
    (!bytes.is_empty()).then_some(bytes)
}

fn lenient() -> base64::engine::GeneralPurpose {
    use base64::alphabet::STANDARD;
    use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
    let config = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&STANDARD, config)
}

/// Runs of hexadecimal digits that are DER of a key.
fn hex_digits(bytes: &[u8]) -> Vec<Found> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let digits = bytes[at..]
            .iter()
            .take_while(|byte| byte.is_ascii_hexdigit());
        let length = digits.count() & !1;
        if length >= SHORTEST
            && let Ok(decoded) = hex::decode(&bytes[at..at + length])
            && let Some(key) = der(&decoded).into_iter().next()
        {
            found.push(Found {
                range: at..at + length,
                encoding: Encoding::Hex,
                der: key.der,
            });
        }
        at += length.max(1);
    }
    found
}

/// The member `d` of a JSON Web Key (RFC 7518 clauses 6.2.2 and 6.3.2).
fn jwk(bytes: &[u8]) -> Vec<Found> {
    if position(bytes, b"\"kty\"").is_none() {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(name) = position(&bytes[at..], b"\"d\"").map(|offset| at + offset) {
        at = name + 3;
        let blank = |byte: &&u8| byte.is_ascii_whitespace() || **byte == b':';
        let value = at + bytes[at..].iter().take_while(blank).count();
        if bytes.get(value) != Some(&b'"') {
            continue;
        }
        let start = value + 1;
        let length = bytes[start..]
            .iter()
            .take_while(|&&byte| byte != b'"')
            .count();
        if length >= 20 {
            let text = &bytes[start..start + length];
            found.push(Found {
                range: start..start + length,
                encoding: Encoding::Jwk,
                der: decoded(text).unwrap_or_else(|| text.to_vec()),
            });
        }
        at = start + length;
    }
    found
}

fn position(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

#[cfg(test)]
mod tests;
