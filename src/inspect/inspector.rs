//! One capture thread's inspectors: the door that the meter knows.

use std::collections::BTreeMap;

use crate::model::{DnsObservation, Endpoint, Facts, Protocol, Timestamp};

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
    off: bool,
}

/// One flow's inspection; small, and freed when it is settled.
#[derive(Debug)]
pub struct FlowInspection {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Streams(Streams),
    Datagrams(Datagrams),
}

impl Inspector {
    /// Inspectors with empty tables.
    pub fn new(config: &InspectConfig) -> Self {
        Self { thread: Thread::new(config), off: false }
    }

    /// Inspectors that want no flow: what metering costs alone, for benches.
    pub fn off() -> Self {
        Self { thread: Thread::new(&InspectConfig::default()), off: true }
    }

    /// Begins with a flow; `None` when nothing can be asked of its protocol.
    pub fn begin(
        &mut self,
        protocol: Protocol,
        _source: Endpoint,
        _destination: Endpoint,
    ) -> Option<Box<FlowInspection>> {
        if self.off {
            return None;
        }
        let kind = match protocol {
            Protocol::TCP => Kind::Streams(Streams::default()),
            Protocol::UDP => Kind::Datagrams(Datagrams::default()),
            _ => return None,
        };
        Some(Box::new(FlowInspection { kind }))
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
