//! Who began a conversation (RFC 5103 §2: source = initiator), and on what grounds that is said.
//!
//! Certain grounds first (handshake, request marks), then guesses in falling order of worth. A guess is marked as
//! one. A multicast or broadcast address never begins anything.

use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::decode::{Fragment, Packet, TcpSegment};
use crate::model::{Protocol, SourceBasis};

/// The networks on this side of the sensor.
pub type LocalNetworks = Arc<[IpNet]>;

/// Ports above 1023 on which services listen and clients do not: IANA-registered or of wide use, below the range
/// from which systems draw a client's port (from 32768 on Linux, 49152 elsewhere), WireGuard's excepted.
const SERVICE_PORTS: [u16; 41] = [
    1080, 1194, 1433, 1521, 1701, 1723, 1812, 1813, 1883, 1900, 2049, 3128, 3306, 3389, 3478, 4500, 5060,
    5061, 5222, 5223, 5228, 5229, 5230, 5349, 5353, 5355, 5432, 5683, 6379, 6881, 8000, 8008, 8080, 8081,
    8443, 8883, 8888, 9443, 19302, 27017, 51820,
];

/// Who began, as seen from one packet: whether its sender did, and how that is known.
pub(crate) fn decide(packet: &Packet<'_>, local: &[IpNet]) -> (bool, SourceBasis) {
    if let Some(sure) = certain(packet) {
        return sure;
    }
    let (from, to) = (packet.source, packet.destination);
    if is_group(to.addr) {
        return (true, SourceBasis::FirstPacket);
    }
    if let Some(sender) = port_says(from.port, to.port) {
        return (sender, SourceBasis::WellKnownPort);
    }
    let is_local = |addr: IpAddr| local.iter().any(|net| net.contains(&addr));
    match (is_local(from.addr), is_local(to.addr)) {
        (true, false) => (true, SourceBasis::LocalNetwork),
        (false, true) => (false, SourceBasis::LocalNetwork),
        _ => (true, SourceBasis::FirstPacket),
    }
}

/// Who began, where the packet itself says so.
pub(crate) fn certain(packet: &Packet<'_>) -> Option<(bool, SourceBasis)> {
    match packet.protocol {
        Protocol::TCP => {
            let flags = packet.tcp?.flags;
            let syn = flags & TcpSegment::SYN != 0 && flags & TcpSegment::RST == 0;
            syn.then_some((flags & TcpSegment::ACK == 0, SourceBasis::Handshake))
        }
        // Asking and answering between two hosts; a message to a group has its sender as source anyway.
        _ if is_group(packet.destination.addr) => None,
        Protocol::UDP => udp_request(packet).map(|sender| (sender, SourceBasis::Request)),
        Protocol::ICMP => Some((icmp_request(packet.icmp_type?)?, SourceBasis::Request)),
        Protocol::ICMPV6 => Some((icmpv6_request(packet.icmp_type?)?, SourceBasis::Request)),
        _ => None,
    }
}

/// Whether the sender asks (true) or answers (false), for UDP protocols with a mark in their first bytes.
fn udp_request(packet: &Packet<'_>) -> Option<bool> {
    if packet.fragment == Fragment::Later {
        return None;
    }
    let (from, to) = (packet.source.port, packet.destination.port);
    let either = |port: u16| from == port || to == port;
    if either(53) || either(5353) || either(5355) {
        // DNS header: QR is the top bit of the third octet (RFC 1035 §4.1.1); shorter than a header is no DNS.
        let flags = packet.payload.get(2).filter(|_| packet.payload.len() >= 12)?;
        Some(flags & 0x80 == 0)
    } else if either(123) {
        // NTP mode, the lowest three bits: 3 client, 4 server (RFC 5905 §7.3).
        match packet.payload.first()? & 7 {
            3 => Some(true),
            4 => Some(false),
            _ => None,
        }
    } else {
        None
    }
}

/// Echo, router solicitation, timestamp, information, address mask (IANA "ICMP Type Numbers").
const fn icmp_request(kind: u8) -> Option<bool> {
    match kind {
        8 | 10 | 13 | 15 | 17 => Some(true),
        0 | 9 | 14 | 16 | 18 => Some(false),
        _ => None,
    }
}

/// Echo, router and neighbour solicitation (RFC 4443, RFC 4861).
const fn icmpv6_request(kind: u8) -> Option<bool> {
    match kind {
        128 | 133 | 135 => Some(true),
        129 | 134 | 136 => Some(false),
        _ => None,
    }
}

/// Whether the ports tell that the sender is the client (true) or the service (false).
fn port_says(from: u16, to: u16) -> Option<bool> {
    let rank = |port: u16| match port {
        0 => 0,
        1..=1023 => 2,
        _ => u8::from(SERVICE_PORTS.contains(&port)),
    };
    match rank(from).cmp(&rank(to)) {
        std::cmp::Ordering::Less => Some(true),
        std::cmp::Ordering::Greater => Some(false),
        std::cmp::Ordering::Equal => None,
    }
}

fn is_group(addr: IpAddr) -> bool {
    match addr {
        IpAddr::V4(a) => a.is_multicast() || a.is_broadcast(),
        IpAddr::V6(a) => a.is_multicast(),
    }
}
