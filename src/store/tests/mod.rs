//! The store, on real files.

mod damage;
mod forgetting;
mod keeping;
mod sinks;
mod sums;
mod versions;

use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::model::{Alert, AlertState, AlertTransition, EnrichedFlow, FlowId, Severity, Timestamp, fixture};

/// A store in a folder of its own.
struct Fresh {
    folder: TempDir,
    store: Store,
}

impl Fresh {
    fn new() -> Self {
        Self::with(&StoreConfig::default())
    }

    fn with(config: &StoreConfig) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (store, opened) = Store::open(&folder.path().join("whither.db"), config, at(0)).unwrap();
        assert_eq!(opened, Opened::default());
        Self { folder, store }
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("whither.db")
    }

    fn reader(&self) -> Reader {
        Reader::open(&self.path()).unwrap()
    }

    fn put_flows(&mut self, flows: impl IntoIterator<Item = EnrichedFlow>) {
        self.store.begin().unwrap();
        for flow in flows {
            self.store.put_flow(&flow).unwrap();
        }
        self.store.commit().unwrap();
    }

    fn put_alert(&mut self, alert: &Alert, transition: AlertTransition, now: Timestamp) -> i64 {
        self.store.begin().unwrap();
        let document = format!("{{\"id\":\"{}\"}}", alert.id);
        let entry = EventEntry { alert, transition, document: document.as_bytes() };
        let seq = self.store.put_event(&entry, now).unwrap();
        self.store.commit().unwrap();
        seq
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_parts(second, 0)
}

/// The fixture's flow under another id, ended at that second.
fn flow(id: u64, end: i64) -> EnrichedFlow {
    let mut flow = fixture::flow();
    flow.record.id = FlowId(id);
    flow.record.start = at(end - 10);
    flow.record.end = at(end);
    flow
}

fn alert(id: &str, last: i64, state: AlertState) -> Alert {
    Alert { state, start: at(last - 10), opened: at(last - 5), last: at(last), ..fixture::alert(id) }
}

fn all_flows(reader: &Reader) -> Vec<EnrichedFlow> {
    let mut found = Vec::new();
    let filter = FlowFilter { oldest_first: true, ..FlowFilter::default() };
    reader
        .flows(&filter, |stored| {
            found.push(stored.flow);
            true
        })
        .unwrap();
    found
}
