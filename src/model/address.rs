//! Addresses, ports, protocols, and the special address ranges that have no place on a map.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// An IP protocol number (IANA "Assigned Internet Protocol Numbers").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Protocol(pub u8);

impl Protocol {
    /// ICMP for IPv4.
    pub const ICMP: Self = Self(1);
    /// TCP.
    pub const TCP: Self = Self(6);
    /// UDP.
    pub const UDP: Self = Self(17);
    /// ICMP for IPv6.
    pub const ICMPV6: Self = Self(58);
    /// SCTP.
    pub const SCTP: Self = Self(132);

    /// The lower-case keyword that ECS `network.transport` uses, where there is one.
    pub const fn keyword(self) -> Option<&'static str> {
        Some(match self.0 {
            1 => "icmp",
            2 => "igmp",
            6 => "tcp",
            17 => "udp",
            33 => "dccp",
            46 => "rsvp",
            47 => "gre",
            50 => "esp",
            51 => "ah",
            58 => "ipv6-icmp",
            88 => "eigrp",
            89 => "ospf",
            103 => "pim",
            112 => "vrrp",
            132 => "sctp",
            136 => "udplite",
            _ => return None,
        })
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.keyword() {
            Some(word) => f.write_str(word),
            None => write!(f, "ip-{}", self.0),
        }
    }
}

/// An address with a port; the port is 0 where the protocol has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Endpoint {
    /// The address, never an IPv4-mapped IPv6 one.
    pub addr: IpAddr,
    /// The transport port, or 0.
    pub port: u16,
}

impl Endpoint {
    /// Joins an address and a port.
    pub const fn new(addr: IpAddr, port: u16) -> Self {
        Self { addr, port }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.addr {
            IpAddr::V4(a) => write!(f, "{a}:{}", self.port),
            IpAddr::V6(a) => write!(f, "[{a}]:{}", self.port),
        }
    }
}

/// An IEEE 802 MAC address (EUI-48).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MacAddr(pub [u8; 6]);

impl MacAddr {
    /// Whether the group bit is set (broadcast and multicast).
    pub const fn is_group(self) -> bool {
        self.0[0] & 1 != 0
    }

    /// Whether the address was made up locally (IEEE 802 U/L bit), as privacy addresses of phones are.
    pub const fn is_locally_administered(self) -> bool {
        self.0[0] & 2 != 0
    }

    /// Whether all bytes are zero, as on loopback and in captures without real link headers.
    pub const fn is_zero(self) -> bool {
        matches!(self.0, [0, 0, 0, 0, 0, 0])
    }
}

impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, octet) in self.0.into_iter().enumerate() {
            let colon = if at == 0 { "" } else { ":" };
            write!(f, "{colon}{octet:02x}")?;
        }
        Ok(())
    }
}

/// The special-purpose range (RFC 6890 registry, and multicast) that holds `addr`, if one does.
///
/// Such addresses are never geolocated. Transition addresses (NAT64, 6to4, Teredo) are *not* special here: they
/// carry a global IPv4 address, which is looked up instead (see `enrich`).
pub fn is_special_address(addr: IpAddr) -> Option<&'static str> {
    match addr.to_canonical() {
        IpAddr::V4(a) => special_v4(a),
        IpAddr::V6(a) => special_v6(a),
    }
}

fn special_v4(a: Ipv4Addr) -> Option<&'static str> {
    let [o1, o2, o3, _] = a.octets();
    Some(match (o1, o2, o3) {
        (0, ..) => "this-network",
        (10, ..) | (172, 16..=31, _) | (192, 168, _) => "private",
        (100, 64..=127, _) => "shared",
        (127, ..) => "loopback",
        (169, 254, _) => "link-local",
        (192, 0, 0) => "ietf-protocol",
        (192, 0, 2) | (198, 51, 100) | (203, 0, 113) => "documentation",
        (192, 88, 99) => "6to4-relay",
        (198, 18..=19, _) => "benchmarking",
        (224..=239, ..) => "multicast",
        (255, 255, 255) if a.is_broadcast() => "broadcast",
        (240..=255, ..) => "reserved",
        _ => return None,
    })
}

fn special_v6(a: Ipv6Addr) -> Option<&'static str> {
    let s = a.segments();
    Some(match s {
        _ if a.is_unspecified() => "unspecified",
        _ if a.is_loopback() => "loopback",
        [0xff00..=0xffff, ..] => "multicast",
        [0xfe80..=0xfebf, ..] => "link-local",
        [0xfc00..=0xfdff, ..] => "unique-local",
        [0x0100, 0, 0, 0, ..] => "discard-only",
        [0x0064, 0xff9b, 1, ..] => "local-translation",
        [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => "documentation",
        [0x2001, 2, 0, ..] => "benchmarking",
        [0x2001, 0x0010..=0x002f, ..] => "orchid",
        [0x5f00, ..] => "srv6-sids",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_ranges_are_known_by_their_registry_names() {
        for (addr, want) in [
            ("10.1.2.3", Some("private")),
            ("172.32.0.1", None),
            ("100.64.0.1", Some("shared")),
            ("169.254.1.1", Some("link-local")),
            ("224.0.0.251", Some("multicast")),
            ("255.255.255.255", Some("broadcast")),
            ("8.8.8.8", None),
            ("::ffff:192.168.1.1", Some("private")),
            ("::1", Some("loopback")),
            ("fe80::1", Some("link-local")),
            ("fd00::1", Some("unique-local")),
            ("ff02::fb", Some("multicast")),
            ("2001:db8::1", Some("documentation")),
            ("2001:4860:4860::8888", None),
            ("64:ff9b::808:808", None),
        ] {
            assert_eq!(is_special_address(addr.parse().unwrap()), want, "{addr}");
        }
    }
}
