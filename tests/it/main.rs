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

#[allow(dead_code, reason = "the captures of further cases use the rest")]
mod builder;
mod captures;
mod cases;
mod docs;
mod durable;
mod fuzz_replay;
mod house;
mod layering;
mod processes;
mod reading;
mod truth;
mod tshark;
