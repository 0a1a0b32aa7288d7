//! Who is told to have begun, from which first packet, and on what grounds.

use super::build::*;
use crate::decode::TcpSegment;
use crate::meter::MeterConfig;
use crate::model::{Protocol, SourceBasis};

const DNS_QUERY: [u8; 12] = [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
const DNS_ANSWER: [u8; 12] = [0, 1, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];

#[test]
fn the_grounds_are_asked_in_their_order() {
    use Protocol as P;
    use SourceBasis::{FirstPacket, Handshake, LocalNetwork, Request, WellKnownPort};
    let udp = |from, to, payload: &'static [u8]| {
        let mut p = packet(0, P::UDP, from, to);
        p.payload = payload;
        p
    };
    let icmp = |protocol, kind, from, to| {
        let mut p = packet(0, protocol, from, to);
        p.icmp_type = Some(kind);
        p
    };
    let (lan, net) = ("192.168.1.2", "203.0.113.9");
    let at = |addr: &str, port: u16| &*format!("{addr}:{port}").leak();
    for (first, sender, basis) in [
        (tcp(0, at(lan, 5), at(net, 6), TcpSegment::SYN, 1, 0), true, Handshake),
        (tcp(0, at(net, 443), at(lan, 50_000), SYN_ACK, 1, 1), false, Handshake),
        // Even against the ports: a service may connect from its own port.
        (tcp(0, at(net, 20), at(lan, 50_000), TcpSegment::SYN, 1, 0), true, Handshake),
        (tcp(0, at(net, 443), at(lan, 50_000), TcpSegment::ACK, 1, 1), false, WellKnownPort),
        (tcp(0, at(lan, 50_000), at(net, 8443), TcpSegment::ACK, 1, 1), true, WellKnownPort),
        (tcp(0, at(lan, 8080), at(net, 80), TcpSegment::ACK, 1, 1), true, WellKnownPort),
        // Two well-known ports say nothing.
        (tcp(0, at(net, 443), at(lan, 80), TcpSegment::ACK, 1, 1), false, LocalNetwork),
        (udp(at(lan, 50_000), at(net, 53), &DNS_QUERY), true, Request),
        (udp(at(net, 53), at(lan, 50_000), &DNS_ANSWER), false, Request),
        (udp(at(net, 53), at(lan, 50_000), &DNS_ANSWER[..5]), false, WellKnownPort),
        (udp(at(lan, 123), at(net, 123), &[0x23]), true, Request),
        (udp(at(net, 123), at(lan, 123), &[0x24]), false, Request),
        (udp(at(lan, 5353), "224.0.0.251:5353", &DNS_ANSWER), true, FirstPacket),
        (udp(at(net, 50_000), at(lan, 40_000), &[]), false, LocalNetwork),
        (udp(at(lan, 50_000), at(net, 40_000), &[]), true, LocalNetwork),
        (udp(at(lan, 50_000), "192.168.1.3:40000", &[]), true, FirstPacket),
        (icmp(P::ICMP, 8, at(net, 0), at(lan, 0)), true, Request),
        (icmp(P::ICMP, 0, at(lan, 0), at(net, 0)), false, Request),
        (icmp(P::ICMP, 3, at(lan, 0), at(net, 0)), true, LocalNetwork),
        (icmp(P::ICMPV6, 129, "[2001:db8::1]:0", "[2001:db8::2]:0"), false, Request),
        (icmp(P::ICMPV6, 134, "[fe80::1]:0", "[ff02::1]:0"), true, FirstPacket),
    ] {
        let (records, _) = run(&MeterConfig::default(), [&first]);
        let want = if sender { first.source } else { first.destination };
        assert_eq!((records[0].source, records[0].source_basis), (want, basis), "{first:?}");
    }
}

#[test]
fn a_guess_is_corrected_before_the_first_record_and_never_after() {
    let (a, b) = ("192.168.1.2:123", "203.0.113.9:123");
    let mut answer = packet(5_000, Protocol::UDP, a, b);
    answer.payload = &[0x24];
    // Only the local network speaks at first, and wrongly.
    let guess = packet(4_900, Protocol::UDP, a, b);
    let (records, _) = run(&MeterConfig::default(), &[guess, answer]);
    assert_eq!((records[0].source, records[0].source_basis), (end(b), SourceBasis::Request));

    let mut meter = meter(&MeterConfig::default());
    let early = packet(0, Protocol::UDP, a, b);
    let keep = packet(62_000, Protocol::UDP, a, b);
    let mut late = answer;
    late.time = packet(63_000, Protocol::UDP, a, b).time;
    let middle = packet(30_000, Protocol::UDP, a, b);
    let mut records = observe_all(&mut meter, &[early, middle, keep, late]);
    records.extend(finish(&mut meter));
    assert!(records.len() > 1);
    assert!(records.iter().all(|r| r.source == end(a) && r.source_basis == SourceBasis::LocalNetwork));
}

#[test]
fn protocols_without_ports_have_none_in_their_records() {
    let odd = packet(0, Protocol::ICMP, "10.0.0.1:8", "10.0.0.2:9");
    let back = packet(1, Protocol::ICMP, "10.0.0.2:1", "10.0.0.1:2");
    let (records, _) = run(&MeterConfig::default(), &[odd, back]);
    assert_eq!(records.len(), 1);
    assert_eq!((records[0].source.port, records[0].destination.port), (0, 0));
}
