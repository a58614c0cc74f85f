//! In what a needle lies: small recognisers of the bytes before and after it, as good as such can be.

use std::borrow::Cow;
use std::ops::Range;

use crate::key::Part;
use crate::needle::layer::{Alphabet, Layer};

/// How far is looked: the private numbers of RSA 8192 end that far from the beginning of their structure.
pub(super) const BYTES: usize = 6 * 1024;
/// The same in text.
const TEXT: usize = 9 * 1024;

const EC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const ED25519: &[u8] = &[0x06, 0x03, 0x2b, 0x65, 0x70];

/// Structures of bytes around the number `part`, of which all bytes are at `number`; from the inside out.
pub(super) fn structure(bytes: &[u8], number: &Range<usize>, part: Part) -> Vec<&'static str> {
    let before = &bytes[number.start.saturating_sub(BYTES)..number.start];
    let near = &before[before.len().saturating_sub(BYTES.min(160))..];
    let length = number.len();
    match part {
        Part::Scalar | Part::Seed => {
            let octets = u8::try_from(length).is_ok_and(|length| near.ends_with(&[0x04, length]));
            if octets && near[..near.len() - 2].ends_with(&[0x02, 0x01, 0x01]) {
                // The algorithm stands before the structure in PKCS#8 and after the number in SEC 1.
                return if contains(near, EC) {
                    vec!["SEC 1", "PKCS#8"]
                } else {
                    vec!["SEC 1"]
                };
            }
            if octets && contains(near, ED25519) {
                return vec!["PKCS#8"];
            }
        }
        Part::ExpandedSeed | Part::Whole => return Vec::new(),
        Part::D | Part::P | Part::Q | Part::Dp | Part::Dq | Part::Qinv => {
            let last = part == Part::Qinv;
            if ends_with_integer_header(before, length)
                && (last || bytes.get(number.end) == Some(&0x02))
            {
                return if contains(before, RSA) {
                    vec!["PKCS#1", "PKCS#8"]
                } else {
                    vec!["PKCS#1"]
                };
            }
        }
    }
    let prefixed = |header: &[u8]| {
        u32::try_from(length + header.len()).is_ok_and(|length| {
            let mut expected = length.to_be_bytes().to_vec();
            expected.extend_from_slice(header);
            before.ends_with(&expected)
        })
    };
    // A seed is followed by the public key in the same string.
    let openssh = prefixed(&[]) || prefixed(&[0]) || near.ends_with(&[0, 0, 0, 64]);
    let names: [&[u8]; 3] = [b"ssh-ed25519", b"ecdsa-sha2-nistp", b"ssh-rsa"];
    if openssh && names.iter().any(|name| contains(before, name)) {
        return vec!["OpenSSH"];
    }
    Vec::new()
}

/// Structures of text around what is at `piece`, from the inside out.
pub(super) fn surroundings(text: &[u8], piece: &Range<usize>) -> Vec<&'static str> {
    let before = &text[piece.start.saturating_sub(TEXT)..piece.start];
    let mut found = Vec::new();
    let mut json = false;
    let begin = last(before, b"-----BEGIN ");
    if let Some(begin) = begin
        && !contains(&before[begin..], b"-----END ")
        && contains(&before[begin..], b"PRIVATE KEY-----")
    {
        found.push("PEM");
        json = contains(&before[begin..], b"\\n") || contains(&before[begin..], b"\\r");
    }
    if let Some(quoted) = before.strip_suffix(b"\"") {
        let escaped = quoted.ends_with(b"\\");
        let name: Vec<u8> = quoted
            .iter()
            .rev()
            .take(16)
            .copied()
            .filter(|c| !matches!(c, b' ' | b'\t' | b'\r' | b'\n' | b'\\'))
            .collect();
        let members: [&[u8]; 6] = [
            b":\"d\"", b":\"p\"", b":\"q\"", b":\"pd\"", b":\"qd\"", b":\"iq\"",
        ];
        if members.iter().any(|member| name.starts_with(member)) {
            let around = &text[piece.start.saturating_sub(TEXT)..text.len().min(piece.end + TEXT)];
            if contains(around, b"\"kty") {
                found.push("JWK");
                json |= escaped;
            }
        }
    }
    if before.ends_with(b">") && contains(before, b"<RSAKeyValue") {
        found.push("RSAKeyValue");
    }
    if json {
        found.push("JSON string");
    }
    found
}

/// The name of a layer's encoding as it really is: forms meet where none of their distinguishing characters is.
pub(super) fn spelling(layer: Layer, text: &[u8]) -> Layer {
    let any = |characters: &[u8]| text.iter().any(|c| characters.contains(c));
    match layer {
        Layer::Base64 { align, .. } => Layer::Base64 {
            align,
            alphabet: if any(b"-_") {
                Alphabet::Url
            } else {
                Alphabet::Standard
            },
        },
        Layer::Hex { between, every, .. } => Layer::Hex {
            upper: any(b"ABCDEF") && !any(b"abcdef"),
            between,
            every,
        },
        Layer::Bytes { between, .. } => Layer::Bytes {
            signed: any(b"-"),
            between,
        },
        Layer::Plain | Layer::Utf16 => layer,
    }
}

/// Adds names to what something lies in.
pub(super) fn extend(within: &mut Vec<Cow<'static, str>>, names: Vec<&'static str>) {
    within.extend(names.into_iter().map(Cow::Borrowed));
}

/// Whether a DER INTEGER of so many bytes begins after `before`. A number whose first bit is set has a zero before it.
fn ends_with_integer_header(before: &[u8], length: usize) -> bool {
    let header = |before: &[u8], length: usize| match u16::try_from(length).map(u16::to_be_bytes) {
        Ok([0, short @ ..0x80]) => before.ends_with(&[2, short]),
        Ok([0, long]) => before.ends_with(&[2, 0x81, long]),
        Ok([high, low]) => before.ends_with(&[2, 0x82, high, low]),
        Err(_) => false,
    };
    header(before, length)
        || before
            .strip_suffix(&[0])
            .is_some_and(|before| header(before, length + 1))
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    last(bytes, what).is_some()
}

fn last(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).rposition(|window| window == what)
}
