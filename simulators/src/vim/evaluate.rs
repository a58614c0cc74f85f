//! The functions of a Heat template (HOT), put in their values' places: [`Scope::evaluate`].

use serde_json::{Map, Value};

use super::error::Refusal;

/// What the functions of one template refer to.
pub(super) struct Scope<'a> {
    pub(super) parameters: &'a Map<String, Value>,
    pub(super) files: &'a Map<String, Value>,
    /// Physical identifier of each resource.
    pub(super) identifiers: &'a Map<String, Value>,
}

/// How deep a value may be nested; the parsers allow less.
const MAX_DEPTH: usize = 128;
/// Longest string that functions may make, in bytes.
const MAX_STRING: usize = 8 * 1024 * 1024;

impl Scope<'_> {
    /// The value without the functions that are known here; others stay as they are.
    ///
    /// # Errors
    /// A function names what is not there, or has arguments of the wrong kind.
    pub(super) fn evaluate(&self, value: &Value) -> Result<Value, Refusal> {
        self.nested(value, 0)
    }

    fn nested(&self, value: &Value, depth: usize) -> Result<Value, Refusal> {
        if depth > MAX_DEPTH {
            return Err(Refusal::invalid("The template is nested too deep."));
        }
        match value {
            Value::Array(entries) => entries
                .iter()
                .map(|entry| self.nested(entry, depth + 1))
                .collect(),
            Value::Object(members) => {
                if let Some((name, argument)) = members.iter().next()
                    && members.len() == 1
                    && let Some(result) = self.call(name, argument, depth)
                {
                    return result;
                }
                let evaluated = members.iter().map(|(name, member)| {
                    Ok::<_, Refusal>((name.clone(), self.nested(member, depth + 1)?))
                });
                Ok(Value::Object(evaluated.collect::<Result<_, _>>()?))
            }
            plain => Ok(plain.clone()),
        }
    }

    /// `None` if this is no function.
    fn call(&self, name: &str, argument: &Value, depth: usize) -> Option<Result<Value, Refusal>> {
        let function = match name {
            "get_param" => Self::get_param,
            "get_file" => Self::get_file,
            "get_resource" => Self::get_resource,
            "get_attr" => Self::get_attr,
            "str_replace" | "str_replace_strict" | "str_replace_vstrict" => Self::str_replace,
            "list_join" => Self::list_join,
            _ => return None,
        };
        let argument = self.nested(argument, depth + 1);
        Some(argument.and_then(|argument| function(self, &argument)))
    }

    /// `name`, or a list of a name and the way into its value.
    fn get_param(&self, argument: &Value) -> Result<Value, Refusal> {
        let (name, way) = match argument {
            Value::Array(steps) => (steps.first(), steps.get(1..).unwrap_or_default()),
            name => (Some(name), &[][..]),
        };
        let name = name.and_then(Value::as_str).unwrap_or_default();
        let parameter = self.parameters.get(name).ok_or_else(|| {
            let message = format!("The Parameter ({name}) was not defined in template.");
            Refusal::new(
                hyper::StatusCode::BAD_REQUEST,
                "UnknownUserParameter",
                message,
            )
        })?;
        // Heat gives an empty string where the way leads nowhere.
        let end = way.iter().try_fold(parameter, |value, step| match step {
            Value::String(key) => value.get(key),
            Value::Number(index) => value.get(usize::try_from(index.as_u64()?).ok()?),
            _ => None,
        });
        Ok(end.cloned().unwrap_or_else(|| "".into()))
    }

    fn get_file(&self, argument: &Value) -> Result<Value, Refusal> {
        let name = argument.as_str().unwrap_or_default();
        self.files.get(name).cloned().ok_or_else(|| {
            Refusal::invalid(format!(
                "No content found in the \"files\" section for get_file path: {name}"
            ))
        })
    }

    fn get_resource(&self, argument: &Value) -> Result<Value, Refusal> {
        let name = argument.as_str().unwrap_or_default();
        self.identifiers.get(name).cloned().ok_or_else(|| {
            let message = format!("The specified reference \"{name}\" is incorrect.");
            Refusal::new(
                hyper::StatusCode::BAD_REQUEST,
                "InvalidTemplateReference",
                message,
            )
        })
    }

    /// What only a running resource could tell is nothing yet, as in Heat before it runs.
    fn get_attr(&self, argument: &Value) -> Result<Value, Refusal> {
        let name = argument.get(0).cloned().unwrap_or_default();
        let identifier = self.get_resource(&name)?;
        match argument.get(1).and_then(Value::as_str) {
            // Of a software configuration: what refers to it gets its content later.
            Some("config" | "id" | "show") => Ok(identifier),
            _ => Ok(Value::Null),
        }
    }

    /// `{template, params}`: longer names are replaced first, as in Heat.
    fn str_replace(&self, argument: &Value) -> Result<Value, Refusal> {
        let wrong = || Refusal::invalid("str_replace needs a template and params");
        let text = argument.get("template").and_then(Value::as_str);
        let params = argument.get("params").and_then(Value::as_object);
        let (text, params) = text.zip(params).ok_or_else(wrong)?;
        let mut names: Vec<_> = params.keys().filter(|name| !name.is_empty()).collect();
        names.sort_by_key(|name| std::cmp::Reverse(name.len()));
        let mut result = String::new();
        let mut rest = text;
        while !rest.is_empty() {
            let name = names.iter().find(|name| rest.starts_with(name.as_str()));
            match name {
                Some(name) => {
                    result.push_str(&as_text(&params[name.as_str()]));
                    rest = &rest[name.len()..];
                }
                None => {
                    let mut characters = rest.chars();
                    result.extend(characters.next());
                    rest = characters.as_str();
                }
            }
            if result.len() > MAX_STRING {
                return Err(Refusal::invalid(
                    "str_replace makes a string that is too long",
                ));
            }
        }
        Ok(result.into())
    }

    /// `[delimiter, list, list ...]`.
    fn list_join(&self, argument: &Value) -> Result<Value, Refusal> {
        let wrong = || Refusal::invalid("list_join needs a delimiter and lists");
        let (delimiter, lists) = argument
            .as_array()
            .and_then(|all| all.split_first())
            .ok_or_else(wrong)?;
        let delimiter = delimiter.as_str().ok_or_else(wrong)?;
        let entries = lists.iter().filter_map(Value::as_array).flatten();
        let texts: Vec<_> = entries.map(as_text).collect();
        let length: usize = texts.iter().map(|text| text.len() + delimiter.len()).sum();
        if length > MAX_STRING {
            return Err(Refusal::invalid(
                "list_join makes a string that is too long",
            ));
        }
        Ok(texts.join(delimiter).into())
    }
}

