//! Fragments find their flow: the first piece of a datagram has the ports, the others borrow them.
//!
//! Nothing is put together again; only ports and the protocol are remembered, for a bounded number of datagrams.
//! A piece that comes before the first one is held, without its payload, until the first one comes, its datagram
//! is pushed out, or time is up; then it is metered with the ports found, or with none.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use foldhash::fast::RandomState;

use crate::model::{Protocol, Timestamp, Tunnel, VlanTags};

use super::config::DecodeConfig;
use super::packet::{Fragment, Packet};

/// Pieces held for one datagram before its first piece came; 64 KiB in the smallest usual pieces is about this.
const MAX_HELD: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct DatagramKey {
    source: IpAddr,
    destination: IpAddr,
    protocol: Protocol,
    id: u32,
    vlan: VlanTags,
    tunnel: Tunnel,
}

#[derive(Debug)]
enum Datagram {
    /// The first piece was seen: these are its ports.
    Ports { source: u16, destination: u16 },
    /// Only later pieces so far.
    Held(Vec<Packet<'static>>),
}

/// Datagrams in pieces.
#[derive(Debug)]
pub(super) struct FragmentTable {
    datagrams: HashMap<DatagramKey, (Timestamp, Datagram), RandomState>,
    /// Keys in order of arrival; the front goes first when the table is full or time is up.
    order: VecDeque<(Timestamp, DatagramKey)>,
    released: Vec<Packet<'static>>,
    max: usize,
    timeout: Duration,
}

impl FragmentTable {
    pub(super) fn new(config: &DecodeConfig) -> Self {
        Self {
            datagrams: HashMap::default(),
            order: VecDeque::new(),
            released: Vec::new(),
            max: config.max_datagrams,
            timeout: config.fragment_timeout.0,
        }
    }

    /// Gives a packet its ports, or holds it. A whole packet passes untouched.
    pub(super) fn assign<'f>(&mut self, packet: Packet<'f>) -> Option<Packet<'f>> {
        match packet.fragment {
            Fragment::No => Some(packet),
            Fragment::First => {
                self.expire(packet.time);
                self.first(&packet);
                Some(packet)
            }
            Fragment::Later => {
                self.expire(packet.time);
                self.later(packet)
            }
        }
    }

    fn first(&mut self, packet: &Packet<'_>) {
        let key = key(packet);
        let ports = Datagram::Ports { source: packet.source.port, destination: packet.destination.port };
        if let Some((_, datagram)) = self.datagrams.get_mut(&key) {
            if let Datagram::Held(held) = std::mem::replace(datagram, ports) {
                self.released.extend(held.into_iter().map(|mut piece| {
                    piece.source.port = packet.source.port;
                    piece.destination.port = packet.destination.port;
                    piece
                }));
            }
            return;
        }
        self.insert(key, packet.time, ports);
    }

    fn later<'f>(&mut self, mut packet: Packet<'f>) -> Option<Packet<'f>> {
        let key = key(&packet);
        match self.datagrams.get_mut(&key) {
            Some((_, Datagram::Ports { source, destination })) => {
                packet.source.port = *source;
                packet.destination.port = *destination;
                Some(packet)
            }
            Some((_, Datagram::Held(held))) => {
                if held.len() >= MAX_HELD {
                    return Some(packet);
                }
                held.push(packet.without_payload());
                None
            }
            None => {
                let held = Datagram::Held(vec![packet.without_payload()]);
                self.insert(key, packet.time, held);
                None
            }
        }
    }

    fn insert(&mut self, key: DatagramKey, time: Timestamp, datagram: Datagram) {
        while self.datagrams.len() >= self.max {
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

    fn drop_oldest(&mut self) {
        let Some((_, key)) = self.order.pop_front() else { return };
        if let Some((_, Datagram::Held(held))) = self.datagrams.remove(&key) {
            self.released.extend(held);
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
}

fn key(packet: &Packet<'_>) -> DatagramKey {
    DatagramKey {
        source: packet.source.addr,
        destination: packet.destination.addr,
        protocol: packet.protocol,
        id: packet.fragment_id,
        vlan: packet.vlan,
        tunnel: packet.tunnel,
    }
}
