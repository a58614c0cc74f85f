//! Attribute-based filters (SOL013 clause 5.2): [`Filter`].

use serde_json::Value;
use thiserror::Error;

/// `(op,attribute,value[,value...])` terms joined by `;`, all of which must hold. Without terms everything matches.
#[derive(Debug, Default)]
pub(super) struct Filter(Vec<Term>);

#[derive(Debug)]
struct Term {
    operator: Operator,
    /// Attribute names from the outermost on.
    path: Vec<String>,
    values: Vec<String>,
}

#[derive(Clone, Copy, Debug)]
enum Operator {
    /// eq, in.
    AnyOf,
    /// neq, nin.
    NoneOf,
    /// cont.
    Contains,
    /// ncont.
    ContainsNot,
}

/// A filter that cannot be read.
#[derive(Debug, Error)]
#[error("filter `{written}`: {problem}")]
pub(super) struct FilterError {
    written: String,
    problem: String,
}

impl Filter {
    pub(super) fn parse(written: &str) -> Result<Self, FilterError> {
        let error = |problem: String| FilterError {
            written: written.to_owned(),
            problem,
        };
        split(written, ';')
            .iter()
            .map(|term| Term::parse(term))
            .collect::<Result<_, _>>()
            .map(Self)
            .map_err(error)
    }

    pub(super) fn matches(&self, resource: &Value) -> bool {
        self.0.iter().all(|term| term.matches(resource))
    }
}

impl Term {
    fn parse(written: &str) -> Result<Self, String> {
        let inner = written
            .trim()
            .strip_prefix('(')
            .and_then(|rest| rest.strip_suffix(')'));
        let parts = split(inner.ok_or("a term must stand in parentheses")?, ',');
        let [operator, path, values @ ..] = parts.as_slice() else {
            return Err("a term is (operator,attribute,value)".into());
        };
        if values.is_empty() {
            return Err("a term needs a value".into());
        }
        let operator = match operator.as_str() {
            "eq" | "in" => Operator::AnyOf,
            "neq" | "nin" => Operator::NoneOf,
            "cont" => Operator::Contains,
            "ncont" => Operator::ContainsNot,
            other => {
                return Err(format!(
                    "operator `{other}` is not supported; eq, neq, in, nin, cont, ncont are"
                ));
            }
        };
        let path = path.split('/').map(str::to_owned).collect();
        Ok(Self {
            operator,
            path,
            values: values.iter().map(|value| unquoted(value)).collect(),
        })
    }

    fn matches(&self, resource: &Value) -> bool {
        let value = self
            .path
            .iter()
            .try_fold(resource, |value, name| value.get(name));
        let Some(text) = value.map(plain) else {
            return false;
        };
        match self.operator {
            Operator::AnyOf => self.values.contains(&text),
            Operator::NoneOf => !self.values.contains(&text),
            Operator::Contains => self.values.iter().any(|value| text.contains(value)),
            Operator::ContainsNot => !self.values.iter().any(|value| text.contains(value)),
        }
    }
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// Splits outside of single quotes.
fn split(text: &str, separator: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    for character in text.chars() {
        quoted ^= character == '\'';
        match parts.last_mut() {
            Some(part) if character != separator || quoted => part.push(character),
            _ => parts.push(String::new()),
        }
    }
    parts
}

/// A value with special characters stands in single quotes, a quote inside it is doubled.
fn unquoted(value: &str) -> String {
    match value
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''))
    {
        Some(inner) => inner.replace("''", "'"),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn terms() {
        let package = json!({ "vnfdId": "a,b;c's", "usageState": "NOT_IN_USE", "checksum": { "hash": "00ff" } });
        for (written, expected) in [
            ("(eq,usageState,NOT_IN_USE)", true),
            ("(eq,usageState,IN_USE)", false),
            ("(in,usageState,IN_USE,NOT_IN_USE)", true),
            ("(neq,usageState,IN_USE);(eq,checksum/hash,00ff)", true),
            ("(eq,vnfdId,'a,b;c''s')", true),
            ("(cont,vnfdId,b)", true),
            ("(eq,unknown,x)", false),
        ] {
            assert_eq!(
                Filter::parse(written)
                    .expect("a readable filter")
                    .matches(&package),
                expected,
                "{written}"
            );
        }
    }

    #[test]
    fn unreadable() {
        for written in ["eq,a,b", "(eq,a)", "(gt,a,1)", "", "(eq,a,b);"] {
            assert!(
                Filter::parse(written)
                    .expect_err("an unreadable filter")
                    .to_string()
                    .contains(written),
                "{written}"
            );
        }
    }
}
