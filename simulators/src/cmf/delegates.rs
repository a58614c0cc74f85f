//! Registration of delegates (IFA 026 clauses C.2.2.1 and C.3.2.1): [`Delegate`], and a JSON API for it.
//!
//! ETSI publishes no protocol for this. The API is a binding of this project's own, and not normative: whoever tests a
//! product with another one puts an adapter in front.

use hyper::StatusCode;
use hyper::header::LOCATION;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::policy::{KeyAlgorithm, KeyPolicy};
use super::state::State;
use crate::csr::{AltName, Attribute, Names};
use crate::rest::{Answer, Asked};
use crate::transcript::Peer;

/// The types of certificate that are kept apart (IFA 026 clause 5.2.3), as SOL003 writes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CertificateType {
    /// Of a VNFCI, for its users' traffic. Label `vnfci`.
    #[serde(rename = "VNFCI_CERT")]
    Vnfci,
    /// For OAM of the VNF. Label `vnfoam`.
    #[serde(rename = "VNFOAM_CERT")]
    VnfOam,
}

impl CertificateType {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Vnfci, Self::VnfOam];

    /// The label in EST paths.
    pub fn label(self) -> &'static str {
        match self {
            Self::Vnfci => "vnfci",
            Self::VnfOam => "vnfoam",
        }
    }
}

impl std::fmt::Display for CertificateType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Vnfci => "VNFCI_CERT",
            Self::VnfOam => "VNFOAM_CERT",
        })
    }
}

/// A subject by its parts, as CertificateBaseProfile of SOL003 has it; what is absent is not in the certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the names say it")]
pub struct CertSubjectData {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub common_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locality: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_address: Option<String>,
}

/// Narrows the CMF's own policy for one delegate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KeyPolicyRequest {
    /// `EC_P256`, `EC_P384`, `RSA`; absent: all that the CMF allows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_algorithms: Option<Vec<KeyAlgorithm>>,
    /// Bits of an RSA modulus.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_key_length: Option<usize>,
}

/// A registration: this peer may enrol this certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegate {
    /// Its identifier here.
    pub id: String,
    /// The client certificate that registered. The subject is the identity: a delegate may renew its own certificate.
    pub peer: Peer,
    /// What was registered.
    pub registered: Registered,
}

/// The body of a registration. Other members are ignored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Registered {
    /// The VNFCI, or what will be one: an identifier of the delegate's choice, unique with `certificateType`.
    pub vnfci_id: String,
    /// The VNF instance that it belongs to.
    pub vnf_instance_id: String,
    /// For which type of certificate.
    pub certificate_type: CertificateType,
    /// The subject that requests must have; absent: empty.
    #[serde(default)]
    pub subject: CertSubjectData,
    /// The names that requests must have, exactly: `DNS:name`, `IP:address`, `URI:uri`, `email:address`.
    #[serde(default)]
    pub subject_alt_names: Vec<String>,
    /// Keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_policy: Option<KeyPolicyRequest>,
    /// NFTypes to put into certificates (RFC 9310).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nf_types: Vec<String>,
    /// Days that certificates are valid at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_validity_days: Option<u32>,
}

impl Registered {
    /// What requests are compared with, or what is wrong.
    pub(super) fn names(&self) -> Result<Names, String> {
        let mut alt_names = Vec::new();
        for written in &self.subject_alt_names {
            alt_names.push(AltName::parse(written).ok_or_else(|| {
                format!(
                    "subjectAltNames: `{written}` is none of DNS:name, IP:address, URI:uri, email:address"
                )
            })?);
        }
        alt_names.sort();
        alt_names.dedup();
        let names = Names {
            subject: self.subject.attributes(),
            alt_names,
        };
        if names.subject.is_empty() && names.alt_names.is_empty() {
            return Err("subject and subjectAltNames are both empty".into());
        }
        Ok(names)
    }

    pub(super) fn keys(&self, policy: &KeyPolicy) -> KeyPolicy {
        let Some(request) = &self.key_policy else {
            return policy.clone();
        };
        let algorithms = request.allowed_algorithms.as_ref();
        policy.narrowed(
            algorithms.unwrap_or(&policy.algorithms),
            request.minimum_key_length.unwrap_or(0),
        )
    }

    fn check(&self, policy: &KeyPolicy) -> Result<(), String> {
        self.names()?;
        if self.vnfci_id.is_empty() || self.vnf_instance_id.is_empty() {
            return Err("vnfciId and vnfInstanceId must not be empty".into());
        }
        let mut country = self.subject.country.iter();
        if !country
            .all(|code| code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_uppercase()))
        {
            return Err("subject: country must be a code of two letters (ISO 3166)".into());
        }
        if self.keys(policy).algorithms.is_empty() {
            return Err("keyPolicy leaves no algorithm that this CMF allows".into());
        }
        let fits = |name: &String| (1..=32).contains(&name.len()) && name.is_ascii();
        if !self.nf_types.iter().all(fits) {
            return Err("nfTypes: each has 1 to 32 ASCII characters".into());
        }
        Ok(())
    }
}

