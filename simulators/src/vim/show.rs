//! How Heat shows stacks, their resources, events, outputs and templates.

use hyper::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::error::Refusal;
use super::heat::with_stack;
use super::plan::Resource;
use super::stack::{Event, Stack, Status, status_text};
use super::state::State;
use crate::rest::{Answer, Asked};

/// Lists stacks, the newest first, deleted ones only if asked for.
pub(super) fn list(state: &State, asked: &Asked<'_>) -> Answer {
    let names = ["name", "id", "status", "tags"].map(|name| (name, asked.queries(name)));
    let fits = |stack: &&Stack| {
        names.iter().all(|(name, wanted)| {
            let is = match *name {
                "name" => stack.order.stack_name.clone(),
                "id" => stack.id.clone(),
                "status" => stack.status_text(),
                _ => super::evaluate::as_text(&stack.order.tags),
            };
            // Statuses are asked for as a whole or by their last part.
            wanted.is_empty()
                || wanted
                    .iter()
                    .any(|one| is == *one || is.ends_with(&format!("_{one}")))
        })
    };
    let all = asked
        .query("show_deleted")
        .is_some_and(|flag| flag.eq_ignore_ascii_case("true"));
    let stacks = state.stacks();
    let mut listed: Vec<_> = stacks
        .iter()
        .rev()
        .filter(|stack| all || !stack.is_gone())
        .filter(fits)
        .collect();
    if let Some(marker) = asked.query("marker") {
        let after = listed.iter().position(|stack| stack.id == marker);
        listed.drain(..after.map_or(0, |index| index + 1));
    }
    if let Some(limit) = asked.query("limit").and_then(|limit| limit.parse().ok()) {
        listed.truncate(limit);
    }
    let shown: Vec<_> = listed.iter().map(|stack| summary(state, stack)).collect();
    let mut body = json!({ "stacks": shown });
    if asked
        .query("with_count")
        .is_some_and(|flag| flag.eq_ignore_ascii_case("true"))
    {
        body["count"] = listed.len().into();
    }
    Answer::json(StatusCode::OK, &body)
}

pub(super) fn stack(state: &State, asked: &Asked<'_>) -> Answer {
    with_stack(state, asked, |stack| {
        stack.shown();
        let mut shown = summary(state, stack);
        shown["parameters"] = Value::Object(stack.plan.shown_parameters.clone());
        shown["template_description"] = stack.plan.description.clone().into();
        shown["capabilities"] = json!([]);
        shown["notification_topics"] = json!([]);
        shown["disable_rollback"] = stack.order.disable_rollback.clone();
        shown["timeout_mins"] = stack.order.timeout_mins.clone();
        if asked
            .query("resolve_outputs")
            .is_none_or(|flag| !flag.eq_ignore_ascii_case("false"))
        {
            shown["outputs"] = stack.plan.outputs.clone().into();
        }
        Ok(Answer::json(StatusCode::OK, &json!({ "stack": shown })))
    })
}

/// Resources of the stack itself, and of those inside it down to `nested_depth`.
pub(super) fn resources(state: &State, asked: &Asked<'_>) -> Answer {
    with_stack(state, asked, |stack| {
        let depth = nested_depth(asked);
        let wanted = |resource: &&Resource| {
            let fits = |name: &str, is: &str| {
                let queries = asked.queries(name);
                queries.is_empty() || queries.iter().any(|one| one == is)
            };
            resource.depth <= depth && fits("type", &resource.kind) && fits("name", &resource.name)
        };
        let resources = stack.plan.resources.iter().filter(wanted);
        let shown: Vec<_> = resources
            .map(|one| resource_of(state, stack, one))
            .collect();
        Ok(Answer::json(StatusCode::OK, &json!({ "resources": shown })))
    })
}

pub(super) fn resource(state: &State, asked: &Asked<'_>) -> Answer {
    with_stack(state, asked, |stack| {
        let name = asked.capture(3);
        let found = stack
            .plan
            .resources
            .iter()
            .find(|one| one.depth == 0 && one.name == name);
        let resource = found.ok_or_else(|| {
            let message = format!(
                "The Resource ({name}) could not be found in Stack {}.",
                stack.order.stack_name
            );
            Refusal::new(StatusCode::NOT_FOUND, "EntityNotFound", message)
        })?;
        let mut shown = resource_of(state, stack, resource);
        shown["attributes"] = json!({});
        shown["description"] = "".into();
        Ok(Answer::json(StatusCode::OK, &json!({ "resource": shown })))
    })
}

pub(super) fn events(state: &State, asked: &Asked<'_>) -> Answer {
    with_stack(state, asked, |stack| {
        stack.shown();
        let depth = nested_depth(asked);
        let mut events: Vec<_> = stack
            .events
            .iter()
            .filter(|event| event.depth <= depth)
            .collect();
        if asked.query("sort_dir").as_deref() == Some("desc") {
            events.reverse();
        }
        if let Some(marker) = asked.query("marker") {
            let after = events.iter().position(|event| event.id == marker);
            events.drain(..after.map_or(0, |index| index + 1));
        }
        if let Some(limit) = asked.query("limit").and_then(|limit| limit.parse().ok()) {
            events.truncate(limit);
        }
        let shown: Vec<_> = events
            .iter()
            .map(|event| event_of(state, stack, event))
            .collect();
        Ok(Answer::json(StatusCode::OK, &json!({ "events": shown })))
    })
}

