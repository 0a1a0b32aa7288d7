//! Writing, in groups: everything between [`Store::begin`] and [`Store::commit`] is kept together or not at all.

use rusqlite::{OptionalExtension, params};

use crate::model::{
    Alert, AlertState, AlertTransition, EnrichedFlow, Outcome, Provenance, RoleAnswer, Severity, Timestamp,
};

use super::{Store, StoreError, body, rollup};

/// One document of an alert's life, with the alert as it stood then.
#[derive(Debug, Clone, Copy)]
pub struct EventEntry<'a> {
    /// The alert.
    pub alert: &'a Alert,
    /// Why the document was written.
    pub transition: AlertTransition,
    /// The document, as sinks get it (JSON).
    pub document: &'a [u8],
}

/// A stretch of time that was not watched, or not wholly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GapEntry {
    /// Interface or file.
    pub source: String,
    /// One word for the cause.
    pub kind: String,
    /// From when.
    pub begin: Timestamp,
    /// To when.
    pub end: Timestamp,
    /// A sentence for people.
    pub detail: String,
}

/// Something that was seen for the first time (an application in a country, an operator of a device…).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Learned {
    /// What kind of knowledge; `policy` names it.
    pub kind: String,
    /// What was seen.
    pub key: String,
    /// When first.
    pub first: Timestamp,
    /// When last.
    pub last: Timestamp,
}

impl Store {
    /// Begins a group; does nothing when one has begun.
    pub fn begin(&mut self) -> Result<(), StoreError> {
        if !self.connection.is_autocommit() {
            return Ok(());
        }
        self.connection.execute_batch("BEGIN IMMEDIATE").map_err(self.failed("beginning a group"))
    }

    /// Makes the group durable. When this returns, it survives a power cut.
    pub fn commit(&mut self) -> Result<(), StoreError> {
        if self.connection.is_autocommit() {
            return Ok(());
        }
        self.connection.execute_batch("COMMIT").map_err(self.failed("committing"))
    }

    /// Drops the group, as after a failure.
    pub fn rollback(&mut self) {
        self.provenance = None;
        self.next_flow = None;
        if !self.connection.is_autocommit() {
            // What cannot be rolled back was rolled back by SQLite itself (a full disk does that).
            let _gone = self.connection.execute_batch("ROLLBACK");
        }
    }

    /// Adds a judged record to the roll-ups, and keeps it where the configuration says so.
    pub fn put_flow(&mut self, flow: &EnrichedFlow) -> Result<(), StoreError> {
        let forgotten = rollup::add(&self.connection, flow).map_err(self.failed("adding to the roll-ups"))?;
        self.parts_forgotten = self.parts_forgotten.saturating_add(forgotten);
        if !self.config.flows {
            return Ok(());
        }
        let provenance = self.provenance_id(&flow.provenance)?;
        let number = self.next_flow()?;
        let failed = self.failed("keeping a flow record");
        // The provenance is the same for thousands of records: it stands beside them once.
        let bare = EnrichedFlow { provenance: std::sync::Arc::default(), ..flow.clone() };
        let body =
            body::pack(&bare).map_err(|e| failed(rusqlite::Error::ToSqlConversionFailure(Box::new(e))))?;
        let roles = &flow.remote.roles;
        let operator = &flow.remote.operator;
        self.connection
            .prepare_cached(
                "INSERT INTO flow (id, flow_id, sequence, start, end, device, remote, name, app, server, registrant, seat, \
                 owner, asn, operator, bytes_up, bytes_down, outcome, provenance, body) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)",
            )
            .and_then(|mut insert| {
                insert.execute(params![
                    number,
                    flow.record.id.0.cast_signed(),
                    flow.record.sequence,
                    flow.record.start.as_nanos(),
                    flow.record.end.as_nanos(),
                    &*flow.device.id,
                    flow.remote.addr.to_string(),
                    flow.remote.hostname.as_ref().map_or("", |n| n.as_str()),
                    app(flow),
                    country(&roles.server),
                    country(&roles.registrant),
                    country(&roles.operator),
                    country(&roles.owner),
                    operator.asn.unwrap_or(0),
                    operator.name.as_deref().unwrap_or(""),
                    signed(flow.bytes_up()),
                    signed(flow.bytes_down()),
                    outcome(flow),
                    provenance,
                    body,
                ])
            })
            .map_err(failed)?;
        Ok(())
    }

