//! What a responder is asked and what it says: [`Asked`] and [`Answer`].

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use serde_json::Value;
use wiremock::ResponseTemplate;

use crate::front::{CLIENT_CERT_SHA256, CLIENT_CERT_SUBJECT};
use crate::problem;
use crate::transcript::Peer;

/// A request, with what stood in the route's wildcards.
pub(crate) struct Asked<'a> {
    request: &'a wiremock::Request,
    captures: Vec<String>,
}

impl<'a> Asked<'a> {
    pub(super) fn new(request: &'a wiremock::Request, captures: &[&str]) -> Self {
        let captures = captures.iter().map(|&captured| captured.to_owned());
        Self {
            request,
            captures: captures.collect(),
        }
    }

    /// What stood in the wildcard at this place, as sent; empty if the route has none there.
    pub(crate) fn capture(&self, index: usize) -> &str {
        self.captures.get(index).map_or("", String::as_str)
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.request.headers.get(name)?.to_str().ok()
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.request.body
    }

    /// Who asks, as the front knows it; `None` without a client certificate.
    pub(crate) fn peer(&self) -> Option<Peer> {
        let encoded = self.header(CLIENT_CERT_SUBJECT)?;
        let mut pairs = url::form_urlencoded::parse(encoded.as_bytes());
        Some(Peer {
            subject: pairs
                .next()
                .map_or_else(String::new, |(subject, _)| subject.into_owned()),
            sha256: self.header(CLIENT_CERT_SHA256)?.to_owned(),
        })
    }
}

/// An answer that is yet to be sent.
pub(crate) struct Answer {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl Answer {
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    pub(crate) fn bytes(
        status: StatusCode,
        media_type: &'static str,
        body: impl Into<Bytes>,
    ) -> Self {
        Self {
            status,
            headers: vec![(CONTENT_TYPE, HeaderValue::from_static(media_type))],
            body: body.into(),
        }
    }

    pub(crate) fn json(status: StatusCode, value: &Value) -> Self {
        Self::bytes(status, "application/json", value.to_string())
    }

    /// For people: EST says errors so (RFC 7030 clause 4.2.3).
    pub(crate) fn text(status: StatusCode, text: &str) -> Self {
        Self::bytes(status, "text/plain; charset=utf-8", format!("{text}\n"))
    }

    pub(crate) fn problem(status: StatusCode, detail: &str) -> Self {
        Self::bytes(status, problem::MEDIA_TYPE, problem::body(status, detail))
    }

    /// Adds a header field; a value that cannot stand in one is left out.
    pub(crate) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }
}

impl From<Answer> for ResponseTemplate {
    fn from(answer: Answer) -> Self {
        ResponseTemplate::new(answer.status.as_u16())
            .append_headers(answer.headers)
            .set_body_bytes(answer.body)
    }
}
