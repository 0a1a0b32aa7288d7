//! Community ID v1: a name for a flow that other tools (Zeek, Suricata, Arkime…) compute alike, so that records join.
//!
//! By the specification (github.com/corelight/community-id-spec): base64 of SHA-1 over seed (0), smaller endpoint's
//! address, larger one's, protocol, a zero byte and, where the protocol has ports, both ports. ICMP takes type and code
//! for ports; a flow record does not keep them, so ICMP flows get no id rather than one that no other tool would give.

use std::net::IpAddr;

use base64::Engine;

use crate::model::{Endpoint, Protocol};

/// The Community ID v1 (seed 0) of a flow; `None` for ICMP and ICMPv6, and for endpoints of different families.
pub fn community_id(protocol: Protocol, source: Endpoint, destination: Endpoint) -> Option<String> {
    if protocol == Protocol::ICMP
        || protocol == Protocol::ICMPV6
        || source.addr.is_ipv4() != destination.addr.is_ipv4()
    {
        return None;
    }
    // Octets of one family compare as the numbers they are; equal addresses are ordered by port.
    let (first, second) = if source <= destination { (source, destination) } else { (destination, source) };
    let mut hash = ring::digest::Context::new(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY);
    hash.update(&[0, 0]);
    for end in [first, second] {
        match end.addr {
            IpAddr::V4(a) => hash.update(&a.octets()),
            IpAddr::V6(a) => hash.update(&a.octets()),
        }
    }
    hash.update(&[protocol.0, 0]);
    if matches!(protocol, Protocol::TCP | Protocol::UDP | Protocol::SCTP) {
        hash.update(&first.port.to_be_bytes());
        hash.update(&second.port.to_be_bytes());
    }
    Some(format!("1:{}", base64::engine::general_purpose::STANDARD.encode(hash.finish())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(protocol: u8, source: (&str, u16), destination: (&str, u16)) -> Option<String> {
        let end = |(addr, port): (&str, u16)| Endpoint::new(addr.parse().unwrap(), port);
        community_id(Protocol(protocol), end(source), end(destination))
    }

    /// Values of the specification's own baseline (baseline_deflt.json).
    #[test]
    fn ids_equal_the_baseline_of_the_specification_in_both_directions() {
        for (protocol, a, b, want) in [
            (6, ("128.232.110.120", 34855), ("66.35.250.204", 80), "1:LQU9qZlK+B5F3KDmev6m5PMibrg="),
            (
                6,
                ("2001:470:e5bf:dead:4957:2174:e82c:4887", 63943),
                ("2607:f8b0:400c:c03::1a", 25),
                "1:/qFaeAR+gFe1KYjMzVDsMv+wgU4=",
            ),
            (17, ("192.168.1.52", 54585), ("8.8.8.8", 53), "1:d/FP5EW3wiY1vCndhwleRRKHowQ="),
            (132, ("192.168.170.8", 7), ("192.168.170.56", 7), "1:MP2EtRCAUIZvTw6MxJHLV7N7JDs="),
            (46, ("10.1.12.1", 0), ("10.1.12.2", 0), "1:KHlLkgoJW7ifUTyTSgyVfkFHzKw="),
        ] {
            assert_eq!(id(protocol, a, b).as_deref(), Some(want));
            assert_eq!(id(protocol, b, a).as_deref(), Some(want));
        }
    }

    #[test]
    fn icmp_gets_no_id_rather_than_a_wrong_one() {
        assert_eq!(id(1, ("192.168.0.89", 0), ("192.168.0.1", 0)), None);
        assert_eq!(id(58, ("fe80::1", 0), ("fe80::2", 0)), None);
    }
}
