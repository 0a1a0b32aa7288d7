//! The connections known, found by either of their tuples and by time; and which view of each counts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::{Connection, ConntrackEvent, Tuple};
use crate::enrich::devices::generations::Generations;
use crate::model::{Endpoint, FlowId, FlowRecord, Timestamp};

/// Connections that had the same tuple one after another; ports are used again after minutes.
const SAME_TUPLE: usize = 4;
/// Events come a moment after the packets that they are about, and are stamped when they are read.
const SLACK: Duration = Duration::from_secs(5);

/// A connection, and when it was.
#[derive(Debug)]
struct Known {
    connection: Connection,
    /// `None`: before it was first heard of.
    began: Option<Timestamp>,
    ended: Option<Timestamp>,
    counts: Option<Counting>,
}

/// The view of a connection that counts.
#[derive(Debug)]
struct Counting {
    point: Arc<str>,
    outside: bool,
    flow: FlowId,
    /// Directions seen in it: initiator's, responder's.
    directions: (bool, bool),
}

/// How a flow record sees a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct View {
    serial: u64,
    /// The record is of the far side of the translation.
    pub outside: bool,
    /// Who is behind the translation, where there is one.
    pub inner: Option<Endpoint>,
    /// What stands for it outside.
    pub outer: Option<Endpoint>,
    /// The connection itself.
    pub connection: Connection,
}

/// The table.
#[derive(Debug)]
pub struct Connections {
    known: Generations<u64, Known>,
    /// By original and by reply tuple; the latest last.
    index: Generations<Tuple, Vec<u64>>,
    serial: u64,
    ambiguous: u64,
    overruns: u64,
    malformed: u64,
    dropped: u64,
}

impl Connections {
    /// An empty table of at most `most` connections.
    pub fn new(most: usize) -> Self {
        Self {
            known: Generations::new(most),
            index: Generations::new(most.saturating_mul(2)),
            serial: 0,
            ambiguous: 0,
            overruns: 0,
            malformed: 0,
            dropped: 0,
        }
    }

    /// Takes what was heard by `now`.
    pub fn learn(&mut self, event: &ConntrackEvent, now: Timestamp) {
        match event {
            // A dump repeats what is known.
            ConntrackEvent::Found(c) => {
                if self.living(c).is_none() {
                    self.put(*c, c.began.map(Timestamp::from_nanos));
                }
            }
            ConntrackEvent::Began(c) => {
                if self.living(c).is_none() {
                    self.put(*c, Some(c.began.map_or(now, Timestamp::from_nanos)));
                }
            }
            ConntrackEvent::Ended(c) => {
                let serial =
                    self.living(c).unwrap_or_else(|| self.put(*c, c.began.map(Timestamp::from_nanos)));
                if let Some(known) = self.known.get_mut(&serial) {
                    known.ended = Some(now);
                    known.connection.counted = c.counted.or(known.connection.counted);
                }
            }
        }
    }

    /// Counts what was not heard: the kernel's overruns, broken messages, events that found no room in the queue.
    pub fn count_losses(&mut self, overruns: u64, malformed: u64, dropped: u64) {
        self.overruns += overruns;
        self.malformed += malformed;
        self.dropped += dropped;
    }

    /// The connection that a record is of. Two that fit and differ in what is behind them decide nothing.
    pub fn view(&mut self, record: &FlowRecord) -> Option<View> {
        let tuple =
            Tuple { source: record.source, destination: record.destination, protocol: record.protocol };
        let mut found: Option<(u64, Connection)> = None;
        let mut serials: Vec<u64> = Vec::new();
        for tuple in [tuple, tuple.turned()] {
            serials.extend(self.index.get(&tuple).into_iter().flatten());
        }
        serials.sort_unstable();
        serials.dedup();
        for serial in serials {
            let Some(known) = self.known.get(&serial).filter(|k| k.overlaps(record)) else { continue };
            // In one zone the later connection took the tuple over; of two zones nobody can say which it was.
            if let Some((_, other)) = found
                && other.zone != known.connection.zone
                && other.inner() != known.connection.inner()
            {
                self.ambiguous += 1;
                return None;
            }
            found = Some((serial, known.connection));
        }
        let (serial, connection) = found?;
        let (inner, outer) = (connection.inner(), connection.outer());
        let has = |end: Option<Endpoint>| end.is_some_and(|e| record.source == e || record.destination == e);
        Some(View { serial, outside: has(outer) && !has(inner), inner, outer, connection })
    }

    /// Whether another view of the same connection counts already: the flow that does. The first one seen counts, and
    /// another one only where it shows a direction that the first does not.
    pub fn twin(&mut self, view: &View, record: &FlowRecord) -> Option<FlowId> {
        let known = self.known.get_mut(&view.serial)?;
        let directions = (record.forward_total.packets > 0, record.reverse_total.packets > 0);
        let Some(counting) = &mut known.counts else {
            known.counts = Some(Counting {
                point: Arc::clone(&record.point.name),
                outside: view.outside,
                flow: record.id,
                directions,
            });
            return None;
        };
        if counting.point == record.point.name && counting.outside == view.outside {
            counting.directions.0 |= directions.0;
            counting.directions.1 |= directions.1;
            return None;
        }
        let common = (counting.directions.0 && directions.0) || (counting.directions.1 && directions.1);
        common.then_some(counting.flow)
    }

    /// Counters, by name.
    pub fn limits(&self, out: &mut BTreeMap<String, u64>) {
        for (name, count) in [
            ("conntrack_forgotten", self.known.forgotten()),
            ("conntrack_ambiguous", self.ambiguous),
            ("conntrack_overruns", self.overruns),
            ("conntrack_malformed", self.malformed),
            ("conntrack_events_dropped", self.dropped),
        ] {
            if count > 0 {
                *out.entry(name.to_owned()).or_default() += count;
            }
        }
    }

    /// The connection that is known and has not ended.
    fn living(&self, c: &Connection) -> Option<u64> {
        let serials = self.index.peek(&c.original)?;
        serials.iter().rev().copied().find(|serial| {
            self.known.peek(serial).is_some_and(|k| {
                let same = &k.connection;
                k.ended.is_none()
                    && same.zone == c.zone
                    && same.original == c.original
                    && same.reply == c.reply
            })
        })
    }

    fn put(&mut self, connection: Connection, began: Option<Timestamp>) -> u64 {
        self.serial += 1;
        let serial = self.serial;
        self.known.put(serial, Known { connection, began, ended: None, counts: None });
        for tuple in [connection.original, connection.reply] {
            let serials = self.index.entry(tuple, Vec::new);
            if serials.last() != Some(&serial) {
                serials.push(serial);
            }
            if serials.len() > SAME_TUPLE {
                serials.remove(0);
            }
        }
        serial
    }
}

impl Known {
    fn overlaps(&self, record: &FlowRecord) -> bool {
        self.began.is_none_or(|began| began.minus(SLACK) <= record.end)
            && self.ended.is_none_or(|ended| record.start <= ended.plus(SLACK))
    }
}
