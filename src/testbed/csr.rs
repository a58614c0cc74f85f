//! What a certification request on its way to the CMF says: [`Asked`]. Read by the tester while the CMF holds its answer.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use scas_simulators::cmf::{CertificateType, Delegate};
use scas_simulators::transcript::Request;
use sha2::{Digest as _, Sha256};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::prelude::{FromDer as _, GeneralName, ParsedExtension};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::model::key_protection::RsaPublicKey;

/// A certification request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// For which kind of certificate, as far as label or registration tells.
    pub kind: Option<CertificateType>,
    /// SHA-256 of its SubjectPublicKeyInfo, in hex.
    pub public_key_sha256: String,
}

impl Asked {
    /// Reads a request of EST; `None` if it is none that can be read.
    pub fn of(request: &Request, delegates: &[Delegate]) -> Option<Self> {
        let text = request.body.bytes()?;
        let text: Vec<u8> = text
            .into_iter()
            .filter(|byte| !byte.is_ascii_whitespace())
            .collect();
        let der = STANDARD.decode(text).ok()?;
        let (_, csr) = X509CertificationRequest::from_der(&der).ok()?;
        let info = &csr.certification_request_info;
        let label = CertificateType::ALL
            .into_iter()
            .find(|kind| request.path().contains(&format!("/{}/", kind.label())));
        Some(Self {
            kind: label.or_else(|| registered(&names(&csr), delegates)),
            public_key_sha256: hex::encode(Sha256::digest(info.subject_pki.raw)),
        })
    }
}

/// The numbers of an RSA key, by its SubjectPublicKeyInfo; `None` for any other.
pub fn rsa(public_key_der: &[u8]) -> Option<RsaPublicKey> {
    let (_, info) = SubjectPublicKeyInfo::from_der(public_key_der).ok()?;
    match info.parsed().ok()? {
        PublicKey::RSA(key) => Some(RsaPublicKey {
            modulus: hex::encode(key.modulus),
            exponent: hex::encode(key.exponent),
        }),
        _ => None,
    }
}

/// The names as a registration writes them.
fn names(csr: &X509CertificationRequest<'_>) -> Vec<String> {
    let extensions = csr.requested_extensions().into_iter().flatten();
    let names = extensions.filter_map(|extension| match extension {
        ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names),
        _ => None,
    });
    names
        .flatten()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(format!("DNS:{name}")),
            GeneralName::URI(uri) => Some(format!("URI:{uri}")),
            _ => None,
        })
        .collect()
}

fn registered(names: &[String], delegates: &[Delegate]) -> Option<CertificateType> {
    let mut fitting = delegates.iter().filter(|delegate| {
        let known = &delegate.registered.subject_alt_names;
        !names.is_empty() && names.iter().all(|name| known.contains(name))
    });
    Some(fitting.next()?.registered.certificate_type)
}

#[cfg(test)]
mod tests {
    use super::*;
    use scas_simulators::cmf::Registered;
    use scas_simulators::transcript::{Body, Peer};

    fn request(path: &str, name: &str) -> (Request, String) {
        let key = rcgen::KeyPair::generate().expect("a key");
        let params = rcgen::CertificateParams::new(vec![name.to_owned()]).expect("a name");
        let csr = params.serialize_request(&key).expect("a request");
        let spki = rcgen::PublicKeyData::subject_public_key_info(&key);
        let request = Request {
            method: "POST".into(),
            target: path.into(),
            headers: Vec::new(),
            body: Body::of(STANDARD.encode(csr.der()).as_bytes()),
        };
        (request, hex::encode(Sha256::digest(spki)))
    }

    fn delegate(certificate_type: CertificateType, name: &str) -> Delegate {
        Delegate {
            id: "1".into(),
            peer: Peer {
                subject: "CN=vnfm".into(),
                sha256: String::new(),
            },
            registered: Registered {
                vnfci_id: "1".into(),
                vnf_instance_id: "1".into(),
                certificate_type,
                subject: Default::default(),
                subject_alt_names: vec![format!("DNS:{name}")],
                key_policy: None,
                nf_types: Vec::new(),
                max_validity_days: None,
            },
        }
    }

    #[test]
    fn the_label_or_else_the_registration_tells_the_kind() {
        let (labelled, digest) = request("/.well-known/est/vnfoam/simpleenroll", "a.example");
        let asked = Asked::of(&labelled, &[]).expect("a request");
        assert_eq!(asked.kind, Some(CertificateType::VnfOam));
        assert_eq!(asked.public_key_sha256, digest);
        let (plain, _) = request("/.well-known/est/simpleenroll", "a.example");
        let known = [
            delegate(CertificateType::VnfOam, "b.example"),
            delegate(CertificateType::Vnfci, "a.example"),
        ];
        let kind = |known: &[Delegate]| Asked::of(&plain, known).expect("a request").kind;
        assert_eq!(kind(&known), Some(CertificateType::Vnfci));
        assert_eq!(kind(&known[..1]), None);
    }

    #[test]
    fn what_is_no_request_is_none() {
        let (mut request, _) = request("/x", "a.example");
        request.body = Body::of(b"garbage");
        assert_eq!(Asked::of(&request, &[]), None);
    }
}
