//! [`verify_detached`]: whether a signature over given bytes counts, and if not, for which one reason.

use aws_lc_rs::signature::UnparsedPublicKey;
use cms::cert::CertificateChoices;
use cms::content_info::ContentInfo;
use cms::signed_data::{SignedAttributes, SignedData, SignerIdentifier, SignerInfo};
use der::asn1::{ObjectIdentifier, OctetString};
use der::{Any, Decode, Encode};
use jiff::Timestamp;
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{
    CertRevocationList, EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter,
    OwnedCertRevocationList, RevocationOptionsBuilder, UnknownStatusPolicy,
};
use x509_cert::Certificate;
use x509_cert::ext::pkix::{ExtendedKeyUsage, KeyUsage, SubjectKeyIdentifier};

use super::algorithm::{self, Digest};
use super::{CmsError, armor};

/// Whom a verifier believes.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    anchors: Vec<Vec<u8>>,
    crls: Vec<Vec<u8>>,
    certificates: Vec<Vec<u8>>,
}

impl Trust {
    /// Anchors from PEM, one or more.
    ///
    /// # Errors
    /// [`CmsError::Trust`] if there is none.
    pub fn new(anchors_pem: &str) -> Result<Self, CmsError> {
        let anchors = certificates_of(anchors_pem).map_err(|reason| CmsError::Trust {
            what: "trust anchor",
            reason,
        })?;
        Ok(Self {
            anchors,
            ..Self::default()
        })
    }

    /// With CRLs from PEM. Whoever they do not speak of is not revoked, as far as we know.
    ///
    /// # Errors
    /// [`CmsError::Trust`] if one cannot be read.
    pub fn with_crls(mut self, crls_pem: &str) -> Result<Self, CmsError> {
        let unreadable = |reason: String| CmsError::Trust {
            what: "CRL",
            reason,
        };
        let blocks = x509_parser::pem::Pem::iter_from_buffer(crls_pem.as_bytes());
        for block in blocks {
            let block = block.map_err(|error| unreadable(error.to_string()))?;
            if block.label != "X509 CRL" {
                return Err(unreadable(format!(
                    "a PEM block labelled {}: X509 CRL belongs there",
                    block.label
                )));
            }
            self.crls.push(block.contents);
        }
        Ok(self)
    }

    /// With certificates, DER, that lie beside the signature: signers and intermediates. They are not trusted for that.
    #[must_use]
    pub fn with_certificates(mut self, certificates: impl IntoIterator<Item = Vec<u8>>) -> Self {
        self.certificates.extend(certificates);
        self
    }
}

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
        let certificate_der = certificate.to_der().map_err(unparsable)?;
        check_chain(&certificate_der, &certificates, trust, now)?;
        verified.get_or_insert(Verified {
            signer: certificate.tbs_certificate.subject.to_string(),
            certificate_der,
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
    let outer = ContentInfo::from_der(&der).map_err(unparsable)?;
    if outer.content_type != algorithm::ID_SIGNED_DATA {
        return Err(CmsError::Unparsable {
            reason: format!("content type {}, not signed data", outer.content_type),
        });
    }
    outer.content.decode_as().map_err(unparsable)
}

fn unparsable(error: der::Error) -> CmsError {
    CmsError::Unparsable {
        reason: error.to_string(),
    }
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
        .certificates
        .iter()
        .chain(&trust.anchors)
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

fn check_purpose(certificate: &Certificate) -> Result<(), CmsError> {
    /// anyExtendedKeyUsage, codeSigning, emailProtection, documentSigning.
    const SIGNING: [&str; 4] = [
        "2.5.29.37.0",
        "1.3.6.1.5.5.7.3.3",
        "1.3.6.1.5.5.7.3.4",
        "1.3.6.1.5.5.7.3.36",
    ];
    let usage = certificate
        .tbs_certificate
        .get::<KeyUsage>()
        .map_err(unparsable)?;
    if let Some((_, usage)) = usage
        && !usage.digital_signature()
        && !usage.non_repudiation()
    {
        return Err(CmsError::KeyUsage {
            reason: "keyUsage lacks digitalSignature".to_owned(),
        });
    }
    let purposes = certificate
        .tbs_certificate
        .get::<ExtendedKeyUsage>()
        .map_err(unparsable)?;
    if let Some((_, purposes)) = purposes
        && !purposes
            .0
            .iter()
            .any(|purpose| SIGNING.contains(&purpose.to_string().as_str()))
    {
        return Err(CmsError::KeyUsage {
            reason: "extendedKeyUsage names no signing of content".to_owned(),
        });
    }
    Ok(())
}

fn check_chain(
    signer: &[u8],
    certificates: &[Certificate],
    trust: &Trust,
    now: Timestamp,
) -> Result<(), CmsError> {
    let anchor_ders: Vec<_> = trust
        .anchors
        .iter()
        .map(|der| CertificateDer::from(der.as_slice()))
        .collect();
    let anchors = anchor_ders
        .iter()
        .map(webpki::anchor_from_trusted_cert)
        .collect::<Result<Vec<TrustAnchor<'_>>, _>>()
        .map_err(|error| CmsError::Trust {
            what: "trust anchor",
            reason: error.to_string(),
        })?;
    let crls = trust
        .crls
        .iter()
        .map(|der| OwnedCertRevocationList::from_der(der).map(CertRevocationList::from))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| CmsError::Trust {
            what: "CRL",
            reason: error.to_string(),
        })?;
    let crls: Vec<_> = crls.iter().collect();
    let revocation = RevocationOptionsBuilder::new(&crls).ok().map(|builder| {
        builder
            .with_status_policy(UnknownStatusPolicy::Allow)
            .build()
    });
    let intermediates: Vec<_> = certificates
        .iter()
        .filter_map(|certificate| certificate.to_der().ok())
        .map(CertificateDer::from)
        .collect();
    let signer = CertificateDer::from(signer);
    let end_entity = EndEntityCert::try_from(&signer).map_err(chain_error)?;
    // A time before 1970 is before every certificate.
    let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(
        now.as_second().try_into().unwrap_or(0),
    ));
    end_entity
        .verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &anchors,
            &intermediates,
            time,
            PurposeIsCheckedElsewhere,
            revocation,
            None,
        )
        .map(drop)
        .map_err(chain_error)
}

/// webpki knows single purposes only; [`check_purpose`] accepts several.
struct PurposeIsCheckedElsewhere;

impl ExtendedKeyUsageValidator for PurposeIsCheckedElsewhere {
    fn validate(&self, _purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        Ok(())
    }
}

fn chain_error(error: webpki::Error) -> CmsError {
    match error {
        webpki::Error::CertExpired { not_after, .. } => CmsError::Expired {
            not_after: not_after.as_secs(),
        },
        webpki::Error::CertNotValidYet { not_before, .. } => CmsError::NotYetValid {
            not_before: not_before.as_secs(),
        },
        webpki::Error::CertRevoked => CmsError::Revoked,
        other => CmsError::UntrustedChain {
            reason: other.to_string(),
        },
    }
}

fn certificates_of(pem: &str) -> Result<Vec<Vec<u8>>, String> {
    let chain = Certificate::load_pem_chain(pem.as_bytes()).map_err(|error| error.to_string())?;
    if chain.is_empty() {
        return Err("there is no certificate in it".to_owned());
    }
    chain
        .iter()
        .map(|certificate| certificate.to_der().map_err(|error| error.to_string()))
        .collect()
}
