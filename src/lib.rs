//! `scas`: conformance tests for the security assurance of NFV management products.
//!

pub mod applicability;
pub mod catalogue;
pub mod cms;
pub mod model;
pub mod pki;
pub mod vnf_package;
