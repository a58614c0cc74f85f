//! A simulated Certificate Management Function on CMF-1, delegation mode: [`Cmf`].
//!
//! A VNFM registers as the delegate for a VNFCI (IFA 026 clause C.2.2.1; no protocol is specified for that, so a binding
//! of this project's own stands in, which is not normative) and enrols its certificates by EST (RFC 7030, clause
//! C.2.2.2). The CMF checks delegate and request, asks a [`Ca`](crate::ca::Ca), and returns certificate and chain.

mod csrattrs;
mod decision;
mod delegates;
mod enrolment;
mod est;
mod message;
mod policy;
mod refusal;
mod state;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use self::delegates::{
    CertSubjectData, CertificateType, Delegate, KeyPolicyRequest, Registered,
};
pub use self::enrolment::{Decision, Enrolment, Operation, Requested};
pub use self::policy::{KeyAlgorithm, KeyPolicy};
pub use self::refusal::Refusal;
use self::state::State;
use crate::ca::{Ca1, pem};
use crate::control::Control;
pub use crate::csr::{AltName, KeyType};
use crate::fault::Times;
pub use crate::front::StartError;
use crate::front::{Front, Parties, problem_details};
use crate::private_key::{Finder, PrivateKeyReceived};
use crate::rest::{self, Api, Service, ServiceConfig};
use crate::tls::{Identity, ServerSecurity};
use crate::transcript::Transcript;

/// What a simulated CMF needs.
#[derive(Clone, Debug)]
pub struct CmfConfig {
    /// Address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Host that the VNFM is to call, if it is another than the listening address.
    pub public_host: Option<String>,
    /// What it presents.
    pub identity: Identity,
    /// PEM certificates that the certificates of VNFMs chain to. Those of its CA are trusted besides, for renewal.
    pub client_anchors_pem: String,
    /// Whether TLS already refuses who has no certificate. If not, only `cacerts` is open to them (RFC 7030 clause
    /// 4.1.1), and the rest is refused by HTTP, with a reason.
    pub require_client_certificate: bool,
    /// The CA.
    pub ca: Ca1,
    /// Where exchanges go.
    pub transcript: Transcript,
    /// Which keys are certified; a registration may narrow it.
    pub keys: KeyPolicy,
    /// What an enrolment returns.
    pub answer: EnrolmentAnswer,
    /// Characters a line of base64 in its answers; `None`: no line breaks, which strongSwan 5.9 cannot read.
    pub line_length: Option<u8>,
    /// Seconds that `Retry-After` names.
    pub retry_after: u32,
}

/// What an enrolment returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EnrolmentAnswer {
    /// Certificate and issuing CA, as IFA 026 clause C.2.2.2.6 wants: the VNFM is to install a chain.
    #[default]
    WithChain,
    /// The certificate alone, to the letter of RFC 7030 clause 4.2.3; the chain is at `cacerts`.
    CertificateOnly,
}

/// Something that the CMF does wrong with the next enrolment. What is wrong with a certificate, the CA does:
/// [`CertificateFault`](crate::ca::CertificateFault). Broken HTTP is the front's: [`Fault`](crate::fault::Fault).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CmfFault {
    /// Whatever it is, it is refused: as if the delegate were not registered.
    RefuseEnrolment,
    /// As if the CA could not be reached: 503 with Retry-After.
    CaUnavailable,
    /// A certs-only message without certificates.
    NoCertificate,
    /// The certificate that was issued before, for whomever; the right one if there is none.
    CertificateOfAnother,
}

/// How enrolments are made to wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deferral {
    /// They are not.
    #[default]
    None,
    /// Each key is answered 202 so many times, then certified.
    Times(u32),
    /// 202 until [`Cmf::defer`] says otherwise.
    UntilReleased,
}

impl CmfConfig {
    /// On a free port of 127.0.0.1, client certificates requested, the default key policy, chain included.
    pub fn new(
        identity: Identity,
        client_anchors_pem: String,
        ca: Ca1,
        transcript: Transcript,
    ) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            public_host: None,
            identity,
            client_anchors_pem,
            require_client_certificate: false,
            ca,
            transcript,
            keys: KeyPolicy::default(),
            answer: EnrolmentAnswer::WithChain,
            line_length: None,
            retry_after: 1,
        }
    }

    fn security(&self) -> ServerSecurity {
        let [_, root] = self.ca.authorities();
        let identity = self.identity.clone();
        let client_anchors_pem = format!("{}\n{}", self.client_anchors_pem, pem(root));
        if self.require_client_certificate {
            ServerSecurity::Mutual {
                identity,
                client_anchors_pem,
            }
        } else {
            ServerSecurity::Requested {
                identity,
                client_anchors_pem,
            }
        }
    }
}

