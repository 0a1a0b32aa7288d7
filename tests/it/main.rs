//! Whole-program tests: one binary, one module per subject.

mod docs;
mod house;
mod layering;
