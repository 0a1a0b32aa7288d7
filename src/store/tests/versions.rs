//! Stores of earlier versions, and that questions find their index.

use super::*;

/// How SQLite goes about the question for flow records.
fn plan(reader: &Reader, filter: &FlowFilter) -> String {
    let (question, values) = query::flows_question(filter);
    let mut select = reader.connection.prepare(&format!("EXPLAIN QUERY PLAN {question}")).unwrap();
    let steps = select.query_map(rusqlite::params_from_iter(values), |row| row.get::<_, String>(3)).unwrap();
    steps.collect::<Result<Vec<_>, _>>().unwrap().join("; ")
}

#[test]
fn flow_records_of_an_address_are_found_by_index_and_in_order() {
    let reader = Fresh::new().reader();
    let remote = Some("203.0.113.7".to_owned());
    for since in [None, Some(at(5))] {
        for oldest_first in [false, true] {
            let filter = FlowFilter { remote: remote.clone(), since, oldest_first, ..FlowFilter::default() };
            let plan = plan(&reader, &filter);
            assert!(plan.contains("USING INDEX flow_by_remote (remote=?"), "{plan}");
            assert!(!plan.contains("TEMP B-TREE"), "sorted apart: {plan}");
        }
    }
}

#[test]
fn a_store_of_version_2_gets_its_index_and_keeps_all_that_is_in_it() {
    let mut fresh = Fresh::new();
    fresh.put_flows([flow(1, 100), flow(2, 200)]);
    fresh.store.connection.execute_batch("DROP INDEX flow_by_remote; PRAGMA user_version = 2").unwrap();
    let filter = FlowFilter { remote: Some(flow(1, 100).remote.addr.to_string()), ..FlowFilter::default() };
    // Beside a daemon of before a command asks without the index.
    assert!(!plan(&fresh.reader(), &filter).contains("flow_by_remote"));
    assert_eq!(all_flows(&fresh.reader()).len(), 2);
    let (_, opened) = Store::open(&fresh.path(), &StoreConfig::default(), at(0)).unwrap();
    assert_eq!(opened.set_aside, None);
    let reader = fresh.reader();
    assert!(plan(&reader, &filter).contains("flow_by_remote"));
    assert_eq!(schema::version(&reader.connection).unwrap(), 3);
    assert_eq!(all_flows(&reader), [flow(1, 100), flow(2, 200)]);
}

#[test]
fn a_store_of_version_1_is_brought_up_to_date_with_all_that_is_in_it() {
    let mut fresh = Fresh::new();
    fresh.put_flows([flow(1, 100)]);
    fresh
        .store
        .connection
        .execute_batch("DROP INDEX flow_by_remote; DROP TABLE notice; PRAGMA user_version = 1")
        .unwrap();
    let path = fresh.store.path().to_owned();
    let (mut store, opened) = Store::open(&path, &StoreConfig::default(), at(0)).unwrap();
    assert_eq!(opened.set_aside, None);
    store.put_notice(&Notice { at: at(1), kind: Notice::SWAP.to_owned(), body: "{}".to_owned() }).unwrap();
    let reader = Reader::open(&path).unwrap();
    assert_eq!((reader.notices(9).unwrap().len(), all_flows(&reader)), (1, vec![flow(1, 100)]));
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
    fresh
        .store
        .connection
        .execute_batch("DROP INDEX flow_by_remote; DROP TABLE notice; PRAGMA user_version = 1")
        .unwrap();
    assert_eq!(fresh.reader().notices(2).unwrap(), []);
}
