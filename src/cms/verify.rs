//! [`verify_detached`]: whether a signature over given bytes counts, and if not, for which one reason.

use aws_lc_rs::signature::UnparsedPublicKey;
use cms::cert::CertificateChoices;
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{SignedAttributes, SignedData, SignerIdentifier, SignerInfo};
use der::asn1::{ObjectIdentifier, OctetString};
use der::{Any, Decode, Encode};
use jiff::Timestamp;
use x509_cert::Certificate;
use x509_cert::ext::pkix::SubjectKeyIdentifier;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

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
    verify_at(cms, content, Some(trust), now)
}

/// Judges a bare signature by the key of a certificate: RSASSA-PSS with SHA-256, or ECDSA with the digest of its curve.
///
/// # Errors
/// [`CmsError::SignatureInvalid`]; [`CmsError::Unsupported`] for another kind of key.
pub fn verify_value(
    certificate: &Certificate,
    bytes: &[u8],
    signature: &[u8],
) -> Result<(), CmsError> {
    let key = &certificate.tbs_certificate.subject_public_key_info;
    UnparsedPublicKey::new(
        algorithm::of_key(&key.algorithm)?,
        key.subject_public_key.raw_bytes(),
    )
    .verify(bytes, signature)
    .map_err(|_| CmsError::SignatureInvalid)
}

/// As [`verify_detached`]; without `trust` everything is judged but the chain.
pub(super) fn verify_at(
    cms: &[u8],
    content: &[u8],
    trust: Option<&Trust>,
    now: Timestamp,
) -> Result<Verified, CmsError> {
    let signed = parse(cms)?;
    if let Some(embedded) = &signed.encap_content_info.econtent
        && embedded.value() != content
    {
        return Err(CmsError::EmbeddedContent);
    }
    let nobody = Trust::default();
    let certificates = candidates(&signed, trust.unwrap_or(&nobody));
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
        if let Some(trust) = trust {
            check_chain(certificate, &certificates, trust, now)?;
        }
        verified.get_or_insert(Verified {
            signer: certificate.tbs_certificate.subject.to_string(),
            certificate_der: certificate.to_der().map_err(unparsable)?,
            signers: signed.signer_infos.0.len(),
        });
    }
    verified.ok_or(CmsError::NoSigner)
}

pub(super) fn parse(cms: &[u8]) -> Result<SignedData, CmsError> {
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
pub(super) fn candidates(signed: &SignedData, trust: &Trust) -> Vec<Certificate> {
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

pub(super) fn signer_certificate<'a>(
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

pub(super) fn check_signature(
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

/// Whether everything in a SignedData that no signature covers is as it must be: versions, the list of digests, one signer, and
/// certificates that somebody signed. Nothing in a seal may be changed unseen, not even what nobody uses.
pub(super) fn check_form(signed: &SignedData, trust: &Trust) -> Result<(), CmsError> {
    let wrong = |reason: &str| CmsError::Unparsable {
        reason: reason.to_owned(),
    };
    let signers = &signed.signer_infos.0;
    let signer = signers.get(0).ok_or(CmsError::NoSigner)?;
    if signers.len() != 1 {
        return Err(wrong("more than one signer"));
    }
    let (by_key, is_data) = (
        matches!(signer.sid, SignerIdentifier::SubjectKeyIdentifier(_)),
        signed.encap_content_info.econtent_type == algorithm::ID_DATA,
    );
    let version = |third: bool| {
        if third {
            CmsVersion::V3
        } else {
            CmsVersion::V1
        }
    };
    if signer.version != version(by_key) || signed.version != version(by_key || !is_data) {
        return Err(wrong("a version that does not go with the content"));
    }
    let mut digests = signed.digest_algorithms.iter();
    if digests.next().map(|first| first.oid) != Some(signer.digest_alg.oid)
        || digests.next().is_some()
        || signed.crls.is_some()
    {
        return Err(wrong("other digest algorithms than the signer's, or CRLs"));
    }
    let all = candidates(signed, trust);
    let own = signed.certificates.iter().flat_map(|set| set.0.iter());
    for choice in own {
        let CertificateChoices::Certificate(certificate) = choice else {
            return Err(wrong("a certificate of another kind than X.509"));
        };
        if !is_signed(certificate, &all).map_err(unparsable)? {
            let subject = &certificate.tbs_certificate.subject;
            return Err(wrong(&format!(
                "the certificate of {subject} is not what its issuer signed"
            )));
        }
    }
    Ok(())
}

/// Whether one of the issuers of this name signed it; where none is known, nobody can say.
fn is_signed(certificate: &Certificate, all: &[Certificate]) -> Result<bool, der::Error> {
    let der = certificate.to_der()?;
    let Ok((_, parsed)) = X509Certificate::from_der(&der) else {
        return Ok(false);
    };
    let mut known = false;
    for issuer in all {
        if issuer.tbs_certificate.subject != certificate.tbs_certificate.issuer {
            continue;
        }
        known = true;
        let der = issuer.to_der()?;
        if let Ok((_, issuer)) = X509Certificate::from_der(&der)
            && parsed.verify_signature(Some(issuer.public_key())).is_ok()
        {
            return Ok(true);
        }
    }
    Ok(!known)
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
