//! The Implementation Conformance Statement: what the vendor claims ([`Ics`]), and what a test case asks of it
//! ([`IcsExpression`]).

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize, Serializer};
use thiserror::Error;

use super::clause::Role;
use super::expression::{Expression, ExpressionError};

/// What a vendor claims that a product supports: the only thing that makes a test case not applicable.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Ics {
    /// The product that the statement is about.
    pub product: Product,
    /// Each item by its name: supported or not.
    pub items: BTreeMap<String, Item>,
}

/// Which product, and the role in which it is tested.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Product {
    /// The product's name.
    pub name: String,
    /// Who makes it.
    pub vendor: String,
    /// The version tested.
    pub version: String,
    /// The role in which it is tested.
    pub role: Role,
}

/// One answer in the statement: `vnf-lcm = true`, or `{ supported = false, remark = "..." }`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(
    untagged,
    expecting = "expected true, false, or a table with `supported` and maybe `remark`"
)]
pub enum Item {
    /// Just the answer.
    Plain(bool),
    /// The answer and why.
    Remarked(RemarkedItem),
}

/// An answer with the vendor's reason, printed where it makes a test case not applicable.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RemarkedItem {
    /// The answer.
    pub supported: bool,
    /// The vendor's words.
    pub remark: String,
}

impl Item {
    /// Whether the product supports it.
    #[must_use]
    pub fn supported(&self) -> bool {
        match self {
            Self::Plain(supported) => *supported,
            Self::Remarked(item) => item.supported,
        }
    }

    /// The vendor's words, if any.
    #[must_use]
    pub fn remark(&self) -> Option<&str> {
        match self {
            Self::Plain(_) => None,
            Self::Remarked(item) => Some(&item.remark),
        }
    }
}

/// The text is no Implementation Conformance Statement; the source names line and label.
#[derive(Debug, Error)]
#[error(
    "this is no ICS: it needs a table [product] (name, vendor, version, role) and a table [items]"
)]
pub struct IcsError(#[source] toml::de::Error);

impl Ics {
    /// Reads a statement in TOML.
    ///
    /// # Errors
    /// [`IcsError`] with line and label of what is wrong, fields that nobody knows included.
    pub fn parse(text: &str) -> Result<Self, IcsError> {
        toml::from_str(text).map_err(IcsError)
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

    const ICS: &str = r#"
        [product]
        name = "Vulcan"
        vendor = "Example"
        version = "1.0"
        role = "VNFM"
        [items]
        vnf-lcm = true
        proxy = { supported = false, remark = "direct mode only" }
    "#;

    #[test]
    fn an_item_is_an_answer_with_or_without_a_remark() {
        let ics = Ics::parse(ICS).unwrap();
        assert_eq!(ics.product.role, Role::Vnfm);
        assert!(ics.items["vnf-lcm"].supported());
        assert!(!ics.items["proxy"].supported());
        assert_eq!(ics.items["proxy"].remark(), Some("direct mode only"));
    }

    #[test]
    fn what_nobody_knows_is_refused_and_named() {
        let chain =
            |text: &str| format!("{:#}", anyhow::Error::from(Ics::parse(text).unwrap_err()));
        assert!(chain(&ICS.replace("vendor", "vender")).contains("vender"));
        assert!(chain(&ICS.replace("\"VNFM\"", "\"VNFN\"")).contains("unknown role `VNFN`"));
        assert!(
            chain(&ICS.replace("= true", "= \"yes\"")).contains("expected true, false, or a table")
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
