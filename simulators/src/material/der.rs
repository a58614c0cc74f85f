//! What DER is, by a look at it: [`Kind`].

use rustls_pki_types::PrivateKeyDer;
use x509_parser::parse_x509_certificate;

use super::pem;

/// What bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Certificate,
    /// Whether it can be used is not asked.
    PrivateKey,
    /// A private key encrypted with a password (PKCS#8).
    LockedKey,
    Pkcs12,
    Other,
}

pub(crate) fn kind(bytes: &[u8]) -> Kind {
    if bytes.first() != Some(&0x30) || bytes.len() < 32 {
        Kind::Other
    } else if is_pkcs12(bytes) {
        Kind::Pkcs12
    } else if PrivateKeyDer::try_from(bytes).is_ok() {
        Kind::PrivateKey
    } else if parse_x509_certificate(bytes).is_ok_and(|(rest, _)| rest.is_empty()) {
        Kind::Certificate
    } else if is_locked(bytes) {
        Kind::LockedKey
    } else {
        Kind::Other
    }
}

/// Whether one layer is, or names, a private key: in DER, in a PKCS#12 container, or as PEM.
pub(crate) fn is_private(layer: &[u8]) -> bool {
    match kind(layer) {
        Kind::PrivateKey | Kind::LockedKey | Kind::Pkcs12 => true,
        Kind::Certificate => false,
        Kind::Other => {
            // Bytes that are not UTF-8 may still hold PEM.
            std::str::from_utf8(layer).map_or_else(
                |_| pem::names_private_key(&String::from_utf8_lossy(layer)),
                pem::names_private_key,
            )
        }
    }
}

/// Content and rest of a DER element with this tag.
pub(crate) fn element(tag: u8, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&first, rest) = bytes.split_first()?;
    let (&short, rest) = rest.split_first()?;
    if first != tag {
        return None;
    }
    let (length, rest) = match short {
        ..=0x7F => (usize::from(short), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(short & 0x7F))?;
            let length = digits
                .iter()
                .fold(0, |length, digit| length << 8 | usize::from(*digit));
            (length, rest)
        }
        _ => return None,
    };
    rest.split_at_checked(length)
}

/// PFX (RFC 7292 section 4): version 3, then a ContentInfo.
fn is_pkcs12(bytes: &[u8]) -> bool {
    // Some tools write an indefinite length, which is BER.
    let inner = match bytes {
        [0x30, 0x80, inner @ ..] => Some(inner),
        _ => element(0x30, bytes).map(|(inner, _)| inner),
    };
    inner.is_some_and(|inner| inner.starts_with(&[0x02, 0x01, 0x03, 0x30]))
}

/// EncryptedPrivateKeyInfo (RFC 5958 section 3): an algorithm of PKCS#5 or PKCS#12, then the bytes.
fn is_locked(bytes: &[u8]) -> bool {
    const PKCS: [u8; 7] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01];
    let inside = || {
        let (inner, _) = element(0x30, bytes)?;
        let (algorithm, rest) = element(0x30, inner)?;
        let (oid, _) = element(0x06, algorithm)?;
        element(0x04, rest)?;
        Some(matches!(oid.strip_prefix(&PKCS)?, [5 | 12, ..]))
    };
    inside().unwrap_or(false)
}