/// A value in the middle of a text: a string as it is, nothing as nothing, all else as JSON.
pub(super) fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn evaluated(value: &Value) -> Result<Value, Refusal> {
        let object = |value: Value| value.as_object().cloned().unwrap_or_default();
        Scope {
            parameters: &object(json!({ "name": "a", "nfv": { "VDU": [{ "image": "i" }] } })),
            files: &object(json!({ "init.sh": "#!/bin/sh" })),
            identifiers: &object(json!({ "config": "id-1" })),
        }
        .evaluate(value)
    }

    #[test]
    fn functions_give_what_heat_documents() {
        for (function, expected) in [
            (json!({ "get_param": "name" }), json!("a")),
            (
                json!({ "get_param": ["nfv", "VDU", 0, "image"] }),
                json!("i"),
            ),
            (json!({ "get_param": ["nfv", "nowhere"] }), json!("")),
            (json!({ "get_file": "init.sh" }), json!("#!/bin/sh")),
            (json!([{ "get_resource": "config" }]), json!(["id-1"])),
            (
                json!({ "str_replace": { "template": "$a $ab", "params": { "$a": 1, "$ab": { "get_param": "name" } } } }),
                json!("1 a"),
            ),
            (
                json!({ "list_join": ["-", ["x", { "get_param": "name" }], ["y"]] }),
                json!("x-a-y"),
            ),
            (
                json!({ "digest": ["md5", "x"] }),
                json!({ "digest": ["md5", "x"] }),
            ),
        ] {
            assert_eq!(
                evaluated(&function).expect("a value"),
                expected,
                "{function}"
            );
        }
    }

    #[test]
    fn what_is_not_there_is_named() {
        for (function, missing) in [
            (json!({ "get_param": "other" }), "other"),
            (json!({ "get_file": "none.sh" }), "none.sh"),
            (json!({ "get_resource": "ghost" }), "ghost"),
            (json!({ "str_replace": { "template": "x" } }), "params"),
        ] {
            let refusal = evaluated(&function).expect_err("a refusal");
            assert!(refusal.message.contains(missing), "{refusal:?}");
        }
    }
}
