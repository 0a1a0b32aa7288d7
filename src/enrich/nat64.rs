//! NAT64 prefixes: the well-known one, and those that clients were told of (RFC 7050).
//!
//! A network's own prefix is learned from the answer to `ipv4only.arpa`, per client: a device that asks a resolver of
//! its own choosing must not change what is known of others. So it serves names alone; where a machine stands is
//! never judged by a learned prefix.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::transition;
use crate::model::DnsObservation;

/// The name whose IPv4 addresses are known beforehand (RFC 7050 §2.2).
const PROBE: &str = "ipv4only.arpa";
/// Its addresses.
const PROBE_ADDRESSES: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 0, 0, 170), Ipv4Addr::new(192, 0, 0, 171)];
/// Lengths that a prefix may have (RFC 6052 §2.2), shortest first.
const LENGTHS: [u32; 6] = [32, 40, 48, 56, 64, 96];
/// Clients of one run that are behind NAT64 with a prefix of the network's own.
const MAX_CLIENTS: usize = 4096;
/// A network has one prefix, seldom two.
const MAX_PREFIXES: usize = 4;

/// Learned prefixes by client.
#[derive(Debug, Default)]
pub(super) struct Nat64 {
    clients: HashMap<IpAddr, Vec<(Ipv6Addr, u32)>>,
    full: u64,
}

impl Nat64 {
    /// Takes a prefix out of an answer to the probe.
    pub(super) fn learn(&mut self, client: IpAddr, seen: &DnsObservation) {
        if seen.question.as_str() != PROBE {
            return;
        }
        for answer in &seen.answers {
            let IpAddr::V6(addr) = answer.addr else { continue };
            let carries =
                |length: &u32| taken_out(addr, *length).is_some_and(|v4| PROBE_ADDRESSES.contains(&v4));
            let Some(length) = LENGTHS.into_iter().find(carries) else { continue };
            let prefix = (network(addr, length), length);
            let room = self.clients.len() < MAX_CLIENTS || self.clients.contains_key(&client);
            if !room {
                self.full += 1;
                continue;
            }
            let list = self.clients.entry(client).or_default();
            if !list.contains(&prefix) {
                list.insert(0, prefix);
                list.truncate(MAX_PREFIXES);
            }
        }
    }

    /// The IPv4 address that `addr` carries for `client`.
    pub(super) fn embedded(&self, client: IpAddr, addr: IpAddr) -> Option<IpAddr> {
        if let Some((inner, "nat64")) = transition::inner(addr) {
            return Some(inner);
        }
        let IpAddr::V6(addr) = addr else { return None };
        let prefixes = self.clients.get(&client)?;
        let (_, length) = prefixes.iter().find(|(prefix, length)| network(addr, *length) == *prefix)?;
        taken_out(addr, *length).map(IpAddr::V4)
    }

    /// Clients whose prefix was not kept.
    pub(super) const fn full(&self) -> u64 {
        self.full
    }
}

fn network(addr: Ipv6Addr, length: u32) -> Ipv6Addr {
    let mask = u128::MAX.checked_shl(128 - length).unwrap_or(0);
    Ipv6Addr::from_bits(addr.to_bits() & mask)
}

/// The IPv4 address behind a prefix of `length`: its bits step over bits 64 to 71, which are zero (RFC 6052 §2.2).
fn taken_out(addr: Ipv6Addr, length: u32) -> Option<Ipv4Addr> {
    let bits = addr.to_bits();
    let reserved = (bits >> 56) & 0xff;
    let without = (bits >> 64 << 56) | (bits & ((1 << 56) - 1));
    // `without` has 120 bits: the reserved octet is cut out of the middle.
    let shift = if length == 96 { 0 } else { 120 - length - 32 };
    let v4 = if length == 96 { bits } else { without >> shift };
    (reserved == 0 || length == 96).then(|| Ipv4Addr::from_bits(u32::try_from(v4 & 0xffff_ffff).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_of_prefix_gives_the_address_back() {
        // The table of RFC 6052 §2.4 for 192.0.2.33.
        for (addr, length) in [
            ("2001:db8:c000:221::", 32),
            ("2001:db8:1c0:2:21::", 40),
            ("2001:db8:122:c000:2:2100::", 48),
            ("2001:db8:122:3c0:0:221::", 56),
            ("2001:db8:122:344:c0:2:2100::", 64),
            ("2001:db8:122:344::192.0.2.33", 96),
        ] {
            assert_eq!(
                taken_out(addr.parse().unwrap(), length),
                Some(Ipv4Addr::new(192, 0, 2, 33)),
                "/{length}"
            );
        }
        assert_eq!(taken_out("2001:db8:122:3c0:ff00:221::".parse().unwrap(), 56), None, "the reserved octet");
    }

    #[test]
    fn clients_are_bounded_and_counted() {
        let mut nat64 = Nat64::default();
        for i in 0..5000_u32 {
            let client = IpAddr::V4(Ipv4Addr::from_bits(i));
            nat64.clients.entry(client).or_default();
            if nat64.clients.len() == MAX_CLIENTS {
                break;
            }
        }
        let seen = DnsObservation {
            client: "192.168.1.2".parse().unwrap(),
            server: "192.168.1.1".parse().unwrap(),
            question: crate::model::HostName::from_wire(PROBE.as_bytes()).unwrap(),
            aliases: vec![],
            answers: vec![crate::model::DnsAnswer { addr: "2001:db8::192.0.0.171".parse().unwrap(), ttl: 1 }],
            ech: vec![],
            at: crate::model::Timestamp::EPOCH,
            via: crate::model::LookupVia::Dns,
        };
        nat64.learn(seen.client, &seen);
        assert_eq!((nat64.full(), nat64.clients.len()), (1, MAX_CLIENTS));
    }
}
