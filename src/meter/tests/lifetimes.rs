//! When flows begin, report and end.

use super::build::*;
use crate::decode::TcpSegment;
use crate::meter::MeterConfig;
use crate::model::{FlowEndReason, FlowRecord, HumanDuration, Protocol, Timestamp, VlanTags};

const C: &str = "192.168.1.2:40000";
const S: &str = "203.0.113.5:443";

fn ends(records: &[FlowRecord]) -> Vec<(u64, FlowEndReason)> {
    records
        .iter()
        .filter_map(|r| Some((r.forward_total.packets + r.reverse_total.packets, r.end_reason?)))
        .collect()
}

#[test]
fn both_directions_are_one_flow_with_its_round_trip() {
    let mut packets = handshake(0, C, S).to_vec();
    packets.extend(close(500, C, S));
    let (records, _) = run(&MeterConfig::default(), &packets);
    let [record] = &records[..] else { panic!("{records:?}") };
    assert_eq!((record.source, record.destination), (end(C), end(S)));
    assert_eq!((record.forward.packets, record.reverse.packets), (4, 2));
    assert_eq!((record.forward.octets, record.reverse.octets), (400, 200));
    let summary = record.tcp.unwrap();
    assert!(summary.established);
    assert_eq!(summary.handshake_rtt.unwrap().as_millis(), 20);
    assert_eq!(summary.forward_flags, 0x13);
    assert_eq!(record.end_reason, Some(FlowEndReason::EndOfFlow));
    assert_eq!(record.end.since(record.start).as_millis(), 521);
}

#[test]
fn a_repeated_syn_stays_in_its_flow_and_gives_no_round_trip() {
    let syn = tcp(0, C, S, TcpSegment::SYN, 1000, 0);
    let again = tcp(1000, C, S, TcpSegment::SYN, 1000, 0);
    let answer = tcp(1020, S, C, SYN_ACK, 5000, 1001);
    let (records, _) = run(&MeterConfig::default(), &[syn, again, answer]);
    assert_eq!(ends(&records), [(3, FlowEndReason::ForcedEnd)]);
    assert_eq!(records.last().unwrap().tcp.unwrap().handshake_rtt, None);
    // Neither does an answer that the clock puts before the question.
    let early = tcp(-5, S, C, SYN_ACK, 5000, 1001);
    let (records, _) = run(&MeterConfig::default(), &[syn, early]);
    assert_eq!(records[0].tcp.unwrap().handshake_rtt, None);
}

#[test]
fn the_first_answer_to_a_datagram_is_timed_from_the_first_question() {
    let ask = |ms| packet(ms, Protocol::UDP, C, S);
    let answer = |ms| packet(ms, Protocol::UDP, S, C);
    let took = |packets: &[_]| run(&MeterConfig::default(), packets).0.last().unwrap().first_answer;
    let after = |ms| Some(std::time::Duration::from_millis(ms));
    assert_eq!(took(&[ask(0), answer(30), ask(31), answer(80)]), after(30));
    assert_eq!(took(&[ask(0), ask(1000), answer(1020)]), after(1020), "sent again: longer, never shorter");
    assert_eq!(took(&[ask(0)]), None);
    assert_eq!(took(&[answer(30), ask(40)]), None, "what begins with an answer times the device");
}

#[test]
fn stragglers_after_the_close_stay_in_the_flow_and_then_it_ends() {
    let mut packets = handshake(0, C, S).to_vec();
    packets.extend(close(500, C, S));
    packets.push(tcp(1500, S, C, FIN_ACK, 5001, 1002));
    packets.push(packet(9_000, ESP, "10.0.0.1:0", "10.0.0.2:0"));
    let (records, meter) = run(&MeterConfig::default(), &packets);
    let first = records.iter().find(|r| r.is_final()).unwrap();
    assert_eq!(first.protocol, Protocol::TCP);
    assert_eq!(ends(&records)[0], (7, FlowEndReason::EndOfFlow));
    assert_eq!(meter.ledger().ended["end_of_flow"], 1);
}

#[test]
fn a_reset_ends_a_flow_even_where_it_refuses_the_handshake() {
    let packets = [
        tcp(0, C, S, TcpSegment::SYN, 1000, 0),
        tcp(10, S, C, TcpSegment::RST | TcpSegment::ACK, 0, 1001),
        // The same attempt again: some systems try thrice.
        tcp(500, C, S, TcpSegment::SYN, 1000, 0),
        tcp(510, S, C, TcpSegment::RST | TcpSegment::ACK, 0, 1001),
        packet(5_000, ESP, "10.0.0.1:0", "10.0.0.2:0"),
    ];
    let (records, _) = run(&MeterConfig::default(), &packets);
    assert_eq!(ends(&records)[0], (4, FlowEndReason::EndOfFlow));
    assert!(!records[0].tcp.unwrap().established);
}

