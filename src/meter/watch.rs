//! The meter's side of inspection: begin with the first payload, feed while it is wanted, let go when it is settled.
//!
//! What a flow's open question holds is memory that the wire can ask for: a connection gets its state with its first
//! payload only (a flood of SYNs costs none), and all open questions together hold at most `max-held-bytes`. The
//! question that has been open longest is given up first: a true hello is whole within a moment, so it is the ones that
//! never end that go.

use std::sync::Arc;

use super::entry::{Entry, Timeouts, Watch};
use super::key::Side;
use super::lists::Lists;
use super::table::Table;
use crate::decode::{Fragment, Packet, TcpSegment};
use crate::inspect::{Inspector, Progress, Segment};
use crate::model::{DnsObservation, Facts, Protocol};

/// The open questions of all flows.
#[derive(Debug)]
pub(crate) struct Watches {
    inspector: Inspector,
    /// Slots of the flows whose question is open and that hold memory for it, in the order in which they began.
    order: Lists,
    held: usize,
    most: usize,
    given_up: u64,
}

impl Watches {
    /// No questions; `slots` is one past the highest slot.
    pub(crate) fn new(inspector: Inspector, slots: usize) -> Self {
        let most = inspector.max_held_bytes();
        Self { inspector, order: Lists::new(1, slots), held: 0, most, given_up: 0 }
    }

    /// The inspectors.
    pub(crate) const fn inspector(&self) -> &Inspector {
        &self.inspector
    }

    /// The inspectors, to let time pass.
    pub(crate) const fn inspector_mut(&mut self) -> &mut Inspector {
        &mut self.inspector
    }

    /// Whether a new flow of this protocol has a question.
    pub(crate) const fn wants(&self, protocol: Protocol) -> bool {
        self.inspector.wants(protocol)
    }

    /// Bytes that all open questions hold.
    #[cfg(test)]
    pub(crate) const fn held(&self) -> usize {
        self.held
    }

    /// Questions given up because all of them held too much.
    pub(crate) const fn given_up(&self) -> u64 {
        self.given_up
    }

    /// Feeds a packet's payload to the inspectors if they want it. Says whether the flow's next record is due sooner by
    /// it: `first-report` after something new was read, or after the last question was settled.
    pub(crate) fn feed(
        &mut self,
        (slot, entry): (u32, &mut Entry),
        side: Side,
        packet: &Packet<'_>,
        timeouts: &Timeouts,
        dns: &mut Vec<DnsObservation>,
    ) -> bool {
        // Fragments are inspected as the datagram that they make.
        if !entry.open || packet.fragment != Fragment::No {
            return false;
        }
        let Some(mut watch) = entry.watch.take().or_else(|| self.begin(slot, entry, side, packet)) else {
            return false;
        };
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
        let progress = self.inspector.feed(&mut watch.state, &segment, &mut watch.facts, dns);
        let news = extent(&watch.facts) != before;
        match progress {
            Progress::Wanted => {
                let held = watch.state.held() + size_of::<Watch>();
                self.held = self.held - watch.held + held;
                watch.held = held;
                entry.watch = Some(watch);
            }
            Progress::Settled => self.settle(slot, entry, *watch),
        }
        let sooner = entry.seen_at.saturating_add(timeouts.first_report);
        if (news || progress == Progress::Settled) && sooner < entry.cut_at {
            entry.cut_at = sooner;
            return true;
        }
        false
    }

    /// Begins with a flow, if this packet asks for it.
    fn begin(&mut self, slot: u32, entry: &Entry, side: Side, packet: &Packet<'_>) -> Option<Box<Watch>> {
        let needed = !packet.payload.is_empty()
            // The ACK of a connection whose SYN was not seen tells where the stream goes on; an empty datagram tells
            // nothing.
            || packet.tcp.is_some_and(|segment| {
                let opens_or_ends = TcpSegment::SYN | TcpSegment::RST | TcpSegment::FIN;
                segment.flags & opens_or_ends == 0 && entry.tcp.first_octet(side).is_none()
            });
        if !needed {
            return None;
        }
        let first_octets = [entry.source, entry.source.other()].map(|side| entry.tcp.first_octet(side));
        let state = self.inspector.begin(entry.key.protocol(), first_octets)?;
        self.order.put(slot, 0);
        Some(Box::new(Watch { state, facts: Facts::default(), held: 0 }))
    }

    /// Frees what a flow held; its facts stay with it.
    fn settle(&mut self, slot: u32, entry: &mut Entry, watch: Watch) {
        self.order.take(slot);
        self.held -= watch.held;
        entry.open = false;
        if *entry.facts != watch.facts {
            entry.facts = Arc::new(watch.facts);
        }
    }

    /// Gives up the oldest questions while all of them hold too much.
    pub(crate) fn relieve(&mut self, table: &mut Table) {
        while self.held > self.most {
            let Some(slot) = self.order.first(0) else { return };
            self.order.take(slot);
            if let Some(entry) = table.get_mut(slot)
                && let Some(watch) = entry.watch.take()
            {
                self.settle(slot, entry, *watch);
                self.given_up += 1;
            }
        }
    }

    /// A flow was taken out of its slot.
    pub(crate) fn forget(&mut self, slot: u32, entry: &mut Entry) {
        if let Some(watch) = entry.watch.take() {
            self.settle(slot, entry, *watch);
        }
    }
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