/// A running CMF. End it with [`Cmf::stop`]; dropping it ends it too, without waiting.
pub struct Cmf {
    root: String,
    state: Arc<State>,
    transcript: Transcript,
    service: Service,
}

impl Cmf {
    /// Starts on the current tokio runtime; when this returns, connections are accepted.
    ///
    /// # Errors
    /// The address is taken, or the TLS material is unusable.
    pub async fn start(config: CmfConfig) -> Result<Self, StartError> {
        let listener = Front::listen(config.listen).await?;
        let address = listener.local_addr().map_err(StartError::Internal)?;
        let root = rest::root("https", config.public_host.as_deref(), address);
        let finder = Finder::default();
        let service = ServiceConfig {
            security: config.security(),
            parties: Parties {
                interface: "CMF-1".into(),
                from: "VNFM".into(),
                to: "CMF".into(),
            },
            transcript: config.transcript.clone(),
            max_request_body: 64 * 1024,
            observer: None,
            scrub: Some(Arc::new(finder.clone())),
            refusal: problem_details,
        };
        let transcript = config.transcript.clone();
        let state = Arc::new(State::new(root.clone(), config, finder));
        let service = Service::start(listener, ROUTES, &state, service).await?;
        Ok(Self {
            root,
            state,
            transcript,
            service,
        })
    }

    /// E.g. `https://127.0.0.1:34567`; EST is below it at `/.well-known/est`, delegates at `/scas-cmf/v1/delegates`.
    pub fn root(&self) -> &str {
        &self.root
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.service.address()
    }

    /// Faults of HTTP, and holds: e.g. `POST /.well-known/est/{label}/simpleenroll`.
    pub fn control(&self) -> &Control {
        &self.service.control
    }

    /// Where its exchanges go.
    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    /// The next enrolments (as `times` says) go wrong in this way. One fault each; the one set first and not used up is
    /// taken. It happens to enrolments that would succeed.
    pub fn fault(&self, fault: CmfFault, times: Times) {
        self.state.plan(fault, times);
    }

    /// Forgets all faults of enrolments.
    pub fn clear_faults(&self) {
        self.state.clear_plan();
    }

    /// Makes enrolments wait from now on, or no more (RFC 7030 clause 4.2.3, status 202).
    pub fn defer(&self, deferral: Deferral) {
        self.state.defer(deferral);
    }

    /// Those that are registered now.
    pub fn delegates(&self) -> Vec<Delegate> {
        self.state.registry().all().to_vec()
    }

    /// Everything that was asked of EST but `cacerts` and `csrattrs`, with what came of it, in order. What did not reach
    /// the API (a fault of the front, a refused handshake) is in the transcript only.
    pub fn enrolments(&self) -> Vec<Enrolment> {
        self.state.enrolments().clone()
    }

    /// Private keys that somebody sent here, where none belongs. The exchange went on as if they had not been there.
    pub fn private_keys(&self) -> Vec<PrivateKeyReceived> {
        self.state.finder.received()
    }

    /// What stands for a private key in the transcript and in [`Cmf::private_keys`]: to ask whether one that became
    /// known otherwise is the same. DER in the form that it was sent in.
    pub fn private_key_digest(&self, key: &[u8]) -> String {
        self.state.finder.digest(key)
    }

    /// Closes all connections and waits until port, tasks and threads have gone.
    pub async fn stop(self) {
        self.service.stop().await;
    }
}

impl std::fmt::Debug for Cmf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cmf")
            .field("root", &self.root)
            .finish_non_exhaustive()
    }
}

const ROUTES: Api<State> = Api::of(&[
    ("POST /scas-cmf/v1/delegates", delegates::create),
    ("GET /scas-cmf/v1/delegates", delegates::list),
    ("GET /scas-cmf/v1/delegates/{delegateId}", delegates::read),
    (
        "DELETE /scas-cmf/v1/delegates/{delegateId}",
        delegates::delete,
    ),
    ("GET /.well-known/est/cacerts", est::ca_certificates),
    ("GET /.well-known/est/csrattrs", est::csr_attributes_of),
    ("POST /.well-known/est/simpleenroll", est::enroll),
    ("POST /.well-known/est/simplereenroll", est::reenroll),
    ("GET /.well-known/est/{label}/cacerts", est::ca_certificates),
    (
        "GET /.well-known/est/{label}/csrattrs",
        est::csr_attributes_of,
    ),
    ("POST /.well-known/est/{label}/simpleenroll", est::enroll),
    (
        "POST /.well-known/est/{label}/simplereenroll",
        est::reenroll,
    ),
]);
