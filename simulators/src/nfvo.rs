//! A simulated NFVO on Or-Vnfm (SOL003): [`Nfvo`]. It serves VNF packages, grants and a sink for notifications.

mod answer;
mod api;
mod artifacts;
mod filter;
mod grants;
mod manifest;
mod notifications;
mod oauth2;
mod packages;
mod range;
mod scrub;
mod selector;
mod state;
mod subscriptions;

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;

pub use self::oauth2::OAuth2;
pub use self::packages::{OnboardedPackage, OperationalState, SecurityOption, UnknownPackage};
use self::state::State;
use crate::control::Control;
pub use crate::front::StartError;
use crate::front::{Front, Parties, problem_details};
use crate::rest::{self, Service, ServiceConfig};
use crate::tls::ServerSecurity;
use crate::transcript::{Exchange, Transcript};

/// What a simulated NFVO needs.
#[derive(Clone, Debug)]
pub struct NfvoConfig {
    /// Address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Host that the SUT is to call, if it is another than the listening address (e.g. when listening on all).
    pub public_host: Option<String>,
    /// TLS.
    pub security: ServerSecurity,
    /// Where exchanges go.
    pub transcript: Transcript,
    /// If set, the APIs want a bearer token from `/token` (client credentials, HTTP Basic).
    pub oauth2: Option<OAuth2>,
    /// Longest list in one answer; the rest is paged (SOL013 clause 5.4). `None`: no paging.
    pub page_size: Option<NonZeroUsize>,
    /// Longest request body in bytes.
    pub max_request_body: u64,
}

impl NfvoConfig {
    /// On a free port of 127.0.0.1, without OAuth 2.0 and paging, request bodies up to 16 MiB.
    pub fn new(security: ServerSecurity, transcript: Transcript) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            public_host: None,
            security,
            transcript,
            oauth2: None,
            page_size: None,
            max_request_body: 16 * 1024 * 1024,
        }
    }
}

/// A running NFVO. End it with [`Nfvo::stop`]; dropping it ends it too, without waiting.
pub struct Nfvo {
    api_root: String,
    state: Arc<State>,
    transcript: Transcript,
    service: Service,
}

impl Nfvo {
    /// Starts on the current tokio runtime; when this returns, connections are accepted.
    ///
    /// # Errors
    /// The address is taken, or the TLS material is unusable.
    pub async fn start(config: NfvoConfig) -> Result<Self, StartError> {
        let listener = Front::listen(config.listen).await?;
        let address = listener.local_addr().map_err(StartError::Internal)?;
        let scheme = config.security.scheme();
        let api_root = rest::root(scheme, config.public_host.as_deref(), address);
        let state = Arc::new(State::new(
            api_root.clone(),
            config.oauth2,
            config.page_size,
        ));
        let sink = Arc::clone(&state);
        let service = ServiceConfig {
            security: config.security,
            parties: Parties {
                interface: "Or-Vnfm".into(),
                from: "VNFM".into(),
                to: "NFVO".into(),
            },
            transcript: config.transcript.clone(),
            max_request_body: config.max_request_body,
            observer: Some(Arc::new(move |exchange: &Exchange, body: &[u8]| {
                notifications::observe(&sink.sink, exchange, body);
            })),
            scrub: Some(Arc::new(scrub::Credentials::new())),
            refusal: problem_details,
        };
        let service = Service::start(listener, api::API, &state, service).await?;
        Ok(Self {
            api_root,
            state,
            transcript: config.transcript,
            service,
        })
    }

    /// E.g. `https://127.0.0.1:34567`; the APIs are below it.
    pub fn api_root(&self) -> &str {
        &self.api_root
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.service.address()
    }

    /// Faults and holds.
    pub fn control(&self) -> &Control {
        &self.service.control
    }

    /// Where its exchanges go.
    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    /// Serves this package from now on, ONBOARDED and ENABLED, in place of one with the same vnfPkgId or vnfdId. What
    /// is in it is not looked at: it may be broken.
    pub fn onboard(&self, package: OnboardedPackage) {
        self.state.packages().onboard(package);
    }

    /// Serves other bytes at `/vnfd` under the same vnfdId.
    ///
    /// # Errors
    /// No such package.
    pub fn replace_vnfd(&self, vnfd_id: &str, vnfd: Bytes) -> Result<(), UnknownPackage> {
        self.state
            .packages()
            .change(vnfd_id, |package| package.vnfd = vnfd)
    }

    /// Serves other bytes at `/package_content` under the same vnfdId.
    ///
    /// # Errors
    /// No such package.
    pub fn replace_package_content(
        &self,
        vnfd_id: &str,
        content: Bytes,
    ) -> Result<(), UnknownPackage> {
        self.state
            .packages()
            .change(vnfd_id, |package| package.package_content = content)
    }

    /// Serves other bytes at `/manifest` under the same vnfdId.
    ///
    /// # Errors
    /// No such package.
    pub fn replace_manifest(&self, vnfd_id: &str, manifest: Bytes) -> Result<(), UnknownPackage> {
        self.state
            .packages()
            .change(vnfd_id, |package| package.manifest = manifest)
    }

    /// Sets the package's operationalState.
    ///
    /// # Errors
    /// No such package.
    pub fn set_operational_state(
        &self,
        vnfd_id: &str,
        state: OperationalState,
    ) -> Result<(), UnknownPackage> {
        self.state.packages().set_operational_state(vnfd_id, state)
    }

    /// Serves this package no more.
    ///
    /// # Errors
    /// No such package.
    pub fn withdraw(&self, vnfd_id: &str) -> Result<(), UnknownPackage> {
        self.state.packages().withdraw(vnfd_id)
    }

    /// Whether grant requests are answered 403 from now on. The default is to grant all that is asked for.
    pub fn reject_grants(&self, reject: bool) {
        self.state.grants().reject = reject;
    }

    /// `vimConnectionInfo` of later grants: a map from key to VimConnectionInfo. Granted resources name its first key.
    pub fn set_vim_connection_info(&self, info: serde_json::Map<String, Value>) {
        self.state.grants().vim_connection_info = info;
    }

    /// Forgets all bearer tokens given out, so that their holders meet 401.
    pub fn expire_tokens(&self) {
        self.state.tokens().clear();
    }

    /// The URI of the sink of this name, for a subscription's `callbackUri`.
    pub fn callback_uri(&self, name: &str) -> String {
        format!(
            "{}/notifications/{}",
            self.api_root,
            packages::segment(name)
        )
    }

    /// The first notification in the sink of this name, old or new, that the predicate holds for; waits until there is
    /// one. Its exchange is in the transcript by then. Put a timeout around it.
    pub async fn wait_notification(
        &self,
        name: &str,
        predicate: impl FnMut(&Value) -> bool,
    ) -> Value {
        self.state.sink.wait(name, predicate).await
    }

    /// All notifications in the sink of this name, in order of arrival.
    pub fn notifications(&self, name: &str) -> Vec<Value> {
        self.state.sink.all(name)
    }

    /// Closes all connections and waits until port, tasks and the API's thread have gone.
    pub async fn stop(self) {
        self.service.stop().await;
    }
}

impl std::fmt::Debug for Nfvo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Nfvo")
            .field("api_root", &self.api_root)
            .finish_non_exhaustive()
    }
}
