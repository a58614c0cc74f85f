//! CA-1, the reference point between CMF and CA: [`Ca1`]. No protocol is specified for it; here it is a call inside the
//! process, which the transcript shows as an exchange with the method `CALL`.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use jiff::Timestamp;
use rcgen::{CertificateParams, Issuer, SerialNumber, SigningKey, SubjectPublicKeyInfo};
use sha2::{Digest as _, Sha256};

use super::hierarchy::{Hierarchy, serial_number};
use super::ledger::{IssuedCertificate, Ledger, RevocationReason, UnknownSerialNumber};
use super::{CaConfig, CaError, CertificateFault, armour, pem, profile};
use crate::csr::Csr;
use crate::fault::Times;
use crate::front::Scrub as _;
use crate::private_key::Finder;
use crate::transcript::{Body, Exchange, Request, Response};

/// What the CMF asks for besides the request itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// NFTypes (RFC 9310) in place of the request's, each of 1 to 32 ASCII characters; empty: the request's.
    pub nf_types: Vec<String>,
    /// Not longer valid than so many days.
    pub max_validity_days: Option<u32>,
}

/// What the CA returns.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The certificate, DER.
    pub certificate: Vec<u8>,
    /// The chain as it is to be sent, DER: the certificate first, then the issuing CA; without the root. A fault may
    /// have spoilt it.
    pub chain: Vec<Vec<u8>>,
    /// Hex, 32 digits.
    pub serial_number: String,
    /// SHA-256 of the certificate, in hex.
    pub sha256: String,
    /// What is wrong on purpose.
    pub fault: Option<CertificateFault>,
}

impl Issued {
    /// The chain as PEM.
    pub fn chain_pem(&self) -> String {
        self.chain.iter().map(|der| pem(der)).collect()
    }
}

/// The way to a CA. Clones lead to the same.
#[derive(Clone)]
pub struct Ca1 {
    shared: Arc<Shared>,
}

struct Shared {
    config: CaConfig,
    base_uri: String,
    hierarchy: Hierarchy,
    /// For faults; made when first needed.
    other: OnceLock<Hierarchy>,
    ledger: Mutex<Ledger>,
    finder: Finder,
    /// Faults with what is left of them; `None`: always.
    plan: Mutex<Vec<(CertificateFault, Option<u32>)>>,
}

impl Ca1 {
    pub(super) fn new(config: CaConfig, base_uri: &str) -> Result<Self, CaError> {
        let hierarchy = Hierarchy::new(config.key, "simulated", base_uri, config.clock.now())?;
        Ok(Self {
            shared: Arc::new(Shared {
                config,
                base_uri: base_uri.to_owned(),
                hierarchy,
                other: OnceLock::new(),
                ledger: Mutex::default(),
                finder: Finder::default(),
                plan: Mutex::default(),
            }),
        })
    }

    /// Certifies the key of a PKCS#10 request, DER, whose subject and subjectAltName go into the certificate as they
    /// are. Recorded.
    ///
    /// # Errors
    /// The request cannot be read, is not signed with its own key, or asks for what cannot be certified.
    pub fn issue(&self, csr: &[u8], order: &Order) -> Result<Issued, CaError> {
        let started = self.shared.config.clock.now();
        let outcome = self.certify(csr, order, started);
        self.record(started, csr, &outcome);
        outcome
    }

    /// The chain that ends in the root, issuing CA first, DER.
    pub fn authorities(&self) -> [&[u8]; 2] {
        let Hierarchy { root, issuing } = self.hierarchy();
        [&issuing.certificate_der, &root.certificate_der]
    }

    /// The certificate that has this SHA-256 (hex), if it is of this CA.
    pub fn find(&self, sha256: &str) -> Option<IssuedCertificate> {
        self.ledger().find(sha256).cloned()
    }

    /// The time that it goes by.
    pub(crate) fn now(&self) -> Timestamp {
        self.shared.config.clock.now()
    }

    pub(super) fn hierarchy(&self) -> &Hierarchy {
        &self.shared.hierarchy
    }

    pub(super) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        // Nothing between lock and unlock can leave half a change.
        self.shared
            .ledger
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn plan(&self, fault: CertificateFault, times: Times) {
        self.planned().push((fault, times.count()));
    }

    pub(super) fn clear_plan(&self) {
        self.planned().clear();
    }

    pub(super) fn revoke(
        &self,
        serial_number: &str,
        reason: RevocationReason,
    ) -> Result<(), UnknownSerialNumber> {
        self.ledger().revoke(serial_number, reason, self.now())
    }

    pub(super) fn crl(&self) -> Result<Vec<u8>, CaError> {
        let (now, hours) = (self.now(), self.shared.config.policy.crl_hours);
        self.ledger().crl(&self.hierarchy().issuing, now, hours)
    }

    pub(super) fn root_crl(&self) -> Result<Vec<u8>, CaError> {
        let (now, hours) = (self.now(), self.shared.config.policy.crl_hours);
        self.ledger().root_crl(&self.hierarchy().root, now, hours)
    }

