//! Which request goes where: the table of routes, and what holds for all of them.

use hyper::header::HeaderName;
use serde_json::json;
use uuid::Uuid;

use super::error::{REQUEST_ID, Refusal, unauthorized};
use super::state::State;
use super::{heat, keystone, nova, show};
use crate::rest::{Answer, Api, Asked, Handler, status_of_unknown};

pub(super) const API: Api<State> = Api {
    routes: ROUTES,
    guard,
    unknown,
    finish,
};

/// The first that fits is taken.
const ROUTES: &[(&str, Handler<State>)] = &[
    ("GET /identity", keystone::versions),
    ("GET /identity/", keystone::versions),
    ("GET /identity/v3", keystone::version),
    ("GET /identity/v3/", keystone::version),
    ("POST /identity/v3/auth/tokens", keystone::create),
    ("GET /identity/v3/auth/tokens", keystone::show),
    ("HEAD /identity/v3/auth/tokens", keystone::show),
    ("DELETE /identity/v3/auth/tokens", keystone::delete),
    ("GET /identity/v3/auth/catalog", keystone::catalog),
    ("GET /heat", heat_versions),
    ("GET /heat/", heat_versions),
    ("GET /heat/v1/{project}/build_info", heat::build_info),
    ("POST /heat/v1/{project}/validate", heat::validate),
    ("POST /heat/v1/{project}/stacks", heat::create),
    ("GET /heat/v1/{project}/stacks", show::list),
    ("GET /heat/v1/{project}/stacks/detail", show::list),
    ("* /heat/v1/{project}/stacks/{name}", heat::lookup),
    (
        "GET /heat/v1/{project}/stacks/{name}/resources",
        heat::lookup,
    ),
    (
        "GET /heat/v1/{project}/stacks/{name}/resources/{resource...}",
        heat::lookup,
    ),
    ("GET /heat/v1/{project}/stacks/{name}/events", heat::lookup),
    (
        "GET /heat/v1/{project}/stacks/{name}/template",
        heat::lookup,
    ),
    (
        "GET /heat/v1/{project}/stacks/{name}/environment",
        heat::lookup,
    ),
    ("GET /heat/v1/{project}/stacks/{name}/files", heat::lookup),
    ("GET /heat/v1/{project}/stacks/{name}/outputs", heat::lookup),
    (
        "GET /heat/v1/{project}/stacks/{name}/outputs/{key}",
        heat::lookup,
    ),
    ("GET /heat/v1/{project}/stacks/{name}/{id}", show::stack),
    ("PUT /heat/v1/{project}/stacks/{name}/{id}", heat::put),
    ("PATCH /heat/v1/{project}/stacks/{name}/{id}", heat::patch),
    ("DELETE /heat/v1/{project}/stacks/{name}/{id}", heat::delete),
    (
        "POST /heat/v1/{project}/stacks/{name}/{id}/actions",
        heat::act,
    ),
    (
        "GET /heat/v1/{project}/stacks/{name}/{id}/resources",
        show::resources,
    ),
    (
        "GET /heat/v1/{project}/stacks/{name}/{id}/resources/{resource}",
        show::resource,
    ),
    (
        "GET /heat/v1/{project}/stacks/{name}/{id}/events",
        show::events,
    ),
    (
        "GET /heat/v1/{project}/stacks/{name}/{id}/template",
        show::template,
    ),
    (
        "GET /heat/v1/{project}/stacks/{name}/{id}/environment",
        show::environment,
    ),
    (
        "GET /heat/v1/{project}/stacks/{name}/{id}/files",
        show::files,
    ),
    (
        "GET /heat/v1/{project}/stacks/{name}/{id}/outputs",
        show::outputs,
    ),
    (
        "GET /heat/v1/{project}/stacks/{name}/{id}/outputs/{key}",
        show::output,
    ),
    ("GET /compute", nova::versions),
    ("GET /compute/", nova::versions),
    ("GET /compute/v2.1", nova::version),
    ("GET /compute/v2.1/", nova::version),
    ("GET /compute/v2.1/servers", nova::list),
    ("GET /compute/v2.1/servers/detail", nova::detail),
    ("GET /compute/v2.1/servers/{id}", nova::show),
];

const MICROVERSION: HeaderName = HeaderName::from_static("openstack-api-version");

fn heat_versions(state: &State, _: &Asked<'_>) -> Answer {
    let link = json!({ "rel": "self", "href": format!("{}/heat/v1/", state.root) });
    let version = json!({ "id": "v1.0", "status": "CURRENT", "links": [link] });
    Answer::json(
        hyper::StatusCode::MULTIPLE_CHOICES,
        &json!({ "versions": [version] }),
    )
}

/// Below an API's version a token is needed: one for the project, and Heat's paths name that project.
fn guard(state: &State, asked: &Asked<'_>) -> Result<(), Answer> {
    let segments: Vec<_> = asked.path().split('/').skip(1).collect();
    let project = match segments.as_slice() {
        ["heat", "v1", project, ..] => Some(*project),
        ["compute", "v2.1", rest, ..] if !rest.is_empty() => None,
        _ => return Ok(()),
    };
    let authorised = keystone::bearer(state, asked).is_some_and(|token| token.scoped);
    if !authorised {
        return Err(unauthorized(&state.identity(), "Authentication required"));
    }
    match project {
        Some(project) if project != state.project_id => {
            let message = "You are not authorized to use this project.";
            Err(Refusal::new(hyper::StatusCode::FORBIDDEN, "Forbidden", message).into())
        }
        _ => Ok(()),
    }
}

fn unknown(_: &State, asked: &Asked<'_>, methods: &[&str]) -> Answer {
    let status = status_of_unknown(methods);
    let message = if methods.is_empty() {
        format!(
            "The resource could not be found: nothing is served at {}.",
            asked.path()
        )
    } else {
        format!(
            "The method {} is not allowed for this resource.",
            asked.request.method
        )
    };
    let answer = Answer::from(Refusal::new(status, "HTTPNotFound", message));
    match methods {
        [] => answer,
        methods => answer.with(hyper::header::ALLOW, &methods.join(", ")),
    }
}

fn finish(_: &State, asked: &Asked<'_>, answer: Answer) -> Answer {
    let answer = answer.with(REQUEST_ID, &format!("req-{}", Uuid::new_v4()));
    match asked.header(MICROVERSION.as_str()) {
        Some(version) if asked.path().starts_with("/compute") => answer.with(MICROVERSION, version),
        _ => answer,
    }
}
