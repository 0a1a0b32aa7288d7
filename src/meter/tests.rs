//! Tests of the meter as a whole; each file of `tests/` is one theme.

mod build;
mod clocks;
mod directions;
mod eviction;
mod inspected;
mod lifetimes;
mod origins;
mod properties;
