//! The JSON schema of a profile, made from its types: [`schema`]. Labels and their documentation, the template and what is told of a
//! slip of the pen all come from it, so that each label is described in one place, its doc comment.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform};
use serde_json::Value;

use crate::model::sut::Profile;

/// The schema of a profile file, as committed under `reports/schema/`. It holds no references: each label stands where it belongs.
#[must_use]
pub fn schema() -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    let mut schema = settings.into_generator().into_root_schema_for::<Profile>();
    RecursiveTransform(without_null).transform(&mut schema);
    schema.to_value()
}

/// TOML has no null: what may be missing is missing.
fn without_null(schema: &mut Schema) {
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    if object.get("default").is_some_and(Value::is_null) {
        object.remove("default");
    }
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            object.insert("type".to_owned(), one);
        }
    }
    let Some(Value::Array(branches)) = object.get_mut("anyOf") else {
        return;
    };
    branches.retain(|branch| branch["type"] != "null");
    if branches.len() > 1 {
        return;
    }
    let Some(Value::Array(mut branches)) = object.remove("anyOf") else {
        return;
    };
    if let Some(Value::Object(only)) = branches.pop() {
        // What the field says of itself goes before what its type says.
        for (key, value) in only {
            object.entry(key).or_insert(value);
        }
    }
}

/// The words that can stand in a place, if only some can.
pub(super) fn words(schema: &Value) -> Option<Vec<&str>> {
    if let Some(words) = schema["enum"].as_array() {
        return words.iter().map(Value::as_str).collect();
    }
    let branches = schema["oneOf"].as_array()?;
    branches
        .iter()
        .map(|branch| branch["const"].as_str())
        .collect()
}

/// True of a place for a secret.
pub(super) fn is_secret(schema: &Value) -> bool {
    schema["x-secret"] == true
}

/// What can stand in a place, in words: `number, 1 to 3600`.
pub(super) fn kind(schema: &Value) -> String {
    if let Some(words) = words(schema) {
        let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
        return either(&words);
    }
    if is_secret(schema) {
        return "secret: `{ file = \"...\" }` or `{ env = \"NAME\" }`".to_owned();
    }
    if let Some(branches) = schema["anyOf"].as_array() {
        return either(&branches.iter().map(kind).collect::<Vec<_>>());
    }
    match schema["type"].as_str() {
        Some("string") => match schema["format"].as_str() {
            Some("date") => "day, e.g. `2027-03-31`",
            Some("address-and-port") => "address and port",
            Some("host-and-port") => "host and port",
            _ => "text",
        }
        .to_owned(),
        Some("integer") => match (schema["minimum"].as_u64(), schema["maximum"].as_u64()) {
            (Some(least), Some(most)) => format!("number, {least} to {most}"),
            _ => "number".to_owned(),
        },
        Some("boolean") => "`true` or `false`".to_owned(),
        Some("array") => format!("list of {}", kind(&schema["items"])),
        Some("object") => "table".to_owned(),
        _ => "anything".to_owned(),
    }
}

fn either(words: &[String]) -> String {
    match words {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        _ => words.concat(),
    }
}