    /// Limits that were hit, by name.
    pub fn limits(&self) -> [(&'static str, u64); 1] {
        [("rollup_open_flows_full", self.parts_forgotten)]
    }

    /// Keeps one document of an alert's life and the alert as it stands now; gives the event's number.
    pub fn put_event(&mut self, entry: &EventEntry<'_>, now: Timestamp) -> Result<i64, StoreError> {
        let failed = self.failed("keeping an alert");
        let convert = |e| failed(rusqlite::Error::ToSqlConversionFailure(Box::new(e)));
        let alert = entry.alert;
        let body = body::pack(alert).map_err(convert)?;
        let document = body::pack_bytes(entry.document).map_err(convert)?;
        self.connection
            .prepare_cached(
                "INSERT INTO alert (id, rule, severity, open, device, app, role, country, operator, opened, last, written, \
                 body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) \
                 ON CONFLICT (id) DO UPDATE SET severity = excluded.severity, open = excluded.open, \
                 last = excluded.last, written = excluded.written, body = excluded.body",
            )
            .and_then(|mut insert| {
                insert.execute(params![
                    &*alert.id,
                    &*alert.rule,
                    alert.severity.number(),
                    alert.state == AlertState::Open,
                    &*alert.device.id,
                    alert.identification.app.as_ref().map_or("", |a| &*a.id),
                    alert.role.word(),
                    alert.country.as_str(),
                    alert.remote.operator.name.as_deref().unwrap_or(""),
                    alert.opened.as_nanos(),
                    alert.last.as_nanos(),
                    now.as_nanos(),
                    body,
                ])
            })
            .map_err(&failed)?;
        self.connection
            .prepare_cached(
                "INSERT INTO event (alert, action, severity, at, document) VALUES (?1, ?2, ?3, ?4, ?5)",
            )
            .and_then(|mut insert| {
                insert.execute(params![
                    &*alert.id,
                    if alert.is_canary() { "canary" } else { entry.transition.word() },
                    alert.severity.number(),
                    now.as_nanos(),
                    document
                ])
            })
            .map_err(&failed)?;
        Ok(self.connection.last_insert_rowid())
    }

    /// Keeps a gap.
    pub fn put_gap(&mut self, gap: &GapEntry) -> Result<(), StoreError> {
        self.connection
            .execute(
                "INSERT INTO gap (source, kind, begin, end, detail) VALUES (?1, ?2, ?3, ?4, ?5)",
                params![gap.source, gap.kind, gap.begin.as_nanos(), gap.end.as_nanos(), gap.detail],
            )
            .map(drop)
            .map_err(self.failed("keeping a gap"))
    }

    /// Keeps what was lost since the last call, by counter; counters of 0 are left out.
    pub fn put_losses<'a>(
        &mut self,
        at: Timestamp,
        losses: impl IntoIterator<Item = (&'a str, u64)>,
    ) -> Result<(), StoreError> {
        for (name, count) in losses.into_iter().filter(|(_, count)| *count > 0) {
            self.connection
                .prepare_cached(
                    "INSERT INTO loss (at, name, count) VALUES (?1, ?2, ?3) \
                     ON CONFLICT (at, name) DO UPDATE SET count = count + excluded.count",
                )
                .and_then(|mut insert| insert.execute(params![at.as_nanos(), name, signed(count)]))
                .map_err(self.failed("keeping a loss"))?;
        }
        Ok(())
    }

    /// Keeps what a policy has learned; what is known already gets its last time.
    pub fn put_learned(&mut self, learned: &Learned) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO learned (kind, key, first, last) VALUES (?1, ?2, ?3, ?4) \
                 ON CONFLICT (kind, key) DO UPDATE SET last = max(last, excluded.last)",
            )
            .and_then(|mut insert| {
                insert.execute(params![
                    learned.kind,
                    learned.key,
                    learned.first.as_nanos(),
                    learned.last.as_nanos()
                ])
            })
            .map(drop)
            .map_err(self.failed("keeping what was learned"))
    }

    /// Notes that the program was alive at `now`.
    pub fn put_alive(&mut self, now: Timestamp) -> Result<(), StoreError> {
        self.connection
            .execute("INSERT OR REPLACE INTO meta (key, value) VALUES ('alive', ?1)", [now.as_nanos()])
            .map(drop)
            .map_err(self.failed("noting the time"))
    }

    /// When the program was last known to be alive; `None` in a new store.
    pub fn alive(&self) -> Result<Option<Timestamp>, StoreError> {
        self.connection
            .query_row("SELECT value FROM meta WHERE key = 'alive'", [], |row| row.get(0))
            .optional()
            .map(|value| value.map(Timestamp::from_nanos))
            .map_err(self.failed("reading the time"))
    }

    /// Marks an alert as seen by somebody; says whether there is such an alert.
    pub fn acknowledge(&mut self, id: &str, by: &str, now: Timestamp) -> Result<bool, StoreError> {
        self.connection
            .execute(
                "UPDATE alert SET acked = ?2, acked_by = ?3 WHERE id = ?1",
                params![id, now.as_nanos(), by],
            )
            .map(|n| n > 0)
            .map_err(self.failed("acknowledging an alert"))
    }

    /// Adds a note to an alert.
    pub fn annotate(&mut self, id: &str, author: &str, text: &str, now: Timestamp) -> Result<(), StoreError> {
        self.connection
            .execute(
                "INSERT INTO note (alert, at, author, text) VALUES (?1, ?2, ?3, ?4)",
                params![id, now.as_nanos(), author, text],
            )
            .map(drop)
            .map_err(self.failed("adding a note"))
    }

    /// The number of the next flow record. Never one that a sink has passed, though the record be forgotten by now.
    fn next_flow(&mut self) -> Result<i64, StoreError> {
        let next = match self.next_flow {
            Some(next) => next,
            None => self
                .connection
                .query_row(
                    "SELECT max(coalesce((SELECT max(id) FROM flow), 0), \
                     coalesce((SELECT max(cursor) FROM sink WHERE name GLOB 'flows:*'), 0)) + 1",
                    [],
                    |row| row.get(0),
                )
                .map_err(self.failed("numbering a flow record"))?,
        };
        self.next_flow = Some(next + 1);
        Ok(next)
    }

    fn provenance_id(&mut self, provenance: &Provenance) -> Result<i64, StoreError> {
        let failed = self.failed("keeping what results rest on");
        let text = serde_json::to_string(provenance)
            .map_err(|e| failed(rusqlite::Error::ToSqlConversionFailure(Box::new(e))))?;
        if let Some((id, known)) = &self.provenance
            && *known == text
        {
            return Ok(*id);
        }
        self.connection
            .execute("INSERT OR IGNORE INTO provenance (body) VALUES (?1)", [&text])
            .map_err(&failed)?;
        let id = self
            .connection
            .query_row("SELECT id FROM provenance WHERE body = ?1", [&text], |row| row.get(0))
            .map_err(&failed)?;
        self.provenance = Some((id, text));
        Ok(id)
    }
}

