//! The simulators over real sockets: one binary for all that can share a process.

mod client;
#[path = "../common/mod.rs"]
mod common;
mod faults;
mod gone;
mod keys;
mod nfvo;
mod oam;
mod openstack;
mod tls;
mod vim;
mod vnfci;
