//! Algorithm identifiers, and what they mean to the cryptographic library.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{self, VerificationAlgorithm};
use der::asn1::ObjectIdentifier;
use der::{Any, Decode, Encode, Sequence, Tag};
use spki::AlgorithmIdentifierOwned;

use super::{CmsError, Scheme};

pub(super) const ID_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.1");
pub(super) const ID_SIGNED_DATA: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
pub(super) const CONTENT_TYPE: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
pub(super) const MESSAGE_DIGEST: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
pub(super) const SIGNING_TIME: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.5");

const SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
const MGF1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.8");
const RSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.11");
const RSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.12");
const RSA_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.13");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ECDSA_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.2");
const ECDSA_SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.3");
const ECDSA_SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.3.4");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

/// MD5, SHA-1 and the signature algorithms made of them.
const WEAK: [&str; 8] = [
    "1.2.840.113549.2.2",
    "1.2.840.113549.2.5",
    "1.3.14.3.2.26",
    "1.2.840.113549.1.1.4",
    "1.2.840.113549.1.1.5",
    "1.2.840.10045.4.1",
    "1.3.14.3.2.29",
    "1.3.36.3.2.1",
];

/// The digests of a signature that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Digest {
    Sha256,
    Sha384,
    Sha512,
}

impl Digest {
    pub(super) fn of_scheme(scheme: Scheme) -> Self {
        match scheme {
            Scheme::EcdsaP384Sha384 => Self::Sha384,
            Scheme::EcdsaP256Sha256 | Scheme::RsaPkcs1Sha256 | Scheme::RsaPssSha256 => Self::Sha256,
        }
    }

    pub(super) fn from_oid(oid: ObjectIdentifier) -> Result<Self, CmsError> {
        match oid {
            SHA256 => Ok(Self::Sha256),
            SHA384 => Ok(Self::Sha384),
            SHA512 => Ok(Self::Sha512),
            other => Err(weak_or_unknown(other)),
        }
    }

    /// RFC 5754 clause 2: SHA-2 identifiers without parameters.
    pub(super) fn identifier(self) -> AlgorithmIdentifierOwned {
        let oid = match self {
            Self::Sha256 => SHA256,
            Self::Sha384 => SHA384,
            Self::Sha512 => SHA512,
        };
        AlgorithmIdentifierOwned {
            oid,
            parameters: None,
        }
    }

    pub(super) fn of(self, bytes: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, bytes).as_ref().to_vec()
    }

    fn len(self) -> u64 {
        match self {
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

/// The signatureAlgorithm of a scheme. RSA PKCS #1 v1.5 is written as rsaEncryption, which every CMS implementation
/// must understand (RFC 5754 clause 3.2).
pub(super) fn signature_identifier(scheme: Scheme) -> Result<AlgorithmIdentifierOwned, der::Error> {
    let (oid, parameters) = match scheme {
        Scheme::EcdsaP256Sha256 => (ECDSA_SHA256, None),
        Scheme::EcdsaP384Sha384 => (ECDSA_SHA384, None),
        Scheme::RsaPkcs1Sha256 => (RSA, Some(null()?)),
        Scheme::RsaPssSha256 => (
            RSA_PSS,
            Some(Any::encode_from(&PssParameters::with(Digest::Sha256)?)?),
        ),
    };
    Ok(AlgorithmIdentifierOwned { oid, parameters })
}

/// What verifies a signature: by its algorithm, the digest named beside it, and the signer's public key.
pub(super) fn verifier(
    signature: &AlgorithmIdentifierOwned,
    digest: Digest,
    key: &AlgorithmIdentifierOwned,
) -> Result<&'static dyn VerificationAlgorithm, CmsError> {
    match signature.oid {
        RSA | RSA_SHA256 | RSA_SHA384 | RSA_SHA512 => rsa_pkcs1(signature.oid, digest, key),
        RSA_PSS => rsa_pss(signature, digest, key),
        ECDSA_SHA256 | ECDSA_SHA384 | ECDSA_SHA512 => ecdsa(signature.oid, digest, key),
        other => Err(weak_or_unknown(other)),
    }
}

/// What verifies a signature of which only the key is known: the schemes that we seal by.
pub(super) fn of_key(
    key: &AlgorithmIdentifierOwned,
) -> Result<&'static dyn VerificationAlgorithm, CmsError> {
    let curve = key
        .parameters
        .as_ref()
        .and_then(|any| any.decode_as::<ObjectIdentifier>().ok());
    match (key.oid, curve) {
        (RSA, _) => Ok(&signature::RSA_PSS_2048_8192_SHA256),
        (EC_PUBLIC_KEY, Some(P256)) => Ok(&signature::ECDSA_P256_SHA256_ASN1),
        (EC_PUBLIC_KEY, Some(P384)) => Ok(&signature::ECDSA_P384_SHA384_ASN1),
        (other, _) => Err(CmsError::Unsupported {
            what: format!("a key of {other}"),
        }),
    }
}

fn rsa_pkcs1(
    signature: ObjectIdentifier,
    digest: Digest,
    key: &AlgorithmIdentifierOwned,
) -> Result<&'static dyn VerificationAlgorithm, CmsError> {
    let named = match signature {
        RSA_SHA256 => Digest::Sha256,
        RSA_SHA384 => Digest::Sha384,
        RSA_SHA512 => Digest::Sha512,
        _ => digest,
    };
    if key.oid != RSA || named != digest {
        return Err(mixed(signature, digest, key.oid));
    }
    Ok(match digest {
        Digest::Sha256 => &signature::RSA_PKCS1_2048_8192_SHA256,
        Digest::Sha384 => &signature::RSA_PKCS1_2048_8192_SHA384,
        Digest::Sha512 => &signature::RSA_PKCS1_2048_8192_SHA512,
    })
}

