//! The store as every sink's queue: each remembers up to which event it has come.
//!
//! `durable = delivered + skipped + queued + dead` holds for each sink, counted from the event after which it was first seen.
//!
//! A sink whose name begins with [`FLOWS`] goes through the flow records instead, in the order in which they were kept. They wait
//! only as long as the store keeps them: what was forgotten before is passed over, and counted as skipped by the runner.

use rusqlite::{OptionalExtension, params};

use crate::model::{Severity, Timestamp};

use super::open::Reader;
use super::write::severity;
use super::{Store, StoreError, body};

/// What the name of a sink of flow records begins with; of alerts none does.
pub const FLOWS: &str = "flows:";

/// One document to deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its number: the order of all events; the same at every redelivery.
    pub seq: i64,
    /// The alert's id.
    pub alert: String,
    /// `alert-opened`, `alert-updated`, `alert-closed` or `canary`.
    pub action: String,
    /// How bad.
    pub severity: Severity,
    /// When it was kept.
    pub at: Timestamp,
    /// The JSON document.
    pub document: Vec<u8>,
}

/// What became of the events up to `cursor`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// The sink.
    pub sink: String,
    /// The last event that is done with.
    pub cursor: i64,
    /// Delivered.
    pub delivered: usize,
    /// Not wanted by this sink.
    pub skipped: usize,
    /// Given up, with the reason.
    pub dead: Vec<(i64, String)>,
}

/// How far a sink has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SinkState {
    /// The last event that is done with.
    pub cursor: i64,
    /// Events delivered.
    pub delivered: u64,
    /// Events that it does not want (below its severity).
    pub skipped: u64,
    /// Events given up (kept as dead letters).
    pub dead: u64,
    /// Events that wait.
    pub queued: u64,
}

impl Store {
    /// Makes a sink known. A new one begins with the events after now, not with the whole past.
    pub fn register_sink(&mut self, name: &str) -> Result<SinkState, StoreError> {
        let newest = if name.starts_with(FLOWS) {
            "SELECT max(id) AS seq FROM flow"
        } else {
            "SELECT max(seq) AS seq FROM event UNION SELECT seq FROM sqlite_sequence WHERE name = 'event'"
        };
        self.connection
            .execute(
                &format!(
                    "INSERT OR IGNORE INTO sink SELECT ?1, coalesce(max(seq), 0), 0, 0, 0 FROM ({newest})"
                ),
                [name],
            )
            .map_err(self.failed("making a sink known"))?;
        let state = sink_state(&self.connection, name).map_err(self.failed("reading a sink's place"))?;
        Ok(state.unwrap_or_default())
    }

    /// Forgets sinks that are no longer configured, so that nothing is kept for them.
    pub fn retain_sinks(&mut self, names: &[&str]) -> Result<(), StoreError> {
        let failed = self.failed("forgetting a sink");
        let known: Vec<String> = {
            let mut select = self.connection.prepare("SELECT name FROM sink").map_err(&failed)?;
            let rows = select.query_map([], |row| row.get(0)).map_err(&failed)?;
            rows.collect::<Result<_, _>>().map_err(&failed)?
        };
        for gone in known.iter().filter(|k| !names.contains(&k.as_str())) {
            self.connection.execute("DELETE FROM sink WHERE name = ?1", [gone]).map_err(&failed)?;
            self.connection.execute("DELETE FROM dead_letter WHERE sink = ?1", [gone]).map_err(&failed)?;
        }
        Ok(())
    }

