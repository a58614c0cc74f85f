//! Whether a file has the shape of a profile: labels that there are, values of their types. Everything that is wrong is told at once,
//! with its line: [`Shape::of`].

use std::collections::BTreeMap;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::finding::Finding;
use super::{labels, schema};
use crate::catalogue::nearest;
use crate::model::secret;

/// What `scas init` leaves for the user to fill in begins so.
pub const FILL_IN: &str = "<fill in";

/// What the text of a profile looks like.
pub struct Shape<'t> {
    text: &'t str,
    /// The line of each label that is written.
    lines: BTreeMap<String, usize>,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
}

impl<'t> Shape<'t> {
    /// Looks at a text. It is good to be read further if there are no findings.
    #[must_use]
    pub fn of(text: &'t str) -> Self {
        let mut shape = Self {
            text,
            lines: BTreeMap::new(),
            findings: Vec::new(),
        };
        let (root, errors) = DeTable::parse_recoverable(text);
        // What comes after the first is mostly a consequence of it.
        if let Some(error) = errors.first() {
            // The message alone: the line itself, which an error shows too, may hold what nobody should see.
            let line = error.span().map(|span| shape.line(span.start));
            shape.findings.push(Finding {
                line,
                label: String::new(),
                text: format!("is not TOML: {}", error.message().trim_end()),
            });
        }
        if errors.is_empty() {
            shape.table(root.get_ref(), &schema::schema(), "", None);
        }
        shape.findings.sort();
        shape
    }

    /// The line of a label, or of the table that it belongs to.
    #[must_use]
    pub fn line_of(&self, label: &str) -> Option<usize> {
        let mut label = label;
        loop {
            if let Some(line) = self.lines.get(label) {
                return Some(*line);
            }
            label = label.rsplit_once('.')?.0;
        }
    }

    /// The line of a byte, from 1.
    #[must_use]
    pub fn line(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or(self.text);
        before.matches('\n').count() + 1
    }

    fn told(&mut self, line: Option<usize>, label: &str, text: String) {
        self.findings.push(Finding {
            line,
            label: label.to_owned(),
            text,
        });
    }

    fn table(&mut self, table: &DeTable<'_>, schema: &Value, label: &str, line: Option<usize>) {
        let known = schema["properties"].as_object();
        // What a label that is not known was meant to be: that one is not missing besides.
        let mut meant = Vec::new();
        for (key, value) in table {
            let name: &str = key.get_ref();
            let path = join(label, name);
            let at = self.line(key.span().start);
            self.lines.insert(path.clone(), at);
            if let Some(of_one) = known.and_then(|known| known.get(name)) {
                self.value(value, of_one, &path, at);
            } else if schema["additionalProperties"] == false {
                let known = known.into_iter().flatten().map(|(name, _)| name.as_str());
                let known: Vec<&str> = known.collect();
                meant.extend(nearest(name, known.iter().copied()).map(str::to_owned));
                self.told(Some(at), &path, unknown(name, label, known));
            } else if schema["additionalProperties"].is_object() {
                self.value(value, &schema["additionalProperties"], &path, at);
            }
        }
        for name in schema["required"].as_array().into_iter().flatten() {
            let name = name.as_str().unwrap_or_default();
            if !table.contains_key(name) && !meant.iter().any(|meant| meant == name) {
                let kind = schema::kind(&schema["properties"][name]);
                self.told(line, &join(label, name), format!("is missing ({kind})"));
            }
        }
    }

    fn value(&mut self, value: &Spanned<DeValue<'_>>, schema: &Value, label: &str, line: usize) {
        let value = value.get_ref();
        if value.as_str().is_some_and(|text| text.starts_with(FILL_IN)) {
            let text = format!("is still to be filled in ({})", schema::kind(schema));
            self.told(Some(line), label, text);
            return;
        }
        if schema::is_secret(schema) {
            self.secret(value, schema, label, line);
            return;
        }
        if let Some(words) = schema::words(schema) {
            let Some(written) = value.as_str() else {
                self.wrong_type(value, schema, label, line);
                return;
            };
            if !words.contains(&written) {
                let near = nearest(written, words.iter().copied())
                    .map_or(String::new(), |near| format!("; did you mean \"{near}\"?"));
                let text = format!(
                    "'{written}' cannot stand here: expected {}{near}",
                    schema::kind(schema)
                );
                self.told(Some(line), label, text);
            }
            return;
        }
        if let Some(branches) = schema["anyOf"].as_array() {
            match branches.iter().find(|branch| fits(value, branch)) {
                Some(branch) => self.value_of_type(value, branch, label, line),
                None => self.wrong_type(value, schema, label, line),
            }
            return;
        }
        self.value_of_type(value, schema, label, line);
    }

