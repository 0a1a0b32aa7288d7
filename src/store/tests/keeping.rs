//! What was put in comes out as it was.

use super::*;
use crate::model::{Certainty, Outcome, Verdict};

#[test]
fn flows_come_back_as_they_were_newest_first() {
    let mut fresh = Fresh::new();
    let mut second = flow(2, 200);
    second.provenance = Arc::new(crate::model::Provenance { version: "1".into(), ..Default::default() });
    fresh.put_flows([flow(1, 100), second.clone()]);
    assert_eq!(all_flows(&fresh.reader()), [flow(1, 100), second.clone()]);
    let mut newest = None;
    fresh
        .reader()
        .flows(&FlowFilter::default(), |stored| {
            newest = Some(stored.flow);
            false
        })
        .unwrap();
    assert_eq!(newest, Some(second));
    assert_eq!(fresh.reader().flow(FlowId(1)).unwrap().len(), 1);
}

#[test]
fn filters_find_what_they_say_and_nothing_else() {
    let mut fresh = Fresh::new();
    let mut other = flow(2, 200);
    other.identification.app = None;
    other.device.id = "tv".into();
    other.remote.addr = "198.51.100.7".parse().unwrap();
    other.remote.hostname = crate::model::HostName::from_wire(b"a_b.example.com");
    other.remote.roles.server = fixture::answer(Certainty::Disputed, &[("dbip", "SG", "2026")]);
    other.verdicts =
        vec![Verdict { rule: "r".into(), outcome: Outcome::CannotTell, because: vec![], role: None }];
    fresh.put_flows([flow(1, 100), other]);
    let reader = fresh.reader();
    let ids = |filter: FlowFilter| {
        let mut ids = Vec::new();
        reader
            .flows(&filter, |stored| {
                ids.push(stored.flow.record.id.0);
                true
            })
            .unwrap();
        ids
    };
    let none = FlowFilter::default;
    assert_eq!(ids(FlowFilter { since: Some(at(150)), ..none() }), [2]);
    assert_eq!(ids(FlowFilter { until: Some(at(200)), ..none() }), [1]);
    assert_eq!(ids(FlowFilter { app: Some("wechat".into()), ..none() }), [1]);
    assert_eq!(ids(FlowFilter { app: Some(String::new()), ..none() }), [2]);
    assert_eq!(ids(FlowFilter { device: Some("tv".into()), ..none() }), [2]);
    assert_eq!(
        ids(FlowFilter { country: Some("SG".into()), ..none() }),
        [2],
        "a disputed country is found, too"
    );
    assert_eq!(ids(FlowFilter { country: Some("CN".into()), ..none() }), [2, 1], "any role counts");
    assert_eq!(ids(FlowFilter { name: Some("example.com".into()), ..none() }), [2]);
    assert!(ids(FlowFilter { name: Some("ample.com".into()), ..none() }).is_empty(), "whole labels only");
    assert!(ids(FlowFilter { name: Some("%".into()), ..none() }).is_empty(), "no wildcard from outside");
    assert_eq!(ids(FlowFilter { judged_only: true, ..none() }), [2]);
    assert_eq!(ids(FlowFilter { limit: Some(1), ..none() }), [2]);
}

#[test]
fn a_group_that_was_not_committed_leaves_nothing_behind() {
    let mut fresh = Fresh::new();
    fresh.store.begin().unwrap();
    fresh.store.put_flow(&flow(1, 100)).unwrap();
    fresh.store.rollback();
    fresh.put_flows([flow(2, 200)]);
    assert_eq!(all_flows(&fresh.reader()).len(), 1);
    assert_eq!(fresh.reader().rollups(&RollupFilter::default()).unwrap()[0].flows, 1);
}

