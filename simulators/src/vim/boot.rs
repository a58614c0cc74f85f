//! Servers that a VIM has started: [`Booted`], with what reached the VNFC instance inside.

use std::collections::BTreeMap;

use serde_json::Value;

use super::evaluate::as_text;
use super::plan::{Plan, Resource};
use crate::material::find::{self, Piece};
use crate::material::{Delivered, Missing, carries_private_key, user_data};

/// A server, i.e. a VNFC instance (VNFCI), as it came up.
#[derive(Clone, Debug)]
pub struct Booted {
    /// Nova's identifier of the server.
    pub server_id: String,
    /// The server's name.
    pub name: String,
    /// The stack that it belongs to.
    pub stack_id: String,
    /// The stack's name.
    pub stack_name: String,
    /// The resource in the stack; inside a group or nested template with the way to it, e.g. `group/0`.
    pub resource: String,
    /// The server's metadata, which it could read; not what carried a private key.
    pub metadata: BTreeMap<String, String>,
    /// Certificates with their private keys, in the order in which the keys were found; empty if nothing complete was.
    pub deliveries: Vec<Delivered>,
    /// Why there is nothing complete.
    pub missing: Option<Missing>,
}

impl Booted {
    /// The first certificate with its key.
    pub fn delivered(&self) -> Option<&Delivered> {
        self.deliveries.first()
    }

    /// A server that is given what the plan says.
    pub(super) fn of(plan: &Plan, server: &Resource, stack_id: &str, stack_name: &str) -> Self {
        let mut pieces = Vec::new();
        for (place, text) in plan.user_data(server) {
            user_data::cut(&place, text.as_bytes(), &mut pieces);
        }
        if let Some(files) = server
            .properties
            .get("personality")
            .and_then(Value::as_object)
        {
            for (path, content) in files {
                let place = format!("personality {path}");
                pieces.push(Piece::new(place, as_text(content).as_bytes()));
            }
        }
        // A config drive holds these same things: user_data, personality and metadata.
        let metadata = server.properties.get("metadata").unwrap_or(&Value::Null);
        user_data::strings("metadata", metadata, &mut pieces);
        let mut found = find::find(&pieces);
        if found.is_err() {
            // Parameters that no server refers to reach no server, but this VIM has them, and so may the VNFCI.
            let parameters = Value::Object(plan.parameters.clone());
            user_data::strings("parameters", &parameters, &mut pieces);
            found = find::find(&pieces).or(found);
        }
        let (deliveries, missing) = match found {
            Ok(deliveries) => (deliveries, None),
            Err(missing) => (Vec::new(), Some(missing)),
        };
        let texts = metadata.as_object().into_iter().flatten();
        Self {
            server_id: server.identifier.clone(),
            name: name(server, stack_name),
            stack_id: stack_id.to_owned(),
            stack_name: stack_name.to_owned(),
            resource: server.way(),
            metadata: texts
                .filter(|(_, value)| !carries_private_key(as_text(value).as_bytes()))
                .map(|(name, value)| (name.clone(), as_text(value)))
                .collect(),
            deliveries,
            missing,
        }
    }

    /// The same without what it was given.
    pub(super) fn without_key(self) -> Self {
        Self {
            deliveries: Vec::new(),
            missing: Some(Missing::Fault),
            ..self
        }
    }
}

/// The name that the template gives, or one as Heat makes it.
fn name(server: &Resource, stack_name: &str) -> String {
    match server.properties.get("name").and_then(Value::as_str) {
        Some(name) if !name.is_empty() => name.to_owned(),
        _ => format!("{stack_name}-{}", server.way().replace('/', "-")),
    }
}
