//! EST (RFC 7030): CA certificates, CSR attributes, enrolment and renewal.

use hyper::StatusCode;
use hyper::header::{HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};

use super::csrattrs::csr_attributes;
use super::decision::{Permission, admission, permission};
use super::delegates::CertificateType;
use super::enrolment::{Decision, Enrolment, Operation, Requested};
use super::message;
use super::refusal::Refusal;
use super::state::State;
use super::{CmfFault, EnrolmentAnswer};
use crate::ca::Issued;
use crate::csr::{Csr, MAX_CSR};
use crate::rest::{Answer, Asked};

const CERTS_ONLY: &str = "application/pkcs7-mime; smime-type=certs-only";
const TRANSFER_ENCODING: HeaderName = HeaderName::from_static("content-transfer-encoding");

/// Open to everybody: who does not trust yet needs them first (clause 4.1.1).
pub(super) fn ca_certificates(state: &State, asked: &Asked<'_>) -> Answer {
    if let Err(refusal) = label(asked) {
        return refused(state, &refusal);
    }
    let certificates = message::certificates(state.config.ca.authorities());
    encoded(state, CERTS_ONLY, &certificates)
}

pub(super) fn csr_attributes_of(state: &State, asked: &Asked<'_>) -> Answer {
    let admitted = label(asked).and(asked.peer().ok_or(Refusal::NoClientCertificate));
    match admitted {
        Ok(_) => {
            let attributes = csr_attributes(&state.config.keys);
            encoded(state, "application/csrattrs", &attributes)
        }
        Err(refusal) => refused(state, &refusal),
    }
}

pub(super) fn enroll(state: &State, asked: &Asked<'_>) -> Answer {
    answer(state, asked, Operation::Enroll)
}

pub(super) fn reenroll(state: &State, asked: &Asked<'_>) -> Answer {
    answer(state, asked, Operation::Reenroll)
}

fn answer(state: &State, asked: &Asked<'_>, operation: Operation) -> Answer {
    let mut requested = None;
    let outcome = decide(state, asked, operation, &mut requested);
    let (decision, answer) = match outcome {
        Ok(Outcome::Deferred) => (Decision::Deferred, deferred(state)),
        Ok(Outcome::Issued(issued, permission, fault)) => {
            let answer = delivered(state, &issued, fault);
            let decision = Decision::Issued {
                serial_number: issued.serial_number.clone(),
                sha256: issued.sha256.clone(),
                delegate_id: permission.issued_for.delegate_id.clone(),
            };
            let mut certificates = state.certificates();
            certificates.ders.push(issued.certificate);
            certificates
                .issued
                .insert(issued.sha256, permission.issued_for);
            (decision, answer)
        }
        Err(refusal) => {
            let answer = refused(state, &refusal);
            (Decision::Refused(refusal), answer)
        }
    };
    state.enrolments().push(Enrolment {
        at: state.config.ca.now(),
        operation,
        label: label(asked).ok().flatten(),
        peer: asked.peer(),
        request: requested,
        decision,
    });
    answer
}

enum Outcome {
    Deferred,
    Issued(Box<Issued>, Permission, Option<CmfFault>),
}

fn decide(
    state: &State,
    asked: &Asked<'_>,
    operation: Operation,
    requested: &mut Option<Requested>,
) -> Result<Outcome, Refusal> {
    let label = label(asked)?;
    let peer = asked.peer();
    admission(state, peer.as_ref(), label, operation)?;
    let peer = peer.ok_or(Refusal::NoClientCertificate)?;
    content_type(asked)?;
    let der = message::request(asked.body())?;
    if der.len() > MAX_CSR {
        return Err(Refusal::TooLong);
    }
    let csr = Csr::read(&der).map_err(Refusal::Csr)?;
    let request = requested.insert(Requested::from(&csr));
    let permission = permission(state, &peer, label, operation, &csr)?;
    permission.check(&csr)?;
    if state.must_wait(&request.public_key_sha256) {
        return Ok(Outcome::Deferred);
    }
    let fault = state.take_fault();
    match fault {
        Some(CmfFault::RefuseEnrolment) => return Err(Refusal::Fault),
        Some(CmfFault::CaUnavailable) => return Err(Refusal::CaUnavailable),
        _ => {}
    }
    let issued = state.config.ca.issue(&der, &permission.issued_for.order);
    let issued = issued.map_err(|error| Refusal::Ca(error.to_string()))?;
    Ok(Outcome::Issued(Box::new(issued), permission, fault))
}

/// The type that the path names: `None` without label. Routes with a label have one wildcard.
fn label(asked: &Asked<'_>) -> Result<Option<CertificateType>, Refusal> {
    match asked.capture(0) {
        "" => Ok(None),
        label => CertificateType::ALL
            .into_iter()
            .find(|known| known.label() == label)
            .map(Some)
            .ok_or(Refusal::UnknownLabel),
    }
}

/// Parameters do not matter. The transfer encoding is base64 whatever a header field says (RFC 8951 clause 3.1), but who
/// says something else has sent something else.
fn content_type(asked: &Asked<'_>) -> Result<(), Refusal> {
    let media_type = asked.header("content-type").unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/pkcs10") {
        return Err(Refusal::ContentType);
    }
    match asked.header(TRANSFER_ENCODING.as_str()) {
        Some(encoding) if !encoding.trim().eq_ignore_ascii_case("base64") => {
            Err(Refusal::TransferEncoding)
        }
        _ => Ok(()),
    }
}

fn delivered(state: &State, issued: &Issued, fault: Option<CmfFault>) -> Answer {
    let mut chain: Vec<Vec<u8>> = issued.chain.clone();
    match fault {
        Some(CmfFault::NoCertificate) => chain.clear(),
        Some(CmfFault::CertificateOfAnother) => {
            if let Some(other) = state.certificates().ders.last()
                && let Some(leaf) = chain.iter_mut().find(|der| **der == issued.certificate)
            {
                leaf.clone_from(other);
            }
        }
        _ => {}
    }
    if state.config.answer == EnrolmentAnswer::CertificateOnly {
        chain.truncate(1);
    }
    let message = message::certificates(chain.iter().map(Vec::as_slice));
    encoded(state, CERTS_ONLY, &message)
}

fn encoded(state: &State, media_type: &'static str, der: &[u8]) -> Answer {
    let body = message::base64(der, state.config.line_length);
    Answer::bytes(StatusCode::OK, media_type, body).with(TRANSFER_ENCODING, "base64")
}

/// Clause 4.2.3: the client comes again with the same request.
fn deferred(state: &State) -> Answer {
    let text =
        "pending: the request waits for approval; send it again after the time of Retry-After";
    Answer::text(StatusCode::ACCEPTED, text).with(RETRY_AFTER, &retry_after(state))
}

fn refused(state: &State, refusal: &Refusal) -> Answer {
    let text = format!("{}: {refusal}", refusal.reason());
    let answer = Answer::text(refusal.status(), &text);
    match refusal {
        // RFC 9110 clause 15.5.2 wants a challenge; this is what there is.
        Refusal::NoClientCertificate => answer.with(WWW_AUTHENTICATE, "TLS-client-certificate"),
        Refusal::CaUnavailable => answer.with(RETRY_AFTER, &retry_after(state)),
        _ => answer,
    }
}

fn retry_after(state: &State) -> String {
    state.config.retry_after.to_string()
}
