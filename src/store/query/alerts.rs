//! Alerts, newest first, with their notes.

use rusqlite::{OptionalExtension, Row, params_from_iter};

use crate::model::{Alert, Severity, Timestamp};
use crate::store::open::Reader;
use crate::store::write::severity;
use crate::store::{StoreError, body};

use super::Conditions;

/// Which alerts; what is `None` is not asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertFilter {
    /// With traffic at or after.
    pub since: Option<Timestamp>,
    /// Opened before.
    pub until: Option<Timestamp>,
    /// The rule's id.
    pub rule: Option<String>,
    /// At least so bad.
    pub severity: Option<Severity>,
    /// The device's id.
    pub device: Option<String>,
    /// The application's id.
    pub app: Option<String>,
    /// The country that matched.
    pub country: Option<String>,
    /// Only open, or only closed ones.
    pub open: Option<bool>,
    /// Only acknowledged, or only those that nobody has acknowledged.
    pub acked: Option<bool>,
    /// At most so many.
    pub limit: Option<usize>,
}

/// An alert as it stood when it was last written, and what people said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAlert {
    /// The alert.
    pub alert: Alert,
    /// How bad.
    pub severity: Severity,
    /// When and by whom it was acknowledged.
    pub acked: Option<(Timestamp, String)>,
    /// Notes, oldest first.
    pub notes: Vec<Note>,
}

/// What somebody noted about an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub author: String,
    /// What.
    pub text: String,
}

const COLUMNS: &str = "id, severity, acked, acked_by, body";

impl Reader {
    /// The alerts that fit, newest first.
    pub fn alerts(&self, filter: &AlertFilter) -> Result<Vec<StoredAlert>, StoreError> {
        let failed = self.failed("reading alerts");
        let conditions = conditions(filter);
        let limit = filter.limit.map_or(String::new(), |n| format!(" LIMIT {n}"));
        let question =
            format!("SELECT {COLUMNS} FROM alert{} ORDER BY last DESC, id{limit}", conditions.text);
        let mut select = self.connection.prepare(&question).map_err(&failed)?;
        let mut rows = select.query(params_from_iter(conditions.values)).map_err(&failed)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(&failed)? {
            found.push(self.read_alert(row)?);
        }
        Ok(found)
    }

    /// The alert whose id begins with `prefix`; `None` when there is none, or more than one.
    pub fn alert(&self, prefix: &str) -> Result<Option<StoredAlert>, StoreError> {
        if prefix.is_empty() || !prefix.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Ok(None);
        }
        let failed = self.failed("reading an alert");
        let question = format!("SELECT {COLUMNS} FROM alert WHERE id >= ?1 AND id < ?1 || 'g' LIMIT 2");
        let mut select = self.connection.prepare(&question).map_err(&failed)?;
        let mut rows = select.query([prefix.to_ascii_lowercase()]).map_err(&failed)?;
        let Some(first) = rows.next().map_err(&failed)? else { return Ok(None) };
        let found = self.read_alert(first)?;
        Ok(rows.next().map_err(&failed)?.is_none().then_some(found))
    }

    /// The last document of an alert, as sinks get it.
    pub fn document(&self, alert: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let failed = self.failed("reading an alert's document");
        let packed: Option<Vec<u8>> = self
            .connection
            .query_row(
                "SELECT document FROM event WHERE alert = ?1 ORDER BY seq DESC LIMIT 1",
                [alert],
                |row| row.get(0),
            )
            .optional()
            .map_err(failed)?;
        Ok(packed.and_then(|packed| body::unpack_bytes(&packed).ok()))
    }

    fn read_alert(&self, row: &Row<'_>) -> Result<StoredAlert, StoreError> {
        let failed = self.failed("reading an alert");
        let id: String = row.get(0).map_err(&failed)?;
        let number: u8 = row.get(1).map_err(&failed)?;
        let at: Option<i64> = row.get(2).map_err(&failed)?;
        let by: Option<String> = row.get(3).map_err(&failed)?;
        let packed: Vec<u8> = row.get(4).map_err(&failed)?;
        let alert: Alert = body::unpack(&packed).map_err(|e| StoreError::Record {
            path: self.path.clone(),
            record: format!("alert {id}"),
            why: e.to_string(),
        })?;
        let acked = at.map(|at| (Timestamp::from_nanos(at), by.unwrap_or_default()));
        Ok(StoredAlert { alert, severity: severity(number), acked, notes: self.notes(&id)? })
    }

    fn notes(&self, alert: &str) -> Result<Vec<Note>, StoreError> {
        let failed = self.failed("reading notes");
        let mut select = self
            .connection
            .prepare_cached("SELECT at, author, text FROM note WHERE alert = ?1 ORDER BY id")
            .map_err(&failed)?;
        let rows = select.query_map([alert], |row| {
            Ok(Note { at: Timestamp::from_nanos(row.get(0)?), author: row.get(1)?, text: row.get(2)? })
        });
        rows.and_then(Iterator::collect).map_err(failed)
    }
}

fn conditions(filter: &AlertFilter) -> Conditions {
    let mut conditions = Conditions::default();
    conditions.add_some("last >= ?", filter.since.map(Timestamp::as_nanos));
    conditions.add_some("opened < ?", filter.until.map(Timestamp::as_nanos));
    conditions.add_some("rule = ?", filter.rule.clone());
    conditions.add_some("severity >= ?", filter.severity.map(|s| i64::from(s.number())));
    conditions.add_some("device = ?", filter.device.clone());
    conditions.add_some("app = ?", filter.app.clone());
    conditions.add_some("country = ?", filter.country.clone());
    conditions.add_some("open = ?", filter.open.map(i64::from));
    conditions.add_some("(acked IS NOT NULL) = ?", filter.acked.map(i64::from));
    conditions
}
