//! What a responder is asked and what it says: [`Asked`] and [`Answer`].

use std::borrow::Cow;

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
    pub(crate) request: &'a wiremock::Request,
    /// Percent-decoded.
    captures: Vec<String>,
}

impl<'a> Asked<'a> {
    pub(super) fn new(request: &'a wiremock::Request, captures: &[&str]) -> Self {
        let captures = captures.iter().map(|segment| decoded(segment)).collect();
        Self { request, captures }
    }

    /// What stood in the wildcard at this place; empty if the route has none there.
    pub(crate) fn capture(&self, index: usize) -> &str {
        self.captures.get(index).map_or("", String::as_str)
    }

    pub(crate) fn path(&self) -> &str {
        self.request.url.path()
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

    /// All values of this query parameter.
    pub(crate) fn queries(&self, name: &str) -> Vec<String> {
        let pairs = self.request.url.query_pairs();
        pairs
            .filter(|(key, _)| key == name)
            .map(|(_, value)| Cow::into_owned(value))
            .collect()
    }

    pub(crate) fn query(&self, name: &str) -> Option<String> {
        self.queries(name).into_iter().next()
    }

    /// The body as a JSON object; the error says why not, without the body's text.
    pub(crate) fn json(&self) -> Result<Value, String> {
        let value = serde_json::from_slice::<Value>(&self.request.body)
            .map_err(|error| format!("body is not JSON: {error}"))?;
        if value.is_object() {
            Ok(value)
        } else {
            Err("body is not a JSON object".into())
        }
    }
}

/// An answer that is yet to be sent.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
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

    pub(crate) fn bytes(
        status: StatusCode,
        media_type: &'static str,
        body: impl Into<Bytes>,
    ) -> Self {
        let headers = vec![(CONTENT_TYPE, HeaderValue::from_static(media_type))];
        Self {
            status,
            headers,
            body: body.into(),
        }
    }

    /// Adds a header field; a value that cannot stand in one (an id with control characters) is left out.
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

/// A path segment without its percent-encoding.
pub(crate) fn decoded(segment: &str) -> String {
    // `+` stands for itself in a path, unlike in a form.
    let escaped = segment.replace('+', "%2B");
    url::form_urlencoded::parse(escaped.replace('&', "%26").replace('=', "%3D").as_bytes())
        .next()
        .map_or_else(String::new, |(key, _)| key.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_segments_are_decoded_as_such() {
        assert_eq!(decoded("a%20b+c&d=e%2Ff"), "a b+c&d=e/f");
    }
}
