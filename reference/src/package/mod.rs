//! VNF packages (ETSI GS NFV-SOL 004) as a consumer must treat them: with distrust. Main types: [`Verifier`], which accepts or
//! refuses a VNFD archive or an option 2 package, and [`Refusal`], the cause.

mod algorithm;
mod archive;
mod chain;
mod cms;
mod directory;
#[cfg(test)]
mod foreign_bytes;
mod manifest;
mod refusal;
mod signatures;
mod verify;

pub use archive::Limits;
pub use chain::{Signers, SignersError};
pub use refusal::{Refusal, SignatureFault};
pub use verify::{Accepted, Material, Verifier};