#[test]
fn alerts_come_back_with_what_people_said_of_them() {
    let mut fresh = Fresh::new();
    fresh.put_alert(&alert("aa11", 100, AlertState::Open), AlertTransition::Opened, at(101));
    let grown = Alert { flows: 3, ..alert("aa11", 160, AlertState::Closed) };
    fresh.put_alert(&grown, AlertTransition::Closed, at(161));
    fresh.put_alert(&alert("ab22", 300, AlertState::Open), AlertTransition::Opened, at(301));
    assert!(fresh.store.acknowledge("aa11", "ann", at(400)).unwrap());
    assert!(!fresh.store.acknowledge("ffff", "ann", at(400)).unwrap());
    fresh.store.annotate("aa11", "ann", "the CEO's phone", at(401)).unwrap();
    let reader = fresh.reader();
    let found = reader.alert("aa").unwrap().unwrap();
    assert_eq!(found.alert, grown);
    assert_eq!(found.acked, Some((at(400), "ann".to_owned())));
    assert_eq!(found.notes[0].text, "the CEO's phone");
    assert!(reader.alert("a").unwrap().is_none(), "two alerts begin so");
    assert!(reader.alert("%").unwrap().is_none());
    let ids = |filter: AlertFilter| {
        reader.alerts(&filter).unwrap().into_iter().map(|a| a.alert.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(ids(AlertFilter::default()), ["ab22", "aa11"]);
    assert_eq!(ids(AlertFilter { open: Some(true), ..Default::default() }), ["ab22"]);
    assert_eq!(ids(AlertFilter { acked: Some(true), ..Default::default() }), ["aa11"]);
    assert_eq!(ids(AlertFilter { severity: Some(Severity::Critical), ..Default::default() }), [""; 0]);
    assert_eq!(reader.document("aa11").unwrap().unwrap(), b"{\"id\":\"aa11\"}");
}

#[test]
fn what_was_learned_keeps_its_first_time() {
    let mut fresh = Fresh::new();
    let learned = |first, last| Learned {
        kind: "app-country".into(),
        key: "wechat/CN".into(),
        first: at(first),
        last: at(last),
    };
    fresh.store.put_learned(&learned(10, 10)).unwrap();
    fresh.store.put_learned(&learned(50, 50)).unwrap();
    assert_eq!(fresh.reader().learned("app-country").unwrap(), [learned(10, 50)]);
    assert!(fresh.reader().learned("other").unwrap().is_empty());
}

#[test]
fn losses_and_gaps_are_counted() {
    let mut fresh = Fresh::new();
    fresh.store.put_losses(at(60), [("kernel_drops", 5), ("shed", 0)]).unwrap();
    fresh.store.put_losses(at(120), [("kernel_drops", 2)]).unwrap();
    let gap = GapEntry {
        source: "eth0".into(),
        kind: "down".into(),
        begin: at(1),
        end: at(2),
        detail: "the link was down".into(),
    };
    fresh.store.put_gap(&gap).unwrap();
    let totals = fresh.reader().totals().unwrap();
    assert_eq!(totals.losses, [("kernel_drops".to_owned(), 7)]);
    assert_eq!(totals.gaps, 1);
}

#[test]
fn the_bundled_sqlite_has_no_known_corruption_bug_and_syncs_fully() {
    // 3.51.3 mended a loss of the write-ahead log that all versions since 3.7.0 had.
    assert!(rusqlite::version_number() >= 3_051_003, "{}", rusqlite::version());
    let fresh = Fresh::new();
    let pragma =
        |name| fresh.store.connection.pragma_query_value(None, name, |r| r.get::<_, i64>(0)).unwrap();
    assert_eq!(pragma("synchronous"), 2, "full");
    assert_eq!(pragma("secure_delete"), 1);
    assert_eq!(pragma("auto_vacuum"), 2, "incremental");
}

#[test]
fn the_newest_records_begin_where_they_say() {
    let mut fresh = Fresh::new();
    fresh.put_flows([flow(1, 100), flow(2, 200), flow(3, 300)]);
    let reader = fresh.reader();
    assert_eq!(reader.end_of_newest(2).unwrap(), Some(at(200)));
    assert_eq!(reader.end_of_newest(4).unwrap(), None, "all of them");
}
