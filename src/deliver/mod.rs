//! Brings flows and alerts out: as documents (ECS JSON), and onto disk.
//!
//! It concludes nothing; it only writes down. What may be harmful to a reader's terminal is escaped here once more,
//! whatever field it stands in.

pub mod ecs;
mod escape;
mod jsonl;
#[cfg(test)]
mod tests;

pub use jsonl::{JsonlError, JsonlWriter};

use serde::Serialize;

use crate::model::{Alert, AlertTransition, EnrichedFlow};

/// A flow record as one line, newline included.
pub fn flow_line(flow: &EnrichedFlow) -> Vec<u8> {
    line(&ecs::flow_document(flow))
}

/// A step in an alert's life as one line, newline included.
pub fn alert_line(transition: AlertTransition, alert: &Alert) -> Vec<u8> {
    line(&ecs::alert_document(transition, alert, 9))
}

/// Any document as one line, newline included.
pub fn line(document: &impl Serialize) -> Vec<u8> {
    let mut text = escape::to_vec(document, false);
    text.push(b'\n');
    text
}

/// Any document, indented for people, newline included.
pub fn document(document: &impl Serialize) -> Vec<u8> {
    let mut text = escape::to_vec(document, true);
    text.push(b'\n');
    text
}
