//! Reference products: what the suite is calibrated on. A conforming VNFM ([`vnfm::run`]), and the named, deliberate
//! deviations of it ([`defect::all`]) that the suite must catch.
//!
//! Nothing here is shared with the harness: the two meet on the wire only, so that a mistake in one cannot hide in the other.

pub mod custodian;
pub mod defect;
pub mod package;
pub mod vnfm;
