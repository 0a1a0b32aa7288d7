//! Flow and alert documents in the Elastic Common Schema (9.x field names), with whither's own words under `whither`.
//!
//! The documents borrow from the records they show. A value that is not known is left out, never `null` (the one
//! exception, `whither.end_reason`, says so). Octets and packets are those of this record, so that sums over records are
//! right. The shape is public: docs/reference/flow.schema.json and alert.schema.json are generated from these types.

mod alert;
mod common;
mod conclusions;
mod ends;
mod flow;

#[cfg(test)]
mod tests;

pub use alert::AlertDocument;
pub use flow::FlowDocument;

/// The version of the Elastic Common Schema that the field names are taken from.
pub const ECS_VERSION: &str = "9.0.0";
