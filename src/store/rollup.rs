//! Sums by the hour and by the day: device × application × countries by role × operator.
//!
//! A flow counts once, under what its last record says of it, as in the summary of a capture; its octets count in the hours
//! in which they were recorded. Where a later record says otherwise (a name came, or a database was swapped), all that the
//! flow has in the roll-ups moves. What open flows have in them stands in a table of this connection alone, in memory: ids of flows
//! are those of a run. It takes part in groups, so what is rolled back was never counted.
//!
//! Limits: [`MOST_PARTS`] hours of open flows; beyond it the oldest stay where they are, and are counted.

use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use crate::model::EnrichedFlow;

use super::write::{app, country, signed};

/// Seconds of an hour and of a day (UTC).
pub(super) const SPANS: [i64; 2] = [3_600, 86_400];

/// More flows than a gateway has open with an interim record; about 20 MiB when full.
const MOST_PARTS: i64 = 1 << 16;
/// Room is made for so many at once.
const STEP: i64 = 1 << 10;

/// What open flows have in the roll-ups, by flow and hour. Without a key: nothing, for it is another view of a flow.
pub(super) const TABLE: &str = "
PRAGMA temp_store = MEMORY;
CREATE TEMP TABLE part (
    n          INTEGER PRIMARY KEY,
    flow_id    INTEGER NOT NULL,
    begin      INTEGER NOT NULL,
    key        TEXT,
    flows      INTEGER NOT NULL,
    bytes_up   INTEGER NOT NULL,
    bytes_down INTEGER NOT NULL,
    UNIQUE (flow_id, begin)
);
";

/// Under what a record counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Key {
    device: String,
    app: String,
    server: String,
    registrant: String,
    seat: String,
    owner: String,
    asn: u32,
    operator: String,
}

impl Key {
    /// `None` for the other side of a translation: it counts already.
    fn of(flow: &EnrichedFlow) -> Option<Self> {
        let (roles, operator) = (&flow.remote.roles, &flow.remote.operator);
        flow.duplicate_of.is_none().then(|| Self {
            device: flow.device.id.to_string(),
            app: app(flow).to_owned(),
            server: country(&roles.server),
            registrant: country(&roles.registrant),
            seat: country(&roles.operator),
            owner: country(&roles.owner),
            asn: operator.asn.unwrap_or(0),
            operator: operator.name.as_deref().unwrap_or("").to_owned(),
        })
    }
}

/// How much of a flow counts in one hour.
#[derive(Debug, Clone, Copy)]
struct Part {
    begin: i64,
    flows: i64,
    up: i64,
    down: i64,
}

/// Adds a record's octets, and its flow if the record is the flow's first. Gives how many parts of open flows found no room.
pub(super) fn add(connection: &Connection, flow: &EnrichedFlow) -> rusqlite::Result<u64> {
    let record = &flow.record;
    let (id, key, second) = (record.id.0.cast_signed(), Key::of(flow), record.end.as_secs());
    let part = Part {
        begin: begin(second, SPANS[0]),
        flows: i64::from(record.sequence == 0),
        up: signed(flow.bytes_up()),
        down: signed(flow.bytes_down()),
    };
    if record.sequence > 0 {
        move_earlier(connection, id, key.as_ref())?;
    }
    if let Some(key) = &key {
        for span in SPANS {
            put(connection, span, key, part)?;
        }
    }
    if !record.is_final() {
        return remember(connection, id, key.as_ref(), part);
    }
    if record.sequence > 0 {
        connection.prepare_cached("DELETE FROM part WHERE flow_id = ?1")?.execute([id])?;
    }
    Ok(0)
}

/// The beginning of the span that a second is in.
const fn begin(second: i64, span: i64) -> i64 {
    second - second.rem_euclid(span)
}

