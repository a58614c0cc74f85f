//! scas.
pub mod cms;
pub mod pki;
