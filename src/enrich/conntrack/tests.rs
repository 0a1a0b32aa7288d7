//! Messages built here byte by byte, and the joins that they allow.

use std::net::IpAddr;
use std::sync::Arc;

use super::message::{Message, messages};
use super::*;
use crate::model::{FlowRecord, ObservationPoint, Timestamp, fixture};

fn end(text: &str) -> Endpoint {
    let (addr, port) = text.rsplit_once(':').unwrap();
    Endpoint::new(addr.trim_matches(['[', ']']).parse().unwrap(), port.parse().unwrap())
}

fn tuple(from: &str, to: &str) -> Tuple {
    Tuple { source: end(from), destination: end(to), protocol: Protocol::TCP }
}

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let mut bytes = u16::try_from(value.len() + 4).unwrap().to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

const NESTED: u16 = 0x8000;

fn tuple_bytes(kind: u16, tuple: Tuple) -> Vec<u8> {
    let addr = |v4: u16, v6: u16, addr: IpAddr| match addr {
        IpAddr::V4(a) => attribute(v4, &a.octets()),
        IpAddr::V6(a) => attribute(v6, &a.octets()),
    };
    let ips = [addr(1, 3, tuple.source.addr), addr(2, 4, tuple.destination.addr)].concat();
    let proto = [
        attribute(1, &[tuple.protocol.0]),
        attribute(2, &tuple.source.port.to_be_bytes()),
        attribute(3, &tuple.destination.port.to_be_bytes()),
    ]
    .concat();
    attribute(kind | NESTED, &[attribute(1 | NESTED, &ips), attribute(2 | NESTED, &proto)].concat())
}

fn counters(kind: u16, packets: u64, octets: u64) -> Vec<u8> {
    let inside = [attribute(1, &packets.to_be_bytes()), attribute(2, &octets.to_be_bytes())].concat();
    attribute(kind | NESTED, &inside)
}

fn message(kind: u16, connection: &Connection) -> Vec<u8> {
    let mut body = vec![2, 0, 0, 0];
    body.extend(tuple_bytes(1, connection.original));
    body.extend(tuple_bytes(2, connection.reply));
    body.extend(attribute(8, &connection.mark.to_be_bytes()));
    if let Some((up, down)) = connection.counted {
        body.extend(counters(9, up.packets, up.octets));
        body.extend(counters(10, down.packets, down.octets));
    }
    body.extend(attribute(12, &connection.id.to_be_bytes()));
    body.extend(attribute(18, &connection.zone.to_be_bytes()));
    let mut bytes = u32::try_from(body.len() + 16).unwrap().to_ne_bytes().to_vec();
    bytes.extend(kind.to_ne_bytes());
    bytes.extend([0; 10]);
    bytes.extend(body);
    bytes
}

/// A phone behind a gateway's translation.
fn masqueraded() -> Connection {
    Connection {
        id: 7,
        original: tuple("192.168.1.20:40000", "203.0.113.5:443"),
        reply: tuple("203.0.113.5:443", "198.51.100.1:61000"),
        zone: 0,
        mark: 3,
        counted: Some((Accounted { packets: 5, octets: 600 }, Accounted { packets: 4, octets: 9000 })),
        began: None,
    }
}

fn record(source: &str, destination: &str, point: &str) -> FlowRecord {
    let mut record = fixture::flow().record;
    record.source = end(source);
    record.destination = end(destination);
    record.protocol = Protocol::TCP;
    record.point = Arc::new(ObservationPoint { id: 0, name: point.into(), time_digits: 9 });
    record.start = Timestamp::from_parts(1_000, 0);
    record.end = Timestamp::from_parts(1_010, 0);
    record
}

fn at(secs: i64) -> Timestamp {
    Timestamp::from_parts(secs, 0)
}

#[test]
fn a_message_gives_tuples_zone_mark_and_counters() {
    let mut connection = masqueraded();
    connection.zone = 9;
    let bytes = [message(0x0100, &connection), message(0x0102, &connection)].concat();
    let read: Vec<_> = messages(&bytes).collect();
    assert_eq!(read, [Message::There(connection), Message::Gone(connection)]);
    let mut six = connection;
    six.original = tuple("[fd00::1]:1", "[2001:db8::1]:2");
    six.reply = six.original.turned();
    assert_eq!(messages(&message(0x0100, &six)).collect::<Vec<_>>(), [Message::There(six)]);
    let mut icmp = connection;
    (icmp.original.protocol, icmp.reply.protocol) = (Protocol::ICMP, Protocol::ICMP);
    assert_eq!(messages(&message(0x0100, &icmp)).collect::<Vec<_>>(), [Message::Other]);
}

#[test]
fn a_wan_record_finds_the_device_behind_it_and_a_lan_record_is_the_inside() {
    let mut table = Connections::new(16);
    table.learn(&ConntrackEvent::Began(masqueraded()), at(1_000));
    let wan = table.view(&record("198.51.100.1:61000", "203.0.113.5:443", "wan")).unwrap();
    assert_eq!((wan.outside, wan.inner), (true, Some(end("192.168.1.20:40000"))));
    let lan = table.view(&record("192.168.1.20:40000", "203.0.113.5:443", "lan")).unwrap();
    assert!(!lan.outside);
    // Whoever was taken for the initiator.
    assert!(table.view(&record("203.0.113.5:443", "198.51.100.1:61000", "wan")).unwrap().outside);
    assert!(table.view(&record("198.51.100.1:61001", "203.0.113.5:443", "wan")).is_none());
}

