//! Grants (SOL003 clause 9): all that is asked for is granted, or all is rejected.

use std::collections::HashMap;

use hyper::StatusCode;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::state::State;
use crate::rest::{Answer, Asked};

#[derive(Default)]
pub(super) struct Grants {
    pub(super) reject: bool,
    pub(super) vim_connection_info: Map<String, Value>,
    given: HashMap<String, Value>,
}

/// 201 with the Grant, or 403.
pub(super) fn create(state: &State, asked: &Asked<'_>) -> Answer {
    let request = match asked.object() {
        Ok(request) => request,
        Err(refusal) => return refusal,
    };
    let mut grants = state.grants();
    if grants.reject {
        return Answer::problem(StatusCode::FORBIDDEN, "grants are rejected at the moment");
    }
    let id = Uuid::new_v4().to_string();
    let uri = format!("{}/grant/v1/grants/{id}", state.api_root);
    match grant(&request, &id, &uri, &grants.vim_connection_info) {
        Ok(grant) => {
            let answer = Answer::json(StatusCode::CREATED, &grant).location(&uri);
            grants.given.insert(id, grant);
            answer
        }
        Err(missing) => Answer::problem(
            StatusCode::BAD_REQUEST,
            &format!("GrantRequest without `{missing}`"),
        ),
    }
}

pub(super) fn read(state: &State, asked: &Asked<'_>) -> Answer {
    let id = asked.capture(0);
    match state.grants().given.get(id) {
        Some(grant) => Answer::json(StatusCode::OK, grant),
        None => Answer::not_found("grant", id),
    }
}

/// Grant (clause 9.5.2.3) for a GrantRequest (clause 9.5.2.2); the error names what is missing in it.
fn grant(
    request: &Value,
    id: &str,
    uri: &str,
    vims: &Map<String, Value>,
) -> Result<Value, &'static str> {
    for (pointer, name) in [
        ("/vnfdId", "vnfdId"),
        ("/operation", "operation"),
        ("/isAutomaticInvocation", "isAutomaticInvocation"),
    ] {
        if request.pointer(pointer).is_none() {
            return Err(name);
        }
    }
    let text = |pointer: &str, name: &'static str| {
        request
            .pointer(pointer)
            .and_then(Value::as_str)
            .map(str::to_owned)
            .ok_or(name)
    };
    let mut grant = json!({
        "id": id,
        "vnfInstanceId": text("/vnfInstanceId", "vnfInstanceId")?,
        "vnfLcmOpOccId": text("/vnfLcmOpOccId", "vnfLcmOpOccId")?,
    });
    if !vims.is_empty() {
        grant["vimConnectionInfo"] = vims.clone().into();
    }
    for list in [
        "addResources",
        "tempResources",
        "removeResources",
        "updateResources",
    ] {
        let Some(definitions) = request[list]
            .as_array()
            .filter(|definitions| !definitions.is_empty())
        else {
            continue;
        };
        let granted = definitions
            .iter()
            .map(|definition| info(definition, vims))
            .collect::<Result<Vec<_>, _>>()?;
        grant[list] = granted.into();
    }
    grant["_links"] = json!({
        "self": { "href": uri },
        "vnfLcmOpOcc": { "href": text("/_links/vnfLcmOpOcc/href", "_links.vnfLcmOpOcc.href")? },
        "vnfInstance": { "href": text("/_links/vnfInstance/href", "_links.vnfInstance.href")? },
    });
    Ok(grant)
}

/// GrantInfo (clause 9.5.3.3) for a ResourceDefinition.
fn info(definition: &Value, vims: &Map<String, Value>) -> Result<Value, &'static str> {
    let id = definition["id"]
        .as_str()
        .ok_or("id of a ResourceDefinition")?;
    let mut info = json!({ "resourceDefinitionId": id });
    if let Some(key) = vims.keys().next() {
        info["vimConnectionId"] = key.as_str().into();
    }
    Ok(info)
}
