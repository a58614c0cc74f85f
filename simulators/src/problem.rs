//! ProblemDetails (RFC 7807 as SOL013 clause 6.3 profiles it): `status` and `detail` always, as
//! `application/problem+json`.

use hyper::StatusCode;
use serde_json::json;

/// Content-Type of ProblemDetails.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// The body of an error answer.
pub(crate) fn body(status: StatusCode, detail: &str) -> Vec<u8> {
    let title = status.canonical_reason().unwrap_or("Error");
    json!({ "title": title, "status": status.as_u16(), "detail": detail })
        .to_string()
        .into_bytes()
}
