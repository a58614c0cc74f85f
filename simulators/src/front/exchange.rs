//! One connection's requests, each intercepted on its way: [`Interceptor`].

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{self, HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Request, Response, StatusCode};
use jiff::Timestamp;
use tokio::sync::{Mutex, watch};
use url::Url;

use super::answer::{Abort, Answer, AnswerBody, Kept};
use super::upstream::Upstream;
use super::{CLIENT_CERT_SHA256, CLIENT_CERT_SUBJECT, Facts, FrontConfig, INTERNAL_PREFIX};
use crate::fault::Fault;
use crate::transcript::Exchange;

pub(super) struct Interceptor {
    config: Arc<FrontConfig>,
    facts: Facts,
    /// What the API is told of the peer.
    injected: Vec<(HeaderName, HeaderValue)>,
    upstream: Mutex<Upstream>,
    stop: watch::Receiver<bool>,
}

enum Read {
    Whole(Bytes),
    TooLarge,
    Broken(hyper::Error),
}

impl Interceptor {
    pub(super) fn new(config: Arc<FrontConfig>, facts: Facts, stop: watch::Receiver<bool>) -> Self {
        let injected = injected(&facts);
        let upstream = Mutex::new(Upstream::new(config.upstream));
        Self {
            config,
            facts,
            injected,
            upstream,
            stop,
        }
    }

    /// Answers one request; an error closes the connection without (or in the middle of) an answer.
    pub(super) async fn answer(
        &self,
        request: Request<Incoming>,
    ) -> Result<Response<AnswerBody>, Abort> {
        let started = Timestamp::now();
        let (parts, incoming) = request.into_parts();
        let (body, read) = match read(incoming, self.config.max_request_body).await {
            Read::Whole(body) => (body, Ok(())),
            Read::TooLarge => (Bytes::new(), Err("request body over the limit".to_owned())),
            Read::Broken(error) => (
                Bytes::new(),
                Err(format!("request body incomplete: {error}")),
            ),
        };
        let mut pending = Pending {
            config: Arc::clone(&self.config),
            exchange: Some(Exchange {
                request: self.recorded(&parts, &body),
                ..self.config.blank(started, &self.facts)
            }),
        };
        let path = parts.uri.path();
        match read {
            Ok(()) => {}
            Err(fault) if fault.starts_with("request body over") => {
                let detail = format!(
                    "a request body may have {} bytes here",
                    self.config.max_request_body
                );
                return pending
                    .answer(
                        self.refusal(StatusCode::PAYLOAD_TOO_LARGE, &detail),
                        Some(fault),
                        b"",
                    )
                    .await;
            }
            Err(fault) => return pending.give_up(fault, "incomplete request"),
        }
        if let Some(held) = self.config.control.held(&parts.method, path) {
            tokio::select! {
                () = held.wait(pending.request()) => {}
                () = self.stopped() => return pending.give_up("simulator stopped while held".into(), "stopped"),
            }
        }
        let fault = self.config.control.take_fault(&parts.method, path);
        let mut answer = match &fault {
            Some(Fault::NeverAnswer) => {
                pending.record_unanswered(Fault::NeverAnswer.to_string());
                self.stopped().await;
                return Err(Abort("never answered"));
            }
            Some(Fault::Status(status)) => {
                let status =
                    StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                self.refusal(status, "the tester asked for this answer")
            }
            _ => match self.forward(&parts, body.clone()).await {
                Ok(answer) => answer,
                Err((status, fault)) => {
                    return pending
                        .answer(self.refusal(status, &fault), Some(fault), &body)
                        .await;
                }
            },
        };
        if fault == Some(Fault::CloseBeforeAnswer) {
            return pending.give_up(Fault::CloseBeforeAnswer.to_string(), "close before answer");
        }
        if let Some(fault) = fault.as_ref().filter(|fault| !fault.replaces_request()) {
            answer.spoil(fault, pending.kept());
        }
        pending
            .answer(answer, fault.map(|fault| fault.to_string()), &body)
            .await
    }

    /// Records bytes that were no HTTP request.
    pub(super) fn unreadable(&self, error: &hyper::Error) {
        let now = Timestamp::now();
        let fault = Some(format!("request not readable as HTTP/1.1: {error}"));
        let blank = self.config.blank(now, &self.facts);
        self.config.transcript.record(Exchange {
            ended: Some(now),
            fault,
            ..blank
        });
    }

    pub(super) async fn close(&self) {
        self.upstream.lock().await.close().await;
    }

    /// The request as it may be kept.
    fn recorded(&self, parts: &Parts, body: &[u8]) -> crate::transcript::Request {
        let mut request = self.config.recorded(parts, body);
        if let Some(scrub) = &self.config.scrub {
            scrub.request(&mut request, self.facts.peer.as_ref(), body);
        }
        request
    }

