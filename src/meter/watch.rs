//! The meter's side of inspection: begin with the flow, feed payload while it is wanted, let go when it is settled.

use super::entry::{Entry, Timeouts, Watch};
use super::key::{FlowKey, Side};
use crate::decode::{Fragment, Packet, TcpSegment};
use crate::inspect::{Inspector, Progress, Segment};
use crate::model::{DnsObservation, Facts};
use std::sync::Arc;

/// Asks the inspectors whether they want a new flow.
pub(crate) fn begin(inspector: &mut Inspector, key: &FlowKey, source: Side) -> Option<Box<Watch>> {
    let (from, to) = (key.endpoint(source), key.endpoint(source.other()));
    let state = inspector.begin(key.protocol(), from, to)?;
    Some(Box::new(Watch { state, facts: Facts::default() }))
}

/// Feeds a packet's payload to the inspectors if they want it. Says whether the flow's next record is due sooner by
/// it: `first-report` after something new was read, or after the last question was settled.
pub(crate) fn feed(
    entry: &mut Entry,
    side: Side,
    packet: &Packet<'_>,
    inspector: &mut Inspector,
    timeouts: &Timeouts,
    dns: &mut Vec<DnsObservation>,
) -> bool {
    // A segment without payload still tells where a stream begins (SYN, ACK); an empty datagram tells nothing.
    if (packet.payload.is_empty() && packet.tcp.is_none()) || packet.fragment == Fragment::Later {
        return false;
    }
    let Some(mut watch) = entry.watch.take() else { return false };
    let segment = Segment {
        time: packet.time,
        protocol: packet.protocol,
        from: entry.key.endpoint(side),
        to: entry.key.endpoint(side.other()),
        forward: side == entry.source,
        seq: packet.tcp.map(first_octet),
        payload: packet.payload,
        payload_len: packet.payload_len,
    };
    let before = extent(&watch.facts);
    let progress = inspector.feed(&mut watch.state, &segment, &mut watch.facts, dns);
    let news = extent(&watch.facts) != before;
    match progress {
        Progress::Wanted => entry.watch = Some(watch),
        Progress::Settled => {
            let facts = watch.facts;
            if *entry.facts != facts {
                entry.facts = Arc::new(facts);
            }
        }
    }
    let sooner = entry.seen_at.saturating_add(timeouts.first_report);
    if (news || progress == Progress::Settled) && sooner < entry.cut_at {
        entry.cut_at = sooner;
        return true;
    }
    false
}

/// Sequence number of the first payload octet: a SYN takes one itself (TCP Fast Open sends data with it).
const fn first_octet(segment: TcpSegment) -> u32 {
    segment.seq.wrapping_add((segment.flags & TcpSegment::SYN != 0) as u32)
}

/// How much was read, to see cheaply whether it became more: facts are only ever added.
fn extent(facts: &Facts) -> [usize; 4] {
    let marks = [
        facts.protocol.is_some(),
        facts.app_protocol.is_some(),
        facts.httpdns.is_some(),
        facts.tls_version.is_some(),
        facts.ja4.is_some(),
        facts.quic_version.is_some(),
        facts.user_agent.is_some(),
        facts.ech.is_offered(),
        facts.certificate.is_some(),
        facts.peer,
        facts.encrypted_dns.is_some(),
    ];
    let stun = facts.stun.as_ref().map_or(0, |s| 1 + s.relayed.len() + s.peers.len());
    [stun, facts.names.len(), facts.alpn.len(), marks.into_iter().filter(|&m| m).count()]
}
