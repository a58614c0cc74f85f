//! A simulated VNFC instance on Ve-Vnfm: [`Vnfci`]. With the certificate and key that it was given it connects to the
//! VNF OAM endpoint of the VNFM, and it serves VNF configuration (SOL002) to be given others.

mod configuration;
mod fault;
mod oam;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

pub use self::configuration::Installed;
use self::configuration::State;
pub use self::fault::VnfciFault;
pub use self::oam::{Oam, Presents, TlsOutcome, TlsReport};
use crate::control::Control;
use crate::fault::Times;
use crate::front::{Front, Parties, StartError, problem_details};
use crate::material::Delivered;
use crate::rest::{self, Service, ServiceConfig};
use crate::tls::ServerSecurity;
use crate::transcript::{Redaction, Transcript};

/// Where a VNFCI comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VnfciKind {
    /// The VIM has booted it.
    Booted {
        /// Nova's identifier of its server.
        server_id: String,
    },
    /// The tester has started it by itself.
    Standalone,
}

/// What a simulated VNFCI needs.
#[derive(Clone, Debug)]
pub struct VnfciConfig {
    /// Where it comes from.
    pub kind: VnfciKind,
    /// Address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Host that the SUT is to call, if it is another than the listening address.
    pub public_host: Option<String>,
    /// TLS of the configuration interface.
    pub security: ServerSecurity,
    /// Where exchanges go, in both directions.
    pub transcript: Transcript,
    /// What it has from the start: what the VIM gave it.
    pub delivered: Option<Delivered>,
    /// Identifiers of the VNFC instances that it answers for; empty: of any.
    pub vnfc_instance_ids: Vec<String>,
    /// Longest request body in bytes.
    pub max_request_body: u64,
}

impl VnfciConfig {
    /// Stand-alone on a free port of 127.0.0.1, with nothing, for any VNFC instance; request bodies up to 1 MiB.
    pub fn new(security: ServerSecurity, transcript: Transcript) -> Self {
        Self {
            kind: VnfciKind::Standalone,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            public_host: None,
            security,
            transcript,
            delivered: None,
            vnfc_instance_ids: Vec::new(),
            max_request_body: 1024 * 1024,
        }
    }
}

/// A running VNFCI. End it with [`Vnfci::stop`]; dropping it ends it too, without waiting.
///
/// Private keys are kept out of its transcript; see [`Redaction`].
pub struct Vnfci {
    kind: VnfciKind,
    api_root: String,
    state: Arc<State>,
    transcript: Transcript,
    service: Service,
}

const REDACTED: [&str; 1] = ["* /vnfconfig/{path...}"];
const SECRET_MEMBERS: [&str; 2] = ["privateKey", "keystorePassword"];

impl Vnfci {
    /// Starts on the current tokio runtime; when this returns, connections are accepted.
    ///
    /// # Errors
    /// The address is taken, or the TLS material is unusable.
    pub async fn start(config: VnfciConfig) -> Result<Self, StartError> {
        let listener = Front::listen(config.listen).await?;
        let address = listener.local_addr().map_err(StartError::Internal)?;
        let scheme = config.security.scheme();
        let api_root = rest::root(scheme, config.public_host.as_deref(), address);
        let state = State::new(api_root.clone(), config.delivered, config.vnfc_instance_ids);
        let state = Arc::new(state);
        let redaction = Redaction::new(&REDACTED, &SECRET_MEMBERS)
            .expect("this route is a constant, and each test reads it");
        let service = ServiceConfig {
            security: config.security,
            parties: Parties {
                interface: "Ve-Vnfm".into(),
                from: "VNFM".into(),
                to: "VNFCI".into(),
            },
            transcript: config.transcript.clone(),
            max_request_body: config.max_request_body,
            observer: None,
            scrub: Some(Arc::new(redaction)),
            refusal: problem_details,
        };
        let service = Service::start(listener, configuration::API, &state, service).await?;
        Ok(Self {
            kind: config.kind,
            api_root,
            state,
            transcript: config.transcript,
            service,
        })
    }

    /// Where it comes from.
    pub fn kind(&self) -> &VnfciKind {
        &self.kind
    }

    /// E.g. `https://127.0.0.1:34567`; `/vnfconfig/v1` is below it.
    pub fn api_root(&self) -> &str {
        &self.api_root
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
    pub fn fault(&self, fault: VnfciFault, times: Times) {
        self.state.faults.plan(fault, times);
    }

    /// Forgets all faults, those of [`Control`] too, and releases all holds.
    pub fn clear(&self) {
        self.state.faults.clear();
        self.service.control.clear();
    }

    /// What it holds now: installed last, or given at the start.
    pub fn delivered(&self) -> Option<Delivered> {
        self.state.delivered()
    }

    /// What was installed through the configuration interface, in order.
    pub fn installed(&self) -> Vec<Arc<Installed>> {
        self.state.installed.borrow().clone()
    }

    /// Waits until so much was installed since the start, and returns all. Put a timeout around it.
    pub async fn wait_installed(&self, count: usize) -> Vec<Arc<Installed>> {
        let mut installed = self.state.installed.subscribe();
        let all = installed.wait_for(|all| all.len() >= count).await;
        match all.ok().map(|all| all.clone()) {
            Some(all) => all,
            // The sender lives in the state, which is borrowed here.
            None => std::future::pending().await,
        }
    }

    /// Connects to the VNF OAM endpoint and reports how that went, as seen from here. The attempt is in the transcript.
    pub async fn connect(&self, oam: &Oam) -> TlsReport {
        oam::connect(oam, self.state.delivered(), &self.transcript).await
    }

    /// Closes all connections and waits until port, tasks and the API's thread have gone.
    pub async fn stop(self) {
        self.service.stop().await;
    }
}

impl std::fmt::Debug for Vnfci {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vnfci")
            .field("kind", &self.kind)
            .field("api_root", &self.api_root)
            .finish_non_exhaustive()
    }
}
