//! The VNF lifecycle management API of SOL003 clause 5. Main function: [`router`].

mod authorization;
mod filter;
mod subscriptions;
mod version;
mod vnf_instances;
mod vnf_lcm_op_occs;

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::de::DeserializeOwned;
use serde_json::Value;

pub(crate) use authorization::Gate;
pub(crate) use version::VERSION;

use super::lifecycle::Lifecycle;
use super::problem::Problem;

/// Entries of one page of a list.
const PAGE: usize = 500;

/// What handlers share.
pub(crate) type Shared = axum::extract::State<Arc<Lifecycle>>;

/// The API over this VNFM, for those that the gate lets in.
pub(crate) fn router(lifecycle: Arc<Lifecycle>, gate: Option<Gate>) -> Router {
    let router = api().with_state(lifecycle);
    let Some(gate) = gate.map(Arc::new) else {
        return router;
    };
    let token = Router::new()
        .route("/token", post(authorization::token))
        .with_state(Arc::clone(&gate));
    router
        .layer(middleware::from_fn_with_state(gate, authorization::check))
        .merge(token)
}

fn api() -> Router<Arc<Lifecycle>> {
    let resources = Router::new()
        .route(
            "/vnf_instances",
            get(vnf_instances::list).post(vnf_instances::create),
        )
        .route(
            "/vnf_instances/{id}",
            get(vnf_instances::read)
                .patch(vnf_instances::modify)
                .delete(vnf_instances::delete),
        )
        .route(
            "/vnf_instances/{id}/instantiate",
            post(vnf_instances::instantiate),
        )
        .route(
            "/vnf_instances/{id}/terminate",
            post(vnf_instances::terminate),
        )
        .route(
            "/vnf_instances/{id}/change_ext_conn",
            post(vnf_instances::change_ext_conn),
        )
        .route("/vnf_lcm_op_occs", get(vnf_lcm_op_occs::list))
        .route("/vnf_lcm_op_occs/{id}", get(vnf_lcm_op_occs::read))
        .route(
            "/subscriptions",
            get(subscriptions::list).post(subscriptions::create),
        )
        .route(
            "/subscriptions/{id}",
            get(subscriptions::read).delete(subscriptions::delete),
        );
    let first = resources
        .clone()
        .route_layer(middleware::from_fn(version::negotiate_first));
    let second = resources.route_layer(middleware::from_fn(version::negotiate));
    Router::new()
        .nest("/vnflcm/v1", first)
        .nest(
            "/vnflcm/v2",
            second.route("/api_versions", get(version::api_versions)),
        )
        .route("/vnflcm/api_versions", get(version::api_versions))
        .fallback(async || Problem::new(StatusCode::NOT_FOUND, "no resource has this URI"))
        .method_not_allowed_fallback(async || {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "the resource does not support this method",
            )
        })
        .layer(middleware::map_response(version::name))
}

/// A body in JSON.
fn json(status: StatusCode, body: &Value) -> Response {
    (
        status,
        [(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        )],
        body.to_string(),
    )
        .into_response()
}

/// The same with the URI of what was made.
fn created(location: &str, body: &Value) -> Response {
    let mut response = json(StatusCode::CREATED, body);
    set(&mut response, header::LOCATION, location);
    response
}

/// 202 for an operation that goes on, with its URI.
fn accepted(location: &str) -> Response {
    let mut response = StatusCode::ACCEPTED.into_response();
    set(&mut response, header::LOCATION, location);
    response
}

fn set(response: &mut Response, name: header::HeaderName, value: &str) {
    // Our own URIs are ASCII.
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// The body of a request, both as what is heeded of it and as all that it says.
fn parse<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: &[u8],
    types: &[&str],
) -> Result<(T, Value), Problem> {
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if !types
        .iter()
        .any(|accepted| accepted.eq_ignore_ascii_case(essence))
    {
        let detail = format!(
            "the body must be `{}`, not `{essence}`",
            types.join("` or `")
        );
        // SOL003 declares no 415 for these operations.
        return Err(Problem::bad_request(detail));
    }
    let malformed = |error: serde_json::Error| {
        Problem::bad_request(format!("the body cannot be used: {error}"))
    };
    let value: Value = serde_json::from_slice(body).map_err(malformed)?;
    Ok((serde_json::from_slice(body).map_err(malformed)?, value))
}

/// A page of a list, with a `Link` to the next one if there is more (SOL013 5.4.2).
fn page(entries: Vec<Value>, next: Option<String>) -> Response {
    let mut response = json(StatusCode::OK, &Value::Array(entries));
    if let Some(next) = next {
        set(
            &mut response,
            header::LINK,
            &format!("<{next}>; rel=\"next\""),
        );
    }
    response
}
