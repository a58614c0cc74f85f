//! A day of the calendar, as a profile writes it: [`Day`].

use std::borrow::Cow;
use std::fmt;

use jiff::civil::Date;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

/// A day: `2027-03-31` in TOML, with or without quotes; in JSON a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub Date);

/// As TOML writes a day, and as everybody else does.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Bare(toml::value::Datetime),
    Quoted(String),
}

impl fmt::Display for Day {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl Serialize for Day {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = match Written::deserialize(deserializer)? {
            Written::Bare(datetime) => datetime.to_string(),
            Written::Quoted(text) => text,
        };
        text.parse().map_err(D::Error::custom)
    }
}

impl std::str::FromStr for Day {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // A time of day would be read over: it says more than a day does.
        (text.len() == 10)
            .then(|| text.parse().ok())
            .flatten()
            .map(Self)
            .ok_or_else(|| format!("'{text}' is no day; write e.g. 2027-03-31"))
    }
}

impl JsonSchema for Day {
    fn schema_name() -> Cow<'static, str> {
        "Day".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "date" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Holder {
        day: Day,
    }

    #[test]
    fn a_day_is_read_with_and_without_quotes_and_nothing_else_is() {
        for written in ["2027-03-31", "\"2027-03-31\""] {
            let holder: Holder = toml::from_str(&format!("day = {written}")).unwrap();
            assert_eq!(holder.day.to_string(), "2027-03-31");
        }
        let holder: Holder = serde_json::from_str("{\"day\":\"2027-03-31\"}").unwrap();
        assert_eq!(
            serde_json::to_string(&holder.day).unwrap(),
            "\"2027-03-31\""
        );
        for written in ["\"2027-02-30\"", "\"soon\"", "2027-03-31T10:00:00Z", "7"] {
            assert!(
                toml::from_str::<Holder>(&format!("day = {written}")).is_err(),
                "{written}"
            );
        }
    }
}
