//! [`sign_detached`]: a SignedData with one signer, conforming unless an [`Options`] method asks for a flaw.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair,
    EcdsaSigningAlgorithm, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair,
};
use cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos,
};
use der::asn1::{GeneralizedTime, ObjectIdentifier, OctetString, SetOfVec, UtcTime};
use der::{Any, Decode, Encode, Tag};
use jiff::Timestamp;
use x509_cert::Certificate;
use x509_cert::attr::Attribute;
use x509_cert::time::Time;

use super::algorithm::{self, Digest};
use super::{CmsError, Scheme};
use crate::pki::{KeyKind, Leaf};

/// How a signature departs from the usual: certificate included, content not, attributes and value right.
#[derive(Clone, Debug)]
pub struct Options {
    with_certificates: bool,
    embedded_content: Option<Vec<u8>>,
    without_message_digest: bool,
    wrong_signature_value: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            with_certificates: true,
            embedded_content: None,
            without_message_digest: false,
            wrong_signature_value: false,
        }
    }
}

impl Options {
    /// Leaves the signer's certificate out (as `openssl cms -sign -nocerts` does): it lies beside the signature. No flaw.
    #[must_use]
    pub fn without_certificates(mut self) -> Self {
        self.with_certificates = false;
        self
    }

    /// Flaw where `content` is not the content at hand: carries this content inside, and signs it.
    #[must_use]
    pub fn embed_content(mut self, content: Vec<u8>) -> Self {
        self.embedded_content = Some(content);
        self
    }

    /// Flaw: the signed attributes lack messageDigest, so that the value is right but binds no content
    /// (RFC 5652 clause 11.2 makes the attribute mandatory).
    #[must_use]
    pub fn without_message_digest(mut self) -> Self {
        self.without_message_digest = true;
        self
    }

    /// Flaw: the value is a well-formed signature by the signer's key, but over other bytes.
    #[must_use]
    pub fn wrong_signature_value(mut self) -> Self {
        self.wrong_signature_value = true;
        self
    }
}

/// Signs `content` and returns the SignedData, DER, with the attributes contentType, signingTime (`now`) and messageDigest.
///
/// # Errors
/// [`CmsError::KeyKind`] if the signer's key is not of the scheme; [`CmsError::Signing`] if the library fails.
pub fn sign_detached(
    content: &[u8],
    signer: &Leaf,
    scheme: Scheme,
    now: Timestamp,
    options: &Options,
) -> Result<Vec<u8>, CmsError> {
    let content = options.embedded_content.as_deref().unwrap_or(content);
    let encoding = |error: der::Error| CmsError::Signing {
        reason: error.to_string(),
    };
    let certificate = Certificate::from_der(signer.certificate_der()).map_err(encoding)?;
    let attributes = attributes(content, scheme, now, options).map_err(encoding)?;
    let mut to_be_signed = attributes.to_der().map_err(encoding)?;
    if options.wrong_signature_value {
        to_be_signed.push(0);
    }
    let value = signature_value(&to_be_signed, signer, scheme)?;
    encode(certificate, attributes, value, scheme, options).map_err(encoding)
}

fn attributes(
    content: &[u8],
    scheme: Scheme,
    now: Timestamp,
    options: &Options,
) -> Result<SetOfVec<Attribute>, der::Error> {
    let digest = OctetString::new(Digest::of_scheme(scheme).of(content))?;
    let mut attributes = vec![
        attribute(
            algorithm::CONTENT_TYPE,
            Any::encode_from(&algorithm::ID_DATA)?,
        )?,
        attribute(
            algorithm::SIGNING_TIME,
            Any::encode_from(&signing_time(now)?)?,
        )?,
    ];
    if !options.without_message_digest {
        attributes.push(attribute(
            algorithm::MESSAGE_DIGEST,
            Any::encode_from(&digest)?,
        )?);
    }
    SetOfVec::try_from(attributes)
}

pub(super) fn attribute(oid: ObjectIdentifier, value: Any) -> Result<Attribute, der::Error> {
    Ok(Attribute {
        oid,
        values: SetOfVec::try_from(vec![value])?,
    })
}

