//! Public keys: SubjectPublicKeyInfo, certificates, points.

use ::der::Tag;

use super::der::Elements;
use super::{Refusal, oid, unsupported};
use crate::key::{Curve, PublicKey};

/// The public key of a certificate (RFC 5280). Nothing of it is verified.
pub(crate) fn certificate(bytes: &[u8]) -> Result<PublicKey, Refusal> {
    let read = || {
        let mut certificate = Elements::of(bytes).sequence()?;
        let mut fields = certificate.sequence()?;
        // The version is absent in the first one.
        fields.context(0);
        fields.value(Tag::Integer)?;
        // Signature algorithm, issuer, validity, subject.
        for _ in 0..4 {
            fields.sequence()?;
        }
        let key = fields.whole()?;
        // What a signed structure goes on with.
        certificate.sequence()?.oid()?;
        certificate.value(Tag::BitString)?;
        Some(key)
    };
    spki(read().ok_or(Refusal::Unknown)?)
}

/// A SubjectPublicKeyInfo.
pub(crate) fn spki(bytes: &[u8]) -> Result<PublicKey, Refusal> {
    let read = || {
        let mut fields = Elements::of(bytes).sequence()?;
        let mut algorithm = fields.sequence()?;
        Some((algorithm.oid()?, algorithm.oid(), fields.bits()?))
    };
    let (algorithm, curve, key) = read().ok_or(Refusal::Unknown)?;
    match algorithm {
        oid::EC => {
            let curve = curve.ok_or(Refusal::Unsupported("explicit curve parameters".into()))?;
            ec(oid::curve(curve).ok_or_else(|| unsupported(curve))?, key)
        }
        oid::ED25519 => ed25519(key),
        oid::RSA | oid::RSA_PSS => rsa(key),
        other => Err(unsupported(other)),
    }
}

/// A point that is written whole (SEC 1, 2.3.3).
pub(crate) fn ec(curve: Curve, point: &[u8]) -> Result<PublicKey, Refusal> {
    let (form, coordinates) = point.split_first().ok_or(Refusal::Unknown)?;
    if matches!(form, 2 | 3) && coordinates.len() == curve.size() {
        return Err(Refusal::Unsupported("compressed point".into()));
    }
    let whole = matches!(form, 4 | 6 | 7) && coordinates.len() == 2 * curve.size();
    let (x, y) = whole
        .then(|| coordinates.split_at(curve.size()))
        .ok_or(Refusal::Inconsistent)?;
    Ok(PublicKey::Ec {
        curve,
        x: x.to_vec(),
        y: y.to_vec(),
    })
}

/// An Ed25519 public key.
pub(crate) fn ed25519(key: &[u8]) -> Result<PublicKey, Refusal> {
    let key = key.try_into().map_err(|_| Refusal::Inconsistent)?;
    Ok(PublicKey::Ed25519(key))
}

/// An RSAPublicKey (RFC 8017).
pub(crate) fn rsa(key: &[u8]) -> Result<PublicKey, Refusal> {
    let mut numbers = Elements::of(key).sequence().ok_or(Refusal::Unknown)?;
    let (modulus, exponent) = (numbers.unsigned(), numbers.unsigned());
    let (Some(modulus @ [_, ..]), Some(exponent @ [_, ..])) = (modulus, exponent) else {
        return Err(Refusal::Inconsistent);
    };
    Ok(PublicKey::Rsa {
        modulus: modulus.to_vec(),
        exponent: exponent.to_vec(),
    })
}

/// Whether the bytes are this key's point, whole or compressed.
pub(crate) fn is_point(bytes: &[u8], key: &PublicKey) -> bool {
    let PublicKey::Ec { curve, x, y } = key else {
        return false;
    };
    match bytes {
        [form @ (2 | 3), compressed @ ..] => {
            compressed == x && y.last().is_some_and(|last| last & 1 == form & 1)
        }
        _ => ec(*curve, bytes).is_ok_and(|stated| stated == *key),
    }
}
