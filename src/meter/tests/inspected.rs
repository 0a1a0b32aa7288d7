//! What the inspectors read comes out with the records, and in time.

use super::build::*;
use crate::decode::{Packet, TcpSegment};
use crate::meter::{MeterConfig, Observation};
use crate::model::{NameOrigin, Protocol};

const C: &str = "192.168.1.2:40000";
const S: &str = "203.0.113.5:80";

fn with(packet: Packet<'static>, payload: &'static [u8]) -> Packet<'static> {
    let payload_len = u32::try_from(payload.len()).unwrap();
    Packet { payload, payload_len, octets: payload_len + 40, ..packet }
}

#[test]
#[ignore = "needs the real inspectors: take this line out when they are merged"]
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
#[ignore = "needs the real inspectors: take this line out when they are merged"]
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
