//! Names and fingerprints from the first bytes of a flow.

mod inspector;
mod segment;

pub use inspector::{FlowInspection, InspectConfig, Inspector};
pub use segment::{Progress, Segment};
