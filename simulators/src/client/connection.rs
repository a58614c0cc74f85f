//! One HTTP/1.1 connection of the tester: [`Connection`].

use std::io;
use std::sync::{Arc, OnceLock};

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_LENGTH, HOST, HeaderValue};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::watched::Watched;
use super::{Answer, Call, CallError, Client, Target};
use crate::capture::Tapped;
use crate::tls;
use crate::transcript::{self, Body, Exchange, Peer, TlsFacts};

/// One kept-alive connection, used by one caller at a time.
pub struct Connection {
    target: Arc<Target>,
    wire: Wire,
}

/// The open socket with its HTTP state.
struct Wire {
    sender: SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
    /// Nothing is under way: the connection can be closed in good order.
    settled: bool,
    /// Set when TLS failed underneath HTTP, whatever HTTP made of it.
    failure: Arc<OnceLock<CallError>>,
    peer: Option<Peer>,
    tls: Option<TlsFacts>,
}

/// A call on a connection of its own.
pub(super) async fn single(target: &Arc<Target>, call: Call) -> Result<Answer, CallError> {
    let mut exchange = target.begin();
    let mut wire = None;
    let limit = target.limits.timeout;
    let outcome = timeout(limit, async {
        let request = target.request(&call, &mut exchange)?;
        let wire = wire.insert(Wire::open(target).await?);
        wire.exchange(target, request).await
    })
    .await
    .unwrap_or(Err(CallError::TimedOut));
    if let Some(wire) = &wire {
        exchange.peer.clone_from(&wire.peer);
        exchange.tls.clone_from(&wire.tls);
    }
    target.finish(exchange, outcome)
}

impl Connection {
    /// Opens a connection to the client's base URL; the TLS handshake is done when this returns. With TLS 1.3 a
    /// refusal of our certificate shows only in the first call.
    ///
    /// # Errors
    /// See [`CallError`]; the failure is recorded as an exchange without a request.
    pub async fn open(client: &Client) -> Result<Self, CallError> {
        let target = Arc::clone(&client.target);
        let exchange = target.begin();
        let opened = timeout(target.limits.timeout, Wire::open(&target)).await;
        match opened.unwrap_or(Err(CallError::TimedOut)) {
            Ok(wire) => Ok(Self { target, wire }),
            Err(error) => Err(target.fail(exchange, error)),
        }
    }

    /// Sends the next request. After an error the connection is of no further use: open another.
    ///
    /// # Errors
    /// There was no complete HTTP answer; [`CallError::Closed`] includes that the SUT closed the idle connection.
    pub async fn send(&mut self, call: Call) -> Result<Answer, CallError> {
        let Self { target, wire } = self;
        let mut exchange = target.begin();
        exchange.peer.clone_from(&wire.peer);
        exchange.tls.clone_from(&wire.tls);
        let request = target.request(&call, &mut exchange);
        let outcome = match request {
            Ok(request) => timeout(target.limits.timeout, wire.exchange(target, request))
                .await
                .unwrap_or(Err(CallError::TimedOut)),
            Err(error) => Err(error),
        };
        target.finish(exchange, outcome)
    }

    /// Whether the SUT has closed the connection, as far as is known yet.
    pub fn is_closed(&self) -> bool {
        self.wire.sender.is_closed()
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection")
            .field("target", &self.target)
            .field("peer", &self.wire.peer)
            .finish_non_exhaustive()
    }
}

impl Target {
    fn begin(&self) -> Exchange {
        Exchange {
            seq: 0,
            started: Timestamp::now(),
            ended: None,
            interface: self.parties.interface.clone(),
            from: self.parties.from.clone(),
            to: self.parties.to.clone(),
            peer: None,
            tls: None,
            request: transcript::Request::default(),
            response: None,
            fault: None,
        }
    }

    /// The request for the wire, also noted in the exchange.
    fn request(
        &self,
        call: &Call,
        exchange: &mut Exchange,
    ) -> Result<Request<Full<Bytes>>, CallError> {
        let target = format!("{}{}", self.prefix, call.path);
        let mut headers = call.headers.clone();
        if !headers.contains_key(HOST) {
            let host = HeaderValue::from_str(&self.authority);
            headers.insert(
                HOST,
                host.map_err(|error| CallError::Request(error.to_string()))?,
            );
        }
        let expects_body = [Method::POST, Method::PUT, Method::PATCH].contains(&call.method);
        if (expects_body || !call.body.is_empty()) && !headers.contains_key(CONTENT_LENGTH) {
            headers.insert(CONTENT_LENGTH, call.body.len().into());
        }
        exchange.request = transcript::Request {
            method: call.method.to_string(),
            headers: transcript::recorded(&headers),
            body: Body::of(&call.body),
            target,
        };
        let uri = exchange.request.target.parse();
        let mut request = Request::new(Full::new(call.body.clone()));
        *request.method_mut() = call.method.clone();
        *request.uri_mut() = uri.map_err(|error| {
            CallError::Request(format!("path `{}`: {error}", exchange.request.target))
        })?;
        *request.headers_mut() = headers;
        Ok(request)
    }

