//! Whole-program tests: one binary, one module per subject.
