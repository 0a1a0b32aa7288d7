//! Roll-ups: each flow once, with all its octets, under what it ended as.

use super::*;
use crate::model::{FlowEndReason, HumanDuration, Identification};

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

/// Sums by application: its id, flows, octets up.
fn by_app(reader: &Reader, span: Span) -> Vec<(String, i64, u64, u64)> {
    let rows = reader.rollups(&RollupFilter { span, ..Default::default() }).unwrap();
    rows.into_iter().map(|r| (r.app, r.begin, r.flows, r.bytes_up)).collect()
}

/// A flow in three records, an hour apart, of which the second one brings the name; the third one ends it.
fn named_late() -> [EnrichedFlow; 3] {
    let mut records = [flow(1, 100), flow(1, 3_700), flow(1, 7_300)];
    for (sequence, record) in (0..).zip(&mut records) {
        record.record.sequence = sequence;
    }
    records[0].identification = Identification::default();
    records[2].record.end_reason = Some(FlowEndReason::EndOfFlow);
    records
}

#[test]
fn a_flow_counts_with_all_its_octets_under_the_name_that_it_ends_with() {
    let mut fresh = Fresh::new();
    let [first, second, third] = named_late();
    let mut stranger = flow(2, 110);
    stranger.identification = Identification::default();
    fresh.put_flows([stranger, first]);
    assert_eq!(by_app(&fresh.reader(), Span::Hour), [(String::new(), 0, 2, 2000)]);
    let wechat = || "wechat".to_owned();
    fresh.put_flows([second, third]);
    assert_eq!(
        by_app(&fresh.reader(), Span::Hour),
        [
            (String::new(), 0, 1, 1000),
            (wechat(), 0, 1, 1000),
            (wechat(), 3_600, 0, 1000),
            (wechat(), 7_200, 0, 1000)
        ]
    );
    assert_eq!(by_app(&fresh.reader(), Span::Day), [(String::new(), 0, 1, 1000), (wechat(), 0, 1, 3000)]);
    // The same number again is another flow: nothing of the first one moves.
    let mut other = flow(1, 8_000);
    other.record.sequence = 1;
    other.identification = Identification::default();
    fresh.put_flows([other]);
    assert_eq!(by_app(&fresh.reader(), Span::Day), [(String::new(), 0, 1, 2000), (wechat(), 0, 1, 3000)]);
}

#[test]
fn what_a_group_moved_is_back_when_it_is_rolled_back() {
    let mut fresh = Fresh::new();
    let [first, second, _] = named_late();
    fresh.put_flows([first]);
    fresh.store.begin().unwrap();
    fresh.store.put_flow(&second).unwrap();
    fresh.store.rollback();
    assert_eq!(by_app(&fresh.reader(), Span::Day), [(String::new(), 0, 1, 1000)]);
    fresh.put_flows([second]);
    assert_eq!(by_app(&fresh.reader(), Span::Day), [("wechat".to_owned(), 0, 1, 2000)]);
}

#[test]
fn a_flow_that_proves_to_be_another_view_counts_no_more() {
    let mut fresh = Fresh::new();
    let [first, mut second, mut third] = named_late();
    second.duplicate_of = Some(FlowId(9));
    fresh.put_flows([first, second]);
    assert_eq!(by_app(&fresh.reader(), Span::Day), []);
    third.duplicate_of = None;
    fresh.put_flows([third]);
    assert_eq!(by_app(&fresh.reader(), Span::Day), [("wechat".to_owned(), 0, 1, 3000)], "and again");
}

#[test]
fn a_sum_that_was_forgotten_does_not_come_back_under_another_name() {
    let mut fresh =
        Fresh::with(&StoreConfig { keep_hours: HumanDuration::from_secs(60), ..Default::default() });
    let [first, second, _] = named_late();
    fresh.put_flows([first]);
    fresh.store.expire(at(3_700)).unwrap();
    fresh.put_flows([second]);
    assert_eq!(by_app(&fresh.reader(), Span::Hour), [("wechat".to_owned(), 3_600, 0, 1000)]);
    assert_eq!(by_app(&fresh.reader(), Span::Day), [("wechat".to_owned(), 0, 1, 2000)]);
}

#[test]
fn more_open_flows_than_there_is_room_for_stay_where_they_were_and_are_counted() {
    let mut fresh = Fresh::with(&StoreConfig { flows: false, ..StoreConfig::default() });
    let most = 1 << 16;
    fresh.put_flows((0..most + 1024).map(|id| flow(id, 100)));
    assert_eq!(fresh.store.limits(), [("rollup_open_flows_full", 1024)]);
    let mut last = flow(0, 110);
    last.record.sequence = 1;
    last.identification = Identification::default();
    let mut kept = last.clone();
    kept.record.id = FlowId(most);
    fresh.put_flows([last, kept]);
    let day = by_app(&fresh.reader(), Span::Day);
    assert_eq!(
        day.iter().map(|(app, _, flows, _)| (app.as_str(), *flows)).collect::<Vec<_>>(),
        [("", 1), ("wechat", most + 1023)]
    );
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
