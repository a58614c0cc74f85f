//! Heat's API: what may be done to stacks, and lookups by name. How they are shown is in [`show`](super::show).

use hyper::StatusCode;
use hyper::header::LOCATION;
use serde_json::{Map, Value, json};

use super::error::Refusal;
use super::show;
use super::stack::{Stack, Status};
use super::state::State;
use super::template::{self, Order};
use crate::rest::{Answer, Asked};

pub(super) fn build_info(_: &State, _: &Asked<'_>) -> Answer {
    let revision = json!({ "revision": "simulated" });
    Answer::json(
        StatusCode::OK,
        &json!({ "api": revision, "engine": revision }),
    )
}

/// Creates a stack.
pub(super) fn create(state: &State, asked: &Asked<'_>) -> Answer {
    let created = body(asked).and_then(|body| {
        let order = Order::read(&body, None)?;
        let mut stacks = state.stacks();
        if stacks
            .iter()
            .any(|stack| !stack.is_gone() && stack.order.stack_name == order.stack_name)
        {
            let message = format!("The Stack ({}) already exists.", order.stack_name);
            return Err(Refusal::new(StatusCode::CONFLICT, "StackExists", message));
        }
        let stack = Stack::create(state, order)?;
        let answer = json!({ "stack": { "id": stack.id, "links": show::links(state, &stack) } });
        let answer =
            Answer::json(StatusCode::CREATED, &answer).with(LOCATION, &show::href(state, &stack));
        stacks.push(stack);
        Ok(answer)
    });
    created.unwrap_or_else(Answer::from)
}

/// What would be created.
pub(super) fn validate(_: &State, asked: &Asked<'_>) -> Answer {
    let validated = body(asked).and_then(|body| {
        let order = Order::read(&body, None)?;
        let definitions = template::section(&order.template, "parameters");
        let parameters: Map<_, _> = definitions
            .iter()
            .map(|(name, definition)| {
                let text = |key: &str| definition.get(key).cloned().unwrap_or_default();
                let shown = json!({
                    "Type": kind_of_parameter(definition), "Label": name, "Description": text("description"),
                    "Default": text("default"), "NoEcho": text("hidden") == true,
                });
                (name.clone(), shown)
            })
            .collect();
        let description = order.template.get("description").cloned();
        let shown = json!({ "Description": description.unwrap_or_default(), "Parameters": parameters, "ParameterGroups": [] });
        Ok(Answer::json(StatusCode::OK, &shown))
    });
    validated.unwrap_or_else(Answer::from)
}

fn kind_of_parameter(definition: &Value) -> &'static str {
    match definition.get("type").and_then(Value::as_str) {
        Some("number") => "Number",
        Some("json") => "Json",
        Some("comma_delimited_list") => "CommaDelimitedList",
        Some("boolean") => "Boolean",
        _ => "String",
    }
}

/// Where the stack of this name or identifier is: 302, with whatever followed its name.
pub(super) fn lookup(state: &State, asked: &Asked<'_>) -> Answer {
    let name = asked.capture(1);
    let stacks = state.stacks();
    let named = stacks
        .iter()
        .rev()
        .find(|stack| stack.id == name || (stack.order.stack_name == name && !stack.is_gone()));
    let Some(stack) = named else {
        return Refusal::no_stack(name).into();
    };
    // After /heat/v1/{project}/stacks/{name}.
    let rest: String = asked
        .path()
        .split('/')
        .skip(6)
        .map(|segment| format!("/{segment}"))
        .collect();
    let query = asked
        .request
        .url
        .query()
        .map_or(String::new(), |query| format!("?{query}"));
    let location = format!("{}{rest}{query}", show::href(state, stack));
    Answer::empty(StatusCode::FOUND).with(LOCATION, &location)
}

/// Changes a stack: PUT gives it anew, PATCH gives what is other.
pub(super) fn put(state: &State, asked: &Asked<'_>) -> Answer {
    update(state, asked, false)
}

pub(super) fn patch(state: &State, asked: &Asked<'_>) -> Answer {
    update(state, asked, true)
}

fn update(state: &State, asked: &Asked<'_>, keeps: bool) -> Answer {
    let body = match body(asked) {
        Ok(body) => body,
        Err(refusal) => return refusal.into(),
    };
    with_stack(state, asked, |stack| {
        if stack.is_gone() {
            return Err(Refusal::no_stack(asked.capture(1)));
        }
        let mut order = Order::read(&body, keeps.then_some(&stack.order))?;
        order.stack_name.clone_from(&stack.order.stack_name);
        stack.update(state, order)?;
        Ok(Answer::empty(StatusCode::ACCEPTED))
    })
}

pub(super) fn delete(state: &State, asked: &Asked<'_>) -> Answer {
    with_stack(state, asked, |stack| {
        if stack.is_gone() {
            return Err(Refusal::no_stack(asked.capture(1)));
        }
        stack.delete(state);
        Ok(Answer::empty(StatusCode::NO_CONTENT))
    })
}

/// Cancels what is in progress, checks, suspends ...: accepted, without effect, but for a stack in progress.
pub(super) fn act(state: &State, asked: &Asked<'_>) -> Answer {
    with_stack(state, asked, |stack| {
        if stack.status == Status::InProgress {
            stack.finish();
        }
        Ok(Answer::empty(StatusCode::ACCEPTED))
    })
}

/// Does something with the stack that the request names by both name and identifier.
pub(super) fn with_stack(
    state: &State,
    asked: &Asked<'_>,
    what: impl FnOnce(&mut Stack) -> Result<Answer, Refusal>,
) -> Answer {
    let (name, id) = (asked.capture(1), asked.capture(2));
    let mut stacks = state.stacks();
    let stack = stacks
        .iter_mut()
        .find(|stack| stack.id == id && stack.order.stack_name == name);
    let done = stack.ok_or_else(|| Refusal::no_stack(name)).and_then(what);
    done.unwrap_or_else(Answer::from)
}

fn body(asked: &Asked<'_>) -> Result<Value, Refusal> {
    asked.json().map_err(template::bad_request)
}
