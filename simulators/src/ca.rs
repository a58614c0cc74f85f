//! A simulated certificate authority: [`Ca`], a root and an issuing CA that certify by the profile of IFA 026 clause C.6.
//!
//! It takes certification requests from the CMF alone, over CA-1 ([`Ca1`]), and publishes CRLs and its certificates over
//! HTTP, where the certificates say that they are.

mod ca1;
mod fault;
mod hierarchy;
mod ledger;
mod profile;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;
use jiff::Timestamp;
use thiserror::Error;

pub use self::ca1::{Ca1, Issued, Order};
pub use self::fault::CertificateFault;
pub use self::hierarchy::KeyKind;
pub use self::ledger::{IssuedCertificate, RevocationReason, UnknownSerialNumber};
pub use self::profile::MAX_VALIDITY_DAYS;
use crate::clock::Clock;
use crate::control::Control;
pub use crate::csr::{CsrError, MAX_CSR};
use crate::fault::Times;
pub use crate::front::StartError;
use crate::front::{Front, Parties, problem_details};
use crate::rest::{self, Answer, Api, Asked, Service, ServiceConfig};
use crate::tls::ServerSecurity;
use crate::transcript::Transcript;

/// What a simulated CA needs.
#[derive(Clone, Debug)]
pub struct CaConfig {
    /// Where CRLs and certificates are published, over plain HTTP; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Host in the URIs of certificates, if it is another than the listening address.
    pub public_host: Option<String>,
    /// The kind of the CA's own keys.
    pub key: KeyKind,
    /// What is issued.
    pub policy: IssuancePolicy,
    /// Where exchanges go: HTTP, and what the CMF asks over CA-1.
    pub transcript: Transcript,
    /// The time that it dates certificates and CRLs by.
    pub clock: Clock,
}

/// What certificates look like, within clause C.6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IssuancePolicy {
    /// Days that a certificate is valid; more than [`MAX_VALIDITY_DAYS`] count as that.
    pub validity_days: u32,
    /// Whether certificates have the TLS feature extension with status_request (RFC 7633). There is no OCSP responder
    /// here, so a peer that insists on it will refuse.
    pub must_staple: bool,
    /// Hours from a CRL's thisUpdate to its nextUpdate.
    pub crl_hours: u32,
}

impl Default for IssuancePolicy {
    /// Ninety days, no TLS feature, CRLs for a day.
    fn default() -> Self {
        Self {
            validity_days: 90,
            must_staple: false,
            crl_hours: 24,
        }
    }
}

impl CaConfig {
    /// On a free port of 127.0.0.1, with P-256 keys, the default policy and this machine's time.
    pub fn new(transcript: Transcript) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            public_host: None,
            key: KeyKind::P256,
            policy: IssuancePolicy::default(),
            transcript,
            clock: Clock::system(),
        }
    }
}

