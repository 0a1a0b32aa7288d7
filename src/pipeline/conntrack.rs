//! The thread that listens to the kernel's connection tracking, beside live sources only.
//!
//! What it hears goes to the flow stage; where that is behind, events are dropped and counted, and the next dump makes good
//! what began meanwhile.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam_channel::{Sender, TrySendError};

use crate::enrich::ConntrackConfig;
use crate::enrich::conntrack::{ConntrackSocket, Heard};
use crate::model::Timestamp;

use super::clock;
use super::live::Shared;

/// How long it waits for something, so that a stop is heard.
const WAIT: Duration = Duration::from_millis(100);

/// What was heard, and when.
#[derive(Debug)]
pub struct Told {
    /// The events.
    pub heard: Heard,
    /// When they were read.
    pub at: Timestamp,
    /// Events dropped before, for the flow stage was behind.
    pub dropped: u64,
}

/// The thread's state.
pub(super) struct ConntrackThread {
    socket: ConntrackSocket,
    dropped: u64,
}

impl ConntrackThread {
    /// Opens the socket; nothing where that is not wanted or not allowed.
    pub(super) fn open(config: &ConntrackConfig) -> Option<Self> {
        if !config.enabled {
            return None;
        }
        match ConntrackSocket::open(WAIT) {
            Ok(socket) => {
                tracing::info!("connection tracking is listened to");
                Some(Self { socket, dropped: 0 })
            }
            Err(error) => {
                tracing::warn!(
                    "connection tracking cannot be listened to: {error}; it needs CAP_NET_ADMIN in the gateway's network \
                     namespace. Flows on the outside keep the gateway as their device, and flows seen on both sides count twice"
                );
                None
            }
        }
    }

    /// Listens until the sources are at their end or the program stops.
    pub(super) fn run(mut self, shared: &Shared, send: &Sender<Told>) {
        while !shared.stop.load(Ordering::SeqCst) && shared.feeds_open.load(Ordering::SeqCst) > 0 {
            let heard = match self.socket.hear() {
                Ok(heard) => heard,
                Err(error) => {
                    tracing::error!(%error, "connection tracking is no longer listened to");
                    return;
                }
            };
            if heard.events.is_empty() && heard.overruns == 0 && heard.malformed == 0 {
                continue;
            }
            let told = Told { heard, at: clock::now(), dropped: std::mem::take(&mut self.dropped) };
            match send.try_send(told) {
                Ok(()) => {}
                Err(TrySendError::Full(told)) => {
                    self.dropped = told.dropped + told.heard.events.len() as u64;
                    self.socket.dump_again();
                }
                Err(TrySendError::Disconnected(_)) => return,
            }
        }
    }
}
