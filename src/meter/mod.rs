//! The flow cache: begins, counts and ends biflows (RFC 5103), and cuts their records (RFC 7011, 6728).
//!
//! One [`Meter`] belongs to one capture thread: no lock, no clock, no allocation for a packet of a known flow. It
//! feeds the inspectors while a flow's question is open and frees their state once it is settled. It concludes nothing
//! from names, and it knows neither countries nor applications.
//!
//! Invariants, each with a test in `tests`: what was counted equals the sum over records; the same packets give the
//! same records in the same order, whatever the hash seed; `created = active + ended + evicted`.
//!
//! Limits: `max-flows` flows, a bounded number of visits per packet, 64 clock steps told between two calls.

mod clock;
mod config;
mod direction;
mod emit;
mod entry;
mod evict;
mod key;
mod ledger;
mod lists;
mod origins;
mod table;
mod tcp;
#[cfg(test)]
mod tests;
mod watch;
mod wheel;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use config::MeterConfig;
pub use direction::LocalNetworks;

use clock::Clock;
use entry::{Class, Cold, Entry, Timeouts};
use evict::{Classes, Victim};
use key::{Both, FlowKey, Side};
use ledger::Counts;
use origins::{Marks, OriginId, Origins};
use table::Table;
use tcp::TcpTrack;
use watch::Watches;
use wheel::Wheel;

use crate::decode::Packet;
use crate::inspect::Inspector;
use crate::model::{
    CaptureName, Counters, DeviceObservation, DnsObservation, Facts, FlowEndReason, FlowLedger, FlowRecord,
    Gap, ObservationPoint, Protocol, Timestamp,
};

/// Flows looked at per packet at most, so that no packet waits long after a quiet time in which many flows expired.
/// What is left is looked at with the next packets; a packet of an expired flow ends it at once in any case.
const VISITS_PER_PACKET: usize = 256;

/// Packets whose flows are asked for together: enough to keep the memory busy, few enough to stay in the first cache.
const GROUP: usize = 16;

/// What the meter gives out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Observation {
    /// A record of a flow.
    Flow(FlowRecord),
    /// An answered DNS question; comes before the record of the flow that carried it.
    Dns(DnsObservation),
    /// What a device says of itself; comes before the record of the flow that carried it.
    Device(Box<DeviceObservation>),
    /// A name that the source itself gives for an address; added by whoever joins source and meter.
    Name(CaptureName),
}

/// The flow cache.
#[derive(Debug)]
pub struct Meter {
    timeouts: Timeouts,
    vlan_in_key: bool,
    local: LocalNetworks,
    watches: Watches,
    points: Vec<Arc<ObservationPoint>>,
    unknown_point: Arc<ObservationPoint>,
    no_facts: Arc<Facts>,
    clock: Clock,
    table: Table,
    wheel: Wheel,
    classes: Classes,
    counts: Counts,
    origins: Origins,
    /// DNS answers of the packet in hand, kept to save the allocation.
    dns: Vec<DnsObservation>,
    /// The slot at which ending all flows goes on.
    finishing: u32,
}

impl Meter {
    /// A meter with no flows. `local` are the networks on this side of the sensor.
    pub fn new(config: &MeterConfig, local: LocalNetworks, inspector: Inspector) -> Self {
        let flows = config.max_flows.max(1);
        Self {
            timeouts: Timeouts::new(config),
            vlan_in_key: config.vlan_in_key,
            local,
            watches: Watches::new(inspector, flows as usize),
            points: Vec::new(),
            unknown_point: Arc::new(ObservationPoint {
                id: u16::MAX,
                name: "unknown".into(),
                time_digits: 9,
            }),
            no_facts: Arc::default(),
            clock: Clock::new(
                config::nanos(config.clock_jump_forwards),
                config::nanos(config.clock_jump_backwards),
            ),
            table: Table::new(flows),
            wheel: Wheel::new(flows as usize),
            classes: Classes::new(flows as usize),
            counts: Counts::default(),
            origins: Origins::default(),
            dns: Vec::new(),
            finishing: 0,
        }
    }

    /// Tells the observation points that packets name by index; `points` replaces what was told before.
    pub fn set_points(&mut self, points: Vec<Arc<ObservationPoint>>) {
        self.points = points;
    }

    /// Counts one packet; whatever becomes ready by it is added to `out`.
    pub fn observe(&mut self, packet: &Packet<'_>, out: &mut Vec<Observation>) {
        let (key, side) = FlowKey::of(packet, self.vlan_in_key);
        self.count(packet, key, side, self.table.hash(&key), out);
    }

    /// Inspects a datagram that was counted by its pieces; whatever becomes ready by it is added to `out`.
    pub fn inspect(&mut self, packet: &Packet<'_>, out: &mut Vec<Observation>) {
        let (key, side) = FlowKey::of(packet, self.vlan_in_key);
        let Some(slot) = self.table.find(self.table.hash(&key), &key) else { return };
        let Some(entry) = self.table.get_mut(slot) else { return };
        if self.watches.feed((slot, &mut *entry), side, packet, &self.timeouts, &mut self.dns) {
            self.wheel.arm_sooner(slot, self.timeouts.next_visit(entry));
        }
        self.watches.relieve(&mut self.table);
        out.extend(self.dns.drain(..).map(Observation::Dns));
    }

