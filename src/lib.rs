//! scas.
pub mod pki;