    fn value_of_type(&mut self, value: &DeValue<'_>, schema: &Value, label: &str, line: usize) {
        if !fits(value, schema) {
            self.wrong_type(value, schema, label, line);
            return;
        }
        match value {
            DeValue::String(text) => {
                if let Err(why) = has_format(text, schema) {
                    self.told(Some(line), label, why);
                }
            }
            DeValue::Integer(digits) => self.number(digits, schema, label, line),
            DeValue::Array(entries) => {
                let least = schema["minItems"].as_u64().unwrap_or(0);
                if u64::try_from(entries.len()).is_ok_and(|many| many < least) {
                    self.told(
                        Some(line),
                        label,
                        format!("is empty; expected {}", schema::kind(schema)),
                    );
                }
                for (index, entry) in entries.iter().enumerate() {
                    let path = format!("{label}[{}]", index + 1);
                    let at = self.line(entry.span().start);
                    self.lines.insert(path.clone(), at);
                    self.value(entry, &schema["items"], &path, at);
                }
            }
            DeValue::Table(table) => self.table(table, schema, label, Some(line)),
            _ => {}
        }
    }

    fn number(
        &mut self,
        digits: &toml::de::DeInteger<'_>,
        schema: &Value,
        label: &str,
        line: usize,
    ) {
        let number = i128::from_str_radix(digits.as_str(), digits.radix()).unwrap_or(i128::MAX);
        let bound = |name: &str| schema[name].as_i64().map(i128::from);
        let low = bound("minimum").is_some_and(|least| number < least);
        if low || bound("maximum").is_some_and(|most| number > most) {
            let (least, most) = (&schema["minimum"], &schema["maximum"]);
            let range = match most {
                Value::Null => format!("below {least}"),
                most => format!("out of range {least} to {most}"),
            };
            self.told(Some(line), label, format!("{} is {range}", digits.as_str()));
        }
    }

    fn secret(&mut self, value: &DeValue<'_>, schema: &Value, label: &str, line: usize) {
        let Some(table) = value.as_table() else {
            self.told(Some(line), label, secret::LITERAL.to_owned());
            return;
        };
        if table.len() != 1 {
            let text = format!("expected {}", schema::kind(schema));
            self.told(Some(line), label, text);
            return;
        }
        self.table(table, schema, label, Some(line));
    }

    fn wrong_type(&mut self, value: &DeValue<'_>, schema: &Value, label: &str, line: usize) {
        let found = match value {
            DeValue::String(_) => "a text, in quotes",
            DeValue::Integer(_) => "a number",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        let text = format!("expected {}, found {found}", schema::kind(schema));
        self.told(Some(line), label, text);
    }
}

fn join(table: &str, name: &str) -> String {
    if table.is_empty() {
        name.to_owned()
    } else {
        format!("{table}.{name}")
    }
}

/// What to write instead of a label that there is not: one like it, or the place where it belongs.
fn unknown(name: &str, table: &str, known: Vec<&str>) -> String {
    if let Some(near) = nearest(name, known.iter().copied()) {
        return format!("there is no such label; did you mean `{near}`?");
    }
    let all = labels::labels();
    let belongs = all
        .iter()
        .find(|label| label.path.rsplit('.').next() == Some(name));
    if let Some((elsewhere, _)) = belongs.and_then(|label| label.path.rsplit_once('.')) {
        return format!("there is no such label; did you mean `{name}` of [{elsewhere}]?");
    }
    let place = if table.is_empty() {
        "the profile"
    } else {
        table
    };
    format!("there is no such label; {place} has {}", known.join(", "))
}

/// Whether a value has the type that the schema asks for.
fn fits(value: &DeValue<'_>, schema: &Value) -> bool {
    let Some(kind) = schema["type"].as_str() else {
        return true;
    };
    match value {
        DeValue::String(_) => kind == "string",
        DeValue::Integer(_) => kind == "integer" || kind == "number",
        DeValue::Float(_) => kind == "number",
        DeValue::Boolean(_) => kind == "boolean",
        DeValue::Datetime(_) => kind == "string" && schema["format"] == "date",
        DeValue::Array(_) => kind == "array",
        DeValue::Table(_) => kind == "object",
    }
}

/// What a text must be beside a text.
fn has_format(text: &str, schema: &Value) -> Result<(), String> {
    match schema["format"].as_str() {
        Some("date") => text.parse::<crate::model::sut::Day>().map(drop),
        Some("address-and-port") => match text.parse::<std::net::SocketAddr>() {
            Ok(_) => Ok(()),
            Err(_) => Err(format!(
                "'{text}' is no IP address with a port; write e.g. \"127.0.0.1:9443\""
            )),
        },
        Some("host-and-port") => {
            let port = text.rsplit_once(':').map(|(_, port)| port.parse());
            let whole = matches!(port, Some(Ok(1_u16..)));
            whole.then_some(()).ok_or_else(|| {
                format!("'{text}' is no host and port; write e.g. \"127.0.0.1:9444\"")
            })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
