//! The classic pcap format: a file header, then records (draft-ietf-opsawg-pcap), in both byte orders, with
//! microseconds or nanoseconds, and the "modified" format of Alexey Kuznetzov's patched libpcap (magic
//! 0xa1b2cd34), whose record headers are 8 bytes longer.
//!
//! Not checked, because real writers get it wrong: the snapshot length against the captured length. A captured
//! length above [`MAX_FRAME`] is a break; no resynchronisation is attempted, since a guess could invent packets.

use super::delivery::{Delivery, Desk, Route, Stop, Track};
use super::order::Order;
use super::told::Said;
use super::window::Window;
use crate::capture::{CaptureError, LinkType, MAX_FRAME};
use crate::model::Timestamp;

/// Length of the file header.
pub(super) const HEADER: usize = 24;
const RECORD: usize = 16;
/// Interface index, protocol, packet type and padding after a "modified" record's header.
const MODIFIED_EXTRA: usize = 8;

/// What the magic number says.
#[derive(Debug, Clone, Copy)]
pub(super) struct Magic {
    order: Order,
    nanos_per_unit: u32,
    extra: usize,
}

impl Magic {
    /// Knows the magic numbers of pcap.
    pub(super) fn recognise(bytes: [u8; 4]) -> Option<Self> {
        let kind = |order, value| {
            let (nanos_per_unit, extra) = match value {
                0xa1b2_c3d4_u32 => (1000, 0),
                0xa1b2_3c4d => (1, 0),
                0xa1b2_cd34 => (1000, MODIFIED_EXTRA),
                _ => return None,
            };
            Some(Self { order, nanos_per_unit, extra })
        };
        kind(Order::Little, u32::from_le_bytes(bytes)).or_else(|| kind(Order::Big, u32::from_be_bytes(bytes)))
    }
}

/// How the two length fields stand; files before version 2.3 have the wire length first, and with 2.3 both
/// orders exist, so that the smaller is the captured one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lengths {
    CapturedFirst,
    WireFirst,
    SmallerIsCaptured,
}

/// An open pcap file behind its header.
#[derive(Debug)]
pub(super) struct Pcap {
    magic: Magic,
    lengths: Lengths,
    route: Route,
}

impl Pcap {
    /// Reads the header, which must be whole at the front of `window`.
    pub(super) fn open(
        magic: Magic,
        window: &mut Window,
        track: &mut Track,
        desk: &mut Desk,
    ) -> Result<Self, CaptureError> {
        let order = magic.order;
        let header = window.data();
        let major = order.u16_at(header, 4).unwrap_or_default();
        let minor = order.u16_at(header, 6).unwrap_or_default();
        if major != 2 {
            return Err(CaptureError::UnsupportedVersion {
                path: (&*track.name).into(),
                format: "pcap",
                major,
                minor,
                expected: "version 2",
            });
        }
        let lengths = match minor {
            0..=2 => Lengths::WireFirst,
            3 => Lengths::SmallerIsCaptured,
            _ => Lengths::CapturedFirst,
        };
        let link = LinkType::from_pcap_field(order.u32_at(header, 20).unwrap_or_default());
        let digits = if magic.nanos_per_unit == 1 { 9 } else { 6 };
        window.consume(HEADER);
        Ok(Self { magic, lengths, route: track.route(desk, link, None, digits) })
    }

    /// Hands over frames until something stops it.
    pub(super) fn run(
        &mut self,
        window: &mut Window,
        track: &mut Track,
        delivery: &mut Delivery<'_>,
    ) -> Stop {
        match self.magic.order {
            Order::Little => self.run_in::<false>(window, track, delivery),
            Order::Big => self.run_in::<true>(window, track, delivery),
        }
    }

    fn run_in<const BIG: bool>(
        &mut self,
        window: &mut Window,
        track: &mut Track,
        delivery: &mut Delivery<'_>,
    ) -> Stop {
        let int = |bytes| if BIG { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
        let before = RECORD + self.magic.extra;
        let scale = i64::from(self.magic.nanos_per_unit);
        loop {
            let data = window.data();
            let mut at = 0;
            let mut need = RECORD;
            let stop = loop {
                if delivery.left == 0 {
                    break Some(Stop::Budget);
                }
                let rest = data.get(at..).unwrap_or_default();
                let Some((head, _)) = rest.split_first_chunk::<RECORD>() else {
                    need = RECORD;
                    break None;
                };
                let [s0, s1, s2, s3, f0, f1, f2, f3, c0, c1, c2, c3, w0, w1, w2, w3] = *head;
                let mut captured = int([c0, c1, c2, c3]);
                let mut wire = int([w0, w1, w2, w3]);
                if self.lengths != Lengths::CapturedFirst
                    && (self.lengths == Lengths::WireFirst || captured > wire)
                {
                    std::mem::swap(&mut captured, &mut wire);
                }
                let length = captured as usize;
                if length > MAX_FRAME {
                    let what =
                        format!("a record claims {length} captured bytes, more than the {MAX_FRAME} allowed");
                    break Some(Stop::Corrupt(window.offset() + at as u64, what));
                }
                let Some(bytes) = rest.get(before..before + length) else {
                    need = before + length;
                    break None;
                };
                // Seconds and fraction are unsigned 32 bits: the sum stays within an i64.
                let seconds = i64::from(int([s0, s1, s2, s3]));
                let fraction = i64::from(int([f0, f1, f2, f3]));
                let time = Timestamp::from_nanos(seconds * 1_000_000_000 + fraction * scale);
                if time > delivery.limit {
                    break Some(Stop::Later(time));
                }
                delivery.hand(track, self.route, time, true, wire, bytes, Said::default());
                at += before + length;
            };
            window.consume(at);
            if let Some(stop) = stop {
                return stop;
            }
            if window.would_wait() && delivery.has_handed() {
                return Stop::Budget;
            }
            if window.fill(need) < need {
                return if window.data().is_empty() { Stop::End } else { Stop::Cut(window.offset()) };
            }
        }
    }
}