/// UTCTime up to 2049, GeneralizedTime from then on (RFC 5652 clause 11.3).
pub(super) fn signing_time(now: Timestamp) -> Result<Time, der::Error> {
    let since_1970 = std::time::Duration::from_secs(now.as_second().try_into().unwrap_or(0));
    match UtcTime::from_unix_duration(since_1970) {
        Ok(time) => Ok(Time::UtcTime(time)),
        Err(_) => Ok(Time::GeneralTime(GeneralizedTime::from_unix_duration(
            since_1970,
        )?)),
    }
}

fn signature_value(bytes: &[u8], signer: &Leaf, scheme: Scheme) -> Result<Vec<u8>, CmsError> {
    match (scheme, signer.key_kind()) {
        (Scheme::EcdsaP256Sha256, KeyKind::EcP256) => {
            ecdsa(bytes, signer, &ECDSA_P256_SHA256_ASN1_SIGNING)
        }
        (Scheme::EcdsaP384Sha384, KeyKind::EcP384) => {
            ecdsa(bytes, signer, &ECDSA_P384_SHA384_ASN1_SIGNING)
        }
        (Scheme::RsaPkcs1Sha256, KeyKind::Rsa3072) => rsa(bytes, signer, &RSA_PKCS1_SHA256),
        (Scheme::RsaPssSha256, KeyKind::Rsa3072) => rsa(bytes, signer, &RSA_PSS_SHA256),
        (scheme, kind) => Err(CmsError::KeyKind { kind, scheme }),
    }
}

fn ecdsa(
    bytes: &[u8],
    signer: &Leaf,
    algorithm: &'static EcdsaSigningAlgorithm,
) -> Result<Vec<u8>, CmsError> {
    let key = EcdsaKeyPair::from_pkcs8(algorithm, signer.private_key_der()).map_err(|error| {
        CmsError::Signing {
            reason: error.to_string(),
        }
    })?;
    let signature = key
        .sign(&SystemRandom::new(), bytes)
        .map_err(|error| CmsError::Signing {
            reason: error.to_string(),
        })?;
    Ok(signature.as_ref().to_vec())
}

fn rsa(
    bytes: &[u8],
    signer: &Leaf,
    padding: &'static dyn RsaEncoding,
) -> Result<Vec<u8>, CmsError> {
    let key =
        RsaKeyPair::from_pkcs8(signer.private_key_der()).map_err(|error| CmsError::Signing {
            reason: error.to_string(),
        })?;
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(padding, &SystemRandom::new(), bytes, &mut signature)
        .map_err(|error| CmsError::Signing {
            reason: error.to_string(),
        })?;
    Ok(signature)
}

/// Version 1 throughout: the signer is named by issuer and serial number, the content is id-data (RFC 5652 clause 5.1).
fn encode(
    certificate: Certificate,
    attributes: SetOfVec<Attribute>,
    value: Vec<u8>,
    scheme: Scheme,
    options: &Options,
) -> Result<Vec<u8>, der::Error> {
    let digest = Digest::of_scheme(scheme).identifier();
    let signer = SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: certificate.tbs_certificate.issuer.clone(),
            serial_number: certificate.tbs_certificate.serial_number.clone(),
        }),
        digest_alg: digest.clone(),
        signed_attrs: Some(attributes),
        signature_algorithm: algorithm::signature_identifier(scheme)?,
        signature: OctetString::new(value)?,
        unsigned_attrs: None,
    };
    let content = options
        .embedded_content
        .as_deref()
        .map(|bytes| Any::new(Tag::OctetString, bytes))
        .transpose()?;
    let certificates = CertificateSet(SetOfVec::try_from(vec![CertificateChoices::Certificate(
        certificate,
    )])?);
    let signed = SignedData {
        version: CmsVersion::V1,
        digest_algorithms: SetOfVec::try_from(vec![digest])?,
        encap_content_info: EncapsulatedContentInfo {
            econtent_type: algorithm::ID_DATA,
            econtent: content,
        },
        certificates: options.with_certificates.then_some(certificates),
        crls: None,
        signer_infos: SignerInfos(SetOfVec::try_from(vec![signer])?),
    };
    ContentInfo {
        content_type: algorithm::ID_SIGNED_DATA,
        content: Any::encode_from(&signed)?,
    }
    .to_der()
}