    async fn forward(&self, parts: &Parts, body: Bytes) -> Result<Answer, (StatusCode, String)> {
        let target = target(parts);
        // The API's server panics on what it cannot parse as a URL.
        if Url::parse(&format!("http://localhost{target}")).is_err() {
            return Err((
                StatusCode::BAD_REQUEST,
                format!("request target `{target}` is not a path"),
            ));
        }
        let _passage = match &self.config.housekeeping {
            Some(housekeeping) => Some(housekeeping.pass(body.len()).await),
            None => None,
        };
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = parts.method.clone();
        *request.uri_mut() = target
            .parse()
            .map_err(|error| (StatusCode::BAD_REQUEST, format!("{error}")))?;
        *request.headers_mut() = end_to_end(&parts.headers);
        request.headers_mut().extend(self.injected.iter().cloned());
        if !request.headers().contains_key(HOST) {
            request
                .headers_mut()
                .insert(HOST, HeaderValue::from_static("localhost"));
        }
        let response = self.upstream.lock().await.send(request).await;
        match response {
            Ok(response) => {
                let mut answer = Answer::of(response);
                answer.headers = end_to_end(&answer.headers);
                Ok(answer)
            }
            Err(error) => Err((StatusCode::BAD_GATEWAY, error.to_string())),
        }
    }

    /// An answer of the front itself.
    fn refusal(&self, status: StatusCode, reason: &str) -> Answer {
        Answer::refusal(status, (self.config.refusal)(status, reason))
    }

    async fn stopped(&self) {
        super::stopped(self.stop.clone()).await;
    }
}

/// An exchange that is under way. It is recorded exactly once: with its answer, or when it is dropped because the peer
/// went away.
struct Pending {
    config: Arc<FrontConfig>,
    exchange: Option<Exchange>,
}

impl Pending {
    /// How the answer's body is kept.
    fn kept(&self) -> Option<Kept<'_>> {
        let scrub = self.config.scrub.as_deref()?;
        let request = &self.exchange.as_ref()?.request;
        Some(Kept { scrub, request })
    }

    /// What was asked, as it is recorded.
    fn request(&self) -> crate::transcript::Request {
        let exchange = self.exchange.as_ref();
        exchange.map_or_else(crate::transcript::Request::default, |exchange| {
            exchange.request.clone()
        })
    }

    async fn answer(
        mut self,
        answer: Answer,
        fault: Option<String>,
        body: &[u8],
    ) -> Result<Response<AnswerBody>, Abort> {
        let response = answer.recorded(self.kept()).await;
        if let Some(mut exchange) = self.exchange.take() {
            exchange.ended = Some(Timestamp::now());
            exchange.response = Some(response);
            exchange.fault = fault;
            self.config.scrub_exchange(&mut exchange);
            let exchange = self.config.transcript.append(exchange);
            if let Some(observer) = &self.config.observer {
                observer(&exchange, body);
            }
        }
        Ok(answer.into_response())
    }

    fn give_up(
        mut self,
        fault: String,
        reason: &'static str,
    ) -> Result<Response<AnswerBody>, Abort> {
        self.record_unanswered(fault);
        Err(Abort(reason))
    }

    fn record_unanswered(&mut self, fault: String) {
        if let Some(mut exchange) = self.exchange.take() {
            exchange.ended = Some(Timestamp::now());
            exchange.fault = Some(fault);
            self.config.scrub_exchange(&mut exchange);
            self.config.transcript.record(exchange);
        }
    }
}

impl FrontConfig {
    fn scrub_exchange(&self, exchange: &mut Exchange) {
        if let Some(scrub) = &self.scrub {
            scrub.exchange(exchange);
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.record_unanswered("the connection ended before the answer".into());
    }
}

async fn read(mut incoming: Incoming, limit: u64) -> Read {
    let mut whole = BytesMut::new();
    while let Some(frame) = incoming.frame().await {
        match frame.map(hyper::body::Frame::into_data) {
            Ok(Ok(data)) if whole.len() as u64 + data.len() as u64 > limit => {
                return Read::TooLarge;
            }
            Ok(Ok(data)) => whole.extend_from_slice(&data),
            // Trailers say nothing to a REST API.
            Ok(Err(_)) => {}
            Err(error) => return Read::Broken(error),
        }
    }
    Read::Whole(whole.freeze())
}

pub(super) fn target(parts: &Parts) -> &str {
    parts
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str())
}

fn injected(facts: &Facts) -> Vec<(HeaderName, HeaderValue)> {
    let Some(peer) = &facts.peer else {
        return Vec::new();
    };
    // Percent-encoded, so that no name in a certificate can break out of a header field.
    let subject: String = url::form_urlencoded::byte_serialize(peer.subject.as_bytes()).collect();
    [
        (CLIENT_CERT_SHA256, peer.sha256.as_str()),
        (CLIENT_CERT_SUBJECT, &subject),
    ]
    .into_iter()
    .filter_map(|(name, value)| {
        Some((
            HeaderName::from_static(name),
            HeaderValue::from_str(value).ok()?,
        ))
    })
    .collect()
}

/// What may pass an intermediary: without hop-by-hop fields (RFC 9110 section 7.6.1), what `Connection` names, the
/// expectation that this hop has met already, and anything that pretends to come from the front.
fn end_to_end(headers: &HeaderMap) -> HeaderMap {
    let named: Vec<String> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    headers
        .iter()
        .filter(|(name, _)| {
            let name = name.as_str();
            !HOP_BY_HOP.contains(&name)
                && !name.starts_with(INTERNAL_PREFIX)
                && !named.iter().any(|listed| listed == name)
        })
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

const HOP_BY_HOP: [&str; 10] = [
    "connection",
    "expect",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