impl CertSubjectData {
    fn attributes(&self) -> Vec<Attribute> {
        const EMAIL_ADDRESS: &[u64] = &[1, 2, 840, 113_549, 1, 9, 1];
        let parts: [(&[u64], &Option<String>); 6] = [
            (&[2, 5, 4, 6], &self.country),
            (&[2, 5, 4, 8], &self.state),
            (&[2, 5, 4, 7], &self.locality),
            (&[2, 5, 4, 10], &self.organization),
            (&[2, 5, 4, 3], &self.common_name),
            (EMAIL_ADDRESS, &self.email_address),
        ];
        let present = parts.into_iter().filter_map(|(oid, value)| {
            Some(Attribute {
                oid: oid.to_vec(),
                value: value.clone()?,
            })
        });
        present.collect()
    }
}

pub(super) fn create(state: &State, asked: &Asked<'_>) -> Answer {
    let peer = match state.delegate_of(asked) {
        Ok(peer) => peer,
        Err(refusal) => return refusal,
    };
    let registered = match serde_json::from_slice::<Registered>(asked.body()) {
        Ok(registered) => registered,
        Err(error) => {
            // Where it is, not what it is: that might be anything.
            let (line, column) = (error.line(), error.column());
            let kind = if error.is_data() {
                "no registration"
            } else {
                "no JSON"
            };
            let what = format!(
                "the body is {kind} (line {line}, column {column}); see vnfciId, vnfInstanceId, certificateType, subject, subjectAltNames, keyPolicy"
            );
            return Answer::problem(StatusCode::BAD_REQUEST, &what);
        }
    };
    if let Err(problem) = registered.check(&state.config.keys) {
        return Answer::problem(StatusCode::BAD_REQUEST, &problem);
    }
    let mut registry = state.registry();
    let known = registry.all().iter().find(|known| {
        known.registered.vnfci_id == registered.vnfci_id
            && known.registered.certificate_type == registered.certificate_type
    });
    if let Some(known) = known {
        let detail = format!(
            "`{}` has a delegate for {} already: {}",
            registered.vnfci_id, registered.certificate_type, known.id
        );
        return Answer::problem(StatusCode::CONFLICT, &detail);
    }
    let delegate = Delegate {
        id: uuid::Uuid::new_v4().to_string(),
        peer,
        registered,
    };
    let body = described(state, &delegate);
    let location = href(state, &delegate.id);
    registry.add(delegate);
    Answer::json(StatusCode::CREATED, &body).with(LOCATION, &location)
}

pub(super) fn list(state: &State, asked: &Asked<'_>) -> Answer {
    let peer = match state.delegate_of(asked) {
        Ok(peer) => peer,
        Err(refusal) => return refusal,
    };
    let registry = state.registry();
    let own = registry
        .all()
        .iter()
        .filter(|delegate| delegate.peer.subject == peer.subject);
    let own: Vec<_> = own.map(|delegate| described(state, delegate)).collect();
    Answer::json(StatusCode::OK, &Value::Array(own))
}

pub(super) fn read(state: &State, asked: &Asked<'_>) -> Answer {
    match state.own_delegate(asked) {
        Ok(delegate) => Answer::json(StatusCode::OK, &described(state, &delegate)),
        Err(refusal) => refusal,
    }
}

pub(super) fn delete(state: &State, asked: &Asked<'_>) -> Answer {
    match state.own_delegate(asked) {
        Ok(delegate) => {
            state.registry().remove(&delegate.id);
            Answer::empty(StatusCode::NO_CONTENT)
        }
        Err(refusal) => refusal,
    }
}

impl State {
    /// Who asks, if that may be a delegate at all.
    fn delegate_of(&self, asked: &Asked<'_>) -> Result<Peer, Answer> {
        let Some(peer) = asked.peer() else {
            let detail = "a client certificate is needed";
            return Err(Answer::problem(StatusCode::UNAUTHORIZED, detail));
        };
        if self.config.ca.find(&peer.sha256).is_some() {
            let detail = "a certificate that was issued here makes nobody a delegate";
            return Err(Answer::problem(StatusCode::FORBIDDEN, detail));
        }
        Ok(peer)
    }

    /// The registration in the path. Another's is none to whoever asks.
    fn own_delegate(&self, asked: &Asked<'_>) -> Result<Delegate, Answer> {
        let peer = self.delegate_of(asked)?;
        let id = asked.capture(0);
        let registry = self.registry();
        let mut all = registry.all().iter();
        let own = all.find(|delegate| delegate.id == id && delegate.peer.subject == peer.subject);
        own.cloned()
            .ok_or_else(|| Answer::problem(StatusCode::NOT_FOUND, &format!("no delegate `{id}`")))
    }
}

fn href(state: &State, id: &str) -> String {
    format!("{}/scas-cmf/v1/delegates/{id}", state.root)
}

fn described(state: &State, delegate: &Delegate) -> Value {
    let Delegate {
        id,
        peer,
        registered,
    } = delegate;
    let mut value = json!(registered);
    value["id"] = json!(id);
    value["delegate"] = json!({ "subject": peer.subject, "certificateSha256": peer.sha256 });
    let label = registered.certificate_type.label();
    value["estEndPoint"] = json!(format!("{}/.well-known/est/{label}", state.root));
    value["_links"] = json!({ "self": { "href": href(state, id) } });
    value
}
