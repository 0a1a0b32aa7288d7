//! From an entry of the table to a record, and to a flow's name.

use std::sync::Arc;
use std::time::Duration;

use super::entry::Entry;
use super::key::{FlowKey, Side};
use super::origins::Origins;
use crate::model::{
    Counters, Endpoint, FlowEndReason, FlowId, FlowRecord, ObservationPoint, Protocol, TcpSummary, Timestamp,
};

/// Cuts a record: its deltas are what was counted since the record before.
pub(crate) fn cut(
    entry: &mut Entry,
    point: Arc<ObservationPoint>,
    origins: &Origins,
    reason: Option<FlowEndReason>,
) -> FlowRecord {
    let (source, destination) = (entry.source, entry.source.other());
    let total = |side: Side| *entry.counted.of(side);
    let since = |side: Side| -> Counters { total(side).minus(*entry.cold.reported.of(side)) };
    if let Some(watch) = &entry.watch
        && *entry.facts != watch.facts
    {
        entry.facts = Arc::new(watch.facts.clone());
    }
    let (from, to): (Endpoint, Endpoint) = (entry.key.endpoint(source), entry.key.endpoint(destination));
    let record = FlowRecord {
        id: entry.cold.id,
        sequence: entry.sequence,
        point,
        protocol: entry.key.protocol(),
        source: from,
        destination: to,
        source_basis: entry.basis,
        source_mac: *entry.cold.macs.of(source),
        destination_mac: *entry.cold.macs.of(destination),
        vlan: entry.cold.vlan,
        tunnel: entry.cold.tunnel,
        tunnel_depth: entry.cold.tunnel_depth,
        start: entry.start,
        end: entry.end,
        forward: since(source),
        reverse: since(destination),
        forward_total: total(source),
        reverse_total: total(destination),
        tcp: (entry.key.protocol() == Protocol::TCP).then(|| tcp_summary(entry, source)),
        first_answer: first_answer(entry, source),
        facts: Arc::clone(&entry.facts),
        origin: origins.get(entry.cold.origin).cloned(),
        origin_conflict: entry.cold.marks.conflict(),
        relayed: entry.cold.marks.relayed(),
        end_reason: reason,
    };
    entry.cold.reported = entry.counted;
    entry.sequence = entry.sequence.saturating_add(1);
    record
}

/// What was seen of TCP; without a round trip where a relay on the device answered in the network's place.
fn tcp_summary(entry: &Entry, source: Side) -> TcpSummary {
    let mut summary = entry.tcp.summary(source);
    if entry.cold.marks.relayed() {
        summary.handshake_rtt = None;
    }
    summary
}

/// How long the first answer to a datagram took; not where a relay on the device answered.
fn first_answer(entry: &Entry, source: Side) -> Option<Duration> {
    let counts = entry.key.protocol() == Protocol::UDP && !entry.cold.marks.relayed();
    counts.then(|| entry.tcp.first_answer(source)).flatten()
}

/// A flow's id: mixed from its key, its start and its number in the run, the same whenever a capture is read again.
pub(crate) fn flow_id(key: &FlowKey, start: Timestamp, number: u64) -> FlowId {
    let [low, high] = key.addresses();
    let seed = mix(number).wrapping_add(start.as_nanos().cast_unsigned());
    let words =
        [low, high, key.rest()].into_iter().flat_map(|word| [word >> 64, word & u128::from(u64::MAX)]);
    let words = words.map(|half| u64::try_from(half).unwrap_or_default());
    FlowId(words.fold(mix(seed), |state, word| mix(state ^ word)))
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014): every input bit reaches every output bit, one to one.
const fn mix(value: u64) -> u64 {
    let a = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let b = (a ^ (a >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let c = (b ^ (b >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    c ^ (c >> 31)
}
