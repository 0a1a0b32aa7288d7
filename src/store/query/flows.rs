//! Flow records, newest first.

use std::sync::Arc;

use rusqlite::types::Value;
use rusqlite::{OptionalExtension, Row, params, params_from_iter};

use crate::model::{EnrichedFlow, FlowId, Provenance, Timestamp};
use crate::store::open::Reader;
use crate::store::{StoreError, body};

use super::Conditions;

/// Which flow records; what is `None` is not asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FlowFilter {
    /// Ended at or after.
    pub since: Option<Timestamp>,
    /// Ended before.
    pub until: Option<Timestamp>,
    /// The flow.
    pub flow: Option<FlowId>,
    /// The device's id.
    pub device: Option<String>,
    /// The application's id; an empty one stands for flows without a name.
    pub app: Option<String>,
    /// A country in any role of the remote.
    pub country: Option<String>,
    /// The remote's address.
    pub remote: Option<String>,
    /// The remote's name, or a part of its end (`qq.com` finds `www.qq.com`).
    pub name: Option<String>,
    /// Only records of which a rule said *match* or *cannot tell*.
    pub judged_only: bool,
    /// At most so many.
    pub limit: Option<usize>,
    /// Oldest first instead of newest first.
    pub oldest_first: bool,
}

/// A flow record as it was judged then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFlow {
    /// Its place in the store.
    pub number: i64,
    /// The record.
    pub flow: EnrichedFlow,
}

impl Reader {
    /// Gives each flow record that fits to `take`, until it says `false`.
    pub fn flows(
        &self,
        filter: &FlowFilter,
        mut take: impl FnMut(StoredFlow) -> bool,
    ) -> Result<(), StoreError> {
        let failed = self.failed("reading flow records");
        let (question, values) = question(filter);
        let mut select = self.connection.prepare(&question).map_err(&failed)?;
        let mut rows = select.query(params_from_iter(values)).map_err(&failed)?;
        while let Some(row) = rows.next().map_err(&failed)? {
            if !take(self.read(row)?) {
                break;
            }
        }
        Ok(())
    }

    /// Records kept after the one with this number, in the order in which they were kept, at most `limit`.
    pub fn flows_after(&self, number: i64, limit: usize) -> Result<Vec<StoredFlow>, StoreError> {
        let failed = self.failed("reading flow records");
        let mut select = self
            .connection
            .prepare_cached(
                "SELECT flow.id, flow.body, provenance.body FROM flow JOIN provenance ON provenance.id = flow.provenance \
                 WHERE flow.id > ?1 ORDER BY flow.id LIMIT ?2",
            )
            .map_err(&failed)?;
        let mut rows =
            select.query(params![number, i64::try_from(limit).unwrap_or(i64::MAX)]).map_err(&failed)?;
        let mut flows = Vec::new();
        while let Some(row) = rows.next().map_err(&failed)? {
            flows.push(self.read(row)?);
        }
        Ok(flows)
    }

    /// All records of one flow, in order.
    pub fn flow(&self, id: FlowId) -> Result<Vec<StoredFlow>, StoreError> {
        let mut found = Vec::new();
        let filter = FlowFilter { flow: Some(id), oldest_first: true, ..FlowFilter::default() };
        self.flows(&filter, |flow| {
            found.push(flow);
            true
        })?;
        Ok(found)
    }

    /// When the oldest of the newest `count` records ended; `None` where there are no more than that.
    pub fn end_of_newest(&self, count: usize) -> Result<Option<Timestamp>, StoreError> {
        self.connection
            .query_row(
                "SELECT end FROM flow ORDER BY end DESC LIMIT 1 OFFSET ?1",
                [i64::try_from(count).unwrap_or(i64::MAX).saturating_sub(1)],
                |row| row.get(0),
            )
            .optional()
            .map(|end| end.map(Timestamp::from_nanos))
            .map_err(self.failed("counting flow records"))
    }

    fn read(&self, row: &Row<'_>) -> Result<StoredFlow, StoreError> {
        let failed = self.failed("reading a flow record");
        let number: i64 = row.get(0).map_err(&failed)?;
        let packed: Vec<u8> = row.get(1).map_err(&failed)?;
        let provenance: String = row.get(2).map_err(&failed)?;
        let unreadable = |why: String| StoreError::Record {
            path: self.path.clone(),
            record: format!("flow {number}"),
            why,
        };
        let mut flow: EnrichedFlow = body::unpack(&packed).map_err(|e| unreadable(e.to_string()))?;
        let provenance: Provenance =
            serde_json::from_str(&provenance).map_err(|e| unreadable(e.to_string()))?;
        flow.provenance = Arc::new(provenance);
        Ok(StoredFlow { number, flow })
    }
}

/// The question for flow records, and what stands for its `?`.
pub(in crate::store) fn question(filter: &FlowFilter) -> (String, Vec<Value>) {
    let conditions = conditions(filter);
    let order = if filter.oldest_first { "ASC" } else { "DESC" };
    let limit = filter.limit.map_or(String::new(), |n| format!(" LIMIT {n}"));
    let question = format!(
        "SELECT flow.id, flow.body, provenance.body FROM flow JOIN provenance ON provenance.id = flow.provenance{} \
         ORDER BY flow.end {order}, flow.id {order}{limit}",
        conditions.text
    );
    (question, conditions.values)
}

fn conditions(filter: &FlowFilter) -> Conditions {
    let mut conditions = Conditions::default();
    conditions.add_some("flow.end >= ?", filter.since.map(Timestamp::as_nanos));
    conditions.add_some("flow.end < ?", filter.until.map(Timestamp::as_nanos));
    conditions.add_some("flow.flow_id = ?", filter.flow.map(|f| f.0.cast_signed()));
    conditions.add_some("device = ?", filter.device.clone());
    conditions.add_some("app = ?", filter.app.clone());
    conditions.add_country(filter.country.as_deref());
    conditions.add_some("remote = ?", filter.remote.clone());
    if let Some(name) = &filter.name {
        conditions.add("('.' || name) LIKE '%.' || ? ESCAPE '\\'", escaped(name));
    }
    if filter.judged_only {
        conditions.add("outcome >= ?", Value::Integer(1));
    }
    conditions
}

/// LIKE's own marks taken literally.
fn escaped(name: &str) -> String {
    name.to_ascii_lowercase().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}