/// The application's id, or an empty text.
pub(super) fn app(flow: &EnrichedFlow) -> &str {
    flow.identification.app.as_ref().map_or("", |a| &*a.id)
}

/// A role's country as a word: with `?` where it is disputed or weak, empty where it is not known.
pub(super) fn country(answer: &RoleAnswer) -> String {
    use crate::model::Certainty::{Disputed, High, Low, Medium, Unknown};
    let Some(country) = answer.country else { return String::new() };
    match answer.certainty {
        High | Medium => country.to_string(),
        Low | Disputed => format!("{country}?"),
        Unknown => String::new(),
    }
}

/// Stands for the outcome of a record that is not judged, for it shows a flow that counts already.
pub(super) const DUPLICATE: i8 = -1;

/// 2 where a rule matched, 1 where one could not tell, else 0; [`DUPLICATE`].
fn outcome(flow: &EnrichedFlow) -> i8 {
    if flow.duplicate_of.is_some() {
        return DUPLICATE;
    }
    let worst = |o: Outcome| match o {
        Outcome::Match => 2,
        Outcome::CannotTell => 1,
        Outcome::NoMatch => 0,
    };
    flow.verdicts.iter().map(|v| worst(v.outcome)).max().unwrap_or(0)
}

/// SQLite's integers are signed.
pub(super) fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// The severity of a stored number.
pub(super) fn severity(number: u8) -> Severity {
    Severity::ALL.into_iter().find(|s| s.number() == number).unwrap_or(Severity::Info)
}
