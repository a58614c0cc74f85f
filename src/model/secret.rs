//! A secret of a profile: written as where it is, never as what it is. Main type: [`Secret`].

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use thiserror::Error;
use zeroize::Zeroizing;

/// What is told of a secret that stands in the profile itself. The secret is not repeated.
pub const LITERAL: &str = "a secret stands here in clear, and the profile is kept with the record; put it into a file and write \
     { file = \"...\" }, or into the environment and write { env = \"NAME\" }";

/// A secret, by the place where it is: `{ file = "..." }` or `{ env = "..." }`.
///
/// Its content is read once, when the profile is loaded. It shows in no text that is made of a profile: neither by `Debug` nor by
/// `Serialize`, and the memory is wiped when the last copy is dropped.
#[derive(Clone)]
pub struct Secret {
    /// Where it is.
    pub place: SecretPlace,
    content: Option<Arc<Zeroizing<String>>>,
}

/// Where a secret is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretPlace {
    /// In a file; one line break at its end is no part of it.
    File(PathBuf),
    /// In a variable of the environment that `scas` is started with.
    Env(String),
}

/// The content of a secret was asked for before it was read: a fault of ours.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a secret of the profile was not read when the profile was loaded")]
pub struct Unread;

impl Secret {
    /// A secret that has not been read yet.
    #[must_use]
    pub fn at(place: SecretPlace) -> Self {
        Self {
            place,
            content: None,
        }
    }

    /// Takes what was read at its place.
    pub fn read(&mut self, content: Zeroizing<String>) {
        self.content = Some(Arc::new(content));
    }

    /// The secret itself: for the one place that uses it.
    ///
    /// # Errors
    /// It was not read.
    pub fn expose(&self) -> Result<&str, Unread> {
        self.content
            .as_deref()
            .map(|content| content.as_str())
            .ok_or(Unread)
    }
}

/// Equal where they stand at the same place.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.place == other.place
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Secret").field(&self.place).finish()
    }
}

impl Serialize for Secret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.place.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PlaceVisitor).map(Self::at)
    }
}

/// Reads the place by hand: what serde says of a text that does not fit repeats the text.
struct PlaceVisitor;

impl<'de> Visitor<'de> for PlaceVisitor {
    type Value = SecretPlace;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("{ file = \"...\" } or { env = \"NAME\" }")
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<SecretPlace, E> {
        Err(E::custom(LITERAL))
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<SecretPlace, E> {
        Err(E::custom(LITERAL))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SecretPlace, A::Error> {
        let mut place = None;
        while let Some(key) = map.next_key::<String>()? {
            let value: String = map.next_value()?;
            let read = match key.as_str() {
                "file" => SecretPlace::File(value.into()),
                "env" => SecretPlace::Env(value),
                _ => return Err(A::Error::unknown_field(&key, &["file", "env"])),
            };
            if place.replace(read).is_some() {
                return Err(A::Error::custom(
                    "file and env are two places; leave one out",
                ));
            }
        }
        place.ok_or_else(|| {
            A::Error::custom("says no place; write { file = \"...\" } or { env = \"NAME\" }")
        })
    }
}

impl JsonSchema for Secret {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A secret, by the place where it is: a file, or a variable of the environment.",
            "x-secret": true,
            "type": "object",
            "properties": {
                "file": { "type": "string", "description": "A file that holds it; one line break at its end is no part of it." },
                "env": { "type": "string", "description": "The name of a variable of the environment that holds it." }
            },
            "minProperties": 1,
            "maxProperties": 1,
            "additionalProperties": false
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize, Serialize)]
    struct Holder {
        key: Secret,
    }

    fn holder(text: &str) -> Result<Holder, toml::de::Error> {
        toml::from_str(text)
    }

    #[test]
    fn a_secret_is_a_place_and_its_content_shows_nowhere() {
        let mut holder = holder("key = { file = \"pass.txt\" }").unwrap();
        assert_eq!(holder.key.place, SecretPlace::File("pass.txt".into()));
        assert_eq!(holder.key.expose(), Err(Unread));
        holder.key.read(Zeroizing::new("tell-nobody".into()));
        assert_eq!(holder.key.expose(), Ok("tell-nobody"));
        let written = toml::to_string(&holder).unwrap();
        for text in [format!("{holder:?}"), written.clone()] {
            assert!(!text.contains("tell-nobody"), "{text}");
        }
        assert_eq!(written, "[key]\nfile = \"pass.txt\"\n");
    }

    #[test]
    fn a_secret_in_clear_is_refused_and_not_repeated() {
        let error = holder("key = \"tell-nobody\"").unwrap_err();
        assert!(error.message().contains("{ file = "), "{}", error.message());
        assert!(!error.message().contains("tell-nobody"));
        for text in [
            "key = {}",
            "key = { file = \"a\", env = \"B\" }",
            "key = { path = \"a\" }",
            "key = 12345678",
        ] {
            let error = holder(text).unwrap_err();
            assert!(!error.message().contains("1234"), "{}", error.message());
        }
    }
}
