//! The simulators over real sockets: one binary for all that can share a process.

mod ca;
mod capture;
mod client;
mod cmf;
mod cmf_bed;
#[path = "../common/mod.rs"]
mod common;
mod est_clients;
mod faults;
mod gone;
mod keys;
mod nfvo;
mod oam;
mod openstack;
mod private_key;
mod tls;
mod vim;
mod vnfci;
