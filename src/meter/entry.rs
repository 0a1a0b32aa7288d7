//! One flow in the table: what every packet touches, and what only records need.

use std::sync::Arc;

use super::config::{MeterConfig, nanos};
use super::key::{Both, FlowKey, Side};
use super::origins::{Marks, OriginId};
use super::tcp::{Phase, TcpTrack};
use crate::inspect::FlowInspection;
use crate::model::{
    Counters, Facts, FlowEndReason, FlowId, MacAddr, Protocol, SourceBasis, Timestamp, Tunnel, VlanTags,
};

/// A flow under inspection; given up as soon as its question is settled.
#[derive(Debug)]
pub(crate) struct Watch {
    /// The inspectors' own state.
    pub(crate) state: FlowInspection,
    /// What they found so far.
    pub(crate) facts: Facts,
    /// Bytes of memory that it held when it was last fed.
    pub(crate) held: usize,
}

/// What a flow is when room is needed; the order is that of the lists in `evict`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// A closed TCP connection that only collects stragglers.
    Closed = 0,
    /// A TCP handshake that is not complete.
    HalfOpen = 1,
    /// Packets in one direction only.
    OneWay = 2,
    /// Packets in both directions.
    TwoWay = 3,
}

/// What only records need.
#[derive(Debug)]
pub(crate) struct Cold {
    pub(crate) id: FlowId,
    /// Totals at the last record.
    pub(crate) reported: Both<Counters>,
    pub(crate) macs: Both<Option<MacAddr>>,
    pub(crate) vlan: VlanTags,
    pub(crate) tunnel: Tunnel,
    pub(crate) tunnel_depth: u8,
    pub(crate) point: u16,
    pub(crate) origin: OriginId,
    pub(crate) marks: Marks,
}

/// One flow. The order of the fields is kept: what every packet touches fills the first two cache lines, and the
/// third is for TCP.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Entry {
    pub(crate) key: FlowKey,
    pub(crate) counted: Both<Counters>,
    /// Last packet, by the meter's time.
    pub(crate) seen_at: i64,
    /// First and last packet, by the packets' own times.
    pub(crate) start: Timestamp,
    pub(crate) end: Timestamp,
    pub(crate) watch: Option<Box<Watch>>,
    /// When the next record is due if there are packets for it, by the meter's time.
    pub(crate) cut_at: i64,
    /// Records made so far.
    pub(crate) sequence: u32,
    pub(crate) source: Side,
    pub(crate) basis: SourceBasis,
    pub(crate) class: Class,
    /// Whether the inspectors may still learn something from it.
    pub(crate) open: bool,
    pub(crate) tcp: TcpTrack,
    pub(crate) facts: Arc<Facts>,
    pub(crate) cold: Cold,
}

impl Entry {
    /// What the flow is now.
    pub(crate) fn class_now(&self) -> Class {
        if self.key.protocol() == Protocol::TCP {
            match self.tcp.phase() {
                Phase::Closed => return Class::Closed,
                Phase::Opening | Phase::Answered => return Class::HalfOpen,
                Phase::Midstream | Phase::Established => {}
            }
        }
        let both = self.counted.of(Side::Low).packets > 0 && self.counted.of(Side::High).packets > 0;
        if both { Class::TwoWay } else { Class::OneWay }
    }

    /// Whether packets were counted since the last record.
    pub(crate) fn has_news(&self) -> bool {
        self.counted != self.cold.reported
    }

    /// Why it ends if it ends for want of packets.
    pub(crate) const fn quiet_reason(&self) -> FlowEndReason {
        if self.tcp.is_over() { FlowEndReason::EndOfFlow } else { FlowEndReason::IdleTimeout }
    }
}

/// The timeouts in nanoseconds, ready for the packet path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    tcp: i64,
    udp: i64,
    other: i64,
    half_open: i64,
    linger: i64,
    pub(crate) active: i64,
    pub(crate) first_report: i64,
}

impl Timeouts {
    pub(crate) fn new(config: &MeterConfig) -> Self {
        Self {
            tcp: nanos(config.idle_timeout_tcp),
            udp: nanos(config.idle_timeout_udp),
            other: nanos(config.idle_timeout_other),
            half_open: nanos(config.idle_timeout_half_open),
            linger: nanos(config.end_linger),
            active: nanos(config.active_timeout),
            first_report: nanos(config.first_report),
        }
    }

    /// How long this flow may be quiet.
    pub(crate) const fn idle(&self, entry: &Entry) -> i64 {
        match entry.key.protocol() {
            Protocol::TCP => match entry.tcp.phase() {
                Phase::Closed => self.linger,
                Phase::Opening | Phase::Answered => self.half_open,
                // Both FINs, but the last acknowledgement was lost.
                _ if entry.tcp.is_over() => self.half_open,
                _ => self.tcp,
            },
            Protocol::UDP => self.udp,
            _ => self.other,
        }
    }

    /// When it ends if no more packets come, by the meter's time.
    pub(crate) const fn quiet_until(&self, entry: &Entry) -> i64 {
        entry.seen_at.saturating_add(self.idle(entry))
    }

    /// When it must be looked at next, by the meter's time.
    pub(crate) fn next_visit(&self, entry: &Entry) -> i64 {
        self.quiet_until(entry).min(entry.cut_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_stays_small() {
        assert!(size_of::<FlowKey>() <= 48);
        assert!(std::mem::offset_of!(Entry, cold) <= 192);
        assert_eq!(std::mem::offset_of!(Entry, tcp), 128);
        assert_eq!(size_of::<Option<Entry>>(), 256);
    }
}
