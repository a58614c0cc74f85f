//! Enums that people write as one fixed word each, in features, `clauses.toml` and JSON: [`words!`].

use thiserror::Error;

/// What was written is none of the words that can stand in this place.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("unknown {what} `{word}` (known: {})", known.join(", "))]
pub struct UnknownWord {
    /// What the word should have been, for instance `role`.
    pub what: &'static str,
    /// The word as it was written.
    pub word: String,
    /// All the words that can stand there, in the order of their declaration.
    pub known: &'static [&'static str],
}

/// Declares an enum whose variants are written as the given words.
///
/// The one table serves `as_str`, `Display`, `FromStr` and serde, so that they cannot drift apart.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident, $what:literal { $($(#[$variant_meta:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, serde::Deserialize, serde::Serialize)]
        #[serde(try_from = "String", into = "&'static str")]
        pub enum $name {
            $($(#[$variant_meta])* $variant),+
        }

        impl $name {
            /// All the words, in the order of their declaration.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The word, as features and reports write it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word),+
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::model::UnknownWord;

            fn from_str(word: &str) -> Result<Self, Self::Err> {
                match word {
                    $($word => Ok(Self::$variant),)+
                    _ => Err($crate::model::UnknownWord { what: $what, word: word.to_owned(), known: Self::WORDS }),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::model::UnknownWord;

            fn try_from(word: String) -> Result<Self, Self::Error> {
                word.parse()
            }
        }

        impl From<$name> for &'static str {
            fn from(value: $name) -> &'static str {
                value.as_str()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.pad(self.as_str())
            }
        }
    };
}