fn rsa_pss(
    signature: &AlgorithmIdentifierOwned,
    digest: Digest,
    key: &AlgorithmIdentifierOwned,
) -> Result<&'static dyn VerificationAlgorithm, CmsError> {
    let unreadable = |_| CmsError::Unparsable {
        reason: "the parameters of RSASSA-PSS".to_owned(),
    };
    let parameters = signature
        .parameters
        .as_ref()
        .map(Encode::to_der)
        .transpose()
        .map_err(unreadable)?;
    let parameters =
        PssParameters::from_der(parameters.as_deref().unwrap_or(&[0x30, 0])).map_err(unreadable)?;
    if parameters.digest()? != digest || !matches!(key.oid, RSA | RSA_PSS) {
        return Err(mixed(RSA_PSS, digest, key.oid));
    }
    // The library verifies salts as long as the digest only; another length is no fault of the signature.
    let salt = parameters.salt_length.unwrap_or(20);
    if salt != digest.len() {
        return Err(CmsError::Unsupported {
            what: format!("RSASSA-PSS with a salt of {salt} octets"),
        });
    }
    Ok(match digest {
        Digest::Sha256 => &signature::RSA_PSS_2048_8192_SHA256,
        Digest::Sha384 => &signature::RSA_PSS_2048_8192_SHA384,
        Digest::Sha512 => &signature::RSA_PSS_2048_8192_SHA512,
    })
}

fn ecdsa(
    signature: ObjectIdentifier,
    digest: Digest,
    key: &AlgorithmIdentifierOwned,
) -> Result<&'static dyn VerificationAlgorithm, CmsError> {
    let named = match signature {
        ECDSA_SHA256 => Digest::Sha256,
        ECDSA_SHA384 => Digest::Sha384,
        _ => Digest::Sha512,
    };
    if key.oid != EC_PUBLIC_KEY || named != digest {
        return Err(mixed(signature, digest, key.oid));
    }
    let curve = key
        .parameters
        .as_ref()
        .and_then(|any| any.decode_as::<ObjectIdentifier>().ok());
    match (curve, digest) {
        (Some(P256), Digest::Sha256) => Ok(&signature::ECDSA_P256_SHA256_ASN1),
        (Some(P256), Digest::Sha384) => Ok(&signature::ECDSA_P256_SHA384_ASN1),
        (Some(P256), Digest::Sha512) => Ok(&signature::ECDSA_P256_SHA512_ASN1),
        (Some(P384), Digest::Sha256) => Ok(&signature::ECDSA_P384_SHA256_ASN1),
        (Some(P384), Digest::Sha384) => Ok(&signature::ECDSA_P384_SHA384_ASN1),
        (Some(P384), Digest::Sha512) => Ok(&signature::ECDSA_P384_SHA512_ASN1),
        (Some(other), _) => Err(CmsError::Unsupported {
            what: format!("ECDSA on the curve {other}"),
        }),
        (None, _) => Err(CmsError::Unparsable {
            reason: "the curve of the signer's key".to_owned(),
        }),
    }
}

fn weak_or_unknown(oid: ObjectIdentifier) -> CmsError {
    let oid = oid.to_string();
    if WEAK.contains(&oid.as_str()) {
        CmsError::WeakDigest { oid }
    } else {
        CmsError::Unsupported { what: oid }
    }
}

fn mixed(signature: ObjectIdentifier, digest: Digest, key: ObjectIdentifier) -> CmsError {
    CmsError::Unsupported {
        what: format!(
            "{signature} with the digest {digest:?} and a key of {key}: they do not go together"
        ),
    }
}

fn null() -> Result<Any, der::Error> {
    Any::new(Tag::Null, Vec::new())
}

/// RSASSA-PSS-params (RFC 4055 clause 3.1); absent fields mean SHA-1, MGF1 with SHA-1 and 20 octets of salt.
#[derive(Sequence)]
struct PssParameters {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    hash: Option<AlgorithmIdentifierOwned>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    mask: Option<AlgorithmIdentifierOwned>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    salt_length: Option<u64>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", optional = "true")]
    trailer: Option<u64>,
}

impl PssParameters {
    fn with(digest: Digest) -> Result<Self, der::Error> {
        let hash = AlgorithmIdentifierOwned {
            oid: digest.identifier().oid,
            parameters: Some(null()?),
        };
        let mask = AlgorithmIdentifierOwned {
            oid: MGF1,
            parameters: Some(Any::encode_from(&hash)?),
        };
        Ok(Self {
            hash: Some(hash),
            mask: Some(mask),
            salt_length: Some(digest.len()),
            trailer: None,
        })
    }

    /// The one digest that is used for the content and in MGF1.
    fn digest(&self) -> Result<Digest, CmsError> {
        let (Some(hash), Some(mask)) = (&self.hash, &self.mask) else {
            return Err(CmsError::WeakDigest {
                oid: "1.3.14.3.2.26".to_owned(),
            });
        };
        let of_mask = mask
            .parameters
            .as_ref()
            .and_then(|any| any.decode_as::<AlgorithmIdentifierOwned>().ok());
        let digest = Digest::from_oid(hash.oid)?;
        if mask.oid != MGF1 || of_mask.map(|identifier| identifier.oid) != Some(hash.oid) {
            return Err(CmsError::Unsupported {
                what: "RSASSA-PSS with another mask than MGF1 of its own digest".to_owned(),
            });
        }
        Ok(digest)
    }
}
