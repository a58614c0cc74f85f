//! What a responder is asked and what it says: [`Asked`] and [`Answer`].

use std::borrow::Cow;

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{ACCEPT_RANGES, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use serde_json::Value;
use wiremock::ResponseTemplate;

use crate::problem;

/// A request, with what stood in the route's wildcards.
pub(super) struct Asked<'a> {
    pub(super) request: &'a wiremock::Request,
    /// Percent-decoded.
    pub(super) captures: Vec<String>,
}

impl Asked<'_> {
    /// What stood in the wildcard at this place; empty if the route has none there.
    pub(super) fn capture(&self, index: usize) -> &str {
        self.captures.get(index).map_or("", String::as_str)
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.request.headers.get(name)?.to_str().ok()
    }

    pub(super) fn query(&self, name: &str) -> Option<String> {
        let mut pairs = self.request.url.query_pairs();
        pairs
            .find(|(key, _)| key == name)
            .map(|(_, value)| Cow::into_owned(value))
    }

    /// Whether security information is asked for too: a flag of two spellings (SOL003 V3.3.1 and V2.7.1/V3.6.1 on),
    /// which has no value, but is often written with `=`.
    pub(super) fn wants_signatures(&self) -> bool {
        let mut names = self.request.url.query_pairs().map(|(name, _)| name);
        names.any(|name| name == "include_signatures" || name == "include_signature")
    }

    /// The body as a JSON object, or the answer 400.
    pub(super) fn json(&self) -> Result<Value, Answer> {
        let value = serde_json::from_slice::<Value>(&self.request.body).map_err(|error| {
            Answer::problem(
                StatusCode::BAD_REQUEST,
                &format!("body is not JSON: {error}"),
            )
        })?;
        if value.is_object() {
            Ok(value)
        } else {
            Err(Answer::problem(
                StatusCode::BAD_REQUEST,
                "body is not a JSON object",
            ))
        }
    }
}

pub(super) struct Answer {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl Answer {
    pub(super) fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Bytes::new(),
        }
    }

    pub(super) fn json(status: StatusCode, value: &Value) -> Self {
        Self::bytes(status, "application/json", value.to_string().into())
    }

    pub(super) fn bytes(status: StatusCode, media_type: &'static str, body: Bytes) -> Self {
        let headers = vec![(CONTENT_TYPE, HeaderValue::from_static(media_type))];
        Self {
            status,
            headers,
            body,
        }
    }

    pub(super) fn problem(status: StatusCode, detail: &str) -> Self {
        Self::bytes(
            status,
            problem::MEDIA_TYPE,
            problem::body(status, detail).into(),
        )
    }

    pub(super) fn not_found(what: &str, id: &str) -> Self {
        Self::problem(StatusCode::NOT_FOUND, &format!("no {what} `{id}`"))
    }

    /// Adds a header field; a value that cannot stand in one (an id with control characters) is left out.
    pub(super) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    pub(super) fn location(self, uri: &str) -> Self {
        self.with(LOCATION, uri)
    }

    pub(super) fn ranges(self) -> Self {
        self.with(ACCEPT_RANGES, "bytes")
    }
}

impl From<Answer> for ResponseTemplate {
    fn from(answer: Answer) -> Self {
        ResponseTemplate::new(answer.status.as_u16())
            .append_headers(answer.headers)
            .set_body_bytes(answer.body)
    }
}
