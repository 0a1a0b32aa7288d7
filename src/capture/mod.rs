//! Where frames come from: capture files and live interfaces, behind one trait.
//!
//! A source lends frames with their capture time; it never keeps, copies or understands them. What it could not
//! deliver it says: kernel and interface drops by [`PacketSource::drops`], breaks by [`PacketSource::take_gaps`].
//! `pcap` and `pnet` types never leave this module.

mod config;
mod datalink;
mod error;
mod file;
mod filter;
mod frame;
mod interfaces;
mod live;
mod pcap_file;
mod pcapng_file;
mod stored;
#[cfg(test)]
mod tests;
mod window;

pub use config::{Backend, CaptureConfig};
pub use error::CaptureError;
pub use file::{CaptureFiles, CaptureInfo, FileOptions};
pub use frame::{Frame, LinkType};
pub use interfaces::{InterfaceInfo, interfaces};

use std::sync::Arc;

use crate::model::{Gap, ObservationPoint, Timestamp};

/// The largest frame that is believed (libpcap's own bound, MAXIMUM_SNAPLEN); a record that claims more is broken.
pub const MAX_FRAME: usize = 262_144;

/// Lends frames, a few at a time.
pub trait PacketSource: Send {
    /// The observation points so far, by index; may grow while reading.
    fn points(&self) -> Vec<Arc<ObservationPoint>>;

    /// Lends at most about `budget` frames to `sink`, in capture order. A frame of an observation point that was not
    /// there before the call is only lent by a later call.
    fn pump(&mut self, budget: usize, sink: &mut dyn FnMut(&Frame<'_>)) -> Result<Pump, CaptureError>;

    /// Frames lost before they were read, since the start.
    fn drops(&mut self) -> Drops;

    /// Breaks since the last call.
    fn take_gaps(&mut self) -> Vec<Gap>;
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
}

/// What a call of [`PacketSource::pump`] came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pump {
    /// There may be more right away.
    More,
    /// Nothing came for a while; this is the source's time.
    Idle(Timestamp),
    /// The source has ended.
    End,
}

/// Frames lost before they were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Drops {
    /// By the kernel, for want of buffer.
    pub kernel: u64,
    /// By the interface or its driver.
    pub interface: u64,
}

/// Opens the configured interfaces, one source each.
///
/// # Errors
/// Any interface that cannot be opened, with what is missing.
pub fn open_live(config: &CaptureConfig) -> Result<Vec<Box<dyn PacketSource>>, CaptureError> {
    let mut sources: Vec<Box<dyn PacketSource>> = Vec::new();
    for name in &config.interfaces {
        sources.push(match config.backend {
            Backend::Pcap => Box::new(live::LiveCapture::open(config, name)?),
            Backend::Pnet => Box::new(datalink::DatalinkCapture::open(config, name)?),
        });
    }
    Ok(sources)
}
