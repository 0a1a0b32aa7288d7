//! `whither` watches network traffic and says where the data of each application goes: which country, whose
//! machines, under whose law. The modules stand in the order in which a packet passes them:
//!
//! ```text
//! Frame ─decode─▶ Packet ─inspect─▶ facts ─meter─▶ FlowRecord ─appid─▶ Identification
//!       ─enrich─▶ EnrichedFlow ─policy─▶ Verdict / Finding ─alert─▶ Alert ─deliver─▶ files
//! ```
//!
//! One direction, no way back; `tests/it/layering.rs` holds every module to it.
//! Start with docs/explain/life-of-a-flow.md.

pub mod model;
pub mod telemetry;

pub mod capture;
pub mod decode;
pub mod inspect;
pub mod meter;

pub mod appid;
pub mod enrich;
pub mod fetch;
pub mod processes;

pub mod policy;

pub mod alert;

pub mod deliver;
pub mod store;

pub mod pipeline;

pub mod config;

pub mod daemon;

pub mod cli;
