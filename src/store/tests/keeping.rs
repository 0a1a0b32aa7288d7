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
fn rollups_hold_the_sums_of_the_records_and_count_each_flow_once() {
    let mut fresh = Fresh::new();
    let mut later = flow(1, 3_700);
    later.record.sequence = 1;
    fresh.put_flows([flow(1, 100), flow(2, 200), later]);
    let reader = fresh.reader();
    let hours = reader.rollups(&RollupFilter::default()).unwrap();
    assert_eq!(
        hours.iter().map(|r| (r.begin, r.flows, r.bytes_up)).collect::<Vec<_>>(),
        [(0, 2, 2000), (3600, 0, 1000)]
    );
    let days = reader.rollups(&RollupFilter { span: Span::Day, ..Default::default() }).unwrap();
    assert_eq!(
        days.iter().map(|r| (r.flows, r.bytes_up, r.bytes_down)).collect::<Vec<_>>(),
        [(2, 3000, 6000)]
    );
    assert_eq!((days[0].app.as_str(), days[0].server.as_str(), days[0].asn), ("wechat", "CN", 45_090));
}

#[test]
fn the_other_view_of_a_flow_is_kept_and_counted_apart() {
    let mut fresh = Fresh::new();
    let mut twin = flow(2, 110);
    twin.duplicate_of = Some(FlowId(1));
    fresh.put_flows([flow(1, 100), twin.clone()]);
    assert_eq!(all_flows(&fresh.reader()), [flow(1, 100), twin]);
    let totals = fresh.reader().totals().unwrap();
    assert_eq!((totals.flow_records, totals.duplicate_records), (1, 1));
    let rollups = fresh.reader().rollups(&RollupFilter::default()).unwrap();
    assert_eq!(rollups.iter().map(|r| r.flows).sum::<u64>(), 1);
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
fn notices_come_back_newest_first_and_a_store_of_before_has_none() {
    let mut fresh = Fresh::new();
    for second in [5, 9, 7] {
        let notice = Notice { at: at(second), kind: Notice::SWAP.to_owned(), body: format!("[{second}]") };
        fresh.store.put_notice(&notice).unwrap();
    }
    let bodies = |n| fresh.reader().notices(n).unwrap().into_iter().map(|n| n.body).collect::<Vec<_>>();
    assert_eq!(bodies(2), ["[9]", "[7]"]);
    fresh.store.connection.execute_batch("DROP TABLE notice; PRAGMA user_version = 1").unwrap();
    assert_eq!(fresh.reader().notices(2).unwrap(), []);
}

#[test]
fn a_store_of_version_1_is_brought_up_to_date_with_all_that_is_in_it() {
    let mut fresh = Fresh::new();
    fresh.put_flows([flow(1, 100)]);
    fresh.store.connection.execute_batch("DROP TABLE notice; PRAGMA user_version = 1").unwrap();
    let path = fresh.store.path().to_owned();
    let (mut store, opened) = Store::open(&path, &StoreConfig::default(), at(0)).unwrap();
    assert_eq!(opened.set_aside, None);
    store.put_notice(&Notice { at: at(1), kind: Notice::SWAP.to_owned(), body: "{}".to_owned() }).unwrap();
    let reader = Reader::open(&path).unwrap();
    assert_eq!((reader.notices(9).unwrap().len(), all_flows(&reader)), (1, vec![flow(1, 100)]));
}

#[test]
fn the_newest_records_begin_where_they_say() {
    let mut fresh = Fresh::new();
    fresh.put_flows([flow(1, 100), flow(2, 200), flow(3, 300)]);
    let reader = fresh.reader();
    assert_eq!(reader.end_of_newest(2).unwrap(), Some(at(200)));
    assert_eq!(reader.end_of_newest(4).unwrap(), None, "all of them");
}
