//! API versions (SOL013 clause 9): every request names one, every answer says which was used.

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::vnfm::problem::Problem;

/// The version that this VNFM implements: SOL003 V3.7.1.
pub(crate) const VERSION: &str = "2.3.0";
/// Versions whose requests mean the same to it.
const SUPPORTED: [&str; 4] = ["2.0.0", "2.1.0", "2.2.0", VERSION];

/// Those of the older path, `/vnflcm/v1` (SOL003 V2.6.1 and V2.7.1), whose requests mean the same where it is heeded.
const FIRST: [&str; 2] = ["1.3.0", "1.4.0"];

/// Refuses a request without a version, or with one that is not supported.
pub(super) async fn negotiate(request: Request, next: Next) -> Response {
    negotiated(request, next, &SUPPORTED, VERSION).await
}

/// The same on the older path.
pub(super) async fn negotiate_first(request: Request, next: Next) -> Response {
    negotiated(request, next, &FIRST, FIRST[1]).await
}

async fn negotiated(
    request: Request,
    next: Next,
    supported: &'static [&'static str],
    usual: &'static str,
) -> Response {
    let asked = request
        .headers()
        .get("version")
        .map(|value| value.to_str().unwrap_or_default());
    let used = match asked {
        None => Err(Problem::bad_request("the header `Version` is missing")),
        Some(asked) => {
            let plain = asked.split('-').next().unwrap_or_default();
            let detail = || {
                format!(
                    "the API version `{asked}` is not supported; supported are {}",
                    supported.join(", ")
                )
            };
            let found = supported.iter().find(|version| **version == plain);
            found.ok_or_else(|| Problem::new(StatusCode::NOT_ACCEPTABLE, detail()))
        }
    };
    let (version, mut response) = match used {
        Ok(version) => (*version, next.run(request).await),
        Err(problem) => (usual, problem.into_response()),
    };
    response
        .headers_mut()
        .insert("version", HeaderValue::from_static(version));
    response
}

/// Names the version in answers that no request's version decided: an unknown path, a method that is not supported.
pub(super) async fn name(mut response: Response) -> Response {
    response
        .headers_mut()
        .entry("version")
        .or_insert(HeaderValue::from_static(VERSION));
    response
}

/// `ApiVersionInformation` (SOL013 9.3.2); asked for in order to learn the versions, so that it needs none.
pub(super) async fn api_versions() -> Response {
    let versions: Vec<_> = SUPPORTED
        .iter()
        .map(|version| json!({ "version": version, "isDeprecated": false }))
        .collect();
    super::json(
        StatusCode::OK,
        &json!({ "uriPrefix": "/vnflcm/v2", "apiVersions": versions }),
    )
}
