//! Whole-program tests: one binary, one module per subject.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test ends by panicking, and says why it skips"
)]

mod builder;
mod captures;
mod cases;
mod cli;
mod docs;
mod durable;
mod fragments;
mod fuzz_replay;
mod fuzz_seeds;
mod gateway;
mod geoip;
mod house;
mod layering;
mod live;
mod netns;
mod own_networks;
mod peers;
mod policy;
mod proc;
mod processes;
mod reading;
mod schema;
mod sinks;
mod sums;
mod truth;
mod tshark;