    fn certify(&self, csr: &[u8], order: &Order, now: Timestamp) -> Result<Issued, CaError> {
        let csr = Csr::read(csr)?;
        if !csr.proves_possession() {
            return Err(CaError::ProofOfPossession);
        }
        if csr.names.subject.is_empty() && csr.names.alt_names.is_empty() {
            return Err(CaError::Nameless);
        }
        let fault = self.take_fault();
        let requested = SubjectPublicKeyInfo::from_der(&csr.public_key_der)?;
        let key = if fault == Some(CertificateFault::OtherKey) {
            let other = self.shared.config.key.generate()?;
            SubjectPublicKeyInfo::from_der(&rcgen::PublicKeyData::subject_public_key_info(&other))?
        } else {
            requested
        };
        let issuing = match fault {
            Some(fault) if fault.is_of_other_ca() => &self.other()?.issuing,
            _ => &self.hierarchy().issuing,
        };
        let policy = &self.shared.config.policy;
        let mut params = profile::params(&csr, &key, order, policy, issuing, now, fault)?;
        let serial = self.next_serial_number(fault)?;
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        let certificate = if fault == Some(CertificateFault::BadSignature) {
            let impostor = self.shared.config.key.generate()?;
            sign(&params, &key, &issuing.impostor(impostor))?
        } else {
            sign(&params, &key, &issuing.issuer)?
        };
        let issued = Issued {
            chain: self.chain(&certificate, fault)?,
            serial_number: hex::encode(&serial),
            sha256: hex::encode(Sha256::digest(&certificate)),
            certificate,
            fault,
        };
        self.enter(&issued, now);
        Ok(issued)
    }

    fn enter(&self, issued: &Issued, now: Timestamp) {
        let mut ledger = self.ledger();
        ledger.add(IssuedCertificate {
            serial_number: issued.serial_number.clone(),
            der: issued.certificate.clone(),
            sha256: issued.sha256.clone(),
            fault: issued.fault,
            revoked: None,
        });
        if issued.fault == Some(CertificateFault::Revoked)
            && let Err(error) =
                ledger.revoke(&issued.serial_number, RevocationReason::KeyCompromise, now)
        {
            tracing::warn!(%error, "a certificate that was just issued is unknown");
        }
    }

    fn next_serial_number(&self, fault: Option<CertificateFault>) -> Result<Vec<u8>, CaError> {
        if fault == Some(CertificateFault::RepeatedSerialNumber)
            && let Some(last) = self.ledger().issued().last()
            && let Ok(serial) = hex::decode(&last.serial_number)
        {
            return Ok(serial);
        }
        Ok(serial_number()?.to_vec())
    }

    fn chain(
        &self,
        certificate: &[u8],
        fault: Option<CertificateFault>,
    ) -> Result<Vec<Vec<u8>>, CaError> {
        use CertificateFault as F;
        let leaf = certificate.to_vec();
        let issuing = self.hierarchy().issuing.certificate_der.clone();
        Ok(match fault {
            Some(F::ChainReversed) => vec![issuing, leaf],
            Some(F::ChainIncomplete) => vec![leaf],
            Some(F::ChainOfOther | F::UntrustedIssuer) => {
                vec![leaf, self.other()?.issuing.certificate_der.clone()]
            }
            _ => vec![leaf, issuing],
        })
    }

    fn other(&self) -> Result<&Hierarchy, CaError> {
        if let Some(other) = self.shared.other.get() {
            return Ok(other);
        }
        let Shared {
            config, base_uri, ..
        } = &*self.shared;
        let other = Hierarchy::new(config.key, "another", base_uri, config.clock.now())?;
        // Whoever is first; the others' is dropped.
        Ok(self.shared.other.get_or_init(|| other))
    }

    fn take_fault(&self) -> Option<CertificateFault> {
        let mut plan = self.planned();
        let index = plan.iter().position(|(_, left)| *left != Some(0))?;
        let (fault, left) = &mut plan[index];
        let fault = *fault;
        if let Some(left) = left {
            *left -= 1;
            if *left == 0 {
                plan.remove(index);
            }
        }
        Some(fault)
    }

    fn planned(&self) -> MutexGuard<'_, Vec<(CertificateFault, Option<u32>)>> {
        self.shared
            .plan
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, started: Timestamp, csr: &[u8], outcome: &Result<Issued, CaError>) {
        let content_type = |value: &str| vec![("content-type".to_owned(), value.to_owned())];
        let response = match outcome {
            Ok(issued) => Response {
                status: 200,
                headers: content_type("application/pem-certificate-chain"),
                body: Body::of(issued.chain_pem().as_bytes()),
            },
            Err(error) => Response {
                status: 400,
                headers: content_type("text/plain"),
                body: Body::of(error.to_string().as_bytes()),
            },
        };
        let fault = outcome.as_ref().ok().and_then(|issued| issued.fault);
        let mut exchange = Exchange {
            seq: 0,
            started,
            ended: Some(self.now()),
            interface: "CA-1".into(),
            from: "CMF".into(),
            to: "CA".into(),
            peer: None,
            tls: None,
            request: Request {
                method: "CALL".into(),
                target: "issue".into(),
                headers: content_type("application/pkcs10"),
                body: Body::of(armour("CERTIFICATE REQUEST", csr).as_bytes()),
            },
            response: Some(response),
            fault: fault.map(|fault| fault.to_string()),
        };
        // Whoever writes a key into a name or an attribute has it in the request, and perhaps in the certificate.
        self.shared.finder.exchange(&mut exchange);
        self.shared.config.transcript.record(exchange);
    }
}

impl std::fmt::Debug for Ca1 {
    /// Without keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ca1")
            .field("base_uri", &self.shared.base_uri)
            .finish_non_exhaustive()
    }
}

fn sign(
    params: &CertificateParams,
    key: &SubjectPublicKeyInfo,
    issuer: &Issuer<'_, impl SigningKey>,
) -> Result<Vec<u8>, rcgen::Error> {
    Ok(params.signed_by(key, issuer)?.der().to_vec())
}
