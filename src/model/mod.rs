//! The words of the field as types: leaves that import nothing else of this crate.

#[macro_use]
mod word;

pub mod clause;
pub mod event;
pub mod evidence;
pub mod expression;
pub mod ics;
pub mod inventory;
pub mod key_protection;
pub mod question;
pub mod secret;
pub mod sut;
pub mod test_case;
pub mod token;
pub mod verdict;

pub use word::UnknownWord;
