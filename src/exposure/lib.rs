//! Finds key material wherever it lies: memory, storage, logs, archives.
//!
//! A crate of its own, so that Cargo itself keeps it from knowing anything of test cases: it answers one question, "is this
//! key still somewhere?", for `scas scan` as for the key-protection cases of SEC 030 (4.2.2.3 to 4.2.2.5).
//!
//! `key` says what is looked for, `source` where, `detector` how the two meet: sources hand windows of bytes to detectors,
//! detectors hand back sightings. Sightings never hold a byte of a secret.

pub mod afar;
pub mod answer;
pub mod attributes;
pub mod blind;
pub mod canary;
pub mod control;
pub mod detector;
mod dump;
mod errand;
pub mod given;
pub mod helper;
mod hint;
pub mod hygiene;
pub mod key;
pub mod leftovers;
pub mod matcher;
mod needle;
pub mod probe;
pub mod recogniser;
pub mod scan;
pub mod search;
pub mod snapshot;
pub mod source;
pub mod structure;
pub mod survey;
mod tell;
