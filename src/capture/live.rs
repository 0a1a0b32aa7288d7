//! A live interface through libpcap.
//!
//! Designed by measured traps: TPACKET_V3 (immediate mode off, it would fall back to slow fixed slots); always a filter,
//! even an empty one, for without it the kernel ignores the snap length; never a blocking read, for its timeout does
//! not fire on an idle interface: instead a bounded poll, after which idle time is reported; `dispatch`, which lends
//! the ring's memory without a copy.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pcap::{Active, Capture, Error, Precision};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::model::{Gap, ObservationPoint, Timestamp};

use super::frame::{Frame, LinkType};
use super::interfaces::{interfaces, known};
use super::{CaptureConfig, CaptureError, Drops, PacketSource, Pump};

/// An open interface.
pub(super) struct LiveCapture {
    name: String,
    capture: Capture<Active>,
    link_type: LinkType,
    nanos: bool,
    wait: Duration,
    point: Arc<ObservationPoint>,
    drops: Drops,
    /// libpcap's 32-bit counters at the last look.
    seen: (u32, u32),
}

impl LiveCapture {
    /// Opens an interface (or `any`).
    pub(super) fn open(config: &CaptureConfig, name: &str) -> Result<Self, CaptureError> {
        if name != "any" && !interfaces().iter().any(|i| i.name == name) {
            return Err(CaptureError::NoInterface { name: name.to_owned(), known: known() });
        }
        let fail = |error: Error| CaptureError::Interface { name: name.to_owned(), message: explain(&error) };
        let inactive = |precision| {
            Ok::<_, Error>(
                Capture::from_device(name)?
                    .snaplen(i32::try_from(config.snaplen).unwrap_or(65_535))
                    .buffer_size(i32::try_from(config.buffer_size.0).unwrap_or(i32::MAX))
                    .promisc(config.promiscuous && name != "any")
                    .timeout(i32::try_from(config.poll_interval.0.as_millis()).unwrap_or(100))
                    .precision(precision),
            )
        };
        let (capture, nanos) = match inactive(Precision::Nano).and_then(Capture::open) {
            Ok(capture) => (capture, true),
            Err(_) => (inactive(Precision::Micro).and_then(Capture::open).map_err(fail)?, false),
        };
        let mut capture = capture.setnonblock().map_err(fail)?;
        capture
            .filter(&config.filter, true)
            .map_err(|e| CaptureError::Filter { filter: config.filter.clone(), message: e.to_string() })?;
        let link_type = link_type(capture.get_datalink().0);
        let time_digits = if nanos { 9 } else { 6 };
        Ok(Self {
            name: name.to_owned(),
            capture,
            link_type,
            nanos,
            wait: config.poll_interval.0,
            point: Arc::new(ObservationPoint { id: 0, name: name.into(), time_digits }),
            drops: Drops::default(),
            seen: (0, 0),
        })
    }

    /// Waits until there may be frames; `false` when there are none.
    fn wait(&self) -> Result<bool, CaptureError> {
        let mut fds = [PollFd::new(&self.capture, PollFlags::IN)];
        let timeout = Timespec { tv_sec: 0, tv_nsec: self.wait.subsec_nanos().into() };
        match poll(&mut fds, Some(&timeout)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => Ok(false),
            Ok(_) => Ok(true),
            Err(error) => Err(CaptureError::Lost { name: self.name.clone(), message: error.to_string() }),
        }
    }
}

impl PacketSource for LiveCapture {
    fn points(&self) -> Vec<Arc<ObservationPoint>> {
        vec![Arc::clone(&self.point)]
    }

    fn pump(&mut self, budget: usize, sink: &mut dyn FnMut(&Frame<'_>)) -> Result<Pump, CaptureError> {
        let (link_type, nanos) = (self.link_type, self.nanos);
        let mut lend = |packet: pcap::Packet<'_>| {
            let fraction = u32::try_from(packet.header.ts.tv_usec).unwrap_or(0);
            sink(&Frame {
                time: Timestamp::from_parts(packet.header.ts.tv_sec, if nanos { fraction } else { fraction * 1000 }),
                bytes: packet.data,
                wire_len: packet.header.len.max(packet.header.caplen),
                link_type,
                point: 0,
            });
        };
        let taken = self
            .capture
            .dispatch(Some(budget), &mut lend)
            .map_err(|e| CaptureError::Lost { name: self.name.clone(), message: explain(&e) })?;
        if taken > 0 || self.wait()? { Ok(Pump::More) } else { Ok(Pump::Idle(now())) }
    }

    fn drops(&mut self) -> Drops {
        if let Ok(stats) = self.capture.stats() {
            let (kernel, interface) = self.seen;
            self.drops.kernel += u64::from(stats.dropped.wrapping_sub(kernel));
            self.drops.interface += u64::from(stats.if_dropped.wrapping_sub(interface));
            self.seen = (stats.dropped, stats.if_dropped);
        }
        self.drops
    }

    fn take_gaps(&mut self) -> Vec<Gap> {
        Vec::new()
    }
}

/// The time of an idle interface: what a frame would have been stamped with.
#[expect(clippy::disallowed_methods, reason = "the live capture's clock is one of the two places")]
pub(super) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    Timestamp::EPOCH.plus(since)
}

/// A link type in libpcap's numbering (DLT), as LINKTYPE.
fn link_type(dlt: i32) -> LinkType {
    match dlt {
        12 | 14 => LinkType::RAW,
        other => LinkType(u16::try_from(other).unwrap_or(u16::MAX)),
    }
}

/// libpcap's words, with what to do where that is known.
fn explain(error: &Error) -> String {
    let text = error.to_string();
    if text.contains("ermission") || text.contains("not permitted") {
        return format!("{text}; capturing needs the capability CAP_NET_RAW (run as root, or `setcap cap_net_raw+ep`)");
    }
    text
}
