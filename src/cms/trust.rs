//! [`Trust`]: whom a verifier believes; and whether a signer's certificate is one of them.

use std::time::Duration;

use der::Encode;
use jiff::Timestamp;
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{
    CertRevocationList, EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter,
    OwnedCertRevocationList, RevocationOptionsBuilder, UnknownStatusPolicy,
};
use x509_cert::Certificate;
use x509_cert::ext::pkix::{ExtendedKeyUsage, KeyUsage};

use super::{CmsError, unparsable};

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

    /// The certificates that may be the signer's or an intermediate's though the CMS does not hold them.
    pub(super) fn beside(&self) -> impl Iterator<Item = &[u8]> {
        self.certificates
            .iter()
            .chain(&self.anchors)
            .map(Vec::as_slice)
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

/// keyUsage and extendedKeyUsage, where the certificate has them, must allow signing content.
pub(super) fn check_purpose(certificate: &Certificate) -> Result<(), CmsError> {
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

/// A chain must lead to an anchor, be valid at `now`, and not be revoked. A signer that is an anchor itself needs no chain.
pub(super) fn check_chain(
    signer: &Certificate,
    certificates: &[Certificate],
    trust: &Trust,
    now: Timestamp,
) -> Result<(), CmsError> {
    let signer_der = signer.to_der().map_err(unparsable)?;
    if trust.anchors.contains(&signer_der) {
        return check_validity(signer, now);
    }
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
    let signer = CertificateDer::from(signer_der);
    let end_entity = EndEntityCert::try_from(&signer).map_err(chain_error)?;
    let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds(now)));
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

fn check_validity(certificate: &Certificate, now: Timestamp) -> Result<(), CmsError> {
    let validity = &certificate.tbs_certificate.validity;
    let not_before = validity.not_before.to_unix_duration().as_secs();
    let not_after = validity.not_after.to_unix_duration().as_secs();
    if seconds(now) < not_before {
        return Err(CmsError::NotYetValid { not_before });
    }
    if seconds(now) > not_after {
        return Err(CmsError::Expired { not_after });
    }
    Ok(())
}

/// Since 1970; an earlier time is before every certificate.
fn seconds(now: Timestamp) -> u64 {
    now.as_second().try_into().unwrap_or(0)
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
