//! Sums by the hour and by the day: device × application × countries by role × operator.

use rusqlite::{Connection, params};

use crate::model::EnrichedFlow;

use super::write::{app, country, signed};

/// Seconds of an hour and of a day (UTC).
pub(super) const SPANS: [i64; 2] = [3_600, 86_400];

/// Adds a record's octets, and its flow if the record is the flow's first.
pub(super) fn add(connection: &Connection, flow: &EnrichedFlow) -> rusqlite::Result<()> {
    // The other side of a translation counts already.
    if flow.duplicate_of.is_some() {
        return Ok(());
    }
    let roles = &flow.remote.roles;
    let operator = &flow.remote.operator;
    let seconds = flow.record.end.as_secs();
    let mut insert = connection.prepare_cached(
        "INSERT INTO rollup VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) \
         ON CONFLICT DO UPDATE SET flows = flows + excluded.flows, bytes_up = bytes_up + excluded.bytes_up, \
         bytes_down = bytes_down + excluded.bytes_down",
    )?;
    for span in SPANS {
        insert.execute(params![
            span,
            seconds - seconds.rem_euclid(span),
            &*flow.device.id,
            app(flow),
            country(&roles.server),
            country(&roles.registrant),
            country(&roles.operator),
            country(&roles.owner),
            operator.asn.unwrap_or(0),
            operator.name.as_deref().unwrap_or(""),
            i64::from(flow.record.sequence == 0),
            signed(flow.bytes_up()),
            signed(flow.bytes_down()),
        ])?;
    }
    Ok(())
}
