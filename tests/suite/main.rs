//! The program as its users meet it: every test runs the real binary, most of them against the real reference.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on may say so by a panic"
)]

mod alone;
mod architecture;
mod bad_input;
mod bad_sut;
mod bed;
mod docs;
mod dumps;
mod foreign;
mod foreign_netns;
mod html;
mod interruption;
mod key_protection;
mod machine;
mod main_job;
mod operator;
mod pack;
mod preflight;
mod profile;
mod program;
mod reports;
mod restarts;
mod resume;
mod scan;
mod serve;
mod support;
mod token;
mod traffic;
mod trigger;
mod verdicts;
mod walkthrough;
