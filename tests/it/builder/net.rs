//! Ethernet and what lies between it and IP, IPv4 and IPv6 with fragments, UDP.

use std::net::{IpAddr, Ipv4Addr};

use super::{be16, be32};

/// Protocol numbers (IANA).
pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;

/// The router's address on the local link: every remote host is seen behind it.
const ROUTER: [u8; 6] = [0x02, 0, 0, 0, 0, 0x01];

/// A host as the sensor sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Host {
    pub(crate) ip: IpAddr,
    pub(crate) mac: [u8; 6],
}

/// A host on this side, with a MAC address of its own made of its address.
pub(crate) fn local(ip: &str) -> Host {
    let ip: IpAddr = ip.parse().unwrap();
    let last = match ip {
        IpAddr::V4(a) => a.octets()[3],
        IpAddr::V6(a) => a.octets()[15],
    };
    Host { ip, mac: [0x02, 0, 0, 0, 0x01, last] }
}

/// A host behind the router.
pub(crate) fn remote(ip: &str) -> Host {
    Host { ip: ip.parse().unwrap(), mac: ROUTER }
}

/// The ones' complement sum of RFC 1071.
pub(crate) fn checksum(parts: &[&[u8]]) -> [u8; 2] {
    let bytes = parts.concat();
    let mut sum: u32 =
        bytes.chunks(2).map(|c| u32::from(c[0]) << 8 | u32::from(*c.get(1).unwrap_or(&0))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    be16(usize::try_from(sum ^ 0xffff).unwrap())
}

/// The pseudo header that transport checksums cover (RFC 9293 §3.1, RFC 8200 §8.1).
pub(crate) fn pseudo_header(from: IpAddr, to: IpAddr, protocol: u8, length: usize) -> Vec<u8> {
    match (from, to) {
        (IpAddr::V4(a), IpAddr::V4(b)) => {
            [&a.octets()[..], &b.octets(), &[0, protocol], &be16(length)].concat()
        }
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            [&a.octets()[..], &b.octets(), &be32(length), &[0, 0, 0, protocol]].concat()
        }
        _ => panic!("both ends must be of one family"),
    }
}

/// A UDP datagram (RFC 768).
pub(crate) fn udp(from: (IpAddr, u16), to: (IpAddr, u16), payload: &[u8]) -> Vec<u8> {
    let length = 8 + payload.len();
    let head = [&from.1.to_be_bytes()[..], &to.1.to_be_bytes(), &be16(length)].concat();
    let sum = checksum(&[&pseudo_header(from.0, to.0, UDP, length), &head, &[0, 0], payload]);
    [&head[..], &sum, payload].concat()
}

/// An IP packet of either family.
pub(crate) fn ip(from: IpAddr, to: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    match (from, to) {
        (IpAddr::V4(a), IpAddr::V4(b)) => ipv4(a, b, protocol, (0, 0x4000), payload),
        (IpAddr::V6(a), IpAddr::V6(b)) => {
            let head = [&[0x60, 0, 0, 0][..], &be16(payload.len()), &[protocol, 64]].concat();
            [&head[..], &a.octets(), &b.octets(), payload].concat()
        }
        _ => panic!("both ends must be of one family"),
    }
}

/// An IPv4 packet; `piece` is identification, and flags with fragment offset (RFC 791 §3.1).
pub(crate) fn ipv4(from: Ipv4Addr, to: Ipv4Addr, protocol: u8, piece: (u16, u16), payload: &[u8]) -> Vec<u8> {
    let head = [
        &[0x45, 0][..],
        &be16(20 + payload.len()),
        &piece.0.to_be_bytes(),
        &piece.1.to_be_bytes(),
        &[64, protocol],
    ]
    .concat();
    let ends = [from.octets(), to.octets()].concat();
    let sum = checksum(&[&head, &ends]);
    [&head[..], &sum, &ends, payload].concat()
}

/// An IPv4 packet cut into pieces of `size` bytes (a multiple of 8).
pub(crate) fn fragments(packet: &[u8], id: u16, size: usize) -> Vec<Vec<u8>> {
    assert_eq!(size % 8, 0);
    let address = |at: usize| Ipv4Addr::from(<[u8; 4]>::try_from(&packet[at..at + 4]).unwrap());
    let (from, to, body) = (address(12), address(16), &packet[20..]);
    let last = body.len().div_ceil(size) - 1;
    let piece = |(i, part): (usize, &[u8])| {
        let more = if i == last { 0 } else { 0x2000 };
        ipv4(from, to, packet[9], (id, more | u16::try_from(i * size / 8).unwrap()), part)
    };
    body.chunks(size).enumerate().map(piece).collect()
}

