//! What flows keep of the makers that their packets name.

use std::sync::Arc;

use super::build::*;
use crate::decode::Packet;
use crate::meter::MeterConfig;
use crate::model::{Label, OriginSource, ProcessRef, Protocol};

const C: &str = "192.168.1.2:40000";
const S: &str = "203.0.113.5:443";

fn maker(name: &str) -> Arc<ProcessRef> {
    Arc::new(ProcessRef { name: Label::new(name.as_bytes()), ..ProcessRef::unknown(OriginSource::Pktap) })
}

#[test]
fn the_first_maker_stays_and_another_is_a_counted_conflict() {
    let (a, b) = (maker("a"), maker("b"));
    let udp = |ms, origin| Packet { origin, ..packet(ms, Protocol::UDP, C, S) };
    // The first packet does not say; the same maker from another place in memory is the same maker.
    let same = maker("a");
    let (records, meter) = run(
        &MeterConfig::default(),
        &[udp(0, None), udp(1, Some(&a)), udp(2, Some(&same)), udp(3, Some(&b)), udp(4, Some(&b))],
    );
    let last = records.last().unwrap();
    assert_eq!(last.origin.as_deref(), Some(&*a));
    assert!(last.origin_conflict);
    assert_eq!(meter.limits()["origin_conflicts"], 1);

    let (records, meter) =
        run(&MeterConfig::default(), &[udp(0, Some(&a)), udp(1, Some(&same)), udp(2, None)]);
    assert!(!records.last().unwrap().origin_conflict);
    assert_eq!(meter.limits().get("origin_conflicts"), None);
}

#[test]
fn flows_keep_their_own_makers() {
    let (a, b) = (maker("a"), maker("b"));
    let one = Packet { origin: Some(&a), ..packet(0, Protocol::UDP, C, S) };
    let two = Packet { origin: Some(&b), ..packet(1, Protocol::UDP, C, "203.0.113.6:443") };
    let (records, _) =
        run(&MeterConfig::default(), &[one, two, packet(2, Protocol::UDP, C, "203.0.113.7:443")]);
    let of = |last: u8| {
        let to = end(&format!("203.0.113.{last}:443"));
        records.iter().rfind(|r| r.destination == to).unwrap().origin.clone()
    };
    assert_eq!((of(5), of(6), of(7)), (Some(a.clone()), Some(b.clone()), None));
}

#[test]
fn a_relay_on_the_device_gives_no_round_trip() {
    let mut packets = handshake(0, C, S).to_vec();
    packets[1].relayed = true;
    let (records, meter) = run(&MeterConfig::default(), &packets);
    let last = records.last().unwrap();
    assert!(last.relayed);
    assert!(last.tcp.unwrap().established);
    assert_eq!(last.tcp.unwrap().handshake_rtt, None);
    assert_eq!(meter.limits()["rtt_not_the_networks"], 1);
}

#[test]
fn makers_beyond_the_limit_are_counted_and_not_kept() {
    let makers: Vec<_> = (0..16_400).map(|n| maker(&n.to_string())).collect();
    let packets: Vec<Packet<'_>> = (0_u16..)
        .zip(&makers)
        .map(|(n, origin)| {
            let from = format!("192.168.1.2:{}", 20_000 + n);
            Packet { origin: Some(origin), ..packet(i64::from(n), Protocol::UDP, &from, S) }
        })
        .collect();
    let (records, meter) = run(&MeterConfig::default(), &packets);
    assert_eq!(meter.limits()["origins_full"], 16);
    assert_eq!(records.iter().filter(|r| r.is_final() && r.origin.is_some()).count(), 16_384);
}
