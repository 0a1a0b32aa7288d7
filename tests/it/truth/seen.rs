//! What we say, summed up as the truth is: one value for each pair of endpoints, however many flows and records.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use whither::model::{Ech, Endpoint, EnrichedFlow, FlowId, NameOrigin, Protocol, SourceBasis, Tier};

/// Two endpoints and a protocol, without direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    protocol: u8,
    pub(crate) low: Endpoint,
    pub(crate) high: Endpoint,
}

impl Key {
    pub(crate) fn new(protocol: Protocol, one: Endpoint, other: Endpoint) -> Self {
        let (low, high) =
            if (one.addr, one.port) <= (other.addr, other.port) { (one, other) } else { (other, one) };
        Self { protocol: protocol.0, low, high }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let protocol = match self.protocol {
            1 => "icmp".to_owned(),
            6 => "tcp".to_owned(),
            17 => "udp".to_owned(),
            58 => "icmpv6".to_owned(),
            number => format!("ip-{number}"),
        };
        let (low, high) = (self.low, self.high);
        write!(f, "{protocol} {} {} {} {}", low.addr, low.port, high.addr, high.port)
    }
}

/// Everything said of one pair of endpoints.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Packets from the lower end, and from the higher.
    pub(crate) packets: [u64; 2],
    pub(crate) octets: [u64; 2],
    /// Whether the lower end began the first flow, and how that is known.
    pub(crate) began: Option<(bool, SourceBasis)>,
    pub(crate) names: BTreeSet<String>,
    pub(crate) alpn: BTreeSet<String>,
    pub(crate) ja4: BTreeSet<String>,
    pub(crate) quic_versions: BTreeSet<u32>,
    pub(crate) ech: bool,
    pub(crate) vlans: BTreeSet<u16>,
    /// Application, tier and method of each flow, by its last record.
    pub(crate) apps: BTreeMap<FlowId, (String, Tier, &'static str)>,
}

pub(crate) fn sum_up(flows: &[EnrichedFlow]) -> BTreeMap<Key, Seen> {
    let mut all: BTreeMap<Key, Seen> = BTreeMap::new();
    for flow in flows {
        let record = &flow.record;
        let key = Key::new(record.protocol, record.source, record.destination);
        let from_low = key.low == record.source;
        let seen = all.entry(key).or_default();
        let (low, high) =
            if from_low { (record.forward, record.reverse) } else { (record.reverse, record.forward) };
        seen.packets = [seen.packets[0] + low.packets, seen.packets[1] + high.packets];
        seen.octets = [seen.octets[0] + low.octets, seen.octets[1] + high.octets];
        seen.began.get_or_insert((from_low, record.source_basis));
        seen.vlans.extend([record.vlan.outer, record.vlan.inner].iter().filter(|v| **v != 0));
        let facts = &record.facts;
        // A certificate's names are the server's, and others list them apart.
        let spoken = facts.names.iter().filter(|n| n.origin != NameOrigin::Certificate);
        seen.names.extend(spoken.map(|n| n.name.as_str().to_owned()));
        seen.alpn.extend(facts.alpn.iter().map(ToString::to_string));
        seen.ja4.extend(facts.ja4.iter().map(ToString::to_string));
        seen.quic_versions.extend(facts.quic_version);
        seen.ech |= facts.ech != Ech::Absent;
        let identification = &flow.identification;
        match (&identification.app, identification.tier, identification.method) {
            (Some(app), Some(tier), Some(method)) => {
                seen.apps.insert(record.id, (app.id.to_string(), tier, method));
            }
            _ => {
                seen.apps.remove(&record.id);
            }
        }
    }
    all
}
