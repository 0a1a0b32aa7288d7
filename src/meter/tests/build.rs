//! Packets and meters for the tests, and sums over what comes out.

use std::collections::BTreeMap;

use crate::decode::{Fragment, Packet, TcpSegment};
use crate::inspect::{InspectConfig, Inspector};
use crate::meter::{Meter, MeterConfig, Observation};
use crate::model::{Endpoint, FlowRecord, Protocol, Timestamp, Tunnel, VlanTags};

/// A protocol without ports that no inspector asks about (ESP).
pub(super) const ESP: Protocol = Protocol(50);
pub(super) const FIN_ACK: u8 = TcpSegment::FIN | TcpSegment::ACK;
pub(super) const SYN_ACK: u8 = TcpSegment::SYN | TcpSegment::ACK;
/// The usual start of the tests' captures.
pub(super) const START: i64 = 1_700_000_000_000;

pub(super) fn end(text: &str) -> Endpoint {
    let socket: std::net::SocketAddr = text.parse().unwrap();
    Endpoint::new(socket.ip(), socket.port())
}

/// A packet of 100 octets, `ms` milliseconds into the capture.
pub(super) fn packet(ms: i64, protocol: Protocol, from: &str, to: &str) -> Packet<'static> {
    Packet {
        time: Timestamp::from_nanos((START + ms) * 1_000_000),
        point: 0,
        source: end(from),
        destination: end(to),
        protocol,
        octets: 100,
        source_mac: None,
        destination_mac: None,
        vlan: VlanTags::default(),
        tunnel: Tunnel::None,
        tunnel_depth: 0,
        tcp: None,
        icmp_type: None,
        fragment: Fragment::No,
        fragment_id: 0,
        fragment_at: 0,
        fragment_last: true,
        payload: &[],
        payload_len: 0,
        origin: None,
        relayed: false,
    }
}

pub(super) fn tcp(ms: i64, from: &str, to: &str, flags: u8, seq: u32, ack: u32) -> Packet<'static> {
    Packet { tcp: Some(TcpSegment { seq, ack, flags }), ..packet(ms, Protocol::TCP, from, to) }
}

/// A handshake that takes 20 ms, sequence numbers 1000 and 5000.
pub(super) fn handshake(ms: i64, client: &str, server: &str) -> [Packet<'static>; 3] {
    [
        tcp(ms, client, server, TcpSegment::SYN, 1000, 0),
        tcp(ms + 20, server, client, SYN_ACK, 5000, 1001),
        tcp(ms + 21, client, server, TcpSegment::ACK, 1001, 5001),
    ]
}

/// Both sides close after a `handshake` without data.
pub(super) fn close(ms: i64, client: &str, server: &str) -> [Packet<'static>; 3] {
    [
        tcp(ms, client, server, FIN_ACK, 1001, 5001),
        tcp(ms + 20, server, client, FIN_ACK, 5001, 1002),
        tcp(ms + 21, client, server, TcpSegment::ACK, 1002, 5002),
    ]
}

pub(super) fn meter(config: &MeterConfig) -> Meter {
    let local = ["192.168.0.0/16".parse().unwrap(), "10.0.0.0/8".parse().unwrap()].into();
    Meter::new(config, local, Inspector::new(&InspectConfig::default()))
}

pub(super) fn observe_all<'p>(
    meter: &mut Meter,
    packets: impl IntoIterator<Item = &'p Packet<'p>>,
) -> Vec<FlowRecord> {
    let mut out = Vec::new();
    for packet in packets {
        meter.observe(packet, &mut out);
    }
    records(out)
}

/// Runs packets through a meter of its own to the end.
pub(super) fn run<'p>(
    config: &MeterConfig,
    packets: impl IntoIterator<Item = &'p Packet<'p>>,
) -> (Vec<FlowRecord>, Meter) {
    let mut meter = meter(config);
    let mut all = observe_all(&mut meter, packets);
    all.extend(finish(&mut meter));
    assert!(meter.ledger().balances());
    assert_eq!(meter.ledger().active, 0);
    (all, meter)
}

pub(super) fn finish(meter: &mut Meter) -> Vec<FlowRecord> {
    let mut out = Vec::new();
    meter.finish(&mut out);
    records(out)
}

pub(super) fn records(out: Vec<Observation>) -> Vec<FlowRecord> {
    out.into_iter()
        .filter_map(|o| match o {
            Observation::Flow(record) => Some(record),
            Observation::Dns(_) | Observation::Device(_) | Observation::Name(_) => None,
        })
        .collect()
}

/// Packets and octets per directed conversation.
pub(super) type Sums = BTreeMap<(u8, Endpoint, Endpoint, VlanTags, Tunnel), (u64, u64)>;

pub(super) fn sums_of_packets(packets: &[Packet<'_>]) -> Sums {
    let mut sums = Sums::new();
    for p in packets {
        let sum = sums.entry((p.protocol.0, p.source, p.destination, p.vlan, p.tunnel)).or_default();
        *sum = (sum.0 + 1, sum.1 + u64::from(p.octets));
    }
    sums
}

pub(super) fn sums_of_records(records: &[FlowRecord]) -> Sums {
    let mut sums = Sums::new();
    for r in records {
        for (from, to, counters) in
            [(r.source, r.destination, r.forward), (r.destination, r.source, r.reverse)]
        {
            if !counters.is_empty() {
                let sum = sums.entry((r.protocol.0, from, to, r.vlan, r.tunnel)).or_default();
                *sum = (sum.0 + counters.packets, sum.1 + counters.octets);
            }
        }
    }
    sums
}
