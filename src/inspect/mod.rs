//! Names and fingerprints from the first bytes of a flow.
//!
//! Each protocol has a folder: it recognises itself by content (ports are only hints), takes a bounded number of
//! bytes, and leaves facts. It is a `Signature` (contract.rs), registered by one line in registry.rs, or in app/mod.rs
//! when it is the protocol of one application:
//!
//! - `probe` sees the first bytes of a flow and says `Certain`, `Unsure` (ask again with more) or `No`;
//! - `feed` takes facts from ever more bytes until it says `Settled`, or `Done` for one direction, or `Inner` when
//!   another protocol is wrapped in this one, and detection begins anew behind the wrapping;
//! - what it must remember of a flow is in `State`, what spans flows in `Thread`; each with a named limit and counter.
//!
//! An [`Inspector`] belongs to one capture thread and keeps what spans flows (open DNS questions, QUIC's connection
//! ids); a [`FlowInspection`] belongs to one flow and is freed as soon as its question is settled. How to add a
//! protocol: docs/develop/protocols.md.
//!
//! It leaves alone: what a name means, and everything after the first bytes. Limits that are hit are counted.

mod app;
mod config;
mod contract;
mod datagrams;
mod device;
mod dns;
mod dtls;
#[doc(hidden)]
pub mod fuzz;
mod http;
mod http2;
mod httpdns;
mod inspector;
mod quic;
mod reader;
mod registry;
mod resolvers;
mod segment;
mod socks;
mod stream;
mod streams;
mod stun;
#[cfg(test)]
mod tests;
mod thread;
mod tls;

pub use config::InspectConfig;
pub use device::{Datagram, DeviceWatch};
pub use inspector::{FlowInspection, Inspector};
pub use segment::{Progress, Segment};
