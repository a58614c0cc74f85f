//! Nova's API as far as a VNFM looks at its servers: versions, lists, one server.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::error::no_server;
use super::evaluate::as_text;
use super::show::time;
use super::stack::{Server, Stack, Status};
use super::state::State;
use crate::rest::{Answer, Asked};

/// The newest version of the API that is spoken; what came since 2.47 is left out of answers for older ones.
const NEWEST: u32 = 79;

pub(super) fn versions(state: &State, _: &Asked<'_>) -> Answer {
    Answer::json(StatusCode::OK, &json!({ "versions": [version_of(state)] }))
}

pub(super) fn version(state: &State, _: &Asked<'_>) -> Answer {
    Answer::json(StatusCode::OK, &json!({ "version": version_of(state) }))
}

fn version_of(state: &State) -> Value {
    json!({
        "id": "v2.1",
        "status": "CURRENT",
        "version": format!("2.{NEWEST}"),
        "min_version": "2.1",
        "updated": "2013-07-23T11:33:21Z",
        "links": [{ "rel": "self", "href": format!("{}/compute/v2.1/", state.root) }],
        "media-types": [{ "base": "application/json", "type": "application/vnd.openstack.compute+json;version=2.1" }],
    })
}

pub(super) fn list(state: &State, asked: &Asked<'_>) -> Answer {
    listed(state, asked, |server| {
        let Value::Object(mut shown) = server else {
            return server;
        };
        shown.retain(|name, _| matches!(name.as_str(), "id" | "name" | "links"));
        Value::Object(shown)
    })
}

pub(super) fn detail(state: &State, asked: &Asked<'_>) -> Answer {
    listed(state, asked, |server| server)
}

fn listed(state: &State, asked: &Asked<'_>, shape: impl Fn(Value) -> Value) -> Answer {
    let name = asked.query("name");
    let stacks = state.stacks();
    let servers = stacks
        .iter()
        .flat_map(|stack| stack.servers.iter().map(move |server| (stack, server)));
    let servers: Vec<_> = servers
        .filter(|(_, server)| {
            name.as_ref()
                .is_none_or(|name| server.booted.name.contains(name.as_str()))
        })
        .map(|(stack, server)| shape(shown(state, asked, stack, server)))
        .collect();
    Answer::json(StatusCode::OK, &json!({ "servers": servers }))
}

pub(super) fn show(state: &State, asked: &Asked<'_>) -> Answer {
    let id = asked.capture(0);
    let stacks = state.stacks();
    for stack in stacks.iter() {
        if let Some(server) = stack
            .servers
            .iter()
            .find(|server| server.booted.server_id == id)
        {
            let shown = shown(state, asked, stack, server);
            return Answer::json(StatusCode::OK, &json!({ "server": shown }));
        }
    }
    no_server(id)
}

/// A server, without its user_data: Nova shows that to administrators only.
fn shown(state: &State, asked: &Asked<'_>, stack: &Stack, server: &Server) -> Value {
    let (booted, properties) = (&server.booted, &server.properties);
    let text = |name: &str| properties.get(name).map(as_text).unwrap_or_default();
    let (image, flavor) = (text("image"), text("flavor"));
    let status = match stack.status {
        Status::Failed => "ERROR",
        Status::InProgress | Status::Complete => "ACTIVE",
    };
    let href = format!("{}/compute/v2.1/servers/{}", state.root, booted.server_id);
    json!({
        "id": booted.server_id,
        "name": booted.name,
        "status": status,
        "tenant_id": state.project_id,
        "user_id": state.user_id,
        "hostId": "",
        "metadata": properties.get("metadata").cloned().unwrap_or(json!({})),
        "image": if image.is_empty() { "".into() } else { json!({ "id": image, "links": [] }) },
        "flavor": flavor_of(asked, &flavor),
        "created": time(server.created),
        "updated": time(server.created),
        "addresses": {},
        "accessIPv4": "",
        "accessIPv6": "",
        "key_name": properties.get("key_name").cloned().unwrap_or_default(),
        "config_drive": if text("config_drive").eq_ignore_ascii_case("true") { "True" } else { "" },
        "security_groups": [{ "name": "default" }],
        "progress": 0,
        "links": [{ "rel": "self", "href": href }, { "rel": "bookmark", "href": href }],
        "OS-DCF:diskConfig": "MANUAL",
        "OS-EXT-AZ:availability_zone": "nova",
        "OS-EXT-STS:vm_state": if status == "ERROR" { "error" } else { "active" },
        "OS-EXT-STS:task_state": null,
        "OS-EXT-STS:power_state": 1,
        "OS-SRV-USG:launched_at": time(server.created),
        "OS-SRV-USG:terminated_at": null,
        "os-extended-volumes:volumes_attached": [],
    })
}

/// Embedded since version 2.47, a reference before.
fn flavor_of(asked: &Asked<'_>, name: &str) -> Value {
    let asked_for = asked
        .header("openstack-api-version")
        .and_then(|value| value.strip_prefix("compute "))
        .or_else(|| asked.header("x-openstack-nova-api-version"));
    let minor =
        asked_for.and_then(|version| version.trim().strip_prefix("2.")?.parse::<u32>().ok());
    if minor.is_some_and(|minor| minor >= 47) || asked_for == Some("latest") {
        json!({ "original_name": name, "vcpus": 1, "ram": 512, "disk": 1, "ephemeral": 0, "swap": 0, "extra_specs": {} })
    } else {
        json!({ "id": name, "links": [] })
    }
}
