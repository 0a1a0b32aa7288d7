//! Datagrams in fragments, in real captures: what they say is read whole, and every piece is counted as its own packet.

use std::collections::BTreeSet;

use whither::model::{Facts, NameOrigin};

use super::reading;

#[test]
fn what_multicast_dns_asks_in_fragments_is_read() {
    let Some(path) = reading::shared("open/ppp__ip6_fragments.pcap") else { return };
    let read = reading::read(&[path]).unwrap();
    let asked: BTreeSet<&str> = read
        .flows
        .iter()
        .flat_map(|flow| &flow.record.facts.names)
        .filter(|name| name.origin == NameOrigin::DnsQuestion)
        .map(|name| name.name.as_str())
        .collect();
    // tshark 4.0.17 puts 22 names together; a flow keeps sixteen. Of the first pieces alone nothing could be read.
    assert_eq!(asked.len(), Facts::MAX_NAMES, "{asked:?}");
    assert!(
        asked.contains("_appletv-pair._tcp.local") && asked.contains("roscorii._ftp._tcp.local"),
        "{asked:?}"
    );
    assert_eq!(read.ledger.packets.decoded, 36);
    let packets: u64 = read.flows.iter().map(|f| f.record.forward.packets + f.record.reverse.packets).sum();
    assert_eq!(packets, 36, "each piece once");
    for limit in ["dns_malformed", "reassembly_incomplete", "fragments_overlap"] {
        assert_eq!(read.ledger.limits.get(limit), None, "{limit}");
    }
}
