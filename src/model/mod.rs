//! The words of the field as types: leaves that import nothing else of this crate.

#[macro_use]
mod word;

pub mod clause;
pub mod expression;
pub mod ics;
pub mod test_case;

pub use word::UnknownWord;
