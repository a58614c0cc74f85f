//! What was issued and revoked: [`Ledger`], and the CRL that follows from it.

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    CertificateRevocationListParams, KeyIdMethod, PublicKeyData as _, RevokedCertParams,
    SerialNumber,
};
use thiserror::Error;

use super::hierarchy::{Authority, date, key_identifier};
use super::{CaError, CertificateFault};

/// Reasons that a CA gives for end entities (RFC 5280 clause 5.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationReason {
    /// The private key is known to others.
    KeyCompromise,
    /// Replaced by another.
    Superseded,
    /// What it was for has ended.
    CessationOfOperation,
}

/// One certificate of this CA.
#[derive(Clone, Debug)]
pub struct IssuedCertificate {
    /// Hex, 32 digits.
    pub serial_number: String,
    /// The certificate.
    pub der: Vec<u8>,
    /// SHA-256 of `der`, in hex.
    pub sha256: String,
    /// What is wrong with it on purpose.
    pub fault: Option<CertificateFault>,
    /// Since when it is revoked.
    pub revoked: Option<Timestamp>,
}

/// No certificate has this serial number.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no certificate of this CA has the serial number {0} (hex, 32 digits)")]
pub struct UnknownSerialNumber(pub(super) String);

#[derive(Default)]
pub(crate) struct Ledger {
    issued: Vec<IssuedCertificate>,
    revoked: Vec<(Vec<u8>, Timestamp, RevocationReason)>,
    /// Of the CRLs: each has a higher one than those before it (RFC 5280 clause 5.2.3).
    crl_number: u64,
}

impl Ledger {
    pub(super) fn issued(&self) -> &[IssuedCertificate] {
        &self.issued
    }

    pub(super) fn find(&self, sha256: &str) -> Option<&IssuedCertificate> {
        self.issued.iter().find(|issued| issued.sha256 == sha256)
    }

    pub(super) fn add(&mut self, issued: IssuedCertificate) {
        self.issued.push(issued);
    }

    pub(super) fn revoke(
        &mut self,
        serial_number: &str,
        reason: RevocationReason,
        now: Timestamp,
    ) -> Result<(), UnknownSerialNumber> {
        let unknown = || UnknownSerialNumber(serial_number.to_owned());
        let bytes = hex::decode(serial_number).map_err(|_| unknown())?;
        let mut known = false;
        for issued in &mut self.issued {
            if issued.serial_number.eq_ignore_ascii_case(serial_number) {
                known = true;
                issued.revoked.get_or_insert(now);
            }
        }
        if !known {
            return Err(unknown());
        }
        if self.revoked.iter().all(|(serial, _, _)| *serial != bytes) {
            self.revoked.push((bytes, now, reason));
        }
        Ok(())
    }

    /// The issuing CA's next CRL, DER.
    pub(super) fn crl(
        &mut self,
        issuer: &Authority,
        now: Timestamp,
        hours: u32,
    ) -> Result<Vec<u8>, CaError> {
        let revoked = self.revoked.iter().map(|(serial, at, reason)| {
            Ok(RevokedCertParams {
                serial_number: SerialNumber::from_slice(serial),
                revocation_time: date(*at)?,
                reason_code: Some((*reason).into()),
                invalidity_date: None,
            })
        });
        let revoked = revoked.collect::<Result<_, CaError>>()?;
        self.crl_number += 1;
        signed(issuer, revoked, self.crl_number, now, hours)
    }

    /// The root's next CRL, DER: it never revokes.
    pub(super) fn root_crl(
        &mut self,
        root: &Authority,
        now: Timestamp,
        hours: u32,
    ) -> Result<Vec<u8>, CaError> {
        self.crl_number += 1;
        signed(root, Vec::new(), self.crl_number, now, hours)
    }
}

fn signed(
    issuer: &Authority,
    revoked_certs: Vec<RevokedCertParams>,
    number: u64,
    now: Timestamp,
    hours: u32,
) -> Result<Vec<u8>, CaError> {
    let params = CertificateRevocationListParams {
        this_update: date(now)?,
        next_update: date(now + SignedDuration::from_hours(hours.max(1).into()))?,
        crl_number: SerialNumber::from(number),
        issuing_distribution_point: None,
        revoked_certs,
        key_identifier_method: KeyIdMethod::PreSpecified(
            key_identifier(issuer.issuer.key().der_bytes()).to_vec(),
        ),
    };
    Ok(params.signed_by(&issuer.issuer)?.der().to_vec())
}

impl From<RevocationReason> for rcgen::RevocationReason {
    fn from(reason: RevocationReason) -> Self {
        match reason {
            RevocationReason::KeyCompromise => Self::KeyCompromise,
            RevocationReason::Superseded => Self::Superseded,
            RevocationReason::CessationOfOperation => Self::CessationOfOperation,
        }
    }
}