    /// Notes how far a sink has come, and what became of the events up to there.
    pub fn note_progress(&mut self, progress: &Progress, now: Timestamp) -> Result<(), StoreError> {
        let failed = self.failed("noting a delivery");
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        for (seq, why) in &progress.dead {
            self.connection
                .execute(
                    "INSERT OR REPLACE INTO dead_letter (sink, seq, at, why) VALUES (?1, ?2, ?3, ?4)",
                    params![progress.sink, seq, now.as_nanos(), why],
                )
                .map_err(&failed)?;
        }
        self.connection
            .prepare_cached(
                "UPDATE sink SET cursor = max(cursor, ?2), delivered = delivered + ?3, skipped = skipped + ?4, \
                 dead = dead + ?5 WHERE name = ?1",
            )
            .and_then(|mut update| {
                update.execute(params![
                    progress.sink,
                    progress.cursor,
                    count(progress.delivered),
                    count(progress.skipped),
                    count(progress.dead.len())
                ])
            })
            .map(drop)
            .map_err(failed)
    }

    /// How far a sink has come; `None` for one that is not known.
    pub fn sink(&self, name: &str) -> Result<Option<SinkState>, StoreError> {
        sink_state(&self.connection, name).map_err(self.failed("reading a sink's place"))
    }

    /// The number that the next event will have.
    pub fn next_event(&self) -> Result<i64, StoreError> {
        self.connection
            .query_row(
                "SELECT coalesce(max(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'event'",
                [],
                |row| row.get(0),
            )
            .map_err(self.failed("numbering an event"))
    }
}

impl Reader {
    /// Events after `cursor`, in their order, at most `limit`.
    pub fn events_after(&self, cursor: i64, limit: usize) -> Result<Vec<Event>, StoreError> {
        let failed = self.failed("reading events");
        let mut select = self
            .connection
            .prepare_cached(
                "SELECT seq, alert, action, severity, at, document FROM event WHERE seq > ?1 ORDER BY seq LIMIT ?2",
            )
            .map_err(&failed)?;
        let rows = select
            .query_map(params![cursor, i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
                let packed: Vec<u8> = row.get(5)?;
                Ok(Event {
                    seq: row.get(0)?,
                    alert: row.get(1)?,
                    action: row.get(2)?,
                    severity: severity(row.get(3)?),
                    at: Timestamp::from_nanos(row.get(4)?),
                    // A damaged document is delivered as an empty one rather than stopping all that come after it.
                    document: body::unpack_bytes(&packed).unwrap_or_else(|_| b"{}".to_vec()),
                })
            })
            .map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }

    /// How far a sink has come; `None` for one that is not known.
    pub fn sink(&self, name: &str) -> Result<Option<SinkState>, StoreError> {
        sink_state(&self.connection, name).map_err(self.failed("reading a sink's place"))
    }

    /// All sinks by name.
    pub fn sinks(&self) -> Result<Vec<(String, SinkState)>, StoreError> {
        let failed = self.failed("reading the sinks");
        let mut select = self.connection.prepare("SELECT name FROM sink ORDER BY name").map_err(&failed)?;
        let names: Vec<String> =
            select.query_map([], |row| row.get(0)).and_then(Iterator::collect).map_err(&failed)?;
        let mut sinks = Vec::new();
        for name in names {
            if let Some(state) = self.sink(&name)? {
                sinks.push((name, state));
            }
        }
        Ok(sinks)
    }
}

fn sink_state(connection: &rusqlite::Connection, name: &str) -> rusqlite::Result<Option<SinkState>> {
    let count = |n: i64| u64::try_from(n).unwrap_or(0);
    let queued = if name.starts_with(FLOWS) {
        "SELECT count(*) FROM flow WHERE id > sink.cursor"
    } else {
        "SELECT count(*) FROM event WHERE seq > sink.cursor"
    };
    connection
        .query_row(
            &format!("SELECT cursor, delivered, skipped, dead, ({queued}) FROM sink WHERE name = ?1"),
            [name],
            |row| {
                Ok(SinkState {
                    cursor: row.get(0)?,
                    delivered: count(row.get(1)?),
                    skipped: count(row.get(2)?),
                    dead: count(row.get(3)?),
                    queued: count(row.get(4)?),
                })
            },
        )
        .optional()
}
