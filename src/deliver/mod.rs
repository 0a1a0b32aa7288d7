//! Brings flows and alerts out of the program: as Elastic Common Schema documents, one per line, into files that keep.
//!
//! [`ecs`] gives the documents their shape (a JSON Schema of both is in docs/reference), [`json`] writes them so that no
//! reader can be harmed, [`jsonl`] appends them to a file such that no acknowledged line is lost or torn.
//!
//! What it leaves alone: it judges and groups nothing. Standard output is the command line's. It reads no clock.
//!
//! Limits: a file writer holds at most `max-pending` bytes that are not yet on disk, then refuses more.

mod community_id;
pub mod config;
pub mod ecs;
mod error;
pub mod format;
pub mod json;
pub mod jsonl;
#[cfg(test)]
pub(crate) mod schema;
pub mod sink;

pub use community_id::community_id;
pub use config::DeliverConfig;
pub use ecs::{AlertDocument, FlowDocument};
pub use error::JsonlError;
pub use format::Format;
pub use json::{to_document, to_line, write_json};
pub use jsonl::JsonlWriter;
