//! Forgetting: by age, and when the store outgrows its limit. What is forgotten is gone from the file, too.

use rusqlite::params;

use crate::model::{HumanDuration, Timestamp};

use super::rollup::SPANS;
use super::{Store, StoreError};

/// Rows that one step of making room deletes; the writer must not be away for long.
const STEP: i64 = 2_000;
/// Steps in one call; the next call goes on.
const MOST_STEPS: usize = 50;

/// What was forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Expired {
    /// Flow records.
    pub flows: u64,
    /// Rows of roll-ups.
    pub rollups: u64,
    /// Alerts with their events.
    pub alerts: u64,
    /// Whether the store is still larger than its limit: all that may go has gone.
    pub still_too_large: bool,
}

impl Expired {
    fn is_empty(self) -> bool {
        self.flows == 0 && self.rollups == 0 && self.alerts == 0
    }
}

impl Store {
    /// Forgets what is older than the configuration keeps, then makes room below `store.max-size`. Not within a group.
    pub fn expire(&mut self, now: Timestamp) -> Result<Expired, StoreError> {
        let mut gone = self.expire_by_age(now)?;
        for _ in 0..MOST_STEPS {
            if self.size()? <= self.config.max_size.0 {
                break;
            }
            if !self.make_room(&mut gone)? {
                gone.still_too_large = true;
                break;
            }
        }
        if !gone.is_empty() {
            self.give_back()?;
        }
        Ok(gone)
    }

    /// Bytes in use: pages that hold something, and the log of writes.
    pub fn size(&self) -> Result<u64, StoreError> {
        let failed = self.failed("measuring");
        let number = |pragma: &str| -> Result<u64, StoreError> {
            self.connection
                .pragma_query_value(None, pragma, |row| row.get::<_, i64>(0))
                .map_err(&failed)
                .map(|n| u64::try_from(n).unwrap_or(0))
        };
        let pages = number("page_count")?.saturating_sub(number("freelist_count")?);
        Ok(pages.saturating_mul(number("page_size")?))
    }

    fn expire_by_age(&mut self, now: Timestamp) -> Result<Expired, StoreError> {
        let before = |keep: HumanDuration| now.minus(keep.0);
        let config = &self.config;
        let flows = self.delete("DELETE FROM flow WHERE end < ?1", before(config.keep_flows).as_nanos())?;
        let mut rollups = 0;
        for (span, keep) in SPANS.into_iter().zip([config.keep_hours, config.keep_days]) {
            rollups += self
                .connection
                .execute(
                    "DELETE FROM rollup WHERE span = ?1 AND begin + span < ?2",
                    params![span, before(keep).as_secs()],
                )
                .map_err(self.failed("forgetting roll-ups"))? as u64;
        }
        let alerts = self.delete(
            "DELETE FROM alert WHERE open = 0 AND last < ?1 AND written < ?1 AND NOT EXISTS \
             (SELECT 1 FROM event WHERE event.alert = alert.id AND event.seq > \
              (SELECT coalesce(min(cursor), 9223372036854775807) FROM sink WHERE name NOT GLOB 'flows:*'))",
            before(config.keep_alerts).as_nanos(),
        )?;
        self.delete("DELETE FROM gap WHERE end < ?1", before(config.keep_days).as_nanos())?;
        self.delete("DELETE FROM loss WHERE at < ?1", before(config.keep_days).as_nanos())?;
        self.delete("DELETE FROM notice WHERE at < ?1", before(config.keep_days).as_nanos())?;
        self.drop_orphans()?;
        Ok(Expired { flows, rollups, alerts, still_too_large: false })
    }

    /// Deletes the oldest of the least precious kind that there is; says whether there was any.
    fn make_room(&mut self, gone: &mut Expired) -> Result<bool, StoreError> {
        let flows =
            self.delete("DELETE FROM flow WHERE id IN (SELECT id FROM flow ORDER BY end LIMIT ?1)", STEP)?;
        if flows > 0 {
            gone.flows += flows;
            return Ok(true);
        }
        for span in SPANS {
            let rollups = self
                .connection
                .execute(
                    "DELETE FROM rollup WHERE span = ?1 AND begin <= (SELECT begin FROM rollup WHERE span = ?1 \
                     ORDER BY begin LIMIT 1 OFFSET (SELECT min(?2, count(*) - 1) FROM rollup WHERE span = ?1))",
                    params![span, STEP],
                )
                .map_err(self.failed("making room"))? as u64;
            if rollups > 0 {
                gone.rollups += rollups;
                return Ok(true);
            }
        }
        let alerts = self.delete(
            "DELETE FROM alert WHERE id IN (SELECT id FROM alert WHERE open = 0 AND NOT EXISTS \
             (SELECT 1 FROM event WHERE event.alert = alert.id AND event.seq > \
              (SELECT coalesce(min(cursor), 9223372036854775807) FROM sink WHERE name NOT GLOB 'flows:*')) ORDER BY last LIMIT ?1)",
            STEP,
        )?;
        gone.alerts += alerts;
        self.drop_orphans()?;
        Ok(alerts > 0)
    }

    /// Events whose alert is gone, and provenance that no record rests on any more.
    fn drop_orphans(&mut self) -> Result<(), StoreError> {
        self.connection
            .execute_batch(
                "DELETE FROM event WHERE alert NOT IN (SELECT id FROM alert); \
                 DELETE FROM dead_letter WHERE seq NOT IN (SELECT seq FROM event); \
                 DELETE FROM provenance WHERE id NOT IN (SELECT DISTINCT provenance FROM flow) \
                 AND id <> (SELECT coalesce(max(id), 0) FROM provenance);",
            )
            .map_err(self.failed("forgetting"))
    }

    fn delete(&self, sql: &str, bound: i64) -> Result<u64, StoreError> {
        self.connection.execute(sql, [bound]).map(|n| n as u64).map_err(self.failed("forgetting"))
    }

    /// Gives freed pages back to the file system, and empties the log, which still held what was deleted.
    fn give_back(&mut self) -> Result<(), StoreError> {
        self.connection
            .execute_batch("PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE);")
            .map_err(self.failed("giving room back"))
    }
}
