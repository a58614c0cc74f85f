//! Object identifiers of what we know, and names for those that we do not.

use const_oid::ObjectIdentifier;
use const_oid::db::{DB, rfc5911, rfc5912, rfc6268, rfc8410};

use crate::key::Curve;

pub(crate) const EC: ObjectIdentifier = rfc5912::ID_EC_PUBLIC_KEY;
pub(crate) const ED25519: ObjectIdentifier = rfc8410::ID_ED_25519;
pub(crate) const RSA: ObjectIdentifier = rfc5912::RSA_ENCRYPTION;
pub(crate) const RSA_PSS: ObjectIdentifier = rfc5912::ID_RSASSA_PSS;

pub(crate) const DATA: ObjectIdentifier = rfc5911::ID_DATA;
pub(crate) const ENCRYPTED_DATA: ObjectIdentifier = rfc5911::ID_ENCRYPTED_DATA;
pub(crate) const KEY_BAG: ObjectIdentifier = oid("1.2.840.113549.1.12.10.1.1");
pub(crate) const SHROUDED_KEY_BAG: ObjectIdentifier = oid("1.2.840.113549.1.12.10.1.2");
pub(crate) const SAFE_CONTENTS_BAG: ObjectIdentifier = oid("1.2.840.113549.1.12.10.1.6");

pub(crate) const PBES2: ObjectIdentifier = oid("1.2.840.113549.1.5.13");
pub(crate) const PBKDF2: ObjectIdentifier = rfc5911::ID_PBKDF_2;
pub(crate) const SCRYPT: ObjectIdentifier = oid("1.3.6.1.4.1.11591.4.11");
pub(crate) const PKCS12_TRIPLE_DES: ObjectIdentifier = oid("1.2.840.113549.1.12.1.3");

pub(crate) const HMAC_SHA1: ObjectIdentifier = oid("1.2.840.113549.2.7");
pub(crate) const HMAC_SHA256: ObjectIdentifier = rfc6268::ID_HMAC_WITH_SHA_256;
pub(crate) const HMAC_SHA384: ObjectIdentifier = rfc6268::ID_HMAC_WITH_SHA_384;
pub(crate) const HMAC_SHA512: ObjectIdentifier = rfc6268::ID_HMAC_WITH_SHA_512;

pub(crate) const AES_128_CBC: ObjectIdentifier = rfc5911::ID_AES_128_CBC;
pub(crate) const AES_192_CBC: ObjectIdentifier = rfc5911::ID_AES_192_CBC;
pub(crate) const AES_256_CBC: ObjectIdentifier = rfc5911::ID_AES_256_CBC;
pub(crate) const TRIPLE_DES_CBC: ObjectIdentifier = oid("1.2.840.113549.3.7");

/// Names that the table of the RFCs lacks, of what a user may well hand to us.
const MORE: [(&str, &str); 12] = [
    ("1.2.840.113549.1.5.3", "pbeWithMD5AndDES-CBC"),
    ("1.2.840.113549.1.5.10", "pbeWithSHA1AndDES-CBC"),
    ("1.3.132.0.10", "curve secp256k1"),
    ("1.3.36.3.3.2.8.1.1.7", "curve brainpoolP256r1"),
    ("1.3.36.3.3.2.8.1.1.11", "curve brainpoolP384r1"),
    ("1.3.36.3.3.2.8.1.1.13", "curve brainpoolP512r1"),
    ("1.3.101.110", "X25519"),
    ("1.3.101.111", "X448"),
    ("1.3.101.113", "Ed448"),
    ("1.2.840.10040.4.1", "DSA"),
    ("1.2.840.113549.1.3.1", "Diffie-Hellman"),
    ("1.2.840.113549.1.12.1.6", "pbeWithSHAAnd40BitRC2-CBC"),
];

/// The curve of a name.
pub(crate) fn curve(name: ObjectIdentifier) -> Option<Curve> {
    match name {
        rfc5912::SECP_256_R_1 => Some(Curve::P256),
        rfc5912::SECP_384_R_1 => Some(Curve::P384),
        rfc5912::SECP_521_R_1 => Some(Curve::P521),
        _ => None,
    }
}

/// What the RFCs call it, and its numbers.
pub(crate) fn name(oid: ObjectIdentifier) -> String {
    let numbers = oid.to_string();
    let more = MORE.iter().find(|(known, _)| *known == numbers);
    match more.map(|(_, name)| *name).or_else(|| DB.by_oid(&oid)) {
        Some(name) => format!("{name} ({numbers})"),
        None => numbers,
    }
}

const fn oid(numbers: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(numbers)
}
