//! What can be wrong with a certificate or its chain: [`CertificateFault`].

use serde::{Deserialize, Serialize};

/// One thing that the CA does wrong with one certificate; everything else stays right. Written in kebab-case, e.g.
/// `"without-subject-key-identifier"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CertificateFault {
    /// Issued by an issuing CA of another root, with that CA's chain: consistent, but nobody trusts it.
    UntrustedIssuer,
    /// Issued by that other CA, but sent with the chain of the right one: issuer and chain do not meet.
    WrongIssuer,
    /// Names the right issuer and its key, but another key has signed it.
    BadSignature,
    /// The validity has ended a day ago.
    Expired,
    /// The validity begins in a day.
    NotYetValid,
    /// Longer valid than the three years of IFA 026 clause C.6.
    ValidTooLong,
    /// For another public key than the request's.
    OtherKey,
    /// For another subject, with another subject alternative name.
    OtherNames,
    /// Revoked at once; the next CRL says so.
    Revoked,
    /// Has the serial number of the certificate before it.
    RepeatedSerialNumber,
    /// Says that it is a CA.
    CaCertificate,
    /// Has a critical extension that nobody knows.
    UnknownCriticalExtension,
    /// Without subjectKeyIdentifier.
    WithoutSubjectKeyIdentifier,
    /// Without authorityKeyIdentifier.
    WithoutAuthorityKeyIdentifier,
    /// Without keyUsage.
    WithoutKeyUsage,
    /// keyUsage has keyAgreement instead of digitalSignature.
    WrongKeyUsage,
    /// Without extendedKeyUsage.
    WithoutExtendedKeyUsage,
    /// extendedKeyUsage is codeSigning only.
    WrongExtendedKeyUsage,
    /// Without subjectAltName.
    WithoutSubjectAltName,
    /// subjectAltName is not critical, whatever the subject.
    SubjectAltNameNotCritical,
    /// Without cRLDistributionPoints.
    WithoutCrlDistributionPoint,
    /// The chain is sent with the leaf last.
    ChainReversed,
    /// The chain lacks the issuing CA: the leaf alone.
    ChainIncomplete,
    /// The chain has another CA's certificate where the issuing CA's should be.
    ChainOfOther,
}

impl CertificateFault {
    /// All of them.
    pub const ALL: [Self; 24] = [
        Self::UntrustedIssuer,
        Self::WrongIssuer,
        Self::BadSignature,
        Self::Expired,
        Self::NotYetValid,
        Self::ValidTooLong,
        Self::OtherKey,
        Self::OtherNames,
        Self::Revoked,
        Self::RepeatedSerialNumber,
        Self::CaCertificate,
        Self::UnknownCriticalExtension,
        Self::WithoutSubjectKeyIdentifier,
        Self::WithoutAuthorityKeyIdentifier,
        Self::WithoutKeyUsage,
        Self::WrongKeyUsage,
        Self::WithoutExtendedKeyUsage,
        Self::WrongExtendedKeyUsage,
        Self::WithoutSubjectAltName,
        Self::SubjectAltNameNotCritical,
        Self::WithoutCrlDistributionPoint,
        Self::ChainReversed,
        Self::ChainIncomplete,
        Self::ChainOfOther,
    ];

    /// Whether the other CA signs.
    pub(super) fn is_of_other_ca(self) -> bool {
        matches!(self, Self::UntrustedIssuer | Self::WrongIssuer)
    }
}

impl std::fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The name that serde gives it, so that there is one list of names.
        self.serialize(f)
    }
}
