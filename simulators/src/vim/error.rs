//! Refusals in the forms that OpenStack's clients read: [`Refusal`].

use hyper::StatusCode;
use hyper::header::{HeaderName, WWW_AUTHENTICATE};
use serde_json::{Value, json};

use crate::rest::Answer;

/// Why a service says no. `kind` is the name that Heat gives the error, e.g. `StackValidationFailed`.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) kind: &'static str,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            message: message.into(),
        }
    }

    /// 400: the template, or what belongs to it, cannot be used.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "StackValidationFailed", message)
    }

    /// 404 about a stack.
    pub(super) fn no_stack(name: &str) -> Self {
        let message = format!("The Stack ({name}) could not be found.");
        Self::new(StatusCode::NOT_FOUND, "EntityNotFound", message)
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        let body = body(refusal.status, refusal.kind, &refusal.message);
        Answer::json(refusal.status, &body)
    }
}

/// The union of what Keystone and Heat say, so that clients of either find what they look for.
fn body(status: StatusCode, kind: &str, message: &str) -> Value {
    let title = status.canonical_reason().unwrap_or("Error");
    json!({
        "code": status.as_u16(),
        "title": title,
        "explanation": message,
        "error": {
            "code": status.as_u16(),
            "title": title,
            "message": message,
            "type": kind,
            "traceback": null,
        },
    })
}

/// What the front itself refuses with.
pub(super) fn of_front(status: StatusCode, reason: &str) -> (&'static str, Vec<u8>) {
    let body = body(status, "HTTPException", reason);
    ("application/json", body.to_string().into_bytes())
}

/// 401 with the way to a token.
pub(super) fn unauthorized(identity: &str, message: &str) -> Answer {
    let refusal = Refusal::new(StatusCode::UNAUTHORIZED, "Unauthorized", message);
    Answer::from(refusal).with(WWW_AUTHENTICATE, &format!("Keystone uri=\"{identity}\""))
}

/// 404 as Nova says it.
pub(super) fn no_server(id: &str) -> Answer {
    let message = format!("Instance {id} could not be found.");
    let body = json!({ "itemNotFound": { "code": 404, "message": message } });
    Answer::json(StatusCode::NOT_FOUND, &body)
}

/// The header field that OpenStack's services put on every answer.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-openstack-request-id");
