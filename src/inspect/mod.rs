//! Names and fingerprints from the first bytes of a flow.
//!
//! Each protocol has a folder: it recognises itself by content (ports are only hints), takes a bounded number of
//! bytes, and leaves facts. An [`Inspector`] belongs to one capture thread and keeps what spans flows (open DNS
//! questions); a [`FlowInspection`] belongs to one flow and is freed as soon as its question is settled.
//!
//! It leaves alone: what a name means, and everything after the first bytes. Limits that are hit are counted.

mod config;
mod device;
mod dns;
mod http;
mod inspector;
mod quic;
mod reader;
mod segment;
mod stream;
#[cfg(test)]
mod tests;
mod tls;

pub use config::InspectConfig;
pub use device::{Datagram, DeviceWatch};
pub use inspector::{FlowInspection, Inspector};
pub use segment::{Progress, Segment};
