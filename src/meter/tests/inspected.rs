//! What the inspectors read comes out with the records, and in time.

use super::build::*;
use crate::decode::{Packet, TcpSegment};
use crate::inspect::{InspectConfig, Inspector};
use crate::meter::{Meter, MeterConfig, Observation};
use crate::model::{NameOrigin, Protocol};

const C: &str = "192.168.1.2:40000";
const S: &str = "203.0.113.5:80";

fn with(packet: Packet<'static>, payload: &'static [u8]) -> Packet<'static> {
    let payload_len = u32::try_from(payload.len()).unwrap();
    Packet { payload, payload_len, octets: payload_len + 40, ..packet }
}

#[test]
fn a_name_is_reported_a_second_after_it_was_read() {
    let mut packets = handshake(0, C, S).to_vec();
    let request = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
    let length = u32::try_from(request.len()).unwrap();
    packets.push(with(tcp(30, C, S, TcpSegment::ACK, 1001, 5001), request));
    packets.push(tcp(900, S, C, TcpSegment::ACK, 5001, 1001 + length));
    packets.push(tcp(1_300, S, C, TcpSegment::ACK, 5001, 1001 + length));
    packets.push(tcp(2_000, S, C, TcpSegment::ACK, 5001, 1001 + length));
    let (records, _) = run(&MeterConfig::default(), &packets);
    let [early, last] = &records[..] else { panic!("{records:?}") };
    assert_eq!((early.forward.packets, early.reverse.packets), (3, 2));
    for record in [early, last] {
        let [name] = &record.facts.names[..] else { panic!("{record:?}") };
        assert_eq!((name.name.as_str(), name.origin), ("a.example", NameOrigin::HttpHost));
    }
    assert!(std::sync::Arc::ptr_eq(&early.facts, &last.facts), "unchanged facts are shared");
}

#[test]
fn an_answered_question_comes_out_at_once_and_before_its_flow() {
    let question = b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x07example\x00\x00\x01\x00\x01";
    let answer = b"\x12\x34\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\x01a\x07example\x00\x00\x01\x00\x01\
        \xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x3c\x00\x04\xcb\x00\x71\x05";
    let (client, server) = ("192.168.1.2:5555", "9.9.9.9:53");
    let mut meter = meter(&MeterConfig::default());
    let mut out = Vec::new();
    meter.observe(&with(packet(0, Protocol::UDP, client, server), question), &mut out);
    assert_eq!(out, []);
    meter.observe(&with(packet(20, Protocol::UDP, server, client), answer), &mut out);
    let [Observation::Dns(dns)] = &out[..] else { panic!("{out:?}") };
    assert_eq!((dns.client, dns.question.as_str()), (end(client).addr, "a.example"));
    assert_eq!(dns.answers[0].addr, end(S).addr);
    let records = finish(&mut meter);
    assert_eq!(records[0].facts.protocol, Some("dns"));
}

#[test]
fn a_flood_of_syns_and_resets_holds_nothing_for_the_inspectors() {
    let mut meter = meter(&MeterConfig::default());
    for client in 0..200_u32 {
        let from = format!("192.168.1.{client}:40000");
        let flags = if client % 2 == 0 { TcpSegment::SYN } else { TcpSegment::RST };
        meter.observe(&tcp(i64::from(client), &from, S, flags, client, 0), &mut Vec::new());
    }
    assert_eq!(meter.watches.held(), 0);
    let [syn, answer, ack] = handshake(300, C, S);
    observe_all(&mut meter, &[syn, answer, ack]);
    assert_eq!(meter.watches.held(), 0, "a handshake is in the flow itself");
    let half = b"GET / HTTP/1.1\r\nHo";
    observe_all(&mut meter, &[with(tcp(330, C, S, TcpSegment::ACK, 1001, 5001), half)]);
    assert!(meter.watches.held() > half.len());
    finish(&mut meter);
    assert_eq!(meter.watches.held(), 0);
}

/// Requests that never end, more than all open questions may hold; then one that comes in two pieces, the later first.
#[test]
fn the_oldest_questions_are_given_up_when_all_hold_too_much_and_a_true_one_is_still_answered() {
    let most = 1 << 20;
    let inspect = InspectConfig { max_held_bytes: most, ..InspectConfig::default() };
    let mut meter = Meter::new(&MeterConfig::default(), [].into(), Inspector::new(&inspect));
    let never_ends: &'static [u8] = &[&b"GET /"[..], &[b'a'; 900]].concat().leak()[..];
    let mut records = Vec::new();
    for client in 0..3_000_u32 {
        let from = format!("192.168.{}.{}:40000", 100 + client / 250, client % 250);
        let [syn, answer, ack] = handshake(i64::from(client), &from, S);
        let request = with(tcp(i64::from(client) + 30, &from, S, TcpSegment::ACK, 1001, 5001), never_ends);
        records.extend(observe_all(&mut meter, &[syn, answer, ack, request]));
        assert!(meter.watches.held() <= most);
    }
    assert!(meter.limits()["inspect_memory"] > 1_000, "{:?}", meter.limits());
    let [syn, answer, ack] = handshake(5_000, C, S);
    let late = with(tcp(5_030, C, S, TcpSegment::ACK, 1017, 5001), b"Host: a.example\r\n\r\n");
    let first = with(tcp(5_031, C, S, TcpSegment::ACK, 1001, 5001), b"GET / HTTP/1.1\r\n");
    records.extend(observe_all(&mut meter, &[syn, answer, ack, late, first]));
    records.extend(finish(&mut meter));
    let named: Vec<_> = records.iter().flat_map(|r| &r.facts.names).map(|n| n.name.as_str()).collect();
    assert_eq!(named, ["a.example"]);
    assert_eq!(meter.watches.held(), 0);
}
