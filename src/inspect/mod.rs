//! Names and fingerprints from the first bytes of a flow.

mod segment;

pub use segment::{Progress, Segment};
