//! What was asked of EST and what came of it: [`Enrolment`].

use jiff::Timestamp;

use super::delegates::CertificateType;
use super::refusal::Refusal;
use crate::csr::{AltName, Csr};
use crate::transcript::Peer;

/// One request for a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrolment {
    /// When it was decided, by the CA's clock.
    pub at: Timestamp,
    /// Enrolment or renewal.
    pub operation: Operation,
    /// The type that the label names; `None` without label, or for one that nobody knows.
    pub label: Option<CertificateType>,
    /// Who asked; `None` without client certificate.
    pub peer: Option<Peer>,
    /// What the request says, if it could be read.
    pub request: Option<Requested>,
    /// What came of it.
    pub decision: Decision,
}

/// `simpleenroll` or `simplereenroll`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `simpleenroll`.
    Enroll,
    /// `simplereenroll`.
    Reenroll,
}

/// What a certification request says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requested {
    /// E.g. `C=SE, O=example`.
    pub subject: String,
    /// In order.
    pub subject_alt_names: Vec<AltName>,
    /// SHA-256 of SubjectPublicKeyInfo, in hex.
    pub public_key_sha256: String,
    /// SubjectPublicKeyInfo.
    pub public_key_der: Vec<u8>,
}

/// What came of an enrolment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// 200.
    Issued {
        /// Hex, 32 digits.
        serial_number: String,
        /// SHA-256 of the certificate, in hex.
        sha256: String,
        /// By this registration; `None` where a certificate renewed itself.
        delegate_id: Option<String>,
    },
    /// 202.
    Deferred,
    /// Any other.
    Refused(Refusal),
}

impl From<&Csr> for Requested {
    fn from(csr: &Csr) -> Self {
        Self {
            subject: csr.names.subject_text(),
            subject_alt_names: csr.names.alt_names.clone(),
            public_key_sha256: csr.public_key_sha256(),
            public_key_der: csr.public_key_der.clone(),
        }
    }
}
