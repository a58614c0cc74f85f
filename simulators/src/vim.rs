//! A simulated VIM on Vi-Vnfm: [`Vim`]. It serves Keystone v3, Heat and what of Nova a VNFM looks at, and boots a
//! simulated VNFC instance ([`Booted`]) for each server of a stack.

mod api;
mod boot;
mod error;
mod evaluate;
mod fault;
mod heat;
mod keystone;
mod nova;
mod plan;
mod show;
mod stack;
mod state;
mod template;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

pub use self::boot::Booted;
pub use self::fault::VimFault;
pub use self::keystone::Account;
pub use self::state::Progress;
use self::state::State;
use crate::control::Control;
use crate::fault::Times;
use crate::front::{Front, Parties, StartError};
use crate::rest::{self, Service, ServiceConfig};
use crate::tls::ServerSecurity;
use crate::transcript::{Redaction, Transcript};

/// What a simulated VIM needs.
#[derive(Clone, Debug)]
pub struct VimConfig {
    /// Address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Host that the SUT is to call, if it is another than the listening address.
    pub public_host: Option<String>,
    /// TLS: mutual, or of the server only, since many OpenStack clients show no certificate.
    pub security: ServerSecurity,
    /// Where exchanges go.
    pub transcript: Transcript,
    /// Who may use it.
    pub account: Account,
    /// When stacks are done.
    pub progress: Progress,
    /// Longest request body in bytes.
    pub max_request_body: u64,
}

impl VimConfig {
    /// On a free port of 127.0.0.1; stacks are shown in progress once; request bodies up to 16 MiB.
    pub fn new(security: ServerSecurity, transcript: Transcript, account: Account) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            public_host: None,
            security,
            transcript,
            account,
            progress: Progress::Polls(1),
            max_request_body: 16 * 1024 * 1024,
        }
    }
}

/// A running VIM. End it with [`Vim::stop`]; dropping it ends it too, without waiting.
///
/// Private keys, passwords and secrets are kept out of its transcript; see [`Redaction`].
pub struct Vim {
    state: Arc<State>,
    transcript: Transcript,
    service: Service,
}

/// What carries keys or credentials: everything that has a body.
const REDACTED: [&str; 3] = [
    "* /identity/v3/{path...}",
    "* /heat/v1/{path...}",
    "* /compute/v2.1/{path...}",
];
const SECRET_MEMBERS: [&str; 3] = ["password", "secret", "adminPass"];

impl Vim {
    /// Starts on the current tokio runtime; when this returns, connections are accepted.
    ///
    /// # Errors
    /// The address is taken, or the TLS material is unusable.
    pub async fn start(config: VimConfig) -> Result<Self, StartError> {
        let listener = Front::listen(config.listen).await?;
        let address = listener.local_addr().map_err(StartError::Internal)?;
        let scheme = config.security.scheme();
        let root = rest::root(scheme, config.public_host.as_deref(), address);
        let state = Arc::new(State::new(root, config.account, config.progress));
        let redaction = Redaction::new(&REDACTED, &SECRET_MEMBERS)
            .expect("these routes are constants, and each test reads them");
        let service = ServiceConfig {
            security: config.security,
            parties: Parties {
                interface: "Vi-Vnfm".into(),
                from: "VNFM".into(),
                to: "VIM".into(),
            },
            transcript: config.transcript.clone(),
            max_request_body: config.max_request_body,
            observer: None,
            scrub: Some(Arc::new(redaction)),
            refusal: error::of_front,
        };
        let service = Service::start(listener, api::API, &state, service).await?;
        Ok(Self {
            state,
            transcript: config.transcript,
            service,
        })
    }

    /// Where Keystone is, e.g. `https://127.0.0.1:34567/identity/v3`: `auth_url` of OpenStack's clients, and
    /// `interfaceInfo.endpoint` of a VimConnectionInfo.
    pub fn auth_url(&self) -> String {
        format!("{}/v3", self.state.identity())
    }

    /// Identifier of the one project.
    pub fn project_id(&self) -> &str {
        &self.state.project_id
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.service.address()
    }

    /// Faults of single answers, and holds.
    pub fn control(&self) -> &Control {
        &self.service.control
    }

    /// Where its exchanges go.
    pub fn transcript(&self) -> &Transcript {
        &self.transcript
    }

    /// Misbehaves in this way so often.
    pub fn fault(&self, fault: VimFault, times: Times) {
        self.state.faults.plan(fault, times);
    }

    /// Forgets all faults, those of [`Control`] too, and releases all holds.
    pub fn clear(&self) {
        self.state.faults.clear();
        self.service.control.clear();
    }

    /// When stacks are done that are created, changed or deleted from now on.
    pub fn set_progress(&self, progress: Progress) {
        *self.state.progress() = progress;
    }

    /// Ends everything that is in progress, as if it had been shown often enough.
    pub fn finish_stacks(&self) {
        for stack in self.state.stacks().iter_mut() {
            stack.finish();
        }
    }

    /// Forgets all tokens given out, so that their holders meet 401.
    pub fn expire_tokens(&self) {
        self.state.tokens().clear();
    }

    /// All servers that ever came up, in order.
    pub fn booted(&self) -> Vec<Arc<Booted>> {
        self.state.booted.borrow().clone()
    }

    /// Waits until so many servers have come up since the start, and returns all. Put a timeout around it.
    pub async fn wait_booted(&self, count: usize) -> Vec<Arc<Booted>> {
        let mut booted = self.state.booted.subscribe();
        match booted.wait_for(|booted| booted.len() >= count).await {
            Ok(booted) => booted.clone(),
            // The sender lives in the state, which is borrowed here.
            Err(_) => std::future::pending().await,
        }
    }

    /// Closes all connections and waits until port, tasks and the API's thread have gone.
    pub async fn stop(self) {
        self.service.stop().await;
    }
}

impl std::fmt::Debug for Vim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vim")
            .field("auth_url", &self.auth_url())
            .finish_non_exhaustive()
    }
}
