//! `vnf_instances` and the tasks of one (SOL003 5.4.2 to 5.4.10).

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;

use super::filter::{Query, select_fields};
use super::{PAGE, Shared, accepted, created, json, page, parse};
use crate::vnfm::lifecycle::{
    ChangeExtVnfConnectivityRequest, CreateVnfRequest, InstantiateVnfRequest,
    VnfInfoModificationRequest,
};
use crate::vnfm::model::{API, VnfInstance, VnfLcmOpOcc};
use crate::vnfm::problem::Problem;
use crate::vnfm::store::Table;

/// What a list leaves out unless it is asked for (SOL003 table 5.4.2.3.2-1).
const NOT_IN_LISTS: [&str; 5] = [
    "vnfConfigurableProperties",
    "vimConnectionInfo",
    "instantiatedVnfInfo",
    "metadata",
    "extensions",
];

const JSON: &[&str] = &["application/json"];

pub(super) async fn create(
    State(vnfm): Shared,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let (request, _) = parse::<CreateVnfRequest>(&headers, &body, JSON)?;
    let instance = vnfm.create(request, &body).await?;
    let location = format!("{}{API}/vnf_instances/{}", vnfm.api_root, instance.id);
    Ok(created(&location, &instance.to_wire(&vnfm.api_root)))
}

pub(super) async fn list(
    State(vnfm): Shared,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = Query::parse(query.as_deref().unwrap_or_default())?;
    let mut entries: Vec<Value> = Vec::new();
    let (mut last, mut more) = (String::new(), false);
    vnfm.store.scan(
        Table::Instances,
        query.marker(),
        |key, instance: VnfInstance| {
            let wire = instance.to_wire(&vnfm.api_root);
            if query.matches(&wire) {
                more = entries.len() == PAGE;
                if !more {
                    entries.push(select_fields(wire, &query, &NOT_IN_LISTS));
                    key.clone_into(&mut last);
                }
            }
            !more
        },
    )?;
    let next = more.then(|| query.next(&format!("{}{API}/vnf_instances", vnfm.api_root), &last));
    Ok(page(entries, next))
}

pub(super) async fn read(State(vnfm): Shared, Path(id): Path<String>) -> Result<Response, Problem> {
    Ok(json(
        StatusCode::OK,
        &vnfm.instance(&id)?.to_wire(&vnfm.api_root),
    ))
}

pub(super) async fn modify(
    State(vnfm): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let types = ["application/merge-patch+json", "application/json"];
    let (request, params) = parse::<VnfInfoModificationRequest>(&headers, &body, &types)?;
    let occurrence = vnfm.modify(&id, request, params).await?;
    Ok(accepted(&location_of(&vnfm.api_root, &occurrence)))
}

pub(super) async fn delete(
    State(vnfm): Shared,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    vnfm.delete(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn instantiate(
    State(vnfm): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let (request, params) = parse::<InstantiateVnfRequest>(&headers, &body, JSON)?;
    let occurrence = vnfm.instantiate(&id, request, params).await?;
    Ok(accepted(&location_of(&vnfm.api_root, &occurrence)))
}

/// `TerminateVnfRequest` (SOL003 5.5.2.8), as far as it is heeded.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TerminateVnfRequest {
    #[serde(rename = "terminationType")]
    _termination_type: TerminationType,
}

#[derive(Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum TerminationType {
    Forceful,
    Graceful,
}

pub(super) async fn terminate(
    State(vnfm): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let (_, params) = parse::<TerminateVnfRequest>(&headers, &body, JSON)?;
    let occurrence = vnfm.terminate(&id, params).await?;
    Ok(accepted(&location_of(&vnfm.api_root, &occurrence)))
}

pub(super) async fn change_ext_conn(
    State(vnfm): Shared,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let (request, params) = parse::<ChangeExtVnfConnectivityRequest>(&headers, &body, JSON)?;
    let occurrence = vnfm.change_ext_conn(&id, request, params).await?;
    Ok(accepted(&location_of(&vnfm.api_root, &occurrence)))
}

fn location_of(api_root: &str, occurrence: &VnfLcmOpOcc) -> String {
    format!("{api_root}{API}/vnf_lcm_op_occs/{}", occurrence.id)
}
