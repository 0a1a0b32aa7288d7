//! What makes two packets the same flow: addresses, ports, protocol, VLAN tags and tunnel id, without direction.
//!
//! The observation point is deliberately not part of the key: a conversation whose two directions are seen on two
//! interfaces is one flow. A packet that two points of one source both saw is therefore counted twice, as two packets.

use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::decode::Packet;
use crate::model::{Endpoint, Protocol, Tunnel};

/// Which end of a key: the canonical order has nothing to do with who began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// The smaller of the two (address, port) pairs.
    Low,
    /// The greater.
    High,
}

impl Side {
    /// The opposite end.
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::Low => Self::High,
            Self::High => Self::Low,
        }
    }
}

/// A pair of values, one for each end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Both<T> {
    low: T,
    high: T,
}

impl<T> Both<T> {
    /// The value of one end.
    pub(crate) const fn of(&self, side: Side) -> &T {
        match side {
            Side::Low => &self.low,
            Side::High => &self.high,
        }
    }

    /// The value of one end, to change it.
    pub(crate) const fn of_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Low => &mut self.low,
            Side::High => &mut self.high,
        }
    }
}

/// The undirected key of a flow: both directions give the same one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FlowKey {
    low: u128,
    high: u128,
    tunnel: u32,
    low_port: u16,
    high_port: u16,
    vlan_outer: u16,
    vlan_inner: u16,
    protocol: u8,
    /// Bit 0: IPv6; bits 1 and 2: which kind of tunnel id.
    kind: u8,
}

impl FlowKey {
    /// The key of a packet, and which end of it sent the packet.
    pub(crate) fn of(packet: &Packet<'_>, vlan_in_key: bool) -> (Self, Side) {
        let (from, v6) = number(packet.source.addr);
        let (to, _) = number(packet.destination.addr);
        let (from_port, to_port) =
            if has_ports(packet.protocol) { (packet.source.port, packet.destination.port) } else { (0, 0) };
        let side = if (from, from_port) <= (to, to_port) { Side::Low } else { Side::High };
        let (low, low_port, high, high_port) = match side {
            Side::Low => (from, from_port, to, to_port),
            Side::High => (to, to_port, from, from_port),
        };
        let (tunnel_kind, tunnel) = match packet.tunnel {
            Tunnel::None => (0, 0),
            Tunnel::GreKey(id) => (1, id),
            Tunnel::Vxlan(id) => (2, id),
            Tunnel::Geneve(id) => (3, id),
        };
        let (vlan_outer, vlan_inner) =
            if vlan_in_key { (packet.vlan.outer, packet.vlan.inner) } else { (0, 0) };
        let kind = u8::from(v6) | (tunnel_kind << 1);
        let protocol = packet.protocol.0;
        (Self { low, high, tunnel, low_port, high_port, vlan_outer, vlan_inner, protocol, kind }, side)
    }

    /// The protocol.
    pub(crate) const fn protocol(&self) -> Protocol {
        Protocol(self.protocol)
    }

    /// One end's address and port.
    pub(crate) fn endpoint(&self, side: Side) -> Endpoint {
        let (addr, port) = match side {
            Side::Low => (self.low, self.low_port),
            Side::High => (self.high, self.high_port),
        };
        let addr = if self.kind & 1 == 1 {
            IpAddr::V6(Ipv6Addr::from_bits(addr))
        } else {
            IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(addr).unwrap_or_default()))
        };
        Endpoint::new(addr, port)
    }

    /// All that is not an address, in one number.
    pub(crate) fn rest(&self) -> u128 {
        u128::from(self.tunnel)
            | u128::from(self.low_port) << 32
            | u128::from(self.high_port) << 48
            | u128::from(self.vlan_outer) << 64
            | u128::from(self.vlan_inner) << 80
            | u128::from(self.protocol) << 96
            | u128::from(self.kind) << 104
    }

    /// The two addresses as numbers, in canonical order.
    pub(crate) const fn addresses(&self) -> [u128; 2] {
        [self.low, self.high]
    }
}

impl Hash for FlowKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(self.low);
        state.write_u128(self.high);
        state.write_u128(self.rest());
    }
}

/// Whether the protocol's header has ports; all others are flows between two addresses.
pub(crate) const fn has_ports(protocol: Protocol) -> bool {
    // TCP, UDP, DCCP, SCTP, UDP-Lite.
    matches!(protocol.0, 6 | 17 | 33 | 132 | 136)
}

fn number(addr: IpAddr) -> (u128, bool) {
    match addr {
        IpAddr::V4(a) => (u128::from(a.to_bits()), false),
        IpAddr::V6(a) => (a.to_bits(), true),
    }
}
