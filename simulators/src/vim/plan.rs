//! What a template comes to: [`Plan`], all its resources with groups and nested templates unfolded.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::error::Refusal;
use super::evaluate::{Scope, as_text};
use super::template::{self, Order};

/// As Heat's default.
const MAX_RESOURCES: usize = 1000;
/// As Heat's default.
const MAX_NESTED: usize = 5;

/// Everything that a stack consists of.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) description: String,
    /// As they are shown: hidden ones as stars.
    pub(super) shown_parameters: Map<String, Value>,
    /// As they are.
    pub(super) parameters: Map<String, Value>,
    pub(super) resources: Vec<Resource>,
    /// `{output_key, description, output_value}`.
    pub(super) outputs: Vec<Value>,
    /// Content of each software configuration, by physical identifier.
    configurations: Map<String, Value>,
    /// Physical identifiers of before a change, by the way to the resource: what stays keeps its own.
    identifiers: BTreeMap<String, String>,
}

/// A resource, anywhere in the stack.
#[derive(Clone)]
pub(super) struct Resource {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) identifier: String,
    /// The group or nested template that it belongs to.
    pub(super) parent: Option<String>,
    /// 0 at the top.
    pub(super) depth: usize,
    /// Evaluated.
    pub(super) properties: Value,
}

impl Resource {
    /// Its way from the top; stays the same when the stack is changed.
    pub(super) fn way(&self) -> String {
        way(self.parent.as_deref(), &self.name)
    }
}

fn way(parent: Option<&str>, name: &str) -> String {
    match parent {
        Some(parent) => format!("{parent}/{name}"),
        None => name.to_owned(),
    }
}

/// One template with its values, on the way down.
struct Level<'a> {
    template: &'a Map<String, Value>,
    parameters: &'a Map<String, Value>,
    parent: Option<String>,
    depth: usize,
}

impl Plan {
    /// # Errors
    /// What Heat would answer: parameters missing or unknown, references that lead nowhere, too many resources.
    pub(super) fn of(
        order: &Order,
        stack_id: &str,
        project: &str,
        before: Option<&Plan>,
    ) -> Result<Self, Refusal> {
        if let Some(name) = template::undefined(&order.template, &order.parameters) {
            let message = format!("The Parameter ({name}) was not defined in template.");
            let status = hyper::StatusCode::BAD_REQUEST;
            return Err(Refusal::new(status, "UnknownUserParameter", message));
        }
        let mut parameters =
            template::parameters(&order.template, &order.parameters, &order.defaults)?;
        let pseudo = [
            ("OS::stack_name", order.stack_name.as_str()),
            ("OS::stack_id", stack_id),
            ("OS::project_id", project),
        ];
        parameters.extend(pseudo.map(|(name, value)| (name.to_owned(), value.into())));
        let description = order.template.get("description").map(as_text);
        let mut plan = Self {
            description: description.unwrap_or_default(),
            shown_parameters: shown(&order.template, &parameters),
            identifiers: before.map(Self::known).unwrap_or_default(),
            ..Self::default()
        };
        let top = Level {
            template: &order.template,
            parameters: &parameters,
            parent: None,
            depth: 0,
        };
        let identifiers = plan.template(order, &top)?;
        plan.outputs = outputs(order, &parameters, &identifiers)?;
        plan.parameters = parameters;
        Ok(plan)
    }

    fn known(&self) -> BTreeMap<String, String> {
        let known = self.resources.iter();
        known
            .map(|resource| (resource.way(), resource.identifier.clone()))
            .collect()
    }

    fn identifier(&self, way: &str) -> String {
        let known = self.identifiers.get(way).cloned();
        known.unwrap_or_else(|| Uuid::new_v4().to_string())
    }

    /// The servers among the resources.
    pub(super) fn servers(&self) -> impl Iterator<Item = &Resource> {
        let server = |resource: &&Resource| resource.kind == "OS::Nova::Server";
        self.resources.iter().filter(server)
    }

    /// What a server's `user_data` comes to: named parts of text.
    pub(super) fn user_data(&self, server: &Resource) -> Vec<(String, String)> {
        let Some(user_data) = server.properties.get("user_data") else {
            return Vec::new();
        };
        let given = as_text(user_data);
        let content = self.configurations.get(&given);
        match content {
            Some(Value::Array(parts)) => self.parts(parts, "user_data", 0),
            Some(content) => vec![("user_data".into(), as_text(content))],
            None => vec![("user_data".into(), given)],
        }
    }