/// Why the CA did not start, or did not issue.
#[derive(Debug, Error)]
pub enum CaError {
    /// It cannot publish.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The request cannot be read.
    #[error(transparent)]
    Csr(#[from] CsrError),
    /// The request's signature does not verify with its own key, or cannot be verified.
    #[error("the certification request proves no possession of its private key")]
    ProofOfPossession,
    /// Neither subject nor subject alternative name (RFC 5280 clause 4.1.2.6).
    #[error("the certification request names nobody: neither subject nor subjectAltName")]
    Nameless,
    /// The certificate library refuses.
    #[error("cannot certify: {0}")]
    Issue(#[from] rcgen::Error),
    /// A time that no certificate can state.
    #[error("{0} does not fit into a certificate")]
    Time(Timestamp),
    /// The system gives no randomness.
    #[error("no randomness")]
    Randomness,
}

/// A running CA. End it with [`Ca::stop`]; dropping it ends it too, without waiting.
pub struct Ca {
    base_uri: String,
    ca1: Ca1,
    service: Service,
}

impl Ca {
    /// Makes keys and certificates, and publishes them, on the current tokio runtime.
    ///
    /// # Errors
    /// The address is taken, or there is no randomness.
    pub async fn start(config: CaConfig) -> Result<Self, CaError> {
        let listener = Front::listen(config.listen).await?;
        let address = listener.local_addr().map_err(StartError::Internal)?;
        let base_uri = rest::root("http", config.public_host.as_deref(), address);
        let service = ServiceConfig {
            // What is published is signed; RFC 5280 clause 8 warns of circles if TLS were needed to check it.
            security: ServerSecurity::Plain,
            parties: Parties {
                interface: "CRL".into(),
                from: "relying party".into(),
                to: "CA".into(),
            },
            transcript: config.transcript.clone(),
            max_request_body: 1024,
            observer: None,
            scrub: None,
            refusal: problem_details,
        };
        let ca1 = Ca1::new(config, &base_uri)?;
        let state = Arc::new(ca1.clone());
        let service = Service::start(listener, PUBLISHED, &state, service).await?;
        Ok(Self {
            base_uri,
            ca1,
            service,
        })
    }

    /// The only way to a certificate, for the CMF.
    pub fn ca1(&self) -> Ca1 {
        self.ca1.clone()
    }

    /// The next certificates (as `times` says) are wrong in this way. One fault a certificate; the one set first and
    /// not used up is taken.
    pub fn fault(&self, fault: CertificateFault, times: Times) {
        self.ca1.plan(fault, times);
    }

    /// Forgets all faults.
    pub fn clear_faults(&self) {
        self.ca1.clear_plan();
    }

    /// All certificates so far, in order.
    pub fn issued(&self) -> Vec<IssuedCertificate> {
        self.ca1.ledger().issued().to_vec()
    }

    /// Puts a certificate on the CRL from now on. `serial_number` is as [`Issued::serial_number`] gives it.
    ///
    /// # Errors
    /// It has not issued such a certificate.
    pub fn revoke(
        &self,
        serial_number: &str,
        reason: RevocationReason,
    ) -> Result<(), UnknownSerialNumber> {
        self.ca1.revoke(serial_number, reason)
    }

    /// The trust anchor, PEM.
    pub fn root_pem(&self) -> String {
        pem(&self.ca1.hierarchy().root.certificate_der)
    }

    /// The issuing CA's certificate, PEM.
    pub fn issuing_pem(&self) -> String {
        pem(&self.ca1.hierarchy().issuing.certificate_der)
    }

    /// The CRL of the issuing CA as it would be published now, PEM.
    ///
    /// # Errors
    /// As for issuing.
    pub fn crl_pem(&self) -> Result<String, CaError> {
        Ok(armour("X509 CRL", &self.ca1.crl()?))
    }

    /// E.g. `http://127.0.0.1:34567`: CRLs are below it at `/crl/issuing.crl` and `/crl/root.crl`, certificates at
    /// `/certificates/issuing.cer` and `/certificates/root.cer`.
    pub fn base_uri(&self) -> &str {
        &self.base_uri
    }

    /// The address it publishes on.
    pub fn address(&self) -> SocketAddr {
        self.service.address()
    }

    /// Faults and holds of what it publishes.
    pub fn control(&self) -> &Control {
        &self.service.control
    }

    /// Closes all connections and waits until port, tasks and threads have gone.
    pub async fn stop(self) {
        self.service.stop().await;
    }
}

impl std::fmt::Debug for Ca {
    /// Without keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ca")
            .field("base_uri", &self.base_uri)
            .finish_non_exhaustive()
    }
}

/// A certificate as PEM.
pub(crate) fn pem(der: &[u8]) -> String {
    armour("CERTIFICATE", der)
}

/// RFC 7468.
pub(crate) fn armour(label: &str, der: &[u8]) -> String {
    let mut text = format!("-----BEGIN {label}-----\n");
    let encoded = STANDARD.encode(der);
    for line in encoded.as_bytes().chunks(64) {
        text.push_str(&String::from_utf8_lossy(line));
        text.push('\n');
    }
    text + &format!("-----END {label}-----\n")
}

const PUBLISHED: Api<Ca1> = Api::of(&[
    ("GET /crl/issuing.crl", |ca, _| crl(ca.crl())),
    ("GET /crl/root.crl", |ca, _| crl(ca.root_crl())),
    ("GET /certificates/issuing.cer", |ca, _| {
        certificate(&ca.hierarchy().issuing.certificate_der)
    }),
    ("GET /certificates/root.cer", |ca, _: &Asked<'_>| {
        certificate(&ca.hierarchy().root.certificate_der)
    }),
]);

/// RFC 2585 names the types.
fn crl(der: Result<Vec<u8>, CaError>) -> Answer {
    match der {
        Ok(der) => Answer::bytes(StatusCode::OK, "application/pkix-crl", der),
        Err(error) => Answer::problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

fn certificate(der: &[u8]) -> Answer {
    Answer::bytes(StatusCode::OK, "application/pkix-cert", der.to_vec())
}
