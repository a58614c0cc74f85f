//! Simulated roles around a system under test: the NFVO ([`nfvo::Nfvo`]), the CMF ([`cmf::Cmf`]), the CA behind it
//! ([`ca::Ca`]), the VIM ([`vim::Vim`]), the VNFC instance ([`vnfci::Vnfci`]), and the tester's own client
//! ([`client::Client`]).
//!
//! This crate knows HTTP, TLS and faults. It knows no verdict: it says what was on the wire ([`transcript`]) and
//! misbehaves exactly as told ([`control`], [`fault`]).

pub mod ca;
pub mod capture;
pub mod client;
pub mod clock;
pub mod cmf;
pub mod control;
mod csr;
mod der;
pub mod fault;
pub mod front;
pub mod material;
pub mod nfvo;
pub mod private_key;
mod problem;
mod rest;
pub mod route;
pub mod tls;
pub mod transcript;
pub mod vim;
pub mod vnfci;
