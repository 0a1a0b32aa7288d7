//! Notices: what changed under the results while the program ran, and what that means for them.

use rusqlite::params;

use super::open::Reader;
use super::{Store, StoreError, schema};
use crate::model::Timestamp;

/// The version from which on there are notices.
const SINCE_VERSION: i64 = 2;

/// Something that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// When.
    pub at: Timestamp,
    /// What kind of change.
    pub kind: String,
    /// The rest, as a JSON document.
    pub body: String,
}

impl Notice {
    /// Databases were swapped; the body has the old and new ones and the counts of what is told differently.
    pub const SWAP: &str = "database_swap";
}

impl Store {
    /// Keeps a notice.
    pub fn put_notice(&mut self, notice: &Notice) -> Result<(), StoreError> {
        self.connection
            .execute(
                "INSERT INTO notice (at, kind, body) VALUES (?1, ?2, ?3)",
                params![notice.at.as_nanos(), notice.kind, notice.body],
            )
            .map(drop)
            .map_err(self.failed("keeping a notice"))
    }
}

impl Reader {
    /// Notices, newest first, at most `limit`; none in a store that an older program keeps.
    pub fn notices(&self, limit: usize) -> Result<Vec<Notice>, StoreError> {
        let failed = self.failed("reading notices");
        if schema::version(&self.connection).map_err(&failed)? < SINCE_VERSION {
            return Ok(Vec::new());
        }
        let mut select = self
            .connection
            .prepare("SELECT at, kind, body FROM notice ORDER BY at DESC, id DESC LIMIT ?1")
            .map_err(&failed)?;
        let rows = select.query_map([i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
            Ok(Notice { at: Timestamp::from_nanos(row.get(0)?), kind: row.get(1)?, body: row.get(2)? })
        });
        rows.and_then(Iterator::collect).map_err(failed)
    }
}
