//! Keys and certificates that the user gives: [`load_public`], [`load_private`]. What the CLI read from a file goes in, a key
//! or a [`KeyError`] that says how to mend it comes out.

mod error;

use zeroize::Zeroizing;

pub use self::error::KeyError;
use self::error::{failed, mistaken};
use super::fit::is_sound;
use super::parse::jwk::Object;
use super::parse::pbe::{Effort, Opener};
use super::parse::pem::Block;
use super::parse::text::{Form, Text, base64};
use super::parse::{Parsed, Refusal, openssh, private_der, public};
use super::{PrivateKey, PublicKey, Secret};

/// The work that the user's own key may cost: some minutes.
const EFFORT: u64 = 2_000_000_000;

/// The longest file that can be a key or a chain of certificates, in bytes.
const LONGEST: usize = 4 << 20;

/// The public key of a certificate or a SubjectPublicKeyInfo, PEM or DER. Of several certificates in PEM, the first counts: the
/// leaf of a chain. `name` is what the user called it.
///
/// # Errors
/// It is no such thing, or of an algorithm that we do not know.
pub fn load_public(name: &str, bytes: &[u8]) -> Result<PublicKey, KeyError> {
    const WANTED: &str = "a certificate or public key (PEM or DER)";
    let failed = |refusal| failed(name, WANTED, refusal);
    let bytes = narrow(name, bytes)?;
    let bytes = &bytes[..];
    if bytes.len() > LONGEST {
        return Err(failed(Refusal::Unknown));
    }
    let key = if bytes.first() == Some(&0x30) {
        either(public::certificate(bytes), || public::spki(bytes)).map_err(|refusal| {
            match private_der(bytes, &closed()) {
                Err(Refusal::Unknown) => failed(refusal),
                _ => mistaken(name, "a private key", WANTED),
            }
        })?
    } else {
        let blocks: Vec<Block> = blocks(bytes).collect();
        let of = |block: &Block| match block.label.as_str() {
            "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => {
                Some(public::certificate(&block.body))
            }
            "PUBLIC KEY" => Some(public::spki(&block.body)),
            "RSA PUBLIC KEY" => Some(public::rsa(&block.body)),
            _ => None,
        };
        match blocks.iter().find_map(of) {
            Some(key) => key.map_err(failed)?,
            None if blocks.iter().any(Block::is_private) => {
                return Err(mistaken(name, "a private key", WANTED));
            }
            None if blocks.iter().any(|b| b.label.ends_with("REQUEST")) => {
                return Err(mistaken(name, "a certificate request", WANTED));
            }
            None => return Err(failed(Refusal::Unknown)),
        }
    };
    match is_sound(&key) {
        true => Ok(key),
        false => Err(failed(Refusal::Inconsistent)),
    }
}

/// The private key in PKCS#8 (also encrypted), SEC 1, PKCS#1 (DER, PEM, or base64 without PEM's lines), OpenSSH's format, a JWK
/// or PKCS#12, with its public half. `name` is what the user called it.
///
/// # Errors
/// It is no such thing, of an algorithm that we do not know, encrypted and no password opens it, damaged, or several keys.
pub fn load_private(
    name: &str,
    bytes: &[u8],
    passwords: &[Secret],
) -> Result<(PrivateKey, PublicKey), KeyError> {
    const WANTED: &str =
        "a private key (PKCS#8, SEC 1, PKCS#1, OpenSSH, JWK or PKCS#12; PEM or DER)";
    let bytes = narrow(name, bytes)?;
    let bytes = &bytes[..];
    let effort = Effort::new(EFFORT, EFFORT);
    let opener = Opener {
        passwords,
        effort: &effort,
    };
    let attempts = match bytes {
        _ if bytes.len() > LONGEST => Vec::new(),
        [0x30, ..] => vec![private_der(bytes, &opener)],
        _ if bytes.starts_with(openssh::MAGIC) => {
            vec![openssh::key(bytes, &opener).map(|(key, _)| vec![key])]
        }
        _ => in_text(bytes, &opener),
    };
    let mut keys: Vec<Parsed> = Vec::new();
    let mut refusals = Vec::new();
    for attempt in attempts {
        match attempt {
            Ok(found) => keys.extend(found),
            Err(refusal) => refusals.push(refusal),
        }
    }
    let mut different: Vec<Parsed> = Vec::new();
    for key in keys {
        if different.iter().all(|other| other.public != key.public) {
            different.push(key);
        }
    }
    // What says most: anything before "unknown".
    let refusal = refusals
        .into_iter()
        .min_by_key(|refusal| *refusal == Refusal::Unknown);
    match (different.len(), different.pop(), refusal) {
        (1, Some(key), _) => Ok((key.private, key.public)),
        (0, _, Some(refusal)) if refusal != Refusal::Unknown => Err(failed(name, WANTED, refusal)),
        (0, ..) => Err(match public_instead(bytes) {
            Some(seen) => mistaken(name, seen, WANTED),
            None => failed(name, WANTED, Refusal::Unknown),
        }),
        (number, ..) => Err(KeyError::Several {
            name: name.to_owned(),
            number,
        }),
    }
}

