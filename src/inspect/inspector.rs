//! One capture thread's inspectors: the door that the meter knows.

use std::collections::BTreeMap;

use crate::model::{DnsObservation, Facts, Protocol, Timestamp};

use super::config::InspectConfig;
use super::contract::Context;
use super::datagrams::Datagrams;
use super::segment::{Progress, Segment};
use super::streams::Streams;
use super::thread::Thread;

/// One capture thread's inspectors, with what spans flows.
#[derive(Debug)]
pub struct Inspector {
    thread: Thread,
    max_held: usize,
    off: bool,
}

/// One flow's inspection; small, begun with its first payload, and freed when it is settled.
#[derive(Debug)]
pub struct FlowInspection {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Streams(Box<Streams>),
    Datagrams(Box<Datagrams>),
}

impl FlowInspection {
    /// About how many bytes of memory it holds.
    pub fn held(&self) -> usize {
        match &self.kind {
            Kind::Streams(streams) => size_of::<Streams>() + streams.held(),
            Kind::Datagrams(datagrams) => size_of::<Datagrams>() + datagrams.held(),
        }
    }
}

impl Inspector {
    /// Inspectors with empty tables.
    pub fn new(config: &InspectConfig) -> Self {
        Self { thread: Thread::new(config), max_held: config.max_held_bytes, off: false }
    }

    /// Inspectors that want no flow: what metering costs alone, for benches.
    pub fn off() -> Self {
        Self { off: true, ..Self::new(&InspectConfig::default()) }
    }

    /// Bytes that all open questions may hold together.
    pub const fn max_held_bytes(&self) -> usize {
        self.max_held
    }

    /// Whether there is anything to ask of a protocol's payload.
    pub const fn wants(&self, protocol: Protocol) -> bool {
        !self.off && matches!(protocol, Protocol::TCP | Protocol::UDP)
    }

    /// Begins with a flow; `None` when nothing can be asked of its protocol. Of a connection, `first_octets` are the
    /// sequence numbers at which the two streams begin (source's first), where its SYNs were seen.
    pub fn begin(&self, protocol: Protocol, first_octets: [Option<u32>; 2]) -> Option<FlowInspection> {
        if !self.wants(protocol) {
            return None;
        }
        let kind = match protocol {
            Protocol::TCP => Kind::Streams(Box::new(Streams::new(first_octets))),
            _ => Kind::Datagrams(Box::default()),
        };
        Some(FlowInspection { kind })
    }

    /// Feeds one packet's payload; facts and answered DNS questions are added.
    pub fn feed(
        &mut self,
        state: &mut FlowInspection,
        segment: &Segment<'_>,
        facts: &mut Facts,
        dns: &mut Vec<DnsObservation>,
    ) -> Progress {
        let mut context = Context { facts, dns, thread: &mut self.thread };
        match &mut state.kind {
            Kind::Streams(streams) => streams.feed(segment, &mut context),
            Kind::Datagrams(datagrams) => datagrams.feed(segment, &mut context),
        }
    }

    /// Forgets what nobody came back to in time (DNS questions without an answer).
    pub fn advance(&mut self, now: Timestamp) {
        self.thread.advance(now);
    }

    /// Limits that were hit, by name.
    pub fn limits(&self) -> BTreeMap<String, u64> {
        self.thread.counters()
    }
}
