//! What must hold for any packets: counts are conserved, directions do not matter, seeds do not show.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;

use super::build::*;
use crate::decode::{Fragment, Packet, TcpSegment};
use crate::meter::key::FlowKey;
use crate::meter::{MeterConfig, Observation};
use crate::model::{Counters, Endpoint, FlowRecord, HumanDuration, Protocol, Timestamp, Tunnel, VlanTags};

/// A packet between a few hosts and ports, so that flows collide, and how long after the one before.
fn any_packet() -> impl Strategy<Value = (i64, Packet<'static>)> {
    let gap = prop_oneof![
        20 => 0..50_000_000_i64,
        4 => 0..3_000_000_000_i64,
        2 => 0..100_000_000_000_i64,
        1 => -4_000_000_000..0_i64,
        1 => prop_oneof![Just(400_000_000_000_i64), Just(4_000_000_000_000_000_000), Just(-4_000_000_000_000_000_000)],
    ];
    let hosts = prop_oneof![Just("10.0.0.1"), Just("10.0.0.2"), Just("203.0.113.1"), Just("2001:db8::1")];
    let protocol = prop_oneof![4 => Just(6_u8), 2 => Just(17), 1 => Just(1), 1 => Just(50)];
    let flags = prop_oneof![
        1 => Just(TcpSegment::SYN),
        1 => Just(SYN_ACK),
        4 => Just(TcpSegment::ACK),
        2 => Just(FIN_ACK),
        1 => Just(TcpSegment::RST),
        1 => any::<u8>()
    ];
    let payload = prop_oneof![
        4 => Just(&b""[..]),
        1 => Just(&[0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0][..]),
        1 => Just(&b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"[..])
    ];
    let ports = || prop_oneof![Just(53_u16), Just(443), Just(40_000), Just(40_001)];
    let ends = (hosts.clone(), hosts, ports(), ports());
    let outer = (prop_oneof![5 => Just(0_u16), 1 => Just(7)], prop_oneof![5 => Just(0_u32), 1 => 1..3_u32]);
    (gap, ends, protocol, (flags, 0..4_u32, 0..4_u32), payload, outer, 40..1500_u32).prop_map(
        |(gap, (from, to, from_port, to_port), protocol, (flags, seq, ack), payload, (vlan, vni), octets)| {
            let protocol = Protocol(protocol);
            let ported = matches!(protocol.0, 6 | 17);
            let end = |host: &str, port| Endpoint::new(host.parse().unwrap(), if ported { port } else { 0 });
            let packet = Packet {
                time: Timestamp::EPOCH,
                point: 0,
                source: end(from, from_port),
                // One family in a packet.
                destination: end(
                    if (from == "2001:db8::1") == (to == "2001:db8::1") { to } else { from },
                    to_port,
                ),
                protocol,
                octets,
                source_mac: None,
                destination_mac: None,
                vlan: VlanTags { outer: vlan, inner: 0 },
                tunnel: if vni == 0 { Tunnel::None } else { Tunnel::Vxlan(vni) },
                tunnel_depth: u8::from(vni != 0),
                tcp: (protocol == Protocol::TCP).then_some(TcpSegment { seq, ack, flags }),
                icmp_type: (protocol == Protocol::ICMP).then_some(flags),
                fragment: Fragment::No,
                fragment_id: 0,
                fragment_at: 0,
                fragment_last: true,
                payload,
                payload_len: u32::try_from(payload.len()).unwrap(),
                origin: None,
                relayed: false,
            };
            (gap, packet)
        },
    )
}

/// Packets in a row; about a third answer the one before.
fn any_capture() -> impl Strategy<Value = Vec<Packet<'static>>> {
    vec((any_packet(), prop::bool::weighted(0.3)), 1..400).prop_map(|drawn| {
        let mut time = START * 1_000_000;
        let mut packets: Vec<Packet<'static>> = Vec::with_capacity(drawn.len());
        for ((gap, mut packet), answers) in drawn {
            time = time.saturating_add(gap);
            if let (true, Some(before)) = (answers, packets.last()) {
                packet = Packet { source: before.destination, destination: before.source, ..*before };
            }
            packets.push(Packet { time: Timestamp::from_nanos(time), ..packet });
        }
        packets
    })
}

fn tight() -> MeterConfig {
    MeterConfig { max_flows: 3, active_timeout: HumanDuration::from_secs(5), ..MeterConfig::default() }
}

