//! Sums over hours or days, grouped as they are kept, and the totals of the whole store.

use rusqlite::params_from_iter;

use crate::model::Timestamp;
use crate::store::open::Reader;
use crate::store::rollup::SPANS;
use crate::store::write::DUPLICATE;
use crate::store::{Learned, StoreError};

use super::Conditions;

/// Hours or days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Span {
    /// Hours (UTC).
    #[default]
    Hour,
    /// Days (UTC).
    Day,
}

/// Which roll-ups; what is `None` is not asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RollupFilter {
    /// Hours or days.
    pub span: Span,
    /// Spans that end after.
    pub since: Option<Timestamp>,
    /// Spans that begin before.
    pub until: Option<Timestamp>,
    /// The device's id.
    pub device: Option<String>,
    /// The application's id.
    pub app: Option<String>,
    /// A country in any role.
    pub country: Option<String>,
}

/// One row of a roll-up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RollupRow {
    /// Begin of the span, seconds since the epoch.
    pub begin: i64,
    /// The device's id.
    pub device: String,
    /// The application's id; empty: none named.
    pub app: String,
    /// Country of the server, with `?` where it is disputed or weak.
    pub server: String,
    /// Country of registration.
    pub registrant: String,
    /// Country of the operator's seat.
    pub seat: String,
    /// Country of the owner's seat.
    pub owner: String,
    /// AS number, or 0.
    pub asn: u32,
    /// The operator.
    pub operator: String,
    /// Flows whose first record is of this span, under what their last one says.
    pub flows: u64,
    /// Octets device → remote.
    pub bytes_up: u64,
    /// Octets remote → device.
    pub bytes_down: u64,
}

/// What is in the store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Totals {
    /// Flow records that count.
    pub flow_records: u64,
    /// Records of second views of flows that count already.
    pub duplicate_records: u64,
    /// First and last end of a flow record.
    pub flows_from_to: Option<(Timestamp, Timestamp)>,
    /// Rows of hourly and daily roll-ups.
    pub rollups: [u64; 2],
    /// Alerts.
    pub alerts: u64,
    /// Of them open.
    pub alerts_open: u64,
    /// Of them acknowledged.
    pub alerts_acked: u64,
    /// Documents of alerts.
    pub events: u64,
    /// Gaps.
    pub gaps: u64,
    /// Losses by counter, over the time that is kept.
    pub losses: Vec<(String, u64)>,
}

impl Reader {
    /// The rows that fit, oldest first.
    pub fn rollups(&self, filter: &RollupFilter) -> Result<Vec<RollupRow>, StoreError> {
        let failed = self.failed("reading roll-ups");
        let [hour, day] = SPANS;
        let span = if filter.span == Span::Hour { hour } else { day };
        let mut conditions = Conditions::default();
        conditions.add("span = ?", span);
        conditions.add_some("begin + span > ?", filter.since.map(Timestamp::as_secs));
        conditions.add_some("begin < ?", filter.until.map(|t| t.as_secs().saturating_add(1)));
        conditions.add_some("device = ?", filter.device.clone());
        conditions.add_some("app = ?", filter.app.clone());
        conditions.add_country(filter.country.as_deref());
        let question = format!(
            "SELECT begin, device, app, server, registrant, seat, owner, asn, operator, flows, bytes_up, bytes_down \
             FROM rollup{} ORDER BY begin, device, app, server, asn, operator",
            conditions.text
        );
        let count = |n: i64| u64::try_from(n).unwrap_or(0);
        let mut select = self.connection.prepare(&question).map_err(&failed)?;
        let rows = select.query_map(params_from_iter(conditions.values), |row| {
            Ok(RollupRow {
                begin: row.get(0)?,
                device: row.get(1)?,
                app: row.get(2)?,
                server: row.get(3)?,
                registrant: row.get(4)?,
                seat: row.get(5)?,
                owner: row.get(6)?,
                asn: row.get(7)?,
                operator: row.get(8)?,
                flows: count(row.get(9)?),
                bytes_up: count(row.get(10)?),
                bytes_down: count(row.get(11)?),
            })
        });
        rows.and_then(Iterator::collect).map_err(failed)
    }

    /// What is in the store.
    pub fn totals(&self) -> Result<Totals, StoreError> {
        let failed = self.failed("counting");
        let count = |question: &str| -> Result<u64, StoreError> {
            self.connection
                .query_row(question, [], |row| row.get::<_, i64>(0))
                .map(|n| u64::try_from(n).unwrap_or(0))
                .map_err(&failed)
        };
        let ends: (Option<i64>, Option<i64>) = self
            .connection
            .query_row("SELECT min(end), max(end) FROM flow", [], |row| Ok((row.get(0)?, row.get(1)?)))
            .map_err(&failed)?;
        let mut select = self
            .connection
            .prepare("SELECT name, sum(count) FROM loss GROUP BY name ORDER BY name")
            .map_err(&failed)?;
        let losses = select
            .query_map([], |row| Ok((row.get(0)?, u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0))))
            .and_then(Iterator::collect)
            .map_err(&failed)?;
        let [hour, day] = SPANS;
        Ok(Totals {
            flow_records: count(&format!("SELECT count(*) FROM flow WHERE outcome <> {DUPLICATE}"))?,
            duplicate_records: count(&format!("SELECT count(*) FROM flow WHERE outcome = {DUPLICATE}"))?,
            flows_from_to: ends
                .0
                .zip(ends.1)
                .map(|(a, b)| (Timestamp::from_nanos(a), Timestamp::from_nanos(b))),
            rollups: [
                count(&format!("SELECT count(*) FROM rollup WHERE span = {hour}"))?,
                count(&format!("SELECT count(*) FROM rollup WHERE span = {day}"))?,
            ],
            alerts: count("SELECT count(*) FROM alert")?,
            alerts_open: count("SELECT count(*) FROM alert WHERE open")?,
            alerts_acked: count("SELECT count(*) FROM alert WHERE acked IS NOT NULL")?,
            events: count("SELECT count(*) FROM event")?,
            gaps: count("SELECT count(*) FROM gap")?,
            losses,
        })
    }

    /// What a policy has learned, of one kind.
    pub fn learned(&self, kind: &str) -> Result<Vec<Learned>, StoreError> {
        let failed = self.failed("reading what was learned");
        let mut select = self
            .connection
            .prepare("SELECT kind, key, first, last FROM learned WHERE kind = ?1 ORDER BY key")
            .map_err(&failed)?;
        let rows = select.query_map([kind], |row| {
            Ok(Learned {
                kind: row.get(0)?,
                key: row.get(1)?,
                first: Timestamp::from_nanos(row.get(2)?),
                last: Timestamp::from_nanos(row.get(3)?),
            })
        });
        rows.and_then(Iterator::collect).map_err(failed)
    }
}
