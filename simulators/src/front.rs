//! The interception point in front of a simulated API: [`Front`].
//!
//! It ends (mutual) TLS, knows the peer's certificate, applies faults and holds, forwards to the API's server over
//! kept-alive loopback connections, records the exchange, and only then answers. Everything that the simulated API
//! itself cannot do (TLS, broken answers, silence) is done here.

mod answer;
mod exchange;
mod housekeeping;
mod upstream;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use rustls::ServerConfig;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

pub use self::housekeeping::Housekeeping;
use crate::capture::Tapped;
use crate::control::Control;
use crate::problem;
use crate::tls::{self, ServerSecurity, TlsError};
use crate::transcript::{self, Body, Exchange, Peer, Request, TlsFacts, Transcript};

/// How long a connection may take to finish what it is sending when the front stops.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// Header fields with this prefix carry what the front knows to the API; from outside they are removed.
pub(crate) const INTERNAL_PREFIX: &str = "x-scas-";
/// SHA-256 of the peer's certificate, in hex.
pub const CLIENT_CERT_SHA256: &str = "x-scas-client-cert-sha256";
/// Subject of the peer's certificate, percent-encoded.
pub const CLIENT_CERT_SUBJECT: &str = "x-scas-client-cert-subject";

/// Who speaks to whom, for the transcript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parties {
    /// Reference point, e.g. `Or-Vnfm`.
    pub interface: String,
    /// Role that asks, e.g. `VNFM`.
    pub from: String,
    /// Role that is asked, e.g. `NFVO`.
    pub to: String,
}

/// What a [`Front`] needs.
pub struct FrontConfig {
    /// TLS.
    pub security: ServerSecurity,
    /// The plain HTTP server of the simulated API.
    pub upstream: SocketAddr,
    /// Who speaks to whom.
    pub parties: Parties,
    /// Where exchanges go.
    pub transcript: Transcript,
    /// Faults and holds.
    pub control: Control,
    /// Longest request body in bytes; a longer one is answered 413.
    pub max_request_body: u64,
    /// Told of each exchange after it is recorded and before it is answered, with the request's whole body.
    pub observer: Option<Observer>,
    /// Takes secrets out of each exchange before it is kept anywhere. `None`: nothing is taken out.
    pub scrub: Option<Arc<dyn Scrub>>,
    /// How the front itself says no, where the simulated API is not asked; see [`Refusal`].
    pub refusal: Refusal,
    /// Regular work on the API's server.
    pub housekeeping: Option<Housekeeping>,
}

/// See [`FrontConfig::observer`].
pub type Observer = Arc<dyn Fn(&Exchange, &[u8]) + Send + Sync>;

/// See [`FrontConfig::scrub`]. The simulated API gets each request as it came, and the peer each answer. There are
/// [`Redaction`](crate::transcript::Redaction), where secrets belong into what is sent, and
/// [`Finder`](crate::private_key::Finder), where none does.
pub trait Scrub: Send + Sync {
    /// Called once for each request that could be read, first of all: with what the front is about to show in a hold
    /// and to keep in the transcript, and the body as it came. Changes the former.
    fn request(&self, request: &mut Request, peer: Option<&Peer>, body: &[u8]);

    /// The body of the answer to this request (as [`Scrub::request`] left it), as it may be kept.
    fn answer(&self, request: &Request, body: &[u8]) -> Body {
        let _ = request;
        Body::of(body)
    }

    /// What is kept instead of the body of an answer that a fault is about to spoil, if it carries a secret: half a key
    /// is not recognised, but tells half of it.
    fn withheld(&self, request: &Request, body: &[u8]) -> Option<Body> {
        let _ = (request, body);
        None
    }

    /// Called before an exchange is recorded: its answer may repeat what was asked.
    fn exchange(&self, exchange: &mut Exchange) {
        let _ = exchange;
    }
}

/// Media type and body of a refusal with this status and reason, in the form of the simulated API, e.g.
/// [`problem_details`].
pub type Refusal = fn(StatusCode, &str) -> (&'static str, Vec<u8>);

/// Refusals as SOL013 has them.
pub fn problem_details(status: StatusCode, detail: &str) -> (&'static str, Vec<u8>) {
    (problem::MEDIA_TYPE, problem::body(status, detail))
}

/// Why a simulator did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}{}", hint(source))]
    Listen {
        /// As configured.
        address: SocketAddr,
        /// What the operating system says.
        source: io::Error,
    },
    /// The TLS material is unusable.
    #[error("TLS: {0}")]
    Tls(#[from] TlsError),
    /// The simulated API's own server cannot be reached.
    #[error("internal server: {0}")]
    Internal(#[source] io::Error),
}

fn hint(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => " (choose another port, or 0 for a free one)",
        io::ErrorKind::AddrNotAvailable => " (this machine has no such address)",
        io::ErrorKind::PermissionDenied => " (ports below 1024 need privileges)",
        _ => "",
    }
}

/// A running front. Stop it with [`Front::stop`]; dropping it closes everything at once.
#[derive(Debug)]
pub struct Front {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    listener: Option<JoinHandle<()>>,
}

impl Front {
    /// Takes an address, so that links to it can be made before it is served. Port 0 takes a free one.
    ///
    /// # Errors
    /// The address is taken, not ours, or not allowed.
    pub async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
        TcpListener::bind(address)
            .await
            .map_err(|source| StartError::Listen { address, source })
    }

    /// Serves until stopped, on the current tokio runtime.
    ///
    /// # Errors
    /// The TLS material is unusable.
    pub fn start(listener: TcpListener, config: FrontConfig) -> Result<Self, StartError> {
        let mut tls = config.security.config()?;
        if let (Some(tls), Some(capture)) = (&mut tls, config.transcript.capture()) {
            Arc::make_mut(tls).key_log = capture.key_log();
        }
        let address = listener.local_addr().map_err(StartError::Internal)?;
        let stop = watch::Sender::new(false);
        let serving = Serving {
            tls,
            config: Arc::new(config),
            stop: stop.subscribe(),
        };
        let task = tokio::spawn(serving.accept(listener));
        Ok(Self {
            address,
            stop,
            listener: Some(task),
        })
    }

    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops listening, lets answers in progress finish, closes all connections. Requests that are held or never
    /// answered are closed without an answer.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if let Some(task) = self.listener.take()
            && let Err(error) = task.await
        {
            tracing::warn!(%error, "a front did not stop cleanly");
        }
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        // The accept task owns all connection tasks and aborts them when it goes.
        if let Some(task) = &self.listener {
            task.abort();
        }
    }
}

