//! What the NFVO says besides what every simulated API does: [`Answer`]s with SOL013's headers.

use hyper::StatusCode;
use hyper::header::{ACCEPT_RANGES, LOCATION};
use serde_json::Value;

use crate::rest::{Answer, Asked};

impl Asked<'_> {
    /// Whether security information is asked for too: a flag of two spellings (SOL003 V3.3.1 and V2.7.1/V3.6.1 on),
    /// which has no value, but is often written with `=`.
    pub(super) fn wants_signatures(&self) -> bool {
        let mut names = self.request.url.query_pairs().map(|(name, _)| name);
        names.any(|name| name == "include_signatures" || name == "include_signature")
    }

    /// The body as a JSON object, or the answer 400.
    pub(super) fn object(&self) -> Result<Value, Answer> {
        self.json()
            .map_err(|reason| Answer::problem(StatusCode::BAD_REQUEST, &reason))
    }
}

impl Answer {
    pub(super) fn not_found(what: &str, id: &str) -> Self {
        Self::problem(StatusCode::NOT_FOUND, &format!("no {what} `{id}`"))
    }

    pub(super) fn location(self, uri: &str) -> Self {
        self.with(LOCATION, uri)
    }

    pub(super) fn ranges(self) -> Self {
        self.with(ACCEPT_RANGES, "bytes")
    }
}
