//! What a client asks Heat to make: [`Order`], read from the body of a request.

use hyper::StatusCode;
use serde_json::{Map, Value};

use super::error::Refusal;
use crate::material::yaml;

/// Longest template, as Heat's own default: 512 KiB.
pub(super) const MAX_TEMPLATE: usize = 512 * 1024;

/// Stack name, template and all that belongs to it.
#[derive(Clone, Default)]
pub(super) struct Order {
    pub(super) stack_name: String,
    pub(super) template: Map<String, Value>,
    pub(super) files: Map<String, Value>,
    pub(super) environment: Map<String, Value>,
    /// Given for this stack, from the request and its environment; not yet those that the template defaults to.
    pub(super) parameters: Map<String, Value>,
    /// Given for any template that has such a parameter.
    pub(super) defaults: Map<String, Value>,
    pub(super) tags: Value,
    pub(super) timeout_mins: Value,
    pub(super) disable_rollback: Value,
}

impl Order {
    /// Reads a request to create, or (with `before`, for PATCH) to change a stack.
    ///
    /// # Errors
    /// What Heat would answer to it.
    pub(super) fn read(body: &Value, before: Option<&Order>) -> Result<Self, Refusal> {
        let mut order = before.cloned().unwrap_or_default();
        if let Some(name) = body.get("stack_name").and_then(Value::as_str) {
            order.stack_name = valid_name(name)?.to_owned();
        }
        match (body.get("template"), body.get("template_url")) {
            (Some(template), _) if !template.is_null() => order.template = read_template(template)?,
            (_, Some(url)) if !url.is_null() => {
                let message =
                    "Could not retrieve template: this VIM fetches none; send it as `template`.";
                return Err(bad_request(message));
            }
            _ if order.template.is_empty() => {
                return Err(bad_request("No template specified"));
            }
            _ => {}
        }
        if let Some(files) = body.get("files").and_then(Value::as_object) {
            order.files.extend(files.clone());
        }
        order.read_environment(body)?;
        if let Some(parameters) = body.get("parameters").and_then(Value::as_object) {
            order.parameters.extend(parameters.clone());
        }
        for (name, place) in [
            ("tags", &mut order.tags),
            ("timeout_mins", &mut order.timeout_mins),
            ("disable_rollback", &mut order.disable_rollback),
        ] {
            if let Some(value) = body.get(name) {
                *place = value.clone();
            }
        }
        Ok(order)
    }

    /// An environment given as an object or as YAML, or as names of files (which `files` holds).
    fn read_environment(&mut self, body: &Value) -> Result<(), Refusal> {
        let named = body.get("environment_files").and_then(Value::as_array);
        let contents = named.into_iter().flatten().filter_map(|name| {
            let name = name.as_str()?;
            self.files.get(name).cloned()
        });
        let given = body.get("environment").cloned();
        for environment in contents.chain(given).collect::<Vec<_>>() {
            let environment = match environment {
                Value::String(text) => yaml::parse(&text).map_err(|error| {
                    bad_request(format!("Environment not in valid format: {error}"))
                })?,
                other => other,
            };
            let Value::Object(environment) = environment else {
                continue;
            };
            self.defaults
                .extend(section(&environment, "parameter_defaults"));
            self.parameters.extend(section(&environment, "parameters"));
            self.environment.extend(environment);
        }
        Ok(())
    }
}

/// A template given as an object or as a text in YAML or JSON.
pub(super) fn read_template(template: &Value) -> Result<Map<String, Value>, Refusal> {
    let size = match template {
        Value::String(text) => text.len(),
        other => other.to_string().len(),
    };
    if size > MAX_TEMPLATE {
        let message = format!(
            "Request limit exceeded: Template size ({size} bytes) exceeds maximum allowed size ({MAX_TEMPLATE} bytes)."
        );
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "RequestLimitExceeded",
            message,
        ));
    }
    let template = match template {
        Value::String(text) => yaml::parse(text)
            .map_err(|error| bad_request(format!("Template format error: not YAML: {error}")))?,
        other => other.clone(),
    };
    let Value::Object(template) = template else {
        return Err(bad_request(
            "Template format error: the template is not a JSON object or YAML mapping.",
        ));
    };
    if !template.contains_key("heat_template_version") {
        let message = "Template format version not found: only HOT is read here, which has heat_template_version.";
        return Err(Refusal::new(
            StatusCode::BAD_REQUEST,
            "InvalidTemplateVersion",
            message,
        ));
    }
    Ok(template)
}

/// The value of each parameter of the template: given, or its default.
pub(super) fn parameters(
    template: &Map<String, Value>,
    given: &Map<String, Value>,
    defaults: &Map<String, Value>,
) -> Result<Map<String, Value>, Refusal> {
    let definitions = section(template, "parameters");
    definitions
        .iter()
        .map(|(name, definition)| {
            let value = given
                .get(name)
                .or_else(|| defaults.get(name))
                .or_else(|| definition.get("default"));
            let value = value.ok_or_else(|| {
                let message = format!("The Parameter ({name}) was not provided.");
                Refusal::new(StatusCode::BAD_REQUEST, "UserParameterMissing", message)
            })?;
            let kind = definition.get("type").and_then(Value::as_str);
            Ok((name.clone(), typed(kind.unwrap_or("string"), value)))
        })
        .collect()
}

/// What is given but not defined, which Heat refuses.
pub(super) fn undefined<'a>(
    template: &Map<String, Value>,
    given: &'a Map<String, Value>,
) -> Option<&'a str> {
    let definitions = section(template, "parameters");
    let mut names = given.keys().map(String::as_str);
    names.find(|name| !definitions.contains_key(*name))
}

/// A section of the template, empty if it has none.
pub(super) fn section(template: &Map<String, Value>, name: &str) -> Map<String, Value> {
    let section = template.get(name).and_then(Value::as_object);
    section.cloned().unwrap_or_default()
}

/// Structures may be sent as texts.
fn typed(kind: &str, value: &Value) -> Value {
    match (kind, value) {
        ("json", Value::String(text)) => yaml::parse(text).unwrap_or_else(|_| value.clone()),
        ("comma_delimited_list", Value::String(text)) => text
            .split(',')
            .map(|entry| Value::from(entry.trim()))
            .collect(),
        _ => value.clone(),
    }
}

fn valid_name(name: &str) -> Result<&str, Refusal> {
    let mut characters = name.chars();
    let first = characters.next().is_some_and(|c| c.is_ascii_alphabetic());
    let rest = characters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
    if first && rest && name.len() <= 255 {
        Ok(name)
    } else {
        let message = format!(
            "Invalid stack name {name} must contain only alphanumeric or \"_-.\" characters, must start with alpha and \
             must be 255 characters or less."
        );
        Err(Refusal::invalid(message))
    }
}

pub(super) fn bad_request(message: impl Into<String>) -> Refusal {
    Refusal::new(StatusCode::BAD_REQUEST, "HTTPBadRequest", message)
}
