//! What is forgotten, in which order, and that it is gone.

use super::*;
use crate::model::{HostName, HumanDuration, HumanSize};

fn days(n: u64) -> HumanDuration {
    HumanDuration::from_secs(n * 86_400)
}

#[test]
fn each_kind_is_forgotten_at_its_own_age() {
    let config =
        StoreConfig { keep_flows: days(1), keep_hours: days(2), keep_days: days(4), ..Default::default() };
    let mut fresh = Fresh::with(&config);
    fresh.put_flows([flow(1, 1_000)]);
    let count = |fresh: &Fresh| {
        let totals = fresh.reader().totals().unwrap();
        (totals.flow_records, totals.rollups)
    };
    for (day, left) in [(0, (1, [1, 1])), (1, (0, [1, 1])), (2, (0, [0, 1])), (5, (0, [0, 0]))] {
        fresh.store.expire(at(day * 86_400 + 4_000)).unwrap();
        assert_eq!(count(&fresh), left, "day {day}");
    }
}

#[test]
fn an_alert_is_never_forgotten_while_a_sink_waits_for_it_or_while_it_is_open() {
    let mut fresh = Fresh::with(&StoreConfig { keep_alerts: days(1), ..Default::default() });
    fresh.store.register_sink("mail").unwrap();
    let seq = fresh.put_alert(&alert("aa", 100, AlertState::Closed), AlertTransition::Closed, at(101));
    fresh.put_alert(&alert("bb", 100, AlertState::Open), AlertTransition::Opened, at(101));
    let much_later = at(900 * 86_400);
    assert_eq!(fresh.store.expire(much_later).unwrap().alerts, 0);
    let done = Progress { sink: "mail".into(), cursor: seq, delivered: 1, ..Default::default() };
    fresh.store.note_progress(&done, at(102)).unwrap();
    assert_eq!(fresh.store.expire(much_later).unwrap().alerts, 1);
    let left = fresh.reader().alerts(&AlertFilter::default()).unwrap();
    assert_eq!(left.iter().map(|a| &*a.alert.id).collect::<Vec<_>>(), ["bb"]);
    assert_eq!(fresh.reader().totals().unwrap().events, 1);
}

#[test]
fn a_sink_of_flow_records_holds_no_alert_back() {
    let mut fresh = Fresh::with(&StoreConfig { keep_alerts: days(1), ..StoreConfig::default() });
    fresh.put_alert(&alert("aa", 0, AlertState::Closed), AlertTransition::Closed, at(0));
    fresh.store.register_sink("flows:file:copy").unwrap();
    assert_eq!(fresh.store.expire(at(3 * 86_400)).unwrap().alerts, 1);
}

#[test]
fn a_store_that_outgrows_its_limit_gives_up_flows_before_rollups_before_alerts() {
    let mut fresh = Fresh::new();
    let mut long = flow(0, 0);
    for n in 0..4_000_u64 {
        long.device.id = format!("device-{n}").into();
        long.record.id = FlowId(n);
        fresh.store.begin().unwrap();
        fresh.store.put_flow(&long).unwrap();
    }
    fresh.store.commit().unwrap();
    fresh.put_alert(&alert("aa", 100, AlertState::Closed), AlertTransition::Closed, at(101));
    let before = fresh.store.size().unwrap();
    fresh.store.config.max_size = HumanSize(before / 2);
    let gone = fresh.store.expire(at(1_000)).unwrap();
    assert!(gone.flows > 0 && gone.rollups == 0 && gone.alerts == 0, "{gone:?}");
    assert!(fresh.store.size().unwrap() <= before / 2);
    fresh.store.config.max_size = HumanSize(0);
    let gone = fresh.store.expire(at(1_000)).unwrap();
    assert!(gone.rollups == 8_000 && gone.alerts == 1 && gone.still_too_large, "{gone:?}");
}

#[test]
fn what_is_forgotten_is_gone_from_the_bytes_of_the_files() {
    let mut fresh = Fresh::with(&StoreConfig {
        keep_flows: days(1),
        keep_hours: days(1),
        keep_days: days(1),
        ..Default::default()
    });
    let canary = "device-canary-4711";
    let mut secret = flow(1, 1_000);
    secret.device.id = canary.into();
    secret.remote.hostname = HostName::from_wire(b"canary-4711.example.com");
    fresh.put_flows([secret]);
    assert!(found(&fresh, canary), "the canary is there before");
    fresh.store.expire(at(90 * 86_400)).unwrap();
    assert!(!found(&fresh, canary));
    assert!(!found(&fresh, "canary-4711.example.com"));
}

/// Whether any file of the store holds `text`.
fn found(fresh: &Fresh, text: &str) -> bool {
    std::fs::read_dir(fresh.folder.path()).unwrap().any(|entry| {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        bytes.windows(text.len()).any(|w| w == text.as_bytes())
    })
}
