//! The algorithms of digests and signatures that are strong enough. Main function: [`algorithm`].

use aws_lc_rs::digest;
use aws_lc_rs::signature::{self, VerificationAlgorithm};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912;
use der::Encode;
use spki::AlgorithmIdentifierOwned;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::signature_algorithm::RsaSsaPssParams;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::refusal::SignatureFault;

/// The digest algorithms that are strong enough.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    pub(super) fn by_oid(oid: ObjectIdentifier) -> Result<Self, SignatureFault> {
        match oid {
            rfc5912::ID_SHA_256 => Ok(Self::Sha256),
            rfc5912::ID_SHA_384 => Ok(Self::Sha384),
            rfc5912::ID_SHA_512 => Ok(Self::Sha512),
            other => Err(refused(other)),
        }
    }

    pub(super) fn of(self, content: &[u8]) -> digest::Digest {
        let algorithm = match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, content)
    }
}

fn refused(oid: ObjectIdentifier) -> SignatureFault {
    let name = const_oid::db::DB
        .by_oid(&oid)
        .map_or_else(|| oid.to_string(), |name| format!("{name} ({oid})"));
    SignatureFault::Algorithm(name)
}

const EC_PUBLIC_KEY: ObjectIdentifier = rfc5912::ID_EC_PUBLIC_KEY;

/// How to verify the value, by its algorithm identifier and, for ECDSA, the curve of the key.
pub(super) fn algorithm(
    signature: &AlgorithmIdentifierOwned,
    digest: &AlgorithmIdentifierOwned,
    curve: Option<&x509_parser::asn1_rs::Any<'_>>,
) -> Result<&'static dyn VerificationAlgorithm, SignatureFault> {
    match signature.oid {
        rfc5912::RSA_ENCRYPTION => Ok(rsa_pkcs1(Hash::by_oid(digest.oid)?)),
        rfc5912::SHA_256_WITH_RSA_ENCRYPTION => Ok(rsa_pkcs1(Hash::Sha256)),
        rfc5912::SHA_384_WITH_RSA_ENCRYPTION => Ok(rsa_pkcs1(Hash::Sha384)),
        rfc5912::SHA_512_WITH_RSA_ENCRYPTION => Ok(rsa_pkcs1(Hash::Sha512)),
        rfc5912::ID_RSASSA_PSS => rsa_pss(signature),
        EC_PUBLIC_KEY => ecdsa(Hash::by_oid(digest.oid)?, curve),
        rfc5912::ECDSA_WITH_SHA_256 => ecdsa(Hash::Sha256, curve),
        rfc5912::ECDSA_WITH_SHA_384 => ecdsa(Hash::Sha384, curve),
        rfc5912::ECDSA_WITH_SHA_512 => ecdsa(Hash::Sha512, curve),
        other => Err(refused(other)),
    }
}

fn rsa_pkcs1(hash: Hash) -> &'static dyn VerificationAlgorithm {
    match hash {
        Hash::Sha256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        Hash::Sha384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Hash::Sha512 => &signature::RSA_PKCS1_2048_8192_SHA512,
    }
}

/// RSASSA-PSS with one hash throughout and a salt as long as it, as RFC 4056 recommends; other parameters are refused by name,
/// so that they do not look like a wrong value.
fn rsa_pss(
    identifier: &AlgorithmIdentifierOwned,
) -> Result<&'static dyn VerificationAlgorithm, SignatureFault> {
    let malformed = || SignatureFault::Algorithm("RSASSA-PSS with malformed parameters".to_owned());
    let parameters = identifier
        .parameters
        .as_ref()
        .ok_or_else(malformed)?
        .to_der()
        .map_err(|_| malformed())?;
    let (_, any) = x509_parser::asn1_rs::Any::from_der(&parameters).map_err(|_| malformed())?;
    let parameters = RsaSsaPssParams::try_from(&any).map_err(|_| malformed())?;
    let mask = parameters.mask_gen_algorithm().map_err(|_| malformed())?;
    let hash = parameters.hash_algorithm_oid().to_id_string();
    let (found, salt): (&'static dyn VerificationAlgorithm, u32) = match hash.as_str() {
        "2.16.840.1.101.3.4.2.1" => (&signature::RSA_PSS_2048_8192_SHA256, 32),
        "2.16.840.1.101.3.4.2.2" => (&signature::RSA_PSS_2048_8192_SHA384, 48),
        "2.16.840.1.101.3.4.2.3" => (&signature::RSA_PSS_2048_8192_SHA512, 64),
        other => {
            return Err(SignatureFault::Algorithm(format!(
                "RSASSA-PSS with the hash {other}"
            )));
        }
    };
    if mask.hash.to_id_string() != hash || parameters.salt_length() != salt {
        return Err(SignatureFault::Algorithm(format!(
            "RSASSA-PSS with a salt of {} bytes or another mask hash (supported: {salt} bytes, one hash)",
            parameters.salt_length()
        )));
    }
    Ok(found)
}

fn ecdsa(
    hash: Hash,
    curve: Option<&x509_parser::asn1_rs::Any<'_>>,
) -> Result<&'static dyn VerificationAlgorithm, SignatureFault> {
    let curve = curve
        .and_then(|any| any.as_oid().ok())
        .map(|oid| oid.to_id_string())
        .unwrap_or_default();
    Ok(match (curve.as_str(), hash) {
        ("1.2.840.10045.3.1.7", Hash::Sha256) => &signature::ECDSA_P256_SHA256_ASN1,
        ("1.2.840.10045.3.1.7", Hash::Sha384) => &signature::ECDSA_P256_SHA384_ASN1,
        ("1.2.840.10045.3.1.7", Hash::Sha512) => &signature::ECDSA_P256_SHA512_ASN1,
        ("1.3.132.0.34", Hash::Sha256) => &signature::ECDSA_P384_SHA256_ASN1,
        ("1.3.132.0.34", Hash::Sha384) => &signature::ECDSA_P384_SHA384_ASN1,
        ("1.3.132.0.34", Hash::Sha512) => &signature::ECDSA_P384_SHA512_ASN1,
        _ => {
            return Err(SignatureFault::Algorithm(format!(
                "ECDSA on the curve `{curve}`"
            )));
        }
    })
}

/// The library takes a short RSA key for a wrong value; told apart here.
pub(super) fn check_key_size(spki: &SubjectPublicKeyInfo<'_>) -> Result<(), SignatureFault> {
    match spki.parsed() {
        Ok(PublicKey::RSA(key)) if key.key_size() < 2048 => Err(SignatureFault::Algorithm(
            format!("RSA with {} bits", key.key_size()),
        )),
        _ => Ok(()),
    }
}
