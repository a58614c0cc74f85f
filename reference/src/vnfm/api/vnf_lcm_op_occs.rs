//! `vnf_lcm_op_occs` (SOL003 5.4.12, 5.4.13), to be read.

use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;

use super::filter::{Query, select_fields};
use super::{PAGE, Shared, json, page};
use crate::vnfm::model::{API, VnfLcmOpOcc};
use crate::vnfm::problem::Problem;
use crate::vnfm::store::Table;

/// What a list leaves out unless it is asked for (SOL003 table 5.4.12.3.2-1).
const NOT_IN_LISTS: [&str; 4] = [
    "operationParams",
    "error",
    "resourceChanges",
    "changedExtConnectivity",
];

pub(super) async fn list(
    State(vnfm): Shared,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let query = Query::parse(query.as_deref().unwrap_or_default())?;
    let mut entries: Vec<Value> = Vec::new();
    let (mut last, mut more) = (String::new(), false);
    vnfm.store.scan(
        Table::OpOccs,
        query.marker(),
        |key, occurrence: VnfLcmOpOcc| {
            let wire = occurrence.to_wire(&vnfm.api_root);
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
    let next = more.then(|| query.next(&format!("{}{API}/vnf_lcm_op_occs", vnfm.api_root), &last));
    Ok(page(entries, next))
}

pub(super) async fn read(State(vnfm): Shared, Path(id): Path<String>) -> Result<Response, Problem> {
    let found: Option<VnfLcmOpOcc> = vnfm.store.read(Table::OpOccs, &id)?;
    let occurrence = found
        .ok_or_else(|| Problem::not_found(&format!("the VNF LCM operation occurrence `{id}`")))?;
    Ok(json(StatusCode::OK, &occurrence.to_wire(&vnfm.api_root)))
}