pub(super) fn template(state: &State, asked: &Asked<'_>) -> Answer {
    with_stack(state, asked, |stack| {
        Ok(Answer::json(
            StatusCode::OK,
            &Value::Object(stack.order.template.clone()),
        ))
    })
}

pub(super) fn environment(state: &State, asked: &Asked<'_>) -> Answer {
    with_stack(state, asked, |stack| {
        let shown = json!({
            "parameters": stack.order.parameters,
            "parameter_defaults": stack.order.defaults,
            "resource_registry": stack.order.environment.get("resource_registry").cloned().unwrap_or(json!({})),
            "encrypted_param_names": [],
            "event_sinks": [],
        });
        Ok(Answer::json(StatusCode::OK, &shown))
    })
}

pub(super) fn files(state: &State, asked: &Asked<'_>) -> Answer {
    with_stack(state, asked, |stack| {
        Ok(Answer::json(
            StatusCode::OK,
            &Value::Object(stack.order.files.clone()),
        ))
    })
}

pub(super) fn outputs(state: &State, asked: &Asked<'_>) -> Answer {
    with_stack(state, asked, |stack| {
        let shown: Vec<_> = stack
            .plan
            .outputs
            .iter()
            .map(
                |one| json!({ "output_key": one["output_key"], "description": one["description"] }),
            )
            .collect();
        Ok(Answer::json(StatusCode::OK, &json!({ "outputs": shown })))
    })
}

pub(super) fn output(state: &State, asked: &Asked<'_>) -> Answer {
    with_stack(state, asked, |stack| {
        let key = asked.capture(3);
        let found = stack
            .plan
            .outputs
            .iter()
            .find(|one| one["output_key"] == key);
        let output = found.ok_or_else(|| {
            let message = format!("Specified output key {key} not found.");
            Refusal::new(StatusCode::NOT_FOUND, "NotFound", message)
        })?;
        Ok(Answer::json(StatusCode::OK, &json!({ "output": output })))
    })
}

/// Where the stack is.
pub(super) fn href(state: &State, stack: &Stack) -> String {
    let (project, name) = (&state.project_id, &stack.order.stack_name);
    format!(
        "{}/heat/v1/{project}/stacks/{name}/{}",
        state.root, stack.id
    )
}

pub(super) fn links(state: &State, stack: &Stack) -> Value {
    json!([{ "href": href(state, stack), "rel": "self" }])
}

fn summary(state: &State, stack: &Stack) -> Value {
    json!({
        "id": stack.id,
        "links": links(state, stack),
        "stack_name": stack.order.stack_name,
        "description": stack.plan.description,
        "stack_status": stack.status_text(),
        "stack_status_reason": stack.reason,
        "creation_time": time(stack.created),
        "updated_time": stack.updated.map(time),
        "deletion_time": stack.deleted.map(time),
        "project": state.project_id,
        "stack_owner": state.account.user,
        "stack_user_project_id": state.project_id,
        "parent": null,
        "tags": stack.order.tags,
    })
}

fn resource_of(state: &State, stack: &Stack, resource: &Resource) -> Value {
    let server = resource.kind == "OS::Nova::Server";
    let up = stack
        .servers
        .iter()
        .any(|one| one.booted.server_id == resource.identifier);
    let status = match stack.status {
        Status::Failed if !server => Status::Complete,
        status => status,
    };
    let stack_href = href(state, stack);
    let mut shown = json!({
        "resource_name": resource.name,
        "logical_resource_id": resource.name,
        "physical_resource_id": if server && !up { "" } else { &resource.identifier },
        "resource_type": resource.kind,
        "resource_status": status_text(stack.action, status),
        "resource_status_reason": "state changed",
        "creation_time": time(stack.created),
        "updated_time": time(stack.updated.unwrap_or(stack.created)),
        "required_by": [],
        "links": [
            { "href": format!("{stack_href}/resources/{}", resource.name), "rel": "self" },
            { "href": stack_href, "rel": "stack" },
        ],
    });
    if let Some(parent) = &resource.parent {
        shown["parent_resource"] = parent.clone().into();
    }
    shown
}

fn event_of(state: &State, stack: &Stack, event: &Event) -> Value {
    let stack_href = href(state, stack);
    let resource_href = format!("{stack_href}/resources/{}", event.resource);
    json!({
        "id": event.id,
        "event_time": time(event.at),
        "resource_name": event.resource,
        "logical_resource_id": event.resource,
        "physical_resource_id": event.physical,
        "resource_type": event.kind,
        "resource_status": event.status,
        "resource_status_reason": event.reason,
        "links": [
            { "href": format!("{resource_href}/events/{}", event.id), "rel": "self" },
            { "href": resource_href, "rel": "resource" },
            { "href": stack_href, "rel": "stack" },
            { "href": stack_href, "rel": "root_stack" },
        ],
    })
}

fn nested_depth(asked: &Asked<'_>) -> usize {
    let depth = asked.query("nested_depth");
    depth.and_then(|depth| depth.parse().ok()).unwrap_or(0)
}

/// To the second, as OpenStack writes it.
pub(super) fn time(at: Timestamp) -> String {
    format!("{at:.0}")
}
