//! Owns every thread and queue: starts them, watches them, stops them in order.
//!
//! The order of the work is in two functions: [`observer::Observer::step`] takes a frame to a flow record, and
//! [`stage::FlowStage::take`] takes a record to alerts. [`offline`] joins the two for capture files, [`live`] for
//! interfaces. Every edge between threads is bounded and says what happens when it is full:
//!
//! | edge | bound | when full |
//! |---|---|---|
//! | capture → flow, files | [`QUEUE`] batches | the reader waits: a file can |
//! | capture → flow, live | [`QUEUE`] batches | the newest batch is dropped and counted (`records_dropped`) |
//! | flow → keeper | [`keeper::LINES`] records and alerts | the flow stage waits, and so the queue before it fills |
//! | keeper → sink | the store | nothing: a sink that is behind only makes the store keep more |

pub mod canary;
pub mod clock;
mod conntrack;
pub mod keeper;
pub mod live;
pub mod observer;
pub mod offline;
pub mod pace;
pub mod parts;
mod processes;
pub mod score;
pub mod stage;
pub mod summary;
pub mod trial;

use std::sync::Arc;

use crate::alert::AlertConfig;
use crate::decode::{DecodeConfig, Decoder};
use crate::enrich::ConntrackConfig;
use crate::inspect::{InspectConfig, Inspector};
use crate::meter::{LocalNetworks, Meter, MeterConfig};
use crate::processes::ProcessesConfig;

/// Batches that may wait between a capture thread and the flow stage.
pub const QUEUE: usize = 64;

/// Observations in a batch, about: large enough that the queue costs nothing per record.
const BATCH: usize = 512;

/// What the packet path needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Frame → packet.
    pub decode: DecodeConfig,
    /// Packet → facts.
    pub inspect: InspectConfig,
    /// Packets → records.
    pub meter: MeterConfig,
    /// Findings → alerts.
    pub alert: AlertConfig,
    /// Which process of this host.
    pub processes: ProcessesConfig,
    /// The gateway's own address translation; live sources only.
    pub conntrack: ConntrackConfig,
    /// Networks that count as this side.
    pub local: LocalNetworks,
}

impl Settings {
    /// A packet path for one source.
    fn packet_path(&self) -> (Decoder, Meter) {
        let inspector = Inspector::new(&self.inspect);
        (Decoder::new(&self.decode), Meter::new(&self.meter, Arc::clone(&self.local), inspector))
    }
}