    /// The parts of an OS::Heat::MultipartMime.
    fn parts(&self, parts: &[Value], place: &str, depth: usize) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for (index, part) in parts.iter().enumerate() {
            let config = part.get("config").map(as_text).unwrap_or_default();
            let name = part.get("filename").and_then(Value::as_str);
            let place = format!(
                "{place} part {}",
                name.map_or(index.to_string(), str::to_owned)
            );
            match self.configurations.get(&config) {
                Some(Value::Array(inner)) if depth < MAX_NESTED => {
                    found.extend(self.parts(inner, &place, depth + 1));
                }
                Some(content) => found.push((place, as_text(content))),
                None => found.push((place, config)),
            }
        }
        found
    }

    /// Adds all resources of a template; returns their physical identifiers.
    fn template(
        &mut self,
        order: &Order,
        level: &Level<'_>,
    ) -> Result<Map<String, Value>, Refusal> {
        let resources = template::section(level.template, "resources");
        let identifiers: Map<_, _> = resources
            .keys()
            .map(|name| {
                let way = way(level.parent.as_deref(), name);
                (name.clone(), self.identifier(&way).into())
            })
            .collect();
        let scope = Scope {
            parameters: level.parameters,
            files: &order.files,
            identifiers: &identifiers,
        };
        for (name, resource) in &resources {
            let Some(kind) = resource.get("type").and_then(Value::as_str) else {
                let message = format!("Resource {name} has no type.");
                return Err(Refusal::invalid(message));
            };
            let properties = resource.get("properties").cloned().unwrap_or(json!({}));
            let resource = Resource {
                name: name.clone(),
                kind: kind.to_owned(),
                identifier: as_text(&identifiers[name.as_str()]),
                parent: level.parent.clone(),
                depth: level.depth,
                properties: scope.evaluate(&properties)?,
            };
            self.add(order, resource)?;
        }
        Ok(identifiers)
    }

    /// Adds a resource, and what is inside it.
    fn add(&mut self, order: &Order, resource: Resource) -> Result<(), Refusal> {
        if self.resources.len() >= MAX_RESOURCES || resource.depth > MAX_NESTED {
            let message = format!(
                "You have reached the maximum resources per stack, {MAX_RESOURCES}, or nested stacks, {MAX_NESTED}."
            );
            let status = hyper::StatusCode::FORBIDDEN;
            return Err(Refusal::new(status, "RequestLimitExceeded", message));
        }
        self.resources.push(resource.clone());
        let properties = &resource.properties;
        match resource.kind.as_str() {
            "OS::Heat::ResourceGroup" => {
                let count = count(properties.get("count")).unwrap_or(1);
                let variable = properties.get("index_var").and_then(Value::as_str);
                let member = properties.get("resource_def").unwrap_or(&Value::Null);
                self.members(
                    order,
                    &resource,
                    count,
                    variable.unwrap_or("%index%"),
                    member,
                )
            }
            "OS::Heat::AutoScalingGroup" => {
                let size = properties.get("desired_capacity");
                let count = count(size).or_else(|| count(properties.get("min_size")));
                let member = properties.get("resource").unwrap_or(&Value::Null);
                self.members(order, &resource, count.unwrap_or(1), "", member)
            }
            "OS::Heat::SoftwareConfig" => self.configure(&resource, properties.get("config")),
            "OS::Heat::StructuredConfig" => self.configure(&resource, properties.get("config")),
            "OS::Heat::CloudConfig" => {
                // JSON is YAML.
                let config = properties.get("cloud_config").map(Value::to_string);
                let text = format!("#cloud-config\n{}", config.unwrap_or_default());
                self.configure(&resource, Some(&text.into()))
            }
            "OS::Heat::MultipartMime" => self.configure(&resource, properties.get("parts")),
            kind => match nested_template(order, kind)? {
                Some(template) => self.nested(order, &resource, &template),
                None => Ok(()),
            },
        }
    }

    fn configure(&mut self, resource: &Resource, content: Option<&Value>) -> Result<(), Refusal> {
        let content = content.cloned().unwrap_or_default();
        self.configurations
            .insert(resource.identifier.clone(), content);
        Ok(())
    }

    fn members(
        &mut self,
        order: &Order,
        group: &Resource,
        count: usize,
        variable: &str,
        definition: &Value,
    ) -> Result<(), Refusal> {
        let Some(kind) = definition.get("type").and_then(Value::as_str) else {
            let message = format!(
                "Resource {} does not say of what it is a group.",
                group.name
            );
            return Err(Refusal::invalid(message));
        };
        for index in 0..count {
            let properties = definition.get("properties").cloned().unwrap_or(json!({}));
            let member = Resource {
                name: index.to_string(),
                kind: kind.to_owned(),
                identifier: self.identifier(&way(Some(&group.way()), &index.to_string())),
                parent: Some(group.way()),
                depth: group.depth + 1,
                properties: indexed(properties, variable, index),
            };
            self.add(order, member)?;
        }
        Ok(())
    }

    fn nested(
        &mut self,
        order: &Order,
        resource: &Resource,
        template: &Map<String, Value>,
    ) -> Result<(), Refusal> {
        let given = resource.properties.as_object().cloned().unwrap_or_default();
        let parameters = template::parameters(template, &given, &order.defaults)?;
        let level = Level {
            template,
            parameters: &parameters,
            parent: Some(resource.way()),
            depth: resource.depth + 1,
        };
        self.template(order, &level).map(drop)
    }
}

