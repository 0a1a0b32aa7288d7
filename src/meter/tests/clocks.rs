//! Clocks that step: no negative duration, no mass expiry, no hang.

use super::build::*;
use crate::decode::Packet;
use crate::meter::MeterConfig;
use crate::model::{FlowEndReason, Protocol};

const YEAR: i64 = 365 * 86_400_000;

fn host(ms: i64, number: u16) -> Packet<'static> {
    let mut packet = packet(ms, Protocol::UDP, "10.0.0.1:1", "9.9.9.9:4000");
    packet.source.port = 10_000 + number;
    packet
}

#[test]
fn a_clock_set_by_years_ends_nothing_and_is_told() {
    for jump in [10 * YEAR, -10 * YEAR, -2 * 3_600_000] {
        let mut packets: Vec<_> = (0..500).map(|n| host(i64::from(n), n)).collect();
        packets.extend((0..500).map(|n| host(jump + 500 + i64::from(n), n)));
        let mut meter = meter(&MeterConfig::default());
        let early = observe_all(&mut meter, &packets);
        assert!(early.iter().all(|r| !r.is_final()), "jump {jump}");
        assert_eq!(meter.ledger().active, 500);
        let gaps = meter.take_gaps();
        assert_eq!(gaps.len(), 1);
        assert_eq!(gaps[0].kind, if jump > 0 { "clock_forwards" } else { "clock_backwards" });
        assert!(meter.take_gaps().is_empty());
        // Afterwards time goes on as usual.
        let after = observe_all(&mut meter, &[host(jump + 130_000, 9999)]);
        let more =
            observe_all(&mut meter, &(0..9).map(|n| host(jump + 131_000 + n, 9999)).collect::<Vec<_>>());
        assert_eq!(after.iter().chain(&more).filter(|r| r.is_final()).count(), 500);
        assert!(after.iter().chain(&more).all(|r| r.end >= r.start && r.forward.packets <= 2));
    }
}

#[test]
fn one_packet_with_a_broken_time_does_no_harm() {
    let mut packets: Vec<_> = (0..100).map(|n| host(i64::from(n), n)).collect();
    packets.push(host(80 * YEAR, 50));
    packets.push(host(-50 * YEAR, 51));
    packets.extend((0..100).map(|n| host(1000 + i64::from(n), n)));
    let (records, meter) = run(&MeterConfig::default(), &packets);
    assert_eq!(meter.ledger().created, 100);
    for record in records.iter().filter(|r| r.is_final()) {
        assert_eq!(record.end_reason, Some(FlowEndReason::ForcedEnd));
        assert!(record.end.since(record.start).as_secs() < 2, "{record:?}");
    }
}

#[test]
fn the_next_capture_a_day_later_ends_what_is_idle_without_a_stall() {
    let mut packets: Vec<_> = (0..2_000).map(|n| host(i64::from(n), n)).collect();
    packets.extend((0..100).map(|n| host(86_400_000 + i64::from(n), 1_999)));
    let mut meter = meter(&MeterConfig::default());
    let mut most = 0;
    let mut all = Vec::new();
    for packet in &packets {
        let some = observe_all(&mut meter, [packet]);
        most = most.max(some.len());
        all.extend(some);
    }
    assert!(most <= crate::meter::VISITS_PER_PACKET + 1, "{most} records by one packet");
    assert_eq!(meter.ledger().ended["idle_timeout"], 2_000);
    assert_eq!(meter.ledger().created, 2_001);
    assert!(meter.take_gaps().is_empty());
}

#[test]
fn a_clock_that_leaps_at_every_packet_costs_neither_time_nor_memory() {
    let times = [i64::MIN, 0, i64::MAX, -1, i64::MAX / 2, i64::MIN / 3];
    let packets: Vec<_> = (0..30_000_u16)
        .map(|n| {
            let mut packet = host(0, n % 300);
            packet.time = crate::model::Timestamp::from_nanos(times[usize::from(n) % times.len()]);
            packet
        })
        .collect();
    let (records, mut meter) = run(&MeterConfig::default(), &packets);
    assert!(records.iter().all(|r| r.end >= r.start));
    assert_eq!(sums_of_records(&records), sums_of_packets(&packets));
    assert_eq!(meter.take_gaps().len(), 64);
    assert!(meter.limits()["meter_clock_steps_untold"] > 1000);
}
