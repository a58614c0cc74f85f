//! `scas`: conformance tests for the security assurance of NFV management products.
//!
//! Features become test cases (`catalogue`), test cases become events (`run`), events become reports (`report`).
//! Verdicts come from `judge` alone, which sees nothing but recorded facts.

pub mod applicability;
pub mod catalogue;
pub mod cli;
pub mod cms;
pub mod compare;
pub mod context;
pub mod judge;
pub mod model;
pub mod operator;
pub mod pack;
pub mod pki;
pub mod profile;
pub mod recorder;
pub mod report;
pub mod run;
pub mod seal;
pub mod serve;
pub mod session;
pub mod steps;
pub mod testbed;
pub mod verify;
pub mod vnf_package;
pub mod world;

/// Finds key material; `src/exposure` is a crate of its own, so that it can know nothing of the suite.
pub use scas_exposure as exposure;
