//! scas.

pub mod applicability;
pub mod catalogue;
pub mod model;
