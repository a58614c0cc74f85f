//! scas.
pub mod cms;
pub mod pki;
pub mod vnf_package;
