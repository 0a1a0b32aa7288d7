//! Where frames come from: capture files ([`files`]) and live interfaces ([`live`], [`datalink`]).
//!
//! A source lends each frame from its own buffer to a closure, with the time of capture, the link type and the
//! length on the wire. It does not look into a frame (that is `decode`'s), except to ask libpcap's filter machine.
//! What is missing is said: kernel drops as [`Drops`], breaks in files as gaps. Limits: frames of at most
//! [`MAX_FRAME`] bytes, at most [`files::MAX_FILES`] files in one run.

mod config;
pub mod datalink;
mod error;
pub mod files;
mod filter;
mod frame;
#[doc(hidden)]
pub mod fuzz;
mod interfaces;
mod link;
pub mod live;
#[cfg(test)]
mod live_tests;
mod origin;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use config::{Backend, CaptureConfig};
pub use error::CaptureError;
pub use files::{CaptureFiles, CaptureInfo, FileOptions};
pub use frame::{Frame, LinkType};
pub use interfaces::{InterfaceInfo, interfaces};
pub use live::LiveCapture;
pub use origin::Brought;

use crate::model::{CaptureName, Gap, ObservationPoint, Timestamp};

/// Largest frame that is taken for real: libpcap's own `MAXIMUM_SNAPLEN`. A file record that claims more is a
/// break in the file: nobody's network carries it, and a buffer of that size would be the writer's to choose.
pub const MAX_FRAME: usize = 262_144;

/// What a call of [`PacketSource::pump`] came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pump {
    /// Frames were handed over and more may be there.
    More,
    /// Nothing came: the time by the source's clock, up to which no earlier frame is outstanding.
    Idle(Timestamp),
    /// The source has ended.
    End,
}

/// Frames lost before they could be read, since the source was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Drops {
    /// Dropped by the kernel because its buffer was full.
    pub kernel: u64,
    /// Dropped by the interface or its driver.
    pub interface: u64,
}

/// A source of frames, used by one thread.
pub trait PacketSource: Send {
    /// Its observation points: [`Frame::point`] is an index into this list, which may grow while reading.
    fn points(&self) -> Vec<Arc<ObservationPoint>>;
    /// Hands at most `budget` frames to `sink`. Files block until data is there; live sources wait for a bounded
    /// time.
    ///
    /// # Errors
    /// When an interface is lost. Files end with a gap instead.
    fn pump(&mut self, budget: usize, sink: &mut dyn FnMut(&Frame<'_>)) -> Result<Pump, CaptureError>;
    /// Losses so far, cumulative.
    fn drops(&mut self) -> Drops;
    /// Gaps found since the last call.
    fn take_gaps(&mut self) -> Vec<Gap>;
    /// Names of addresses that the source itself brings along, since the last call.
    fn take_names(&mut self) -> Vec<CaptureName> {
        Vec::new()
    }
    /// How often a limit was hit, by name; only those that were.
    fn limits(&self) -> BTreeMap<String, u64> {
        BTreeMap::new()
    }
}

impl PacketSource for Box<dyn PacketSource> {
    fn points(&self) -> Vec<Arc<ObservationPoint>> {
        (**self).points()
    }

    fn pump(&mut self, budget: usize, sink: &mut dyn FnMut(&Frame<'_>)) -> Result<Pump, CaptureError> {
        (**self).pump(budget, sink)
    }

    fn drops(&mut self) -> Drops {
        (**self).drops()
    }

    fn take_gaps(&mut self) -> Vec<Gap> {
        (**self).take_gaps()
    }

    fn take_names(&mut self) -> Vec<CaptureName> {
        (**self).take_names()
    }

    fn limits(&self) -> BTreeMap<String, u64> {
        (**self).limits()
    }
}