/// What must hold for the records of any run.
fn check(packets: &[Packet<'_>], records: &[FlowRecord]) {
    assert_eq!(sums_of_records(records), sums_of_packets(packets));
    let mut open = std::collections::BTreeMap::new();
    for r in records {
        assert!(r.end >= r.start);
        let (sequence, total) = open.remove(&r.id).unwrap_or((0, (Counters::default(), Counters::default())));
        assert_eq!(r.sequence, sequence);
        assert_eq!((r.forward_total, r.reverse_total), (r.forward.plus(total.0), r.reverse.plus(total.1)));
        assert!(
            r.is_final() || !(r.forward.is_empty() && r.reverse.is_empty()),
            "an interim record without packets"
        );
        if !r.is_final() {
            open.insert(r.id, (sequence + 1, (r.forward_total, r.reverse_total)));
        }
    }
    assert!(open.is_empty(), "flows without a last record");
    let finals: BTreeSet<_> = records.iter().filter(|r| r.is_final()).map(|r| r.id).collect();
    assert_eq!(finals.len(), records.iter().filter(|r| r.is_final()).count(), "ids are used once");
}

proptest! {
    #[test]
    fn packets_and_octets_are_conserved_whatever_happens(packets in any_capture()) {
        for config in [MeterConfig::default(), tight()] {
            let (records, _) = run(&config, &packets);
            check(&packets, &records);
        }
    }

    #[test]
    fn cutting_records_changes_no_sums_and_no_flows(packets in any_capture(), active in 1..40_u64, first in 1..9_u64) {
        let often = MeterConfig {
            active_timeout: HumanDuration::from_secs(active),
            first_report: HumanDuration::from_secs(first),
            ..MeterConfig::default()
        };
        let (cut, _) = run(&often, &packets);
        let (whole, _) = run(&MeterConfig::default(), &packets);
        let ends = |records: &[FlowRecord]| -> BTreeSet<_> {
            records
                .iter()
                .filter(|r| r.is_final())
                .map(|r| (r.id, r.start, r.end, r.end_reason))
                .collect()
        };
        prop_assert_eq!(ends(&cut), ends(&whole));
        prop_assert_eq!(sums_of_records(&cut), sums_of_records(&whole));
    }

    #[test]
    fn a_key_is_the_same_in_both_directions_and_gives_back_what_went_in((_, packet) in any_packet()) {
        let turned = Packet { source: packet.destination, destination: packet.source, ..packet };
        let (key, side) = FlowKey::of(&packet, true);
        let (back, other) = FlowKey::of(&turned, true);
        prop_assert_eq!(key, back);
        if packet.source != packet.destination {
            prop_assert_eq!(side, other.other());
        }
        prop_assert_eq!((key.endpoint(side), key.endpoint(side.other())), (packet.source, packet.destination));
    }

    #[test]
    fn a_batch_is_the_same_as_its_packets_one_by_one(packets in any_capture(), size in 1..50_usize) {
        let (mut one, mut many) = (Vec::new(), Vec::new());
        let mut meters = [meter(&tight()), meter(&tight())];
        for batch in packets.chunks(size) {
            meters[0].observe_batch(batch, &mut many);
        }
        for packet in &packets {
            meters[1].observe(packet, &mut one);
        }
        prop_assert_eq!(one, many);
        prop_assert_eq!(meters[0].ledger(), meters[1].ledger());
    }

    #[test]
    fn the_hash_seed_does_not_show(packets in any_capture()) {
        let mut outs: [Vec<Observation>; 2] = Default::default();
        let mut meters = [meter(&tight()), meter(&tight())];
        for (meter, out) in meters.iter_mut().zip(&mut outs) {
            for packet in &packets {
                meter.observe(packet, out);
            }
            meter.finish(out);
        }
        let [one, two] = &meters;
        let (key, _) = FlowKey::of(&packets[0], true);
        prop_assert_ne!(one.table.hash(&key), two.table.hash(&key), "the seeds are the same: nothing was tested");
        prop_assert_eq!(&outs[0], &outs[1]);
    }
}

/// The properties above are worth what they reach: over a fixed choice of captures, every way to end occurs.
#[test]
fn every_way_to_end_occurs_in_the_captures_of_the_property_tests() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut words = BTreeSet::new();
    let mut interim = 0;
    for round in 0..200 {
        let packets = any_capture().new_tree(&mut runner).unwrap().current();
        let (records, meter) = run(&if round % 2 == 0 { tight() } else { MeterConfig::default() }, &packets);
        check(&packets, &records);
        interim += records.iter().filter(|r| !r.is_final()).count();
        let ledger = meter.ledger();
        words.extend(ledger.ended.into_keys().map(|word| format!("ended {word}")));
        words.extend(ledger.evicted.into_keys().map(|word| format!("evicted {word}")));
    }
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    assert_eq!(
        words,
        [
            "ended end_of_flow",
            "ended forced_end",
            "ended idle_timeout",
            "evicted half_open",
            "evicted idle",
            "evicted oldest",
            "evicted one_way"
        ]
    );
    assert!(interim > 0);
}