/// Brings all that the flow has in the roll-ups under `key`.
fn move_earlier(connection: &Connection, id: i64, key: Option<&Key>) -> rusqlite::Result<()> {
    let text = key.map(packed).transpose()?;
    let mut select = connection.prepare_cached(
        "SELECT begin, flows, bytes_up, bytes_down, key FROM part WHERE flow_id = ?1 AND key IS NOT ?2",
    )?;
    let parts: Vec<(Part, Option<String>)> = select
        .query_map(params![id, text], |row| {
            let part = Part { begin: row.get(0)?, flows: row.get(1)?, up: row.get(2)?, down: row.get(3)? };
            Ok((part, row.get(4)?))
        })?
        .collect::<rusqlite::Result<_>>()?;
    if parts.is_empty() {
        return Ok(());
    }
    for (part, old) in parts {
        let old: Option<Key> = old.and_then(|text| serde_json::from_str(&text).ok());
        for span in SPANS {
            // A row that was forgotten since does not come back under another name.
            let there = match &old {
                Some(old) => take(connection, span, old, part)?,
                None => true,
            };
            if let Some(key) = key.filter(|_| there) {
                put(connection, span, key, part)?;
            }
        }
    }
    connection.prepare_cached("UPDATE part SET key = ?2 WHERE flow_id = ?1")?.execute(params![id, text])?;
    Ok(())
}

fn put(connection: &Connection, span: i64, key: &Key, part: Part) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO rollup VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) \
             ON CONFLICT DO UPDATE SET flows = flows + excluded.flows, \
             bytes_up = bytes_up + excluded.bytes_up, bytes_down = bytes_down + excluded.bytes_down",
        )?
        .execute(params![
            span,
            begin(part.begin, span),
            key.device,
            key.app,
            key.server,
            key.registrant,
            key.seat,
            key.owner,
            key.asn,
            key.operator,
            part.flows,
            part.up,
            part.down,
        ])?;
    Ok(())
}

/// Takes a part out again; says whether its row was there. A row that is empty then goes.
fn take(connection: &Connection, span: i64, key: &Key, part: Part) -> rusqlite::Result<bool> {
    const ROW: &str = "WHERE span = ?1 AND begin = ?2 AND device = ?3 AND app = ?4 AND server = ?5 \
                       AND registrant = ?6 AND seat = ?7 AND owner = ?8 AND asn = ?9 AND operator = ?10";
    let begin = begin(part.begin, span);
    let Key { device, app, server, registrant, seat, owner, asn, operator } = key;
    let there = connection
        .prepare_cached(&format!(
            "UPDATE rollup SET flows = max(0, flows - ?11), bytes_up = max(0, bytes_up - ?12), \
             bytes_down = max(0, bytes_down - ?13) {ROW}"
        ))?
        .execute(params![
            span, begin, device, app, server, registrant, seat, owner, asn, operator, part.flows, part.up,
            part.down
        ])?;
    connection
        .prepare_cached(&format!(
            "DELETE FROM rollup {ROW} AND flows = 0 AND bytes_up = 0 AND bytes_down = 0"
        ))?
        .execute(params![span, begin, device, app, server, registrant, seat, owner, asn, operator])?;
    Ok(there > 0)
}

/// Notes what an open flow has in the roll-ups; gives how many parts made room for it.
fn remember(connection: &Connection, id: i64, key: Option<&Key>, part: Part) -> rusqlite::Result<u64> {
    let n: i64 = connection
        .prepare_cached(
            "INSERT INTO part (flow_id, begin, key, flows, bytes_up, bytes_down) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
             ON CONFLICT (flow_id, begin) DO UPDATE SET flows = flows + excluded.flows, \
             bytes_up = bytes_up + excluded.bytes_up, bytes_down = bytes_down + excluded.bytes_down RETURNING n",
        )?
        .query_row(
            params![id, part.begin, key.map(packed).transpose()?, part.flows, part.up, part.down],
            |row| row.get(0),
        )?;
    if n % STEP != 0 {
        return Ok(0);
    }
    let gone = connection.prepare_cached("DELETE FROM part WHERE n <= ?1")?.execute([n - MOST_PARTS])?;
    Ok(gone as u64)
}

fn packed(key: &Key) -> rusqlite::Result<String> {
    serde_json::to_string(key).map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))
}