/// The template that a resource's type names: a file, or what the environment's registry maps to one.
fn nested_template(order: &Order, kind: &str) -> Result<Option<Map<String, Value>>, Refusal> {
    let registry = order.environment.get("resource_registry");
    let mapped = registry
        .and_then(|registry| registry.get(kind))
        .and_then(Value::as_str);
    let name = mapped.unwrap_or(kind);
    match order.files.get(name) {
        Some(file) => template::read_template(file).map(Some),
        None if name.ends_with(".yaml")
            || name.ends_with(".yml")
            || name.ends_with(".template") =>
        {
            let message =
                format!("Could not fetch remote template \"{name}\": it is not among `files`.");
            Err(Refusal::invalid(message))
        }
        None => Ok(None),
    }
}

fn count(value: Option<&Value>) -> Option<usize> {
    let number = match value? {
        Value::String(text) => text.parse().ok()?,
        other => other.as_u64()?,
    };
    Some(
        usize::try_from(number)
            .unwrap_or(MAX_RESOURCES)
            .min(MAX_RESOURCES),
    )
}

fn indexed(value: Value, variable: &str, index: usize) -> Value {
    match value {
        Value::String(text) if !variable.is_empty() => {
            text.replace(variable, &index.to_string()).into()
        }
        Value::Array(entries) => entries
            .into_iter()
            .map(|entry| indexed(entry, variable, index))
            .collect(),
        Value::Object(members) => members
            .into_iter()
            .map(|(name, member)| (name, indexed(member, variable, index)))
            .collect(),
        other => other,
    }
}

fn shown(template: &Map<String, Value>, parameters: &Map<String, Value>) -> Map<String, Value> {
    let definitions = template::section(template, "parameters");
    let hidden = |name: &str| {
        let hidden = definitions.get(name).and_then(|one| one.get("hidden"));
        hidden.is_some_and(|hidden| as_text(hidden).eq_ignore_ascii_case("true"))
    };
    parameters
        .iter()
        .map(|(name, value)| match hidden(name) {
            true => (name.clone(), "******".into()),
            false => (name.clone(), as_text(value).into()),
        })
        .collect()
}

fn outputs(
    order: &Order,
    parameters: &Map<String, Value>,
    identifiers: &Map<String, Value>,
) -> Result<Vec<Value>, Refusal> {
    let scope = Scope {
        parameters,
        files: &order.files,
        identifiers,
    };
    let outputs = template::section(&order.template, "outputs");
    let shown = outputs.iter().map(|(name, output)| {
        Ok(json!({
            "output_key": name,
            "description": output.get("description").map_or("No description given".into(), as_text),
            "output_value": scope.evaluate(output.get("value").unwrap_or(&Value::Null))?,
        }))
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vim::boot::Booted;
    use proptest::prelude::*;

    /// JSON of the words that matter here.
    fn json() -> impl Strategy<Value = Value> {
        let word = prop::sample::select(vec![
            "a",
            "b",
            "type",
            "properties",
            "get_param",
            "get_file",
            "get_resource",
            "str_replace",
            "template",
            "params",
            "list_join",
            "count",
            "resource_def",
            "resource",
            "user_data",
            "cloud_config",
            "parts",
            "config",
            "OS::Nova::Server",
            "OS::Heat::ResourceGroup",
            "OS::Heat::MultipartMime",
            "OS::Heat::CloudConfig",
            "a.yaml",
            "heat_template_version: 1",
            "resources",
            "parameters",
            "default",
            "%index%",
        ]);
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i32>().prop_map(Value::from),
            word.clone().prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 40, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((word.clone(), inner), 0..4).prop_map(|members| members
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_order_is_planned_or_refused(
            parameters in json(), first in json(), second in json(), files in json(), environment in json(),
        ) {
            let body = json!({
                "stack_name": "s",
                "template": {
                    "heat_template_version": "2018-08-31",
                    "parameters": { "a": parameters },
                    "resources": { "a": first, "b": { "type": "OS::Nova::Server", "properties": second } },
                },
                "parameters": { "a": "x" },
                "files": files,
                "environment": environment,
            });
            if let Ok(order) = Order::read(&body, None)
                && let Ok(plan) = Plan::of(&order, "id", "project", None)
            {
                for server in plan.servers() {
                    prop_assert!(Booted::of(&plan, server, "id", "s").deliveries.is_empty());
                }
            }
        }
    }

    /// A template that contains itself ends.
    #[test]
    fn nesting_without_end_is_refused() {
        let own = json!({ "heat_template_version": "1", "resources": { "a": { "type": "own.yaml" }, "b": { "type": "own.yaml" } } });
        let body =
            json!({ "stack_name": "s", "template": own, "files": { "own.yaml": own.to_string() } });
        let order = Order::read(&body, None).expect("an order");
        let refusal = Plan::of(&order, "id", "project", None).map(drop);
        let refusal = refusal.expect_err("a refusal");
        assert!(refusal.message.contains("nested stacks, 5"), "{refusal:?}");
    }
}