#[test]
fn a_forwarded_port_names_the_server_inside() {
    let mut table = Connections::new(16);
    let forwarded = Connection {
        original: tuple("203.0.113.5:5000", "198.51.100.1:8443"),
        reply: tuple("192.168.1.30:443", "203.0.113.5:5000"),
        ..masqueraded()
    };
    table.learn(&ConntrackEvent::Began(forwarded), at(1_000));
    let wan = table.view(&record("203.0.113.5:5000", "198.51.100.1:8443", "wan")).unwrap();
    assert_eq!((wan.outside, wan.inner), (true, Some(end("192.168.1.30:443"))));
}

#[test]
fn the_first_view_counts_and_the_other_is_its_twin() {
    let mut table = Connections::new(16);
    table.learn(&ConntrackEvent::Began(masqueraded()), at(1_000));
    let lan = record("192.168.1.20:40000", "203.0.113.5:443", "lan");
    let wan = record("198.51.100.1:61000", "203.0.113.5:443", "wan");
    let view = table.view(&lan).unwrap();
    assert_eq!(table.twin(&view, &lan), None);
    let other = table.view(&wan).unwrap();
    assert_eq!(table.twin(&other, &wan), Some(lan.id));
    assert_eq!(table.twin(&view, &lan), None, "later records of the view that counts count too");
    // One direction each: nothing is counted twice.
    let mut table = Connections::new(16);
    table.learn(&ConntrackEvent::Began(masqueraded()), at(1_000));
    let (mut up, mut down) = (lan, wan);
    up.reverse_total.packets = 0;
    down.forward_total.packets = 0;
    let (a, b) = (table.view(&up).unwrap(), table.view(&down).unwrap());
    assert_eq!((table.twin(&a, &up), table.twin(&b, &down)), (None, None));
}

#[test]
fn a_flow_without_translation_seen_at_two_points_counts_once() {
    let mut table = Connections::new(16);
    let plain = Connection {
        original: tuple("[fd00::1]:1", "[2001:db8::1]:2"),
        reply: tuple("[2001:db8::1]:2", "[fd00::1]:1"),
        ..masqueraded()
    };
    table.learn(&ConntrackEvent::Found(plain), at(1_000));
    let (lan, wan) =
        (record("[fd00::1]:1", "[2001:db8::1]:2", "lan"), record("[fd00::1]:1", "[2001:db8::1]:2", "wan"));
    let view = table.view(&lan).unwrap();
    assert_eq!((view.inner, table.twin(&view, &lan)), (None, None));
    let view = table.view(&wan).unwrap();
    assert_eq!(table.twin(&view, &wan), Some(lan.id));
}

#[test]
fn a_port_that_is_used_again_is_the_connections_of_its_time() {
    let mut table = Connections::new(16);
    let mut second = masqueraded();
    second.original.source = end("192.168.1.21:40001");
    table.learn(&ConntrackEvent::Began(masqueraded()), at(500));
    table.learn(&ConntrackEvent::Ended(masqueraded()), at(600));
    table.learn(&ConntrackEvent::Began(second), at(1_000));
    let wan = record("198.51.100.1:61000", "203.0.113.5:443", "wan");
    assert_eq!(table.view(&wan).unwrap().inner, Some(end("192.168.1.21:40001")));
    let mut old = wan;
    (old.start, old.end) = (at(550), at(590));
    assert_eq!(table.view(&old).unwrap().inner, Some(end("192.168.1.20:40000")));
}

#[test]
fn the_same_tuple_in_two_zones_decides_nothing_and_is_counted() {
    let mut table = Connections::new(16);
    let mut other = masqueraded();
    other.zone = 5;
    other.original.source = end("192.168.9.9:40000");
    table.learn(&ConntrackEvent::Began(masqueraded()), at(1_000));
    table.learn(&ConntrackEvent::Began(other), at(1_000));
    assert_eq!(table.view(&record("198.51.100.1:61000", "203.0.113.5:443", "wan")), None);
    let mut limits = std::collections::BTreeMap::new();
    table.limits(&mut limits);
    assert_eq!(limits["conntrack_ambiguous"], 1);
}

#[test]
fn a_flood_of_connections_is_bounded_and_counted() {
    let mut table = Connections::new(64);
    for port in 1..5_000_u16 {
        let mut c = masqueraded();
        c.original.source.port = port;
        c.reply.destination.port = port;
        table.learn(&ConntrackEvent::Began(c), at(1_000));
    }
    let mut limits = std::collections::BTreeMap::new();
    table.limits(&mut limits);
    assert!(limits["conntrack_forgotten"] > 4_800);
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_read_without_harm(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300), cut in 0..200_usize) {
        let _ = messages(&bytes).count();
        let whole = message(0x0100, &masqueraded());
        let _ = messages(&whole[..cut.min(whole.len())]).count();
        let mut headed = whole[..16].to_vec();
        headed.extend(&bytes);
        let length = u32::try_from(headed.len()).unwrap();
        headed[..4].copy_from_slice(&length.to_ne_bytes());
        let _ = messages(&headed).count();
    }
}