/// An IPv6 packet cut into pieces by the fragment header (RFC 8200 §4.5).
pub(crate) fn fragments6(packet: &[u8], id: u32, size: usize) -> Vec<Vec<u8>> {
    assert_eq!(size % 8, 0);
    let (body, protocol) = (&packet[40..], packet[6]);
    let last = body.len().div_ceil(size) - 1;
    let piece = |(i, part): (usize, &[u8])| {
        let place = (i * size) | usize::from(i != last);
        let head = [&[0x60, 0, 0, 0][..], &be16(8 + part.len()), &[44, 64], &packet[8..40]].concat();
        [&head[..], &[protocol, 0], &be16(place), &id.to_be_bytes(), part].concat()
    };
    body.chunks(size).enumerate().map(piece).collect()
}

/// What lies between the wire and the IP packet.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wire {
    /// Ethernet II.
    Ethernet,
    /// An IEEE 802.1Q tag.
    Vlan(u16),
    /// Two tags, service and customer (IEEE 802.1ad).
    QinQ(u16, u16),
    /// PPPoE session (RFC 2516).
    Pppoe(u16),
    /// GRE with a key (RFC 2890) between two routers.
    Gre(u32),
    /// VXLAN (RFC 7348) between two routers.
    Vxlan(u32),
    /// GTP-U (3GPP TS 29.281) between two stations.
    GtpU(u32),
    /// IPv6 in IPv4 (RFC 4213); the inner packet must be IPv6.
    SixInFour,
}

/// The two ends of every tunnel here: private addresses, so that they are no destination of anyone's data.
const TUNNEL: (Ipv4Addr, Ipv4Addr) = (Ipv4Addr::new(10, 9, 0, 1), Ipv4Addr::new(10, 9, 0, 2));

fn ethernet(from: [u8; 6], to: [u8; 6], kind: u16, payload: &[u8]) -> Vec<u8> {
    [&to[..], &from, &kind.to_be_bytes(), payload].concat()
}

impl Wire {
    /// The frame that carries an IP packet from one host to the other.
    pub(crate) fn frame(self, from: Host, to: Host, packet: &[u8]) -> Vec<u8> {
        let six = packet[0] >> 4 == 6;
        let kind: u16 = if six { 0x86dd } else { 0x0800 };
        let frame = |kind, payload: &[u8]| ethernet(from.mac, to.mac, kind, payload);
        let tunnel = |protocol, payload: &[u8]| {
            frame(0x0800, &ipv4(TUNNEL.0, TUNNEL.1, protocol, (0, 0x4000), payload))
        };
        let over_udp = |port: u16, payload: &[u8]| {
            tunnel(UDP, &udp((TUNNEL.0.into(), 50_000), (TUNNEL.1.into(), port), payload))
        };
        match self {
            Self::Ethernet => frame(kind, packet),
            Self::Vlan(id) => frame(0x8100, &[&id.to_be_bytes(), &kind.to_be_bytes(), packet].concat()),
            Self::QinQ(outer, inner) => frame(
                0x88a8,
                &[&outer.to_be_bytes(), &[0x81, 0][..], &inner.to_be_bytes(), &kind.to_be_bytes(), packet]
                    .concat(),
            ),
            Self::Pppoe(session) => {
                let ppp: [u8; 2] = if six { [0, 0x57] } else { [0, 0x21] };
                let head = [&[0x11, 0][..], &session.to_be_bytes(), &be16(2 + packet.len()), &ppp].concat();
                frame(0x8864, &[&head[..], packet].concat())
            }
            Self::Gre(key) => {
                let head = [&[0x20, 0][..], &kind.to_be_bytes(), &key.to_be_bytes()].concat();
                tunnel(47, &[&head[..], packet].concat())
            }
            Self::Vxlan(id) => {
                let [_, id @ ..] = id.to_be_bytes();
                let head = [&[0x08, 0, 0, 0][..], &id, &[0]].concat();
                over_udp(4789, &[&head[..], &frame(kind, packet)].concat())
            }
            Self::GtpU(teid) => {
                let head = [&[0x30, 0xff][..], &be16(packet.len()), &teid.to_be_bytes()].concat();
                over_udp(2152, &[&head[..], packet].concat())
            }
            Self::SixInFour => {
                assert!(six);
                tunnel(41, packet)
            }
        }
    }
}
