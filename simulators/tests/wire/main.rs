//! The simulators over real sockets: one binary for all that can share a process.

mod ca;
mod client;
#[path = "../common/mod.rs"]
mod common;
mod faults;
mod gone;
mod nfvo;
mod tls;
