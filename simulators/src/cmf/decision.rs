//! Whether a request is certified, and for whom: [`permission`] (IFA 026 clause C.2.2.2.6 steps 1 and 2).

use super::delegates::{CertificateType, Delegate};
use super::enrolment::Operation;
use super::policy::KeyPolicy;
use super::refusal::Refusal;
use super::state::{IssuedFor, State};
use crate::ca::{IssuedCertificate, Order};
use crate::csr::{Csr, Names};
use crate::transcript::Peer;

/// What it is certified as.
pub(super) struct Permission {
    pub(super) issued_for: IssuedFor,
    keys: KeyPolicy,
}

impl Permission {
    /// Key and proof of possession. The kind of key comes first, since not every kind can be verified.
    pub(super) fn check(&self, csr: &Csr) -> Result<(), Refusal> {
        self.keys.check(csr)?;
        if csr.proves_possession() {
            Ok(())
        } else {
            Err(Refusal::ProofOfPossession)
        }
    }
}

/// Whether this peer may ask at all, before its request is read.
pub(super) fn admission(
    state: &State,
    peer: Option<&Peer>,
    label: Option<CertificateType>,
    operation: Operation,
) -> Result<(), Refusal> {
    let peer = peer.ok_or(Refusal::NoClientCertificate)?;
    if state.config.ca.find(&peer.sha256).is_some() {
        let issued_for = state.certificates().issued.get(&peer.sha256).cloned();
        let kind = issued_for.map_or(CertificateType::Vnfci, |known| known.certificate_type);
        return match operation {
            Operation::Enroll => Err(Refusal::NotADelegate(kind)),
            Operation::Reenroll => Ok(()),
        };
    }
    let registry = state.registry();
    let mut own = registry.all().iter().filter(|known| is_of(known, peer));
    match label {
        Some(label) if own.any(|known| known.registered.certificate_type == label) => Ok(()),
        None if own.next().is_some() => Ok(()),
        label => Err(Refusal::NotRegistered(
            label.unwrap_or(CertificateType::Vnfci),
        )),
    }
}

/// By which registration, or renewal, the request is certified.
pub(super) fn permission(
    state: &State,
    peer: &Peer,
    label: Option<CertificateType>,
    operation: Operation,
    csr: &Csr,
) -> Result<Permission, Refusal> {
    if operation == Operation::Reenroll
        && let Some(renewed) = state.config.ca.find(&peer.sha256)
    {
        return renewal(state, &renewed, label, csr);
    }
    let delegate = registration(state, peer, label, csr)?;
    let certificates = state.certificates();
    let mut issued = certificates.issued.values();
    let is_own = |issued: &IssuedFor| issued.delegate_id.as_ref() == Some(&delegate.id);
    if operation == Operation::Reenroll && !issued.any(is_own) {
        return Err(Refusal::NothingToRenew);
    }
    let registered = &delegate.registered;
    Ok(Permission {
        keys: registered.keys(&state.config.keys),
        issued_for: IssuedFor {
            certificate_type: registered.certificate_type,
            order: Order {
                nf_types: registered.nf_types.clone(),
                max_validity_days: registered.max_validity_days,
            },
            delegate_id: Some(delegate.id),
        },
    })
}

/// The peer's own certificate, once more, for another key or the same (RFC 7030 clause 4.2.2).
fn renewal(
    state: &State,
    renewed: &IssuedCertificate,
    label: Option<CertificateType>,
    csr: &Csr,
) -> Result<Permission, Refusal> {
    if renewed.revoked.is_some() {
        return Err(Refusal::Revoked);
    }
    let names = Names::of_certificate(&renewed.der).map_err(Refusal::Csr)?;
    if !names.same_subject(&csr.names) || names.alt_names != csr.names.alt_names {
        return Err(Refusal::RenewalNames);
    }
    let certificates = state.certificates();
    let known = certificates.issued.get(&renewed.sha256);
    // Another CMF's, at the same CA.
    let mut issued_for = known.cloned().ok_or(Refusal::NothingToRenew)?;
    let registered = issued_for.certificate_type;
    if let Some(asked) = label.filter(|&asked| asked != registered) {
        return Err(Refusal::WrongCertificateType { registered, asked });
    }
    issued_for.delegate_id = None;
    Ok(Permission {
        keys: state.config.keys.clone(),
        issued_for,
    })
}

/// The peer's registration for these names, or how near it came.
fn registration(
    state: &State,
    peer: &Peer,
    label: Option<CertificateType>,
    csr: &Csr,
) -> Result<Delegate, Refusal> {
    let registry = state.registry();
    let mut exact = Vec::new();
    let (mut other_type, mut of_other, mut subject, mut alt_names) = (None, false, false, false);
    for known in registry.all() {
        let Ok(names) = known.registered.names() else {
            continue;
        };
        let same_subject = names.same_subject(&csr.names);
        let same_alt_names = names.alt_names == csr.names.alt_names;
        let certificate_type = known.registered.certificate_type;
        let is_asked = label.is_none_or(|label| label == certificate_type);
        match (is_of(known, peer), is_asked, same_subject && same_alt_names) {
            (true, true, true) => exact.push(known),
            (true, false, true) => other_type = Some(certificate_type),
            (true, true, false) => {
                subject |= same_subject;
                alt_names |= same_alt_names;
            }
            (false, true, true) => of_other = true,
            _ => {}
        }
    }
    match (&exact[..], other_type, label) {
        ([one], _, _) => Ok((*one).clone()),
        // Two VNFCIs may share names; either registration allows the same.
        ([one, rest @ ..], _, _)
            if rest.iter().all(|other| {
                other.registered.certificate_type == one.registered.certificate_type
            }) =>
        {
            Ok((*one).clone())
        }
        ([_, ..], _, _) => Err(Refusal::Ambiguous),
        ([], Some(registered), Some(asked)) => {
            Err(Refusal::WrongCertificateType { registered, asked })
        }
        ([], _, _) if of_other => Err(Refusal::OtherDelegate),
        // One part is right: the other is what is wrong.
        ([], _, _) if subject && !alt_names => Err(Refusal::SubjectAltNames),
        ([], _, _) if alt_names && !subject => Err(Refusal::Subject),
        ([], _, _) => Err(Refusal::Names),
    }
}

fn is_of(known: &Delegate, peer: &Peer) -> bool {
    known.peer.subject == peer.subject
}
