//! Why nothing is certified: [`Refusal`], each with its own word in answer and log.

use hyper::StatusCode;
use thiserror::Error;

use super::delegates::CertificateType;
use crate::csr::{CsrError, KeyType, MAX_CSR};

/// Why an enrolment is refused. What it says goes to the peer, after [`Refusal::reason`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// TLS without client certificate.
    #[error("a client certificate is needed")]
    NoClientCertificate,
    /// No such label.
    #[error("no such label; `vnfci` and `vnfoam` are")]
    UnknownLabel,
    /// Content-Type.
    #[error("Content-Type must be application/pkcs10")]
    ContentType,
    /// Content-Transfer-Encoding.
    #[error("Content-Transfer-Encoding must be base64 if it is given")]
    TransferEncoding,
    /// No body.
    #[error("the body is empty")]
    Empty,
    /// The body is not base64.
    #[error("the body is not base64 of a PKCS#10 request{0}")]
    NotBase64(&'static str),
    /// Longer than is read.
    #[error("the certification request is too long; at most {MAX_CSR} bytes are read")]
    TooLong,
    /// It cannot be read.
    #[error("{0}")]
    Csr(CsrError),
    /// The peer's certificate is one of those issued here: it may renew itself and nothing else.
    #[error("the client certificate is a {0}, not that of a delegate")]
    NotADelegate(CertificateType),
    /// The peer has registered for no certificate of this type (IFA 026 clause C.2.2.2.6 step 1).
    #[error("no delegate is registered for {0} with this client certificate")]
    NotRegistered(CertificateType),
    /// Another has registered for these names.
    #[error("another delegate is registered for this subject and these subject alternative names")]
    OtherDelegate,
    /// Registered, but for the other type.
    #[error("registered as {registered}, but asked for at the label of {asked}")]
    WrongCertificateType {
        /// By the registration.
        registered: CertificateType,
        /// By the label.
        asked: CertificateType,
    },
    /// Several registrations fit a request without label.
    #[error("several registrations fit: use the label `vnfci` or `vnfoam`")]
    Ambiguous,
    /// Names of nobody who is registered.
    #[error("neither subject nor subject alternative names are those of a registration")]
    Names,
    /// The subject is not the registered one.
    #[error("the subject is not the registered one")]
    Subject,
    /// The names are not the registered ones.
    #[error("the subject alternative names are not the registered ones")]
    SubjectAltNames,
    /// Renewal for other names (RFC 7030 clause 4.2.2).
    #[error("subject and subject alternative names must be those of the certificate to renew")]
    RenewalNames,
    /// Renewal of what was never issued.
    #[error("no certificate was issued yet that could be renewed")]
    NothingToRenew,
    /// Renewal of a revoked certificate.
    #[error("the certificate to renew is revoked")]
    Revoked,
    /// The security policy does not allow this kind of key.
    #[error("the security policy does not allow this key: {0}")]
    KeyAlgorithm(KeyType),
    /// The key is too short, or too long.
    #[error("the security policy wants RSA keys of {minimum} to 8192 bits, this one has {bits}")]
    KeyLength {
        /// Of the request's key.
        bits: usize,
        /// Of the policy.
        minimum: usize,
    },
    /// The request is signed with SHA-1 or less, or unknown.
    #[error("the request's signature algorithm is not one of ECDSA or RSA with SHA-2")]
    SignatureAlgorithm,
    /// The signature does not verify.
    #[error("the request is not signed with the private key of its public key")]
    ProofOfPossession,
    /// The CA does not certify it.
    #[error("the CA refuses: {0}")]
    Ca(String),
    /// The tester asked for it.
    #[error("the tester asked for this refusal")]
    Fault,
    /// The tester asked for it.
    #[error("the CA cannot be reached")]
    CaUnavailable,
}

impl Refusal {
    /// The word for it, e.g. `proof-of-possession`. It begins the answer's text, before a colon.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoClientCertificate => "no-client-certificate",
            Self::UnknownLabel => "unknown-label",
            Self::ContentType => "content-type",
            Self::TransferEncoding => "content-transfer-encoding",
            Self::Empty => "empty-body",
            Self::NotBase64(_) => "not-base64",
            Self::TooLong => "too-long",
            Self::Csr(CsrError::TooLong(_)) => "too-long",
            Self::Csr(CsrError::Unreadable(_)) => "not-pkcs10",
            Self::Csr(CsrError::Trailing(_)) => "trailing-bytes",
            Self::Csr(CsrError::Subject(_)) => "unreadable-subject",
            Self::Csr(CsrError::Extension(_)) => "unreadable-extension",
            Self::NotADelegate(_) => "not-a-delegate",
            Self::NotRegistered(_) => "not-registered",
            Self::OtherDelegate => "other-delegate",
            Self::WrongCertificateType { .. } => "wrong-certificate-type",
            Self::Ambiguous => "ambiguous",
            Self::Names => "names",
            Self::Subject => "subject",
            Self::SubjectAltNames => "subject-alt-names",
            Self::RenewalNames => "renewal-names",
            Self::NothingToRenew => "nothing-to-renew",
            Self::Revoked => "revoked",
            Self::KeyAlgorithm(_) => "key-algorithm",
            Self::KeyLength { .. } => "key-length",
            Self::SignatureAlgorithm => "signature-algorithm",
            Self::ProofOfPossession => "proof-of-possession",
            Self::Ca(_) => "ca-refuses",
            Self::Fault => "refuse-enrolment",
            Self::CaUnavailable => "ca-unavailable",
        }
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NoClientCertificate => StatusCode::UNAUTHORIZED,
            Self::UnknownLabel => StatusCode::NOT_FOUND,
            Self::ContentType | Self::TransferEncoding => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLong | Self::Csr(CsrError::TooLong(_)) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotADelegate(_)
            | Self::NotRegistered(_)
            | Self::OtherDelegate
            | Self::Fault
            | Self::Revoked => StatusCode::FORBIDDEN,
            Self::CaUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}
