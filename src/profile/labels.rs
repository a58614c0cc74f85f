//! Every label of a profile with what it is for, read from the schema: [`labels`]; as a table for docs/profile.md: [`table`].

use std::fmt::Write as _;

use serde_json::Value;

use super::schema;

/// One label of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// With its tables: `ixit.capacity.quick`; a name of the user's own is in angle brackets, `documents.<label>`.
    pub path: String,
    /// What can stand there, in words.
    pub kind: String,
    /// What holds if it is not there, as TOML writes it; none where it is not said.
    pub default: Option<String>,
    /// Whether it must be there, given that its table is.
    pub required: bool,
    /// What it is for: the first paragraph of the doc comment.
    pub meaning: String,
    /// A value as TOML writes it, to begin with, where it is required and has one.
    pub example: Option<String>,
    /// A table: only what stands in it is written.
    pub is_table: bool,
}

/// Every label, tables before what stands in them.
#[must_use]
pub fn labels() -> Vec<Label> {
    let mut found = Vec::new();
    collect(&schema::schema(), "", &Value::Null, &mut found);
    found
}

/// `given` is the default of the table as a whole: it tells those of its labels.
fn collect(table: &Value, prefix: &str, given: &Value, found: &mut Vec<Label>) {
    let required: Vec<&str> = table["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    for (name, schema) in table["properties"].as_object().into_iter().flatten() {
        let path = format!("{prefix}{name}");
        let default = schema
            .get("default")
            .or_else(|| given.get(name))
            .filter(|value| !value.is_null());
        one(
            schema,
            &path,
            default,
            required.contains(&name.as_str()),
            found,
        );
    }
}

fn one(
    schema: &Value,
    path: &str,
    default: Option<&Value>,
    required: bool,
    found: &mut Vec<Label>,
) {
    let is_map = schema["additionalProperties"].is_object();
    let items = &schema["items"];
    let inner = if items["properties"].is_object() {
        items
    } else {
        schema
    };
    let is_table = inner["properties"].is_object() && !schema::is_secret(schema);
    found.push(Label {
        path: path.to_owned(),
        kind: schema::kind(schema),
        default: default.filter(|_| !is_table && !is_map).map(toml),
        required,
        meaning: meaning(schema),
        example: schema["examples"].get(0).map(toml),
        is_table: is_table || is_map,
    });
    if is_map && schema["additionalProperties"] != true {
        let name = if path == "ics" { "item" } else { "label" };
        let of_one = &schema["additionalProperties"];
        one(of_one, &format!("{path}.<{name}>"), None, false, found);
    } else if is_table {
        collect(
            inner,
            &format!("{path}."),
            default.unwrap_or(&Value::Null),
            found,
        );
    }
    // A value or a table: the table's labels follow.
    for branch in schema["anyOf"].as_array().into_iter().flatten() {
        collect(branch, &format!("{path}."), &Value::Null, found);
    }
}

fn meaning(schema: &Value) -> String {
    let text = schema["description"].as_str().unwrap_or_default();
    let first = text.split("\n\n").next().unwrap_or_default();
    first.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A value as TOML writes it in one line.
fn toml(value: &Value) -> String {
    match value {
        Value::Array(entries) => {
            let entries: Vec<_> = entries.iter().map(toml).collect();
            format!("[{}]", entries.join(", "))
        }
        Value::Object(members) if members.is_empty() => "{}".to_owned(),
        Value::Object(members) => {
            let members: Vec<_> = members
                .iter()
                .map(|(name, value)| format!("{name} = {}", toml(value)))
                .collect();
            format!("{{ {} }}", members.join(", "))
        }
        // TOML and JSON write texts, numbers and Booleans alike.
        plain => plain.to_string(),
    }
}

/// The labels as a table in Markdown, one row each, those of a table below its own.
#[must_use]
pub fn table() -> String {
    let mut text = "| label | type | default | meaning |\n|---|---|---|---|\n".to_owned();
    for label in labels() {
        if label.meaning.is_empty() {
            continue;
        }
        let meaning = label.meaning.replace('|', "\\|");
        if label.is_table && !label.path.contains('<') {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "| **`[{}]`** | | | **{meaning}** |", label.path);
            continue;
        }
        let default = match (&label.default, label.required) {
            (Some(default), _) => format!("`{default}`"),
            (None, true) => "required".to_owned(),
            (None, false) => "none".to_owned(),
        };
        let kind = label.kind.replace('|', "\\|");
        let _ = writeln!(
            text,
            "| `{}` | {kind} | {default} | {meaning} |",
            label.path
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label(path: &str) -> Label {
        let found = labels().into_iter().find(|label| label.path == path);
        found.unwrap_or_else(|| panic!("no {path}"))
    }

    #[test]
    fn a_label_has_its_type_its_default_and_its_meaning() {
        let quick = label("ixit.capacity.quick");
        assert_eq!(quick.kind, "number, 2 to 100000000");
        assert!(quick.required && quick.default.is_none());
        let security = label("ixit.nfvo.security");
        assert_eq!(security.kind, "`mutual-tls`, `server-tls` or `plain`");
        assert_eq!(security.default.as_deref(), Some("\"mutual-tls\""));
        assert_eq!(label("ixit.timeouts.start").default.as_deref(), Some("20"));
        assert_eq!(
            label("ixit.refusal-statuses").default.as_deref(),
            Some("[400, 409, 422]")
        );
        assert_eq!(label("ixit.cmf.listen").kind, "address and port");
        assert_eq!(label("waiver.expires").kind, "day, e.g. `2027-03-31`");
        assert!(!label("sut.serial").required);
        assert!(
            label("documents.<label>.sha256")
                .meaning
                .contains("SHA-256")
        );
        assert!(label("ics.<item>.reason").required);
    }

    #[test]
    fn every_label_says_what_it_is_for() {
        for label in labels() {
            // What the user names says what it is for at the table.
            if label.path.ends_with('>') && label.meaning.is_empty() {
                continue;
            }
            assert!(
                label.meaning.ends_with('.'),
                "{}: '{}'",
                label.path,
                label.meaning
            );
        }
    }
}