#[test]
fn ports_used_again_begin_a_new_flow_after_a_close_and_in_the_middle() {
    let mut packets = handshake(0, C, S).to_vec();
    packets.extend(close(100, C, S));
    packets.push(tcp(200, C, S, TcpSegment::SYN, 77_000, 0));
    packets.push(tcp(220, S, C, SYN_ACK, 88_000, 77_001));
    packets.push(tcp(221, C, S, TcpSegment::ACK, 77_001, 88_001));
    packets.push(tcp(300, C, S, TcpSegment::SYN, 99_000, 0));
    let (records, meter) = run(&MeterConfig::default(), &packets);
    assert_eq!(
        ends(&records),
        [(6, FlowEndReason::EndOfFlow), (3, FlowEndReason::EndOfFlow), (1, FlowEndReason::ForcedEnd)]
    );
    assert_eq!(meter.ledger().created, 3);
    let mut ids: Vec<_> = records.iter().map(|r| r.id).collect();
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

#[test]
fn a_late_syn_of_the_same_connection_and_a_double_open_begin_nothing() {
    let [syn, answer, ack] = handshake(0, C, S);
    for packets in [
        vec![answer, syn, ack],
        vec![syn, answer, ack, syn, answer],
        vec![syn, tcp(5, S, C, TcpSegment::SYN, 5000, 0), answer, ack],
    ] {
        let (records, meter) = run(&MeterConfig::default(), &packets);
        assert_eq!(meter.ledger().created, 1, "{records:?}");
        assert_eq!(records[0].source, end(C));
    }
}

#[test]
fn idle_flows_end_by_the_timeout_of_their_kind() {
    let config = MeterConfig { active_timeout: HumanDuration::from_secs(86_400), ..MeterConfig::default() };
    let mut first = handshake(0, C, S).to_vec();
    first.push(tcp(30, "192.168.1.2:40001", S, TcpSegment::SYN, 1, 0));
    first.push(packet(30, Protocol::UDP, "192.168.1.2:1234", "198.51.100.1:4321"));
    first.push(packet(30, ESP, "192.168.1.2:0", "198.51.100.1:0"));
    let mut meter = meter(&config);
    observe_all(&mut meter, &first);
    for (seconds, left) in [(59, 4), (61, 2), (119, 2), (122, 1), (599, 1), (602, 0)] {
        let mut out = Vec::new();
        let now = Timestamp::from_nanos((START + seconds * 1000) * 1_000_000);
        meter.advance(now, &mut out);
        assert_eq!(meter.ledger().active, left, "after {seconds} s");
        assert!(records(out).iter().all(|r| r.end_reason.is_none_or(|e| e == FlowEndReason::IdleTimeout)));
    }
    assert_eq!(meter.ledger().ended["idle_timeout"], 4);
}

#[test]
fn a_packet_after_the_idle_timeout_never_joins_the_old_flow() {
    let packets: Vec<_> =
        [0, 119_999, 239_999].map(|ms| packet(ms, Protocol::UDP, "10.0.0.1:5000", "10.0.0.2:6000")).into();
    let (records, meter) = run(&MeterConfig::default(), &packets);
    assert_eq!(meter.ledger().created, 2, "{records:?}");
    assert_eq!(ends(&records), [(2, FlowEndReason::IdleTimeout), (1, FlowEndReason::ForcedEnd)]);
}

#[test]
fn a_long_flow_is_reported_early_then_at_the_active_timeout_and_only_with_packets() {
    let config = MeterConfig { idle_timeout_other: HumanDuration::from_secs(400), ..MeterConfig::default() };
    let times: Vec<i64> = (0..10).map(|i| i * 500).chain((0..10).map(|i| 50_000 + i * 5_000)).collect();
    let packets: Vec<_> = times.iter().map(|&ms| packet(ms, ESP, "10.0.0.1:0", "9.9.9.9:0")).collect();
    let mut meter = meter(&config);
    let mut all = observe_all(&mut meter, &packets);
    // Four quiet minutes give no record.
    let mut out = Vec::new();
    for second in 100..340 {
        meter.advance(Timestamp::from_nanos((START + second * 1000) * 1_000_000), &mut out);
    }
    all.extend(records(out));
    all.extend(finish(&mut meter));
    let seen: Vec<_> = all.iter().map(|r| (r.sequence, r.forward.packets, r.end_reason)).collect();
    assert_eq!(seen, [(0, 3, None), (1, 10, None), (2, 7, None), (3, 0, Some(FlowEndReason::ForcedEnd))]);
    assert!(all.iter().all(|r| r.id == all[0].id && r.start == all[0].start));
    assert_eq!(all.last().unwrap().forward_total.packets, 20);
}

#[test]
fn a_flow_shorter_than_the_first_report_has_one_record() {
    let packets: Vec<_> = [0, 900].map(|ms| packet(ms, ESP, "10.0.0.1:0", "9.9.9.9:0")).into();
    let (records, _) = run(&MeterConfig::default(), &packets);
    assert_eq!(records.len(), 1);
    assert!(records[0].is_final());
}

#[test]
fn vlans_are_apart_unless_the_key_leaves_them_out() {
    let mut tagged = packet(1, ESP, "10.0.0.2:0", "10.0.0.1:0");
    tagged.vlan = VlanTags { outer: 7, inner: 0 };
    let packets = [packet(0, ESP, "10.0.0.1:0", "10.0.0.2:0"), tagged];
    assert_eq!(run(&MeterConfig::default(), &packets).1.ledger().created, 2);
    let config = MeterConfig { vlan_in_key: false, ..MeterConfig::default() };
    assert_eq!(run(&config, &packets).1.ledger().created, 1);
}
