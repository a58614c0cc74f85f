//! [`verify_detached`]: whether a signature over given bytes counts, and if not, for which one reason.

use aws_lc_rs::signature::UnparsedPublicKey;
use cms::cert::CertificateChoices;
use cms::content_info::ContentInfo;
use cms::signed_data::{SignedAttributes, SignedData, SignerIdentifier, SignerInfo};
use der::asn1::{ObjectIdentifier, OctetString};
use der::{Any, Decode, Encode};
use jiff::Timestamp;
use x509_cert::Certificate;
use x509_cert::ext::pkix::SubjectKeyIdentifier;

use super::algorithm::{self, Digest};
use super::trust::{Trust, check_chain, check_purpose};
use super::{CmsError, armor, unparsable};

/// A signature that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The subject of the (first) signer, as RFC 4514 writes it.
    pub signer: String,
    /// The certificate of the (first) signer, DER.
    pub certificate_der: Vec<u8>,
    /// How many signed. All of their signatures count.
    pub signers: usize,
}

/// Judges a detached CMS signature, PEM or DER, over `content` at the time `now`: every signer's signature must count.
///
/// A CMS with content of its own is judged by the content at hand and refused if the two differ. keyUsage, where the
/// certificate has it, must allow digitalSignature or contentCommitment; extendedKeyUsage, where it has it, must
/// name code signing, document signing, e-mail protection or any purpose (RFC 5280 clauses 4.2.1.3, 4.2.1.12).
///
/// # Errors
/// The first reason found, in this order: the structure, the digest, the attributes, the content, the value, the
/// certificate's purpose, its chain. [`CmsError::Trust`] and [`CmsError::Unsupported`] say nothing against the signature.
pub fn verify_detached(
    cms: &[u8],
    content: &[u8],
    trust: &Trust,
    now: Timestamp,
) -> Result<Verified, CmsError> {
    let signed = parse(cms)?;
    if let Some(embedded) = &signed.encap_content_info.econtent
        && embedded.value() != content
    {
        return Err(CmsError::EmbeddedContent);
    }
    let certificates = candidates(&signed, trust);
    let mut verified = None;
    for signer in signed.signer_infos.0.iter() {
        let certificate = signer_certificate(&signer.sid, &certificates)?;
        check_signature(
            signer,
            &signed.encap_content_info.econtent_type,
            content,
            certificate,
        )?;
        check_purpose(certificate)?;
        check_chain(certificate, &certificates, trust, now)?;
        verified.get_or_insert(Verified {
            signer: certificate.tbs_certificate.subject.to_string(),
            certificate_der: certificate.to_der().map_err(unparsable)?,
            signers: signed.signer_infos.0.len(),
        });
    }
    verified.ok_or(CmsError::NoSigner)
}

fn parse(cms: &[u8]) -> Result<SignedData, CmsError> {
    let der = if cms.first() == Some(&0x30) {
        cms.to_vec()
    } else {
        armor::from_pem(cms)?
    };
    // CMS allows BER; we read DER only, which says nothing against the signature.
    if der.get(1) == Some(&0x80) {
        return Err(CmsError::Unsupported {
            what: "indefinite length (BER instead of DER)".to_owned(),
        });
    }
    let outer = ContentInfo::from_der(&der).map_err(unparsable)?;
    if outer.content_type != algorithm::ID_SIGNED_DATA {
        return Err(CmsError::Unparsable {
            reason: format!("content type {}, not signed data", outer.content_type),
        });
    }
    outer.content.decode_as().map_err(unparsable)
}

/// The certificates in the CMS, then those beside it.
fn candidates(signed: &SignedData, trust: &Trust) -> Vec<Certificate> {
    let inside = signed
        .certificates
        .iter()
        .flat_map(|set| set.0.iter())
        .filter_map(|choice| match choice {
            CertificateChoices::Certificate(certificate) => Some(certificate.clone()),
            CertificateChoices::Other(_) => None,
        });
    let beside = trust
        .beside()
        .filter_map(|der| Certificate::from_der(der).ok());
    inside.chain(beside).collect()
}

fn signer_certificate<'a>(
    identifier: &SignerIdentifier,
    certificates: &'a [Certificate],
) -> Result<&'a Certificate, CmsError> {
    let named = |certificate: &&Certificate| match identifier {
        SignerIdentifier::IssuerAndSerialNumber(named) => {
            certificate.tbs_certificate.issuer == named.issuer
                && certificate.tbs_certificate.serial_number == named.serial_number
        }
        SignerIdentifier::SubjectKeyIdentifier(named) => {
            let found = certificate.tbs_certificate.get::<SubjectKeyIdentifier>();
            matches!(found, Ok(Some((_, found))) if found == *named)
        }
    };
    certificates
        .iter()
        .find(named)
        .ok_or(CmsError::CertificateMissing)
}

fn check_signature(
    signer: &SignerInfo,
    content_type: &ObjectIdentifier,
    content: &[u8],
    certificate: &Certificate,
) -> Result<(), CmsError> {
    let digest = Digest::from_oid(signer.digest_alg.oid)?;
    let key = &certificate.tbs_certificate.subject_public_key_info;
    let verifier = algorithm::verifier(&signer.signature_algorithm, digest, &key.algorithm)?;
    let signed_bytes = match &signer.signed_attrs {
        Some(attributes) => {
            check_attributes(attributes, content_type, &digest.of(content))?;
            attributes.to_der().map_err(unparsable)?
        }
        None => content.to_vec(),
    };
    UnparsedPublicKey::new(verifier, key.subject_public_key.raw_bytes())
        .verify(&signed_bytes, signer.signature.as_bytes())
        .map_err(|_| CmsError::SignatureInvalid)
}

/// contentType and messageDigest must be there once, with one value, and be true (RFC 5652 clauses 5.3, 11.1, 11.2).
fn check_attributes(
    attributes: &SignedAttributes,
    content_type: &ObjectIdentifier,
    digest: &[u8],
) -> Result<(), CmsError> {
    let wrong = |reason: &str| CmsError::Attributes {
        reason: reason.to_owned(),
    };
    let stated: ObjectIdentifier = sole_value(attributes, algorithm::CONTENT_TYPE, "contentType")?
        .decode_as()
        .map_err(|_| wrong("contentType is no object identifier"))?;
    if stated != *content_type {
        return Err(wrong("contentType is not the content's"));
    }
    let expected: OctetString = sole_value(attributes, algorithm::MESSAGE_DIGEST, "messageDigest")?
        .decode_as()
        .map_err(|_| wrong("messageDigest is no octet string"))?;
    if expected.as_bytes() == digest {
        return Ok(());
    }
    Err(CmsError::DigestMismatch {
        expected: hex::encode(expected.as_bytes()),
        actual: hex::encode(digest),
    })
}

fn sole_value<'a>(
    attributes: &'a SignedAttributes,
    oid: ObjectIdentifier,
    name: &str,
) -> Result<&'a Any, CmsError> {
    let mut found = attributes
        .iter()
        .filter(|attribute| attribute.oid == oid)
        .flat_map(|found| found.values.iter());
    match (found.next(), found.next()) {
        (Some(value), None) => Ok(value),
        (None, _) => Err(CmsError::Attributes {
            reason: format!("{name} is missing"),
        }),
        (Some(_), Some(_)) => Err(CmsError::Attributes {
            reason: format!("{name} has several values"),
        }),
    }
}
