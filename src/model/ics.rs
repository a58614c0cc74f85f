//! The Implementation Conformance Statement: what the vendor claims ([`Ics`]), and what a test case asks of it
//! ([`IcsExpression`]).

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

use super::expression::{Expression, ExpressionError};

/// What a vendor claims that a product supports: the only thing that makes a test case not applicable.
///
/// Written as a table of items: `vnf-lcm = true`.
#[derive(Clone, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Ics {
    /// Each item by its name: supported or not.
    pub items: BTreeMap<String, Item>,
}

/// One answer in the statement: `vnf-lcm = true`, or `{ supported = false, reason = "..." }`. A profile gives a reason with each no.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(
    untagged,
    expecting = "expected true, false, or a table with `supported` and `reason`"
)]
pub enum Item {
    /// Just the answer.
    Plain(bool),
    /// The answer and why.
    Reasoned(ReasonedItem),
}

/// An answer with the vendor's reason, printed where it makes a test case not applicable.
#[derive(Clone, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ReasonedItem {
    /// Whether the product supports it.
    pub supported: bool,
    /// Why not, in the vendor's words.
    pub reason: String,
}

impl Item {
    /// Whether the product supports it.
    #[must_use]
    pub fn supported(&self) -> bool {
        match self {
            Self::Plain(supported) => *supported,
            Self::Reasoned(item) => item.supported,
        }
    }

    /// The vendor's words, if any.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Plain(_) => None,
            Self::Reasoned(item) => Some(&item.reason),
        }
    }
}

/// The condition under which a test case is meant for a product: `always`, or an expression over ICS items.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct IcsExpression {
    text: String,
    expression: Option<Expression<String>>,
}

impl IcsExpression {
    /// Reads `always` or an expression such as `vnf-lcm and not proxy`.
    ///
    /// # Errors
    /// [`ExpressionError`] names the place.
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        let expression = if text.trim() == "always" {
            None
        } else {
            Some(Expression::parse(text)?)
        };
        Ok(Self {
            text: text.trim().to_owned(),
            expression,
        })
    }

    /// The expression; `None` for `always`.
    #[must_use]
    pub fn expression(&self) -> Option<&Expression<String>> {
        self.expression.as_ref()
    }

    /// The items that it names, from left to right.
    #[must_use]
    pub fn items(&self) -> Vec<&str> {
        self.expression
            .as_ref()
            .map(|e| e.atoms().into_iter().map(String::as_str).collect())
            .unwrap_or_default()
    }
}

impl fmt::Display for IcsExpression {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.text)
    }
}

impl Serialize for IcsExpression {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_an_answer_with_or_without_a_reason() {
        let text = "vnf-lcm = true\nproxy = { supported = false, reason = \"direct only\" }";
        let ics: Ics = toml::from_str(text).unwrap();
        assert!(ics.items["vnf-lcm"].supported());
        assert!(!ics.items["proxy"].supported());
        assert_eq!(ics.items["proxy"].reason(), Some("direct only"));
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let error = |text: &str| toml::from_str::<Ics>(text).unwrap_err().to_string();
        assert!(error("vnf-lcm = \"yes\"").contains("expected true, false, or a table"));
        assert!(
            error("vnf-lcm = { supported = true, reasons = \"\" }")
                .contains("expected true, false")
        );
    }

    #[test]
    fn an_expression_shows_what_was_written() {
        let expression = IcsExpression::parse("vnf-lcm and not proxy").unwrap();
        assert_eq!(expression.to_string(), "vnf-lcm and not proxy");
        assert_eq!(expression.items(), ["vnf-lcm", "proxy"]);
        assert!(
            IcsExpression::parse("always")
                .unwrap()
                .expression()
                .is_none()
        );
        assert!(IcsExpression::parse("vnf-lcm proxy").is_err());
    }
}
