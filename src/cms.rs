//! Cryptographic Message Syntax (RFC 5652) for VNF packages and evidence packs: detached signatures made, also badly, and judged.
//!
//! [`sign_detached`] makes a signature as `openssl cms -sign -binary` would; [`verify_detached`] says who signed, or for
//! which one reason ([`CmsError`]) the signature does not count. The structures are those of the crate `cms`, the
//! cryptography is that of `aws-lc-rs`, chains and CRLs are checked by `webpki`.

mod algorithm;
mod armor;
mod cades;
mod sign;
#[cfg(test)]
mod tests;
mod trust;
mod tsp;
mod verify;

pub use armor::{Block, find_block, from_pem, to_pem};
pub use cades::{Cades, CadesVerified, Signer, time_stamp_token, verify_cades};
pub use sign::{Options, sign_detached};
pub use trust::Trust;
pub use tsp::{Stamped, request as time_stamp_request, response as time_stamp_response};
pub use verify::{Verified, verify_detached, verify_value};

use crate::pki::KeyKind;

/// The signature schemes that we make: key, padding and digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// ECDSA on P-256 with SHA-256.
    EcdsaP256Sha256,
    /// ECDSA on P-384 with SHA-384.
    EcdsaP384Sha384,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RsaPkcs1Sha256,
    /// RSASSA-PSS with SHA-256, MGF1 with SHA-256 and a salt of 32 octets.
    RsaPssSha256,
}

impl Scheme {
    /// The scheme that goes with a key; for RSA PKCS #1 v1.5, the more common one in CMS.
    pub fn for_key(kind: KeyKind) -> Self {
        match kind {
            KeyKind::EcP256 => Self::EcdsaP256Sha256,
            KeyKind::EcP384 => Self::EcdsaP384Sha384,
            KeyKind::Rsa3072 => Self::RsaPkcs1Sha256,
        }
    }
}

/// Why a signature could not be made, or does not count.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CmsError {
    /// The signer's key is of another kind than the scheme.
    #[error("a {kind:?} key cannot sign by {scheme:?}: choose a scheme of that key")]
    KeyKind {
        /// The signer's key.
        kind: KeyKind,
        /// The scheme that was asked for.
        scheme: Scheme,
    },
    /// The cryptographic library refused to sign.
    #[error("the library could not sign: {reason}")]
    Signing {
        /// Its reason.
        reason: String,
    },
    /// The trust anchors or CRLs given to the verifier cannot be read: the fault of the caller, not of the signature.
    #[error("the {what} cannot be read: {reason}")]
    Trust {
        /// "trust anchor" or "CRL".
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// Not a CMS SignedData in DER or PEM.
    #[error("not a CMS signature that can be parsed: {reason}")]
    Unparsable {
        /// Where parsing ended.
        reason: String,
    },
    /// A SignedData that nobody signed.
    #[error("the CMS has no signer")]
    NoSigner,
    /// Neither the CMS nor the certificates beside it hold the one that the signer identifier names.
    #[error("the signer's certificate is neither in the CMS nor beside it")]
    CertificateMissing,
    /// MD5, SHA-1 or another digest that no longer binds a signature to its content.
    #[error("the digest algorithm {oid} is too weak to be accepted")]
    WeakDigest {
        /// Its object identifier.
        oid: String,
    },
    /// A signature algorithm, or a parameter of it, that we cannot judge: no statement about the signature.
    #[error("cannot judge a signature by {what}")]
    Unsupported {
        /// The algorithm or the parameter.
        what: String,
    },
    /// The CMS carries content of its own, which is not the content at hand.
    #[error("the CMS has embedded other content than the bytes it comes with")]
    EmbeddedContent,
    /// The signed attributes lack a mandatory one, have it twice or with a wrong value (RFC 5652 clause 5.3).
    #[error("the signed attributes do not conform: {reason}")]
    Attributes {
        /// Which attribute, and what is wrong.
        reason: String,
    },
    /// The content is not what was signed.
    #[error("the content has digest {actual}, signed was {expected}")]
    DigestMismatch {
        /// The messageDigest attribute, hex.
        expected: String,
        /// The content's digest, hex.
        actual: String,
    },
    /// The signature's value does not verify with the signer's key.
    #[error("the signature's value is not the signer's")]
    SignatureInvalid,
    /// No chain leads from the signer to a trust anchor.
    #[error("the signer's certificate does not chain to a trust anchor: {reason}")]
    UntrustedChain {
        /// What the chain check found.
        reason: String,
    },
    /// A certificate of the chain is past its validity at the time of verification.
    #[error("the signer's certificate, or one above it, expired at {not_after}")]
    Expired {
        /// The end of its validity, seconds since 1970.
        not_after: u64,
    },
    /// A certificate of the chain is not yet valid at the time of verification.
    #[error("the signer's certificate, or one above it, is valid from {not_before} only")]
    NotYetValid {
        /// The beginning of its validity, seconds since 1970.
        not_before: u64,
    },
    /// A CRL lists a certificate of the chain.
    #[error("the signer's certificate, or one above it, is revoked")]
    Revoked,
    /// A time stamp does not count.
    #[error("the time stamp does not count: {reason}")]
    TimeStamp {
        /// Why not.
        reason: String,
    },
    /// The signer's certificate is not for signatures on content.
    #[error("the signer's certificate is not for signing: {reason}")]
    KeyUsage {
        /// The extension at fault.
        reason: String,
    },
}

fn unparsable(error: der::Error) -> CmsError {
    CmsError::Unparsable {
        reason: error.to_string(),
    }
}
