//! Which public key belongs to which private key, and what both are called.

use std::borrow::Cow;
use std::fmt::Write;

use aws_lc_rs::agreement::{
    self, ECDH_P256, ECDH_P384, ECDH_P521, ParsedPublicKey, UnparsedPublicKey,
};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};

use super::rsa;
use super::{Curve, PrivateKey, PublicKey};

/// Whether the private key is that of the public key.
pub fn fits(private: &PrivateKey, public: &PublicKey) -> bool {
    match (private, public) {
        (PrivateKey::Rsa { d, p, q, .. }, PublicKey::Rsa { modulus, exponent }) => {
            rsa::fits(d, p, q, modulus, exponent)
        }
        (PrivateKey::Ec { curve, .. }, PublicKey::Ec { curve: other, .. }) if curve != other => {
            false
        }
        (PrivateKey::Ec { .. }, PublicKey::Ec { .. })
        | (PrivateKey::Ed25519 { .. }, PublicKey::Ed25519(_)) => public_of(private) == *public,
        _ => false,
    }
}

/// The public half of a private key.
///
/// Numbers that are no key (a scalar of zero, or not below the curve's order) have the point whose coordinates are zero,
/// which is on no curve and so no public key's.
pub fn public_of(private: &PrivateKey) -> PublicKey {
    match private {
        PrivateKey::Ec { curve, scalar } => {
            point(*curve, scalar.expose()).unwrap_or_else(|| PublicKey::Ec {
                curve: *curve,
                x: vec![0; curve.size()],
                y: vec![0; curve.size()],
            })
        }
        PrivateKey::Ed25519 { seed } => {
            PublicKey::Ed25519(ed25519(seed.expose()).unwrap_or_default())
        }
        PrivateKey::Rsa { d, p, q, .. } => rsa::public(d, p, q),
    }
}

/// The point that a scalar of the curve's size stands for; none for zero and from the curve's order on.
pub(crate) fn point(curve: Curve, scalar: &[u8]) -> Option<PublicKey> {
    let private = agreement::PrivateKey::from_private_key(arithmetic(curve), scalar).ok()?;
    let public = private.compute_public_key().ok()?;
    let (x, y) = public.as_ref().get(1..)?.split_at_checked(curve.size())?;
    Some(PublicKey::Ec {
        curve,
        x: x.to_vec(),
        y: y.to_vec(),
    })
}

/// Whether a public key can be one: a point must be on its curve.
pub(super) fn is_sound(public: &PublicKey) -> bool {
    let PublicKey::Ec { curve, x, y } = public else {
        return true;
    };
    let point = [&[4], &x[..], y].concat();
    let point = UnparsedPublicKey::new(arithmetic(*curve), point);
    ParsedPublicKey::try_from(point).is_ok()
}

fn arithmetic(curve: Curve) -> &'static agreement::Algorithm {
    match curve {
        Curve::P256 => &ECDH_P256,
        Curve::P384 => &ECDH_P384,
        Curve::P521 => &ECDH_P521,
    }
}

/// The public key of a seed of 32 bytes.
pub(super) fn ed25519(seed: &[u8]) -> Option<[u8; 32]> {
    let pair = Ed25519KeyPair::from_seed_unchecked(seed).ok()?;
    pair.public_key().as_ref().try_into().ok()
}

/// What kind of key it is: "EC P-256", "RSA 2048", "Ed25519".
pub fn algorithm(public: &PublicKey) -> Cow<'static, str> {
    match public {
        PublicKey::Ec { curve, .. } => match curve {
            Curve::P256 => "EC P-256".into(),
            Curve::P384 => "EC P-384".into(),
            Curve::P521 => "EC P-521".into(),
        },
        PublicKey::Ed25519(_) => "Ed25519".into(),
        PublicKey::Rsa { modulus, .. } => {
            let modulus = rsa::trim(modulus);
            let unused = modulus
                .first()
                .map_or(0, |top| top.leading_zeros() as usize);
            format!("RSA {}", modulus.len() * 8 - unused).into()
        }
    }
}

/// SHA-256 of the SubjectPublicKeyInfo, in hex.
pub fn spki_sha256(public: &PublicKey) -> String {
    let digest = digest(&SHA256, &spki(public));
    digest.as_ref().iter().fold(String::new(), |mut hex, byte| {
        // Writing into a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The SubjectPublicKeyInfo, in DER.
pub(super) fn spki(public: &PublicKey) -> Vec<u8> {
    const EC: &[u8] = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01";
    let (algorithm, key) = match public {
        PublicKey::Ec { curve, x, y } => {
            let curve: &[u8] = match curve {
                Curve::P256 => b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07",
                Curve::P384 => b"\x06\x05\x2b\x81\x04\x00\x22",
                Curve::P521 => b"\x06\x05\x2b\x81\x04\x00\x23",
            };
            (element(0x30, &[EC, curve]), [&[4], &x[..], y].concat())
        }
        PublicKey::Ed25519(key) => (element(0x30, &[b"\x06\x03\x2b\x65\x70"]), key.to_vec()),
        PublicKey::Rsa { modulus, exponent } => {
            let rsa = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";
            let numbers = [integer(modulus), integer(exponent)].concat();
            (element(0x30, &[rsa]), element(0x30, &[&numbers]))
        }
    };
    element(0x30, &[&algorithm, &element(3, &[&[0], &key])])
}

/// An unsigned INTEGER in DER.
fn integer(number: &[u8]) -> Vec<u8> {
    let number = rsa::trim(number);
    let sign: &[u8] = match number.first() {
        Some(0..=0x7f) => &[],
        _ => &[0],
    };
    element(2, &[sign, number])
}

/// A DER element of some tag around the parts of its value.
fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let value = parts.concat();
    let length = value.len().to_be_bytes();
    let length = rsa::trim(&length);
    let mut element = vec![tag];
    match length {
        [] => element.push(0),
        [short @ 0..=0x7f] => element.push(*short),
        // A length has at most eight bytes.
        long => {
            element.push(0x80 | long.len() as u8);
            element.extend(long);
        }
    }
    element.extend(value);
    element
}

#[cfg(test)]
mod tests;