    /// Records the exchange with its outcome.
    fn finish(
        &self,
        mut exchange: Exchange,
        outcome: Result<Response<Bytes>, CallError>,
    ) -> Result<Answer, CallError> {
        exchange.ended = Some(Timestamp::now());
        match outcome {
            Ok(response) => {
                let (parts, body) = response.into_parts();
                exchange.response = Some(transcript::Response {
                    status: parts.status.as_u16(),
                    headers: transcript::recorded(&parts.headers),
                    body: Body::of(&body),
                });
                let seq = self.transcript.record(exchange);
                Ok(Answer {
                    status: parts.status,
                    headers: parts.headers,
                    body,
                    seq,
                })
            }
            Err(error) => Err(self.fail(exchange, error)),
        }
    }

    /// Records the exchange as failed.
    fn fail(&self, mut exchange: Exchange, error: CallError) -> CallError {
        exchange.ended = Some(Timestamp::now());
        exchange.fault = Some(error.to_string());
        self.transcript.record(exchange);
        error
    }
}

impl Wire {
    async fn open(target: &Target) -> Result<Self, CallError> {
        let unreachable = |error: io::Error| {
            CallError::Unreachable(format!("{}:{}: {error}", target.host, target.port))
        };
        let stream = TcpStream::connect((target.host.as_str(), target.port))
            .await
            .map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        let capture = target.transcript.capture();
        let stream = Tapped::connected(stream, capture.as_ref(), &target.parties);
        match &target.tls {
            None => Self::start(stream, None, None).await,
            Some((config, name)) => {
                let stream = TlsConnector::from(Arc::clone(config))
                    .connect(name.clone(), stream)
                    .await
                    .map_err(|error| CallError::of_handshake(&error))?;
                let connection = stream.get_ref().1;
                let (peer, facts) = (tls::peer(connection), tls::facts(connection));
                Self::start(stream, peer, facts).await
            }
        }
    }

    async fn start(
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        peer: Option<Peer>,
        tls: Option<TlsFacts>,
    ) -> Result<Self, CallError> {
        let failure = Arc::new(OnceLock::new());
        let watched = Watched {
            stream,
            failure: Arc::clone(&failure),
        };
        let (sender, connection) = http1::handshake(TokioIo::new(watched))
            .await
            .map_err(|error| CallError::of_exchange(&error))?;
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
            }
        });
        Ok(Self {
            sender,
            driver,
            settled: true,
            failure,
            peer,
            tls,
        })
    }

    async fn exchange(
        &mut self,
        target: &Target,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Bytes>, CallError> {
        self.settled = false;
        let outcome = self.converse(target.limits.max_body, request).await;
        self.settled = outcome.is_ok();
        outcome.map_err(|error| match error {
            CallError::Closed => self.failure.get().cloned().unwrap_or(CallError::Closed),
            known => known,
        })
    }

    async fn converse(
        &mut self,
        max_body: u64,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Bytes>, CallError> {
        let failed = |error: hyper::Error| CallError::of_exchange(&error);
        self.sender.ready().await.map_err(failed)?;
        let (parts, body) = self
            .sender
            .send_request(request)
            .await
            .map_err(failed)?
            .into_parts();
        Ok(Response::from_parts(parts, read(body, max_body).await?))
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        // Settled, it says good-bye by itself once the sender is gone. Otherwise it might wait for the peer for ever.
        if !self.settled {
            self.driver.abort();
        }
    }
}

async fn read(mut body: Incoming, limit: u64) -> Result<Bytes, CallError> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| CallError::of_exchange(&error))?;
        // Trailers are not part of the body.
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if whole.len() as u64 + data.len() as u64 > limit {
            return Err(CallError::TooLarge(limit));
        }
        whole.extend_from_slice(&data);
    }
    Ok(whole.freeze())
}
