//! Who may sign: trust anchors, certificate revocation lists, validity and key usage. Main type: [`Signers`].

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, TrustAnchor, UnixTime};
use webpki::{
    BorrowedCertRevocationList, CertRevocationList, EndEntityCert, ExpirationPolicy,
    ExtendedKeyUsageValidator, KeyPurposeIdIter, RevocationOptionsBuilder, UnknownStatusPolicy,
};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::refusal::SignatureFault;
use crate::defect::{Defects, Deviation};

/// The configured trust anchors and revocation lists for signers of VNF packages.
#[derive(Debug)]
pub struct Signers {
    pinned: Vec<CertificateDer<'static>>,
    anchors: Vec<TrustAnchor<'static>>,
    crls: Vec<CertRevocationList<'static>>,
}

/// Anchors or revocation lists that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SignersError {
    /// No PEM, or a damaged one.
    #[error("it is no PEM that can be read")]
    Pem(#[source] rustls_pki_types::pem::Error),
    /// Not one certificate in it.
    #[error("it holds no certificate")]
    Empty,
    /// The DER inside is no certificate or no revocation list.
    #[error("certificate or revocation list {0} of it is damaged")]
    Der(usize, #[source] webpki::Error),
}

impl Signers {
    /// Reads trust anchors from PEM. An anchor is an issuer's certificate, or that of a signer itself.
    ///
    /// # Errors
    /// If the PEM holds no certificate, or a damaged one.
    pub fn from_pem(anchors: &[u8]) -> Result<Self, SignersError> {
        let pinned = CertificateDer::pem_slice_iter(anchors)
            .collect::<Result<Vec<_>, _>>()
            .map_err(SignersError::Pem)?;
        if pinned.is_empty() {
            return Err(SignersError::Empty);
        }
        let anchors = pinned
            .iter()
            .enumerate()
            .map(|(index, der)| {
                Ok(webpki::anchor_from_trusted_cert(der)
                    .map_err(|error| SignersError::Der(index + 1, error))?
                    .to_owned())
            })
            .collect::<Result<_, SignersError>>()?;
        Ok(Self {
            pinned,
            anchors,
            crls: Vec::new(),
        })
    }

    /// Adds the revocation lists of a PEM file.
    ///
    /// # Errors
    /// If one of them is damaged.
    pub fn add_crls(&mut self, pem: &[u8]) -> Result<(), SignersError> {
        for (index, der) in CertificateRevocationListDer::pem_slice_iter(pem).enumerate() {
            let der = der.map_err(SignersError::Pem)?;
            let list = BorrowedCertRevocationList::from_der(&der).and_then(|list| list.to_owned());
            self.crls.push(
                list.map_err(|error| SignersError::Der(index + 1, error))?
                    .into(),
            );
        }
        Ok(())
    }

    /// Whether the owner of this certificate may sign packages `now`.
    pub(crate) fn accept(
        &self,
        signer: &[u8],
        intermediates: &[CertificateDer<'_>],
        now: SystemTime,
        defects: Defects,
    ) -> Result<(), SignatureFault> {
        let (_, certificate) = X509Certificate::from_der(signer)
            .map_err(|error| SignatureFault::Unparsable(error.to_string()))?;
        let moment = judged_at(&certificate, now, defects);
        check_validity(&certificate, moment)?;
        if !defects.has(Deviation::IgnoresKeyUsage) {
            check_key_usage(&certificate)?;
        }
        if defects.has(Deviation::TrustsAnyCertificate)
            || self.pinned.iter().any(|anchor| anchor.as_ref() == signer)
        {
            return Ok(());
        }
        let signer = CertificateDer::from(signer);
        let leaf = EndEntityCert::try_from(&signer)
            .map_err(|error| SignatureFault::Untrusted(error.to_string()))?;
        let crls: Vec<&CertRevocationList<'_>> = self.crls.iter().collect();
        // A list of another issuer says nothing of this signer; one of its issuer must be current (which a product that
        // overlooks a beginning in the future does not see there either).
        let expiration = if moment > since(now) {
            ExpirationPolicy::Ignore
        } else {
            ExpirationPolicy::Enforce
        };
        let options = if defects.has(Deviation::IgnoresRevocation) {
            None
        } else {
            RevocationOptionsBuilder::new(&crls).ok()
        };
        let revocation = options.map(|options| {
            options
                .with_status_policy(UnknownStatusPolicy::Allow)
                .with_expiration_policy(expiration)
                .build()
        });
        let time = UnixTime::since_unix_epoch(moment);
        leaf.verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &self.anchors,
            intermediates,
            time,
            AnyPurpose,
            revocation,
            None,
        )
        .map(|_| ())
        .map_err(|error| match error {
            webpki::Error::CertExpired { .. } => SignatureFault::Expired,
            webpki::Error::CertNotValidYet { .. } => SignatureFault::NotYetValid,
            webpki::Error::CertRevoked => SignatureFault::Revoked,
            other => SignatureFault::Untrusted(other.to_string()),
        })
    }
}

/// Signers of packages carry no extended key usage, or one of many: none is asked for.
struct AnyPurpose;

impl ExtendedKeyUsageValidator for AnyPurpose {
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        purposes
            .into_iter()
            .try_for_each(|purpose| purpose.map(|_| ()))
    }
}

/// The moment at which the certificate is judged, since the epoch: now, except in a product that looks away.
fn judged_at(certificate: &X509Certificate<'_>, now: SystemTime, defects: Defects) -> Duration {
    let mut moment = since(now);
    if defects.has(Deviation::IgnoresExpiry) {
        moment = moment.min(since_epoch(certificate.validity().not_after.timestamp()));
    }
    if defects.has(Deviation::IgnoresNotYetValid) {
        moment = moment.max(since_epoch(certificate.validity().not_before.timestamp()));
    }
    moment
}

fn check_validity(
    certificate: &X509Certificate<'_>,
    moment: Duration,
) -> Result<(), SignatureFault> {
    let validity = certificate.validity();
    if moment.as_secs() > since_epoch(validity.not_after.timestamp()).as_secs() {
        return Err(SignatureFault::Expired);
    }
    if moment < since_epoch(validity.not_before.timestamp()) {
        return Err(SignatureFault::NotYetValid);
    }
    Ok(())
}

fn since(now: SystemTime) -> Duration {
    now.duration_since(UNIX_EPOCH).unwrap_or_default()
}

fn since_epoch(seconds: i64) -> Duration {
    Duration::from_secs(seconds.try_into().unwrap_or_default())
}

/// Without the extension, every usage is allowed (RFC 5280 4.2.1.3).
fn check_key_usage(certificate: &X509Certificate<'_>) -> Result<(), SignatureFault> {
    match certificate.key_usage() {
        Ok(None) => Ok(()),
        Ok(Some(usage)) if usage.value.digital_signature() => Ok(()),
        _ => Err(SignatureFault::KeyUsage),
    }
}
