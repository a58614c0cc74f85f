//! Queries of lists: attribute filters, attribute selectors and paging (SOL013 5.2 to 5.4). Main type: [`Query`].

use serde_json::Value;

use crate::vnfm::problem::Problem;

/// A query as it was written, and what it means.
pub(super) struct Query {
    filter: Vec<Condition>,
    marker: String,
    all_fields: bool,
    fields: Vec<String>,
    exclude: Vec<String>,
    raw: Vec<(String, String)>,
}

struct Condition {
    operator: Operator,
    attribute: Vec<String>,
    values: Vec<String>,
}

#[derive(Clone, Copy)]
enum Operator {
    Equal,
    NotEqual,
    In,
    NotIn,
    Contains,
    NotContains,
}

impl Query {
    /// Reads a query string.
    pub(super) fn parse(text: &str) -> Result<Self, Problem> {
        let mut query = Self {
            filter: Vec::new(),
            marker: String::new(),
            all_fields: false,
            fields: Vec::new(),
            exclude: Vec::new(),
            raw: url::form_urlencoded::parse(text.as_bytes())
                .into_owned()
                .collect(),
        };
        for (name, value) in &query.raw {
            match name.as_str() {
                "filter" => query.filter = conditions(value)?,
                "nextpage_opaque_marker" => {
                    let key = hex::decode(value)
                        .ok()
                        .and_then(|bytes| String::from_utf8(bytes).ok());
                    query.marker = key.ok_or_else(|| {
                        Problem::bad_request("the nextpage_opaque_marker is none of ours")
                    })?;
                }
                "all_fields" => query.all_fields = true,
                "fields" => query.fields = value.split(',').map(str::to_owned).collect(),
                "exclude_fields" => query.exclude = value.split(',').map(str::to_owned).collect(),
                "exclude_default" => {}
                other => {
                    return Err(Problem::bad_request(format!(
                        "the query parameter `{other}` is unknown"
                    )));
                }
            }
        }
        Ok(query)
    }

    /// The key after which the page begins.
    pub(super) fn marker(&self) -> &str {
        &self.marker
    }

    /// The URI of the page after that key.
    pub(super) fn next(&self, resource: &str, key: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(
            self.raw
                .iter()
                .filter(|(name, _)| name != "nextpage_opaque_marker"),
        );
        query.append_pair("nextpage_opaque_marker", &hex::encode(key));
        format!("{resource}?{}", query.finish())
    }

    /// Whether the filter lets a resource through.
    pub(super) fn matches(&self, resource: &Value) -> bool {
        self.filter
            .iter()
            .all(|condition| condition.holds(resource))
    }
}

/// A resource as a list shows it: without `default`, unless the query asks for more, or without what it excludes.
pub(super) fn select_fields(mut resource: Value, query: &Query, default: &[&str]) -> Value {
    if let Value::Object(attributes) = &mut resource {
        let asked = |name: &str| {
            query
                .fields
                .iter()
                .any(|field| field == name || field.starts_with(&format!("{name}/")))
        };
        if !query.all_fields && query.exclude.is_empty() {
            attributes.retain(|name, _| asked(name) || !default.contains(&name.as_str()));
        }
        attributes.retain(|name, _| !query.exclude.contains(name));
    }
    resource
}

/// `(op,attribute,value...)`, several separated by `;` (SOL013 5.2.2).
fn conditions(text: &str) -> Result<Vec<Condition>, Problem> {
    let malformed = || Problem::bad_request(format!("the filter `{text}` is malformed"));
    let mut conditions = Vec::new();
    for expression in text.split(';') {
        let inner = expression
            .strip_prefix('(')
            .and_then(|rest| rest.strip_suffix(')'))
            .ok_or_else(malformed)?;
        let mut parts = inner.split(',').map(|part| part.trim_matches('\''));
        let operator = match parts.next() {
            Some("eq") => Operator::Equal,
            Some("neq") => Operator::NotEqual,
            Some("in") => Operator::In,
            Some("nin") => Operator::NotIn,
            Some("cont") => Operator::Contains,
            Some("ncont") => Operator::NotContains,
            _ => return Err(malformed()),
        };
        let attribute = parts
            .next()
            .filter(|name| !name.is_empty())
            .ok_or_else(malformed)?;
        let values: Vec<String> = parts.map(str::to_owned).collect();
        if values.is_empty()
            || values.len() > 1 && matches!(operator, Operator::Equal | Operator::NotEqual)
        {
            return Err(malformed());
        }
        conditions.push(Condition {
            operator,
            attribute: attribute.split('/').map(str::to_owned).collect(),
            values,
        });
    }
    Ok(conditions)
}

impl Condition {
    fn holds(&self, resource: &Value) -> bool {
        let found = self
            .attribute
            .iter()
            .try_fold(resource, |value, name| value.get(name))
            .map(|value| match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            });
        let (equal, contains) = match &found {
            Some(found) => (
                self.values.contains(found),
                self.values.iter().any(|value| found.contains(value)),
            ),
            None => (false, false),
        };
        match self.operator {
            Operator::Equal | Operator::In => equal,
            Operator::NotEqual | Operator::NotIn => !equal,
            Operator::Contains => contains,
            Operator::NotContains => !contains,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn filters_by_attributes() {
        let resource = json!({ "vnfdId": "v1", "instantiationState": "NOT_INSTANTIATED", "_links": { "self": { "href": "h" } } });
        for (query, expected) in [
            ("filter=(eq,vnfdId,v1)", true),
            ("filter=%28eq%2CvnfdId%2Cv2%29", false),
            (
                "filter=(neq,vnfdId,v2);(in,instantiationState,INSTANTIATED,NOT_INSTANTIATED)",
                true,
            ),
            ("filter=(cont,vnfdId,v)", true),
            ("filter=(eq,_links/self/href,h)", true),
            ("filter=(eq,absent,x)", false),
        ] {
            assert_eq!(
                Query::parse(query).unwrap().matches(&resource),
                expected,
                "{query}"
            );
        }
        for query in [
            "filter=vnfdId",
            "filter=(eq,vnfdId)",
            "filter=(like,a,b)",
            "colour=red",
            "nextpage_opaque_marker=%21",
        ] {
            assert!(Query::parse(query).is_err(), "{query}");
        }
    }

    #[test]
    fn the_next_page_keeps_the_query() {
        let query = Query::parse("filter=(eq,vnfdId,v1)&nextpage_opaque_marker=61").unwrap();
        assert_eq!(query.marker(), "a");
        let next = query.next("https://h/x", "b/c");
        let (_, text) = next.split_once('?').unwrap();
        let again = Query::parse(text).unwrap();
        assert_eq!(again.marker(), "b/c");
        assert!(
            again.matches(&json!({ "vnfdId": "v1" })) && !again.matches(&json!({ "vnfdId": "v2" }))
        );
    }

    #[test]
    fn lists_leave_out_what_nobody_asked_for() {
        let whole = json!({ "id": "1", "metadata": {}, "vnfdId": "v" });
        let select = |query: &str| {
            select_fields(whole.clone(), &Query::parse(query).unwrap(), &["metadata"])
        };
        assert_eq!(select(""), json!({ "id": "1", "vnfdId": "v" }));
        assert_eq!(select("all_fields"), whole);
        assert_eq!(select("fields=metadata"), whole);
        assert_eq!(
            select("exclude_fields=vnfdId"),
            json!({ "id": "1", "metadata": {} })
        );
    }
}
