//! The tester as a client of the SUT: [`Client`] for single calls, [`Connection`] for a load worker.

mod connection;
mod error;
mod watched;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::http::uri::Authority;
use hyper::{HeaderMap, Method, StatusCode};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;

pub use self::connection::Connection;
pub use self::error::{CallError, ClientError};
pub use crate::front::Parties;
use crate::tls::ClientSecurity;
use crate::transcript::Transcript;

/// What a call may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For one call from connecting to the last byte, and for opening a connection.
    pub timeout: Duration,
    /// Longest answer body in bytes.
    pub max_body: u64,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// Path and query below the base URL, beginning with `/`.
    pub path: String,
    /// Header fields besides Host and Content-Length, which are set by the client unless given here.
    pub headers: HeaderMap,
    /// The body; no Content-Length is sent with an empty one unless the method is POST, PUT or PATCH.
    pub body: Bytes,
}

/// An HTTP answer, whatever its status.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// Header fields.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
    /// Where the exchange stands in the transcript.
    pub seq: u64,
}

/// Calls one base URL. Clones share it.
#[derive(Clone)]
pub struct Client {
    target: Arc<Target>,
}

/// Where to and how; shared by a client and its connections.
struct Target {
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    host: String,
    port: u16,
    authority: String,
    /// Path of the base URL without a slash at its end.
    prefix: String,
    transcript: Transcript,
    parties: Parties,
    limits: Limits,
}

impl Client {
    /// A client for `base_url`, e.g. `https://vnfm.example:8443` or with a path prefix.
    ///
    /// # Errors
    /// The URL is not one, does not fit the security, or the PEM material is unusable.
    pub fn new(
        security: &ClientSecurity,
        base_url: &str,
        transcript: Transcript,
        parties: Parties,
        limits: Limits,
    ) -> Result<Self, ClientError> {
        let wrong = |problem: String| ClientError::Url {
            url: base_url.to_owned(),
            problem,
        };
        let url = url::Url::parse(base_url).map_err(|error| wrong(error.to_string()))?;
        let mut config = security.config()?;
        if let (Some(config), Some(capture)) = (&mut config, transcript.capture()) {
            Arc::make_mut(config).key_log = capture.key_log();
        }
        let expected = if config.is_some() { "https" } else { "http" };
        if url.scheme() != expected {
            return Err(wrong(format!(
                "must begin with `{expected}://`, as its security says"
            )));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("must have neither query nor fragment".into()));
        }
        let host = url.host().ok_or_else(|| wrong("has no host".into()))?;
        let port = url
            .port_or_known_default()
            .ok_or_else(|| wrong("has no port".into()))?;
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_string(),
        };
        authority
            .parse::<Authority>()
            .map_err(|error| wrong(error.to_string()))?;
        // Without the brackets of an IPv6 address: for the resolver and for certificate names.
        let host = host.to_string().trim_matches(['[', ']']).to_owned();
        let tls = match config {
            Some(config) => {
                let name =
                    ServerName::try_from(host.clone()).map_err(|error| wrong(error.to_string()))?;
                Some((config, name))
            }
            None => None,
        };
        let prefix = url.path().trim_end_matches('/').to_owned();
        let target = Target {
            tls,
            host,
            port,
            authority,
            prefix,
            transcript,
            parties,
            limits,
        };
        Ok(Self {
            target: Arc::new(target),
        })
    }

    /// Sends one request over a connection of its own, so that no idle connection that the SUT closed meanwhile can
    /// be mistaken for a failure of this call.
    ///
    /// # Errors
    /// There was no complete HTTP answer; see [`CallError`] for whose fault it is. An HTTP refusal is an [`Answer`].
    pub async fn send(&self, call: Call) -> Result<Answer, CallError> {
        connection::single(&self.target, call).await
    }

    /// Opens one keep-alive connection for calls in sequence.
    ///
    /// # Errors
    /// As for [`Client::send`]; a failure is recorded as an exchange without a request.
    pub async fn open(&self) -> Result<Connection, CallError> {
        Connection::open(self).await
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.target.fmt(f)
    }
}

impl std::fmt::Debug for Target {
    /// Without the TLS configuration, which holds a key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("authority", &self.authority)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

impl Call {
    /// A call without header fields and body.
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }
}