/// Everything in a text that might be a private key.
fn in_text(bytes: &[u8], opener: &Opener<'_>) -> Vec<Result<Vec<Parsed>, Refusal>> {
    let mut attempts: Vec<_> = blocks(bytes)
        .filter(Block::is_private)
        .map(|block| block.private(opener))
        .collect();
    let mut behind = 0;
    for at in positions(bytes, b"\"kty\"") {
        if at >= behind
            && let Some((object, place)) = Object::around(bytes, at, false)
        {
            behind = place.end;
            attempts.push(object.private().map(|key| vec![key]));
        }
    }
    if attempts.is_empty() {
        let mut text = Text::new(bytes, 0, false);
        text.skip(|c| c.is_ascii_whitespace());
        if let Some(der) = base64(&mut text, Form::DER) {
            attempts.push(private_der(&der, opener));
        }
    }
    attempts
}

/// What of the public kind was given in place of a private key.
fn public_instead(bytes: &[u8]) -> Option<&'static str> {
    const CERTIFICATE: &str = "a certificate";
    const PUBLIC: &str = "a public key";
    if bytes.first() == Some(&0x30) {
        return match (public::certificate(bytes), public::spki(bytes)) {
            (Ok(_) | Err(Refusal::Unsupported(_)), _) => Some(CERTIFICATE),
            (_, Ok(_) | Err(Refusal::Unsupported(_))) => Some(PUBLIC),
            _ => None,
        };
    }
    let seen = blocks(bytes).find_map(|block| match block.label.as_str() {
        label if label.ends_with("CERTIFICATE") => Some(CERTIFICATE),
        label if label.ends_with("PUBLIC KEY") => Some(PUBLIC),
        label if label.ends_with("REQUEST") => Some("a certificate request"),
        _ => None,
    });
    seen.or_else(|| {
        let (object, _) = Object::around(bytes, positions(bytes, b"\"kty\"").next()?, false)?;
        object.is_public().then_some(PUBLIC)
    })
    .or_else(|| {
        let ssh = [&b"ssh-"[..], b"ecdsa-sha2-"];
        ssh.iter()
            .any(|kind| bytes.starts_with(kind))
            .then_some(PUBLIC)
    })
}

/// The PEM blocks of a text.
fn blocks(bytes: &[u8]) -> impl Iterator<Item = Block> {
    const BEGIN: &[u8] = b"-----BEGIN";
    positions(bytes, BEGIN).filter_map(move |at| {
        let mut text = Text::new(bytes, at + BEGIN.len(), false);
        Block::read(&mut text, |_| true)
    })
}

fn positions(bytes: &[u8], what: &[u8]) -> impl Iterator<Item = usize> {
    (0..bytes.len()).filter(move |&at| bytes[at..].starts_with(what))
}

/// Takes UTF-16 and the mark of its order off; an editor may have put them on.
fn narrow(name: &str, bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let units = match bytes {
        [0xff, 0xfe, text @ ..] => Some((text, 0)),
        [0xfe, 0xff, text @ ..] => Some((text, 1)),
        _ => None,
    };
    let narrow = match units {
        Some((text, low)) => text.chunks_exact(2).map(|unit| unit[low]).collect(),
        None => bytes.to_vec(),
    };
    match narrow.iter().all(u8::is_ascii_whitespace) {
        true => Err(KeyError::Empty {
            name: name.to_owned(),
        }),
        false => Ok(Zeroizing::new(narrow)),
    }
}

/// The first answer unless it is that nothing is known; then the second.
fn either(
    first: Result<PublicKey, Refusal>,
    second: impl FnOnce() -> Result<PublicKey, Refusal>,
) -> Result<PublicKey, Refusal> {
    match first {
        Err(Refusal::Unknown) => second(),
        known => known,
    }
}

/// An opener that opens nothing.
fn closed() -> Opener<'static> {
    static NONE: Effort = Effort::none();
    Opener {
        passwords: &[],
        effort: &NONE,
    }
}

#[cfg(test)]
mod tests;
