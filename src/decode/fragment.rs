//! Fragments find their flow: the first piece of a datagram has the ports, the others borrow them.
//!
//! Only ports and the protocol are remembered, for a bounded number of datagrams; payloads are [`Reassembly`]'s.
//! A piece that comes before the first one is held, without its payload, until the first one comes, its datagram
//! is pushed out, or time is up; then it is metered with the ports found, or with none. The pieces of a tunnel's
//! packet stay with the tunnel: what is inside is not whole in any of them.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use foldhash::fast::RandomState;

use crate::model::{Protocol, Timestamp, Tunnel, VlanTags};

use super::config::DecodeConfig;
use super::packet::{Fragment, Packet};
use super::reassembly::Reassembly;

/// Pieces held for one datagram before its first piece came; 64 KiB in the smallest usual pieces is about this.
const MAX_HELD: usize = 64;
/// Pieces held in all, at about 200 bytes each.
const MAX_HELD_IN_ALL: usize = 16_384;

/// What makes pieces one datagram. The protocol is in the id (IPv4), or may differ from piece to piece (IPv6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct DatagramKey {
    source: IpAddr,
    destination: IpAddr,
    id: u32,
    vlan: VlanTags,
    tunnel: Tunnel,
}

#[derive(Debug)]
enum Datagram {
    /// The first piece was seen: this is what the others lack.
    Ports { source: u16, destination: u16, protocol: Protocol },
    /// Only later pieces so far.
    Held(Vec<Packet<'static>>),
}

/// How often a limit was hit.
#[derive(Debug, Default)]
struct Limits {
    table_full: u64,
    held_limit: u64,
    without_first: u64,
}

/// Datagrams in pieces.
#[derive(Debug)]
pub(super) struct FragmentTable {
    datagrams: HashMap<DatagramKey, (Timestamp, Datagram), RandomState>,
    /// One entry per datagram in order of arrival; the front goes first when the table is full or time is up. A
    /// datagram whose first piece came (again) since then goes to the back instead.
    order: VecDeque<(Timestamp, DatagramKey)>,
    released: Vec<Packet<'static>>,
    held: usize,
    max: usize,
    timeout: Duration,
    limits: Limits,
    pub(super) reassembly: Reassembly,
}

impl FragmentTable {
    pub(super) fn new(config: &DecodeConfig) -> Self {
        Self {
            datagrams: HashMap::default(),
            order: VecDeque::new(),
            released: Vec::new(),
            held: 0,
            max: config.max_datagrams,
            timeout: config.fragment_timeout.0,
            limits: Limits::default(),
            reassembly: Reassembly::default(),
        }
    }

    /// Gives a packet its ports, or holds it. A whole packet passes untouched.
    pub(super) fn assign<'f>(&mut self, packet: Packet<'f>) -> Option<Packet<'f>> {
        match packet.fragment {
            Fragment::No => Some(packet),
            Fragment::First => {
                self.expire(packet.time);
                self.reassembly.add(key(&packet), &packet);
                self.first(&packet);
                Some(packet)
            }
            Fragment::Later => {
                self.expire(packet.time);
                self.reassembly.add(key(&packet), &packet);
                self.later(packet)
            }
        }
    }

    fn first(&mut self, packet: &Packet<'_>) {
        let key = key(packet);
        let (source, destination, protocol) = (packet.source.port, packet.destination.port, packet.protocol);
        let ports = Datagram::Ports { source, destination, protocol };
        let Some((since, datagram)) = self.datagrams.get_mut(&key) else {
            return self.insert(key, packet.time, ports);
        };
        *since = packet.time;
        if let Datagram::Held(held) = std::mem::replace(datagram, ports) {
            self.held -= held.len();
            self.released.extend(held.into_iter().map(|mut piece| {
                piece.source.port = source;
                piece.destination.port = destination;
                piece.protocol = protocol;
                piece
            }));
        }
    }

    fn later<'f>(&mut self, mut packet: Packet<'f>) -> Option<Packet<'f>> {
        let key = key(&packet);
        let room = self.held < MAX_HELD_IN_ALL;
        match self.datagrams.get_mut(&key) {
            Some((_, Datagram::Ports { source, destination, protocol })) => {
                packet.source.port = *source;
                packet.destination.port = *destination;
                packet.protocol = *protocol;
                return Some(packet);
            }
            Some((_, Datagram::Held(held))) if room && held.len() < MAX_HELD => {
                held.push(packet.without_payload());
            }
            None if room => self.insert(key, packet.time, Datagram::Held(vec![packet.without_payload()])),
            _ => {
                self.limits.held_limit += 1;
                return Some(packet);
            }
        }
        self.held += 1;
        None
    }

    fn insert(&mut self, key: DatagramKey, time: Timestamp, datagram: Datagram) {
        let full = self.datagrams.len() >= self.max.max(1);
        self.limits.table_full += u64::from(full);
        while self.datagrams.len() >= self.max.max(1) {
            self.drop_oldest();
        }
        self.datagrams.insert(key, (time, datagram));
        self.order.push_back((time, key));
    }

    /// Forgets datagrams that began longer ago than the timeout.
    pub(super) fn expire(&mut self, now: Timestamp) {
        while self.order.front().is_some_and(|(began, _)| now.since(*began) > self.timeout) {
            self.drop_oldest();
        }
    }

    /// Takes the front of the order: renewed datagrams go to its back, the first other one goes.
    fn drop_oldest(&mut self) {
        let Some((began, key)) = self.order.pop_front() else { return };
        match self.datagrams.get(&key) {
            Some((since, _)) if *since != began => self.order.push_back((*since, key)),
            _ => {
                if let Some((_, Datagram::Held(held))) = self.datagrams.remove(&key) {
                    self.held -= held.len();
                    self.limits.without_first += u64::try_from(held.len()).unwrap_or(u64::MAX);
                    self.released.extend(held);
                }
            }
        }
    }

    pub(super) fn release_all(&mut self) {
        while !self.order.is_empty() {
            self.drop_oldest();
        }
    }

    pub(super) fn has_released(&self) -> bool {
        !self.released.is_empty()
    }

    pub(super) fn take_released(&mut self, out: &mut Vec<Packet<'static>>) {
        out.append(&mut self.released);
    }

    pub(super) fn limits(&self) -> BTreeMap<String, u64> {
        [
            ("fragment_table_full", self.limits.table_full),
            ("fragments_held_limit", self.limits.held_limit),
            ("fragments_without_first", self.limits.without_first),
        ]
        .into_iter()
        .chain(self.reassembly.limits())
        .filter(|(_, count)| *count > 0)
        .map(|(name, count)| (name.to_owned(), count))
        .collect()
    }
}

fn key(packet: &Packet<'_>) -> DatagramKey {
    DatagramKey {
        source: packet.source.addr,
        destination: packet.destination.addr,
        id: packet.fragment_id,
        vlan: packet.vlan,
        tunnel: packet.tunnel,
    }
}