    /// Counts packets in their order, exactly as one by one. With many flows it is faster: the memory of a group's
    /// flows is asked for together, so that the waits for it overlap.
    pub fn observe_batch(&mut self, packets: &[Packet<'_>], out: &mut Vec<Observation>) {
        for group in packets.chunks(GROUP) {
            let mut found = [None; GROUP];
            for (packet, place) in group.iter().zip(&mut found) {
                let (key, side) = FlowKey::of(packet, self.vlan_in_key);
                let hash = self.table.hash(&key);
                *place = Some((key, side, hash, None));
            }
            for (_, _, hash, slot) in found.iter_mut().flatten() {
                *slot = self.table.touch_index(*hash);
            }
            for slot in found.iter().flatten().filter_map(|(.., slot)| *slot) {
                self.table.touch_flow(slot);
            }
            for (packet, (key, side, hash, _)) in group.iter().zip(found.into_iter().flatten()) {
                self.count(packet, key, side, hash, out);
            }
        }
    }

    fn count(
        &mut self,
        packet: &Packet<'_>,
        key: FlowKey,
        side: Side,
        hash: u32,
        out: &mut Vec<Observation>,
    ) {
        self.meet(packet.time, packet.point);
        let now = self.clock.now();
        if self.wheel.is_behind(now) {
            self.watches.inspector_mut().advance(packet.time);
            self.visit(VISITS_PER_PACKET, out);
        }
        let found = self.table.find(hash, &key).filter(|&slot| !self.is_over(slot, packet, side, out));
        let Some(slot) = found.or_else(|| self.begin(hash, key, side, packet, out)) else { return };
        let Some(entry) = self.table.get_mut(slot) else { return };

        // Its cache line is touched only until the first answer.
        if entry.class == Class::OneWay && packet.protocol == Protocol::UDP {
            let first = entry.counted == Both::default();
            entry.tcp.see_datagram(side, first, packet.time);
        }
        entry.counted.of_mut(side).add(1, u64::from(packet.octets));
        entry.end = clock::later_end(entry.start, entry.end, packet.time);
        entry.seen_at = now;
        if packet.origin.is_some() || packet.relayed {
            self.origins.note(packet, &mut entry.cold);
        }
        if let Some(segment) = packet.tcp {
            entry.tcp.see(side, segment, packet.payload_len, packet.time);
        }
        if entry.sequence == 0
            && entry.basis.is_guess()
            && let Some((sender, basis)) = direction::certain(packet)
        {
            entry.source = if sender { side } else { side.other() };
            entry.basis = basis;
        }
        let mut sooner = self.watches.feed((slot, &mut *entry), side, packet, &self.timeouts, &mut self.dns);
        let class = entry.class_now();
        if class != entry.class {
            entry.class = class;
            self.classes.put(slot, class, now);
            sooner = true; // the timeout may be a shorter one now
        }
        if sooner {
            self.wheel.arm_sooner(slot, self.timeouts.next_visit(entry));
        }
        self.watches.relieve(&mut self.table);
        out.extend(self.dns.drain(..).map(Observation::Dns));
    }

    /// Lets time pass without a packet, for live sources: flows whose time has come end.
    pub fn advance(&mut self, now: Timestamp, out: &mut Vec<Observation>) {
        self.meet(now, 0);
        self.watches.inspector_mut().advance(now);
        self.visit(usize::MAX, out);
    }

    /// Ends every flow, in the order of their slots: the capture is over, or the program stops.
    pub fn finish(&mut self, out: &mut Vec<Observation>) {
        while !self.finish_some(usize::MAX, out) {}
    }

    /// Ends flows as [`Meter::finish`] does, but about `most` in one call, for the records of a full table are many
    /// times its size. Says whether all are ended; no packet may come in between.
    pub fn finish_some(&mut self, most: usize, out: &mut Vec<Observation>) -> bool {
        let enough = out.len().saturating_add(most);
        while self.finishing < self.table.slots_used() {
            if out.len() >= enough {
                return false;
            }
            let slot = self.finishing;
            self.finishing += 1;
            let Some(entry) = self.table.get(slot) else { continue };
            // A flow whose time has come counts as ended by it, whether or not it was looked at already.
            let reason = if entry.tcp.is_over() || self.clock.now() >= self.timeouts.quiet_until(entry) {
                entry.quiet_reason()
            } else {
                FlowEndReason::ForcedEnd
            };
            self.end(slot, reason, out);
        }
        self.finishing = 0;
        true
    }

    /// Flows begun, active, ended and thrown out.
    pub fn ledger(&self) -> FlowLedger {
        self.counts.ledger(self.table.len())
    }

    /// Limits that were hit here and in the inspectors, by name; those never hit may be missing.
    pub fn limits(&self) -> BTreeMap<String, u64> {
        let mut limits = self.watches.inspector().limits();
        limits.insert("inspect_memory".to_owned(), self.watches.given_up());
        self.counts.add_limits(&mut limits);
        self.origins.add_limits(&mut limits);
        limits
    }

    /// Steps of the capture's clock since the last call, at most 64.
    pub fn take_gaps(&mut self) -> Vec<Gap> {
        self.counts.take_gaps()
    }

    fn meet(&mut self, time: Timestamp, point: u16) {
        if let Some(step) = self.clock.meet(time) {
            let point = self.point(point);
            self.counts.stepped(step, time, &point.name);
        }
    }

    fn point(&self, point: u16) -> Arc<ObservationPoint> {
        Arc::clone(self.points.get(usize::from(point)).unwrap_or(&self.unknown_point))
    }

    /// Ends the flow in `slot` if this packet can no longer belong to it; says whether it did.
    fn is_over(&mut self, slot: u32, packet: &Packet<'_>, side: Side, out: &mut Vec<Observation>) -> bool {
        let Some(entry) = self.table.get(slot) else { return true };
        let reason = if self.clock.now() >= self.timeouts.quiet_until(entry) {
            entry.quiet_reason()
        } else if packet.tcp.is_some_and(|segment| entry.tcp.begins_anew(side, segment)) {
            FlowEndReason::EndOfFlow
        } else {
            return false;
        };
        self.end(slot, reason, out);
        true
    }

    /// Begins a flow, throwing one out if there is no room.
    fn begin(
        &mut self,
        hash: u32,
        key: FlowKey,
        side: Side,
        packet: &Packet<'_>,
        out: &mut Vec<Observation>,
    ) -> Option<u32> {
        let now = self.clock.now();
        if self.table.is_full() {
            let (slot, victim) = self.classes.choose(&self.table, &self.timeouts, now)?;
            self.throw_out(slot, victim, out);
        }
        let (sender, basis) = direction::decide(packet, &self.local);
        let source = if sender { side } else { side.other() };
        let open = self.watches.wants(packet.protocol);
        let report_after = if open { self.timeouts.active } else { self.timeouts.first_report };
        let mut macs = Both::default();
        *macs.of_mut(side) = packet.source_mac;
        *macs.of_mut(side.other()) = packet.destination_mac;
        self.counts.created += 1;
        let entry = Entry {
            key,
            counted: Both::<Counters>::default(),
            start: packet.time,
            end: packet.time,
            seen_at: now,
            cut_at: now.saturating_add(report_after.min(self.timeouts.active)),
            watch: None,
            facts: Arc::clone(&self.no_facts),
            tcp: TcpTrack::default(),
            sequence: 0,
            source,
            basis,
            class: Class::OneWay,
            open,
            cold: Cold {
                id: emit::flow_id(&key, packet.time, self.counts.created),
                reported: Both::default(),
                macs,
                vlan: packet.vlan,
                tunnel: packet.tunnel,
                tunnel_depth: packet.tunnel_depth,
                point: packet.point,
                origin: OriginId::default(),
                marks: Marks::default(),
            },
        };
        let visit = self.timeouts.next_visit(&entry);
        let slot = self.table.insert(hash, entry)?;
        self.classes.put(slot, Class::OneWay, now);
        self.wheel.arm(slot, visit);
        Some(slot)
    }

    /// Looks at flows whose time has come: ends them, cuts a record, or waits on.
    fn visit(&mut self, most: usize, out: &mut Vec<Observation>) {
        let now = self.clock.now();
        for _ in 0..most {
            let Some(slot) = self.wheel.next(now) else { break };
            let Some(entry) = self.table.get_mut(slot) else { continue };
            if now >= self.timeouts.quiet_until(entry) {
                let reason = entry.quiet_reason();
                self.end(slot, reason, out);
                continue;
            }
            if now >= entry.cut_at {
                entry.cut_at = now.saturating_add(self.timeouts.active);
                if entry.has_news() {
                    let point = self.points.get(usize::from(entry.cold.point)).unwrap_or(&self.unknown_point);
                    out.push(Observation::Flow(emit::cut(entry, Arc::clone(point), &self.origins, None)));
                }
            }
            self.wheel.arm(slot, self.timeouts.next_visit(entry));
        }
    }

    fn throw_out(&mut self, slot: u32, victim: Victim, out: &mut Vec<Observation>) {
        if victim == Victim::Closed {
            self.end(slot, FlowEndReason::EndOfFlow, out);
        } else if let Some(record) = self.remove(slot, FlowEndReason::LackOfResources) {
            self.counts.evicted(victim);
            out.push(record);
        }
    }

    fn end(&mut self, slot: u32, reason: FlowEndReason, out: &mut Vec<Observation>) {
        if let Some(record) = self.remove(slot, reason) {
            self.counts.ended(reason);
            out.push(record);
        }
    }

    /// Takes a flow out of everything; gives its last record.
    fn remove(&mut self, slot: u32, reason: FlowEndReason) -> Option<Observation> {
        let mut entry = self.table.remove(slot)?;
        self.wheel.disarm(slot);
        self.classes.take(slot);
        self.watches.forget(slot, &mut entry);
        let point = self.point(entry.cold.point);
        Some(Observation::Flow(emit::cut(&mut entry, point, &self.origins, Some(reason))))
    }
}
