//! Who goes when the table is full.

use super::build::*;
use crate::decode::{Packet, TcpSegment};
use crate::meter::MeterConfig;
use crate::model::{Endpoint, FlowEndReason, Protocol};

fn small(max_flows: u32) -> MeterConfig {
    MeterConfig { max_flows, ..MeterConfig::default() }
}

fn spoofed(number: u32, nanos_apart: i64) -> Packet<'static> {
    let mut syn = tcp(1_000, "1.0.0.1:1", "192.168.1.9:443", TcpSegment::SYN, number, 0);
    let addr = std::net::Ipv4Addr::from_bits(0x2000_0000 | number.wrapping_mul(2_654_435_761) >> 4);
    syn.source = Endpoint::new(addr.into(), 1024 + u16::try_from(number % 60_000).unwrap());
    syn.time = syn
        .time
        .plus(std::time::Duration::from_nanos(u64::from(number) * u64::try_from(nanos_apart).unwrap()));
    syn
}

#[test]
fn ten_conversations_survive_a_million_forged_syns() {
    let mut meter = meter(&small(10_000));
    let mut out = Vec::new();
    let client = |i: i64| format!("192.168.1.{}:40000", i + 10);
    for i in 0..10 {
        for packet in handshake(i, &client(i), "203.0.113.5:443") {
            meter.observe(&packet, &mut out);
        }
    }
    let mut evicted = 0;
    for number in 0..1_000_000 {
        meter.observe(&spoofed(number, 100_000), &mut out);
        evicted += out.len();
        let records = records(std::mem::take(&mut out));
        assert!(records.iter().all(|r| !r.is_final() || !r.tcp.unwrap().established));
    }
    assert!(evicted > 900_000, "{evicted}");
    let ledger = meter.ledger();
    assert!(ledger.balances());
    assert_eq!(ledger.active, 10_000);
    assert!(ledger.evicted["half_open"] > 0);
    assert!(!ledger.evicted.contains_key("oldest"));
    let left = finish(&mut meter);
    let established: Vec<_> = left.iter().filter(|r| r.tcp.unwrap().established).collect();
    assert_eq!(established.len(), 10);
    assert!(established.iter().all(|r| r.forward_total.packets == 2));
    assert_eq!(meter.limits()["meter_table_full"], ledger.evicted.values().sum::<u64>());
}

#[test]
fn each_kind_goes_in_its_turn() {
    let pair = |ms, a: &'static str, b: &'static str| {
        [packet(ms, Protocol::UDP, a, b), packet(ms + 1, Protocol::UDP, b, a)]
    };
    let mut packets = Vec::new();
    packets.extend(pair(0, "10.0.0.1:1", "9.0.0.1:1"));
    packets.push(packet(2, Protocol::UDP, "10.0.0.1:2", "9.0.0.1:2"));
    packets.push(tcp(70_000, "10.0.0.1:3", "9.0.0.1:3", TcpSegment::SYN, 1, 0));
    packets.push(packet(70_001, Protocol::UDP, "10.0.0.1:4", "9.0.0.1:4"));
    packets.extend(handshake(70_002, "10.0.0.1:5", "9.0.0.1:5"));
    packets.extend(close(70_100, "10.0.0.1:5", "9.0.0.1:5"));
    let mut meter = meter(&small(5));
    assert!(observe_all(&mut meter, &packets).iter().all(|r| !r.is_final()));
    let mut gone = Vec::new();
    for (ms, port) in [(70_200, 6), (70_210, 7), (70_220, 8), (70_230, 9)] {
        // Newcomers are answered at once, so that they are not the first to go.
        let (a, b) = (format!("10.0.0.1:{port}"), format!("9.0.0.1:{port}"));
        let new = [packet(ms, Protocol::UDP, &a, &b), packet(ms + 1, Protocol::UDP, &b, &a)];
        for record in observe_all(&mut meter, &new) {
            gone.push((record.source.port.min(record.destination.port), record.end_reason.unwrap()));
        }
    }
    assert_eq!(
        gone,
        [
            (5, FlowEndReason::EndOfFlow),
            (2, FlowEndReason::LackOfResources),
            (3, FlowEndReason::LackOfResources),
            (4, FlowEndReason::LackOfResources),
        ]
    );
    let words = |meter: &crate::meter::Meter| {
        meter.ledger().evicted.into_iter().map(|(word, n)| format!("{word} {n}")).collect::<Vec<_>>()
    };
    assert_eq!(words(&meter), ["half_open 1", "idle 1", "one_way 1"]);
    // Only conversations are left: the one that is quiet for long, then the oldest.
    let late = pair(70_300, "10.0.0.1:10", "9.0.0.1:10").into_iter().chain(pair(
        70_310,
        "10.0.0.1:11",
        "9.0.0.1:11",
    ));
    let gone = observe_all(&mut meter, &late.collect::<Vec<_>>());
    assert_eq!(gone.iter().map(|r| r.source.port).collect::<Vec<_>>(), [1, 6]);
    assert_eq!(words(&meter), ["half_open 1", "idle 2", "oldest 1", "one_way 1"]);
}

#[test]
fn a_busy_one_way_stream_outlives_a_flood_of_single_packets() {
    let mut meter = meter(&small(100));
    let mut out = Vec::new();
    for number in 0..20_000_u32 {
        let mut scan = spoofed(number, 1_000_000);
        (scan.protocol, scan.tcp) = (Protocol::UDP, None);
        meter.observe(&scan, &mut out);
        if number % 10 == 0 {
            let mut stream = packet(0, Protocol::UDP, "10.0.0.1:5004", "239.1.1.1:5004");
            stream.time = scan.time;
            meter.observe(&stream, &mut out);
        }
    }
    let streams = records(out).into_iter().filter(|r| r.source == end("10.0.0.1:5004") && r.is_final());
    assert_eq!(streams.count(), 0);
}

#[test]
fn a_table_for_one_flow_works() {
    let packets: Vec<_> = (0..50).map(|n| spoofed(n, 1000)).collect();
    let (records, meter) = run(&small(1), &packets);
    assert_eq!(records.len(), 50);
    assert_eq!(meter.ledger().evicted["half_open"], 49);
}