/// What the accept loop and its connections share.
#[derive(Clone)]
struct Serving {
    tls: Option<Arc<ServerConfig>>,
    config: Arc<FrontConfig>,
    stop: watch::Receiver<bool>,
}

/// Returns once the front stops; that it is gone altogether counts too.
async fn stopped(mut stop: watch::Receiver<bool>) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        tracing::debug!("a front is gone");
    }
}

/// What is known of one connection.
#[derive(Clone, Default)]
pub(crate) struct Facts {
    pub(crate) peer: Option<Peer>,
    pub(crate) tls: Option<TlsFacts>,
}

impl Serving {
    async fn accept(self, listener: TcpListener) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(self.clone().connection(stream));
                    }
                    // E.g. out of descriptors: those in use come free when a connection ends.
                    Err(error) => {
                        tracing::warn!(%error, "a connection could not be accepted");
                        connections.join_next().await;
                    }
                },
                Some(_) = connections.join_next() => {}
                () = self.config.due() => self.config.housekeep().await,
                () = stopped(self.stop.clone()) => break,
            }
        }
        drop(listener);
        let drained = async { while connections.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_GRACE, drained).await.is_err() {
            connections.shutdown().await;
        }
    }

    async fn connection(self, stream: TcpStream) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
        let capture = self.config.transcript.capture();
        let stream = Tapped::accepted(stream, capture.as_ref(), &self.config.parties);
        let Some(tls) = self.tls.clone() else {
            return self.serve(stream, Facts::default()).await;
        };
        let started = Timestamp::now();
        let handshake = tokio::select! {
            handshake = TlsAcceptor::from(tls).accept(stream) => handshake,
            () = stopped(self.stop.clone()) => return,
        };
        match handshake {
            Ok(stream) => {
                let connection = stream.get_ref().1;
                let facts = Facts {
                    peer: tls::peer(connection),
                    tls: tls::facts(connection),
                };
                self.serve(stream, facts).await;
            }
            Err(error) => self.refused(started, &error),
        }
    }

    /// A failed handshake is part of what happened on the interface.
    fn refused(&self, started: Timestamp, error: &io::Error) {
        let fault = Some(format!("TLS handshake failed: {}", tls::io_words(error)));
        let blank = self.config.blank(started, &Facts::default());
        let ended = Some(Timestamp::now());
        self.config.transcript.record(Exchange {
            ended,
            fault,
            ..blank
        });
    }

    async fn serve(self, stream: impl AsyncRead + AsyncWrite + Unpin, facts: Facts) {
        let stop = self.stop.clone();
        let intercept = exchange::Interceptor::new(Arc::clone(&self.config), facts, stop);
        let served = {
            let service = service_fn(|request| intercept.answer(request));
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            let mut connection = std::pin::pin!(connection);
            tokio::select! {
                served = connection.as_mut() => served,
                () = stopped(self.stop.clone()) => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            }
            // Gone here, with a request that its peer did not wait for: that one holds what `close` waits for.
        };
        match served {
            // hyper has answered 400 by itself.
            Err(error) if error.is_parse() => intercept.unreadable(&error),
            Err(error) => tracing::debug!(%error, "connection ended"),
            Ok(()) => {}
        }
        intercept.close().await;
    }
}

impl FrontConfig {
    async fn due(&self) {
        match &self.housekeeping {
            Some(housekeeping) => housekeeping.due().await,
            None => std::future::pending().await,
        }
    }

    async fn housekeep(&self) {
        if let Some(housekeeping) = &self.housekeeping {
            housekeeping.run().await;
        }
    }

    /// The request as it may be kept.
    fn recorded(&self, parts: &Parts, body: &[u8]) -> transcript::Request {
        transcript::Request {
            method: parts.method.to_string(),
            target: exchange::target(parts).to_owned(),
            headers: transcript::recorded(&parts.headers),
            body: Body::of(body),
        }
    }

    /// An exchange that says who, and not yet what.
    fn blank(&self, started: Timestamp, facts: &Facts) -> Exchange {
        Exchange {
            seq: 0,
            started,
            ended: None,
            interface: self.parties.interface.clone(),
            from: self.parties.from.clone(),
            to: self.parties.to.clone(),
            peer: facts.peer.clone(),
            tls: facts.tls.clone(),
            request: Request::default(),
            response: None,
            fault: None,
        }
    }
}
