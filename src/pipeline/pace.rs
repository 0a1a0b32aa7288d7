//! A capture file fed as if live: each frame no earlier than its time, N times as fast as it was.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::capture::{CaptureError, Drops, Frame, LinkType, PacketSource, Pump};
use crate::model::{CaptureName, Gap, ObservationPoint, ProcessRef, Timestamp};

use super::clock;

/// Slows a source down to `pace` times real time; 0 does not slow it.
pub struct Paced<S> {
    source: S,
    pace: f64,
    began: Option<(Instant, Timestamp)>,
    held: Option<HeldFrame>,
}

/// A frame whose time has not come.
struct HeldFrame {
    time: Timestamp,
    bytes: Vec<u8>,
    wire_len: u32,
    link_type: LinkType,
    point: u16,
    origin: Option<Arc<ProcessRef>>,
    relayed: bool,
}

impl HeldFrame {
    fn copy(frame: &Frame<'_>) -> Self {
        Self {
            time: frame.time,
            bytes: frame.bytes.to_vec(),
            wire_len: frame.wire_len,
            link_type: frame.link_type,
            point: frame.point,
            origin: frame.origin.cloned(),
            relayed: frame.relayed,
        }
    }

    fn lend(&self) -> Frame<'_> {
        Frame {
            time: self.time,
            bytes: &self.bytes,
            wire_len: self.wire_len,
            link_type: self.link_type,
            point: self.point,
            origin: self.origin.as_ref(),
            relayed: self.relayed,
        }
    }
}

impl<S: PacketSource> Paced<S> {
    /// The longest that one call waits, so that a stop is heard.
    const LONGEST_WAIT: Duration = Duration::from_millis(50);

    /// Wraps `source`.
    pub fn new(source: S, pace: f64) -> Self {
        Self { source, pace, began: None, held: None }
    }

    /// How far into the capture real time has come; the clock starts at the first frame, `first`.
    fn due(&mut self, first: Timestamp) -> Timestamp {
        let (began, start) = *self.began.get_or_insert_with(|| (clock::monotonic(), first));
        let passed = clock::monotonic().saturating_duration_since(began).as_secs_f64() * self.pace;
        start.plus(Duration::try_from_secs_f64(passed).unwrap_or(Duration::MAX))
    }
}

impl<S: PacketSource> PacketSource for Paced<S> {
    fn points(&self) -> Vec<Arc<ObservationPoint>> {
        self.source.points()
    }

    fn pump(&mut self, budget: usize, sink: &mut dyn FnMut(&Frame<'_>)) -> Result<Pump, CaptureError> {
        if self.pace <= 0.0 {
            return self.source.pump(budget, sink);
        }
        let frame = if let Some(frame) = self.held.take() {
            frame
        } else {
            let mut next = None;
            let pumped = self.source.pump(1, &mut |frame| next = Some(HeldFrame::copy(frame)))?;
            let Some(frame) = next else { return Ok(pumped) };
            frame
        };
        let ahead = frame.time.since(self.due(frame.time));
        if !ahead.is_zero() {
            let wait = Duration::try_from_secs_f64(ahead.as_secs_f64() / self.pace).unwrap_or(Duration::MAX);
            std::thread::sleep(wait.min(Self::LONGEST_WAIT));
            if wait > Self::LONGEST_WAIT {
                let now = self.due(frame.time);
                self.held = Some(frame);
                return Ok(Pump::Idle(now));
            }
        }
        sink(&frame.lend());
        Ok(Pump::More)
    }

    fn drops(&mut self) -> Drops {
        self.source.drops()
    }

    fn take_gaps(&mut self) -> Vec<Gap> {
        self.source.take_gaps()
    }

    fn take_names(&mut self) -> Vec<CaptureName> {
        self.source.take_names()
    }

    fn limits(&self) -> BTreeMap<String, u64> {
        self.source.limits()
    }
}
