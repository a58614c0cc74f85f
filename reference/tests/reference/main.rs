//! The reference products, tested with material and peers that they did not make: the `openssl` command signs, a hand-written
//! NFVO calls.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod around;
mod bed;
mod delegation;
mod key_defects;
mod pkcs11;
mod process;
mod support;
mod verification;
mod vnfm;
