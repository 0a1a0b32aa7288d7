//! Where alerts are delivered to, each sink on a thread of its own, so that a dead one holds up no other.
//!
//! An alert is committed to the store before any sink hears of it; a sink takes its events from the store in their order
//! and says when it is done with them. So a crash at any moment repeats at most what was being delivered, under the same
//! ids, and loses nothing. A sink only knows how to deliver; [`Runner`] knows when, how often, and when to give up.

mod budget;
mod build;
mod command;
pub mod config;
mod file;
mod journal;
mod mail;
mod net;
mod nftables;
mod process;
mod runner;
mod secret;
mod syslog;
#[cfg(test)]
mod tests;
mod webhook;

use std::time::Duration;

use crate::model::Timestamp;
use crate::store::Event;

pub use build::open;
pub use config::{SinkConfig, SinkKind, What};
pub use file::FileSink;
pub use runner::{BATCH, Runner, RunnerConfig, SMALL_BATCH, SinkHealth, flow_event};
pub use secret::{Secret, SinkError};

/// A sink of the configuration that cannot be made ready.
#[derive(Debug, thiserror::Error)]
#[error("sink `{sink}`: {error}")]
pub struct SinkOpenError {
    /// Its kind and name.
    pub sink: String,
    /// Why.
    pub error: SinkError,
}

/// How an attempt went: so many events from the front are done, and what stopped it before the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Events from the front that were delivered.
    pub done: usize,
    /// Why the next one was not; `None`: all were.
    pub stopped: Option<Trouble>,
}

/// Why an event was not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// It may go through later: nobody answers, a full disk, a server that asks for patience.
    Later {
        /// For people.
        why: String,
        /// How long the other side asked to be left alone.
        after: Option<Duration>,
    },
    /// It will never go through: the other side understood it and refused.
    Refused {
        /// For people.
        why: String,
    },
}

impl Attempt {
    /// All of `count` events were delivered.
    pub fn all(count: usize) -> Self {
        Self { done: count, stopped: None }
    }

    /// `done` events were delivered, then something may go through later.
    pub fn later(done: usize, why: impl Into<String>) -> Self {
        Self { done, stopped: Some(Trouble::Later { why: why.into(), after: None }) }
    }

    /// `done` events were delivered; the next one never will be.
    pub fn refused(done: usize, why: impl Into<String>) -> Self {
        Self { done, stopped: Some(Trouble::Refused { why: why.into() }) }
    }
}

/// What a delivery that succeeded is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assurance {
    /// The other side said that it has it, or it is synced to this machine's disk.
    Confirmed,
    /// It was handed over, and nobody says whether it arrived.
    Sent,
    /// It was only said what would be done.
    DryRun,
}

/// Brings events to one place. An implementation bounds every wait by a deadline of its own.
pub trait Sink: Send {
    /// What a delivery is worth here.
    fn assurance(&self) -> Assurance {
        Assurance::Confirmed
    }

    /// Delivers `events` in their order, as far as it goes.
    fn deliver(&mut self, events: &[Event], now: Timestamp) -> Attempt;
}
