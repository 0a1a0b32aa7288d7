//! The tables, version by version. A released step is never changed; a new one is added below it.
//!
//! Times are nanoseconds since the epoch unless a name says otherwise; addresses and ids are text as in every output;
//! an empty text stands for "not known", so that the keys of the roll-ups need no NULL.

use rusqlite::{Connection, Transaction};

/// One step per version: step `n` takes a store from version `n` to `n + 1`.
const STEPS: &[&str] = &[V1, V2, V3];

/// The version that this program writes.
pub(super) const VERSION: i64 = STEPS.len().cast_signed() as i64;

const V1: &str = "
CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE provenance (
    id   INTEGER PRIMARY KEY,
    body TEXT NOT NULL UNIQUE
);
CREATE TABLE flow (
    id         INTEGER PRIMARY KEY,
    flow_id    INTEGER NOT NULL,
    sequence   INTEGER NOT NULL,
    start      INTEGER NOT NULL,
    end        INTEGER NOT NULL,
    device     TEXT NOT NULL,
    remote     TEXT NOT NULL,
    name       TEXT NOT NULL,
    app        TEXT NOT NULL,
    server     TEXT NOT NULL,
    registrant TEXT NOT NULL,
    seat       TEXT NOT NULL,
    owner      TEXT NOT NULL,
    asn        INTEGER NOT NULL,
    operator   TEXT NOT NULL,
    bytes_up   INTEGER NOT NULL,
    bytes_down INTEGER NOT NULL,
    outcome    INTEGER NOT NULL,
    provenance INTEGER NOT NULL REFERENCES provenance (id),
    body       BLOB NOT NULL
);
CREATE INDEX flow_by_end ON flow (end);
CREATE INDEX flow_by_flow ON flow (flow_id, sequence);
CREATE TABLE rollup (
    span       INTEGER NOT NULL,
    begin      INTEGER NOT NULL,
    device     TEXT NOT NULL,
    app        TEXT NOT NULL,
    server     TEXT NOT NULL,
    registrant TEXT NOT NULL,
    seat       TEXT NOT NULL,
    owner      TEXT NOT NULL,
    asn        INTEGER NOT NULL,
    operator   TEXT NOT NULL,
    flows      INTEGER NOT NULL,
    bytes_up   INTEGER NOT NULL,
    bytes_down INTEGER NOT NULL,
    PRIMARY KEY (span, begin, device, app, server, registrant, seat, owner, asn, operator)
) WITHOUT ROWID;
CREATE TABLE alert (
    id         TEXT PRIMARY KEY,
    rule       TEXT NOT NULL,
    severity   INTEGER NOT NULL,
    open       INTEGER NOT NULL,
    device     TEXT NOT NULL,
    app        TEXT NOT NULL,
    role       TEXT NOT NULL,
    country    TEXT NOT NULL,
    operator   TEXT NOT NULL,
    opened     INTEGER NOT NULL,
    last       INTEGER NOT NULL,
    written    INTEGER NOT NULL,
    body       BLOB NOT NULL,
    acked      INTEGER,
    acked_by   TEXT
) WITHOUT ROWID;
CREATE INDEX alert_by_last ON alert (last);
CREATE TABLE note (
    id     INTEGER PRIMARY KEY,
    alert  TEXT NOT NULL REFERENCES alert (id) ON DELETE CASCADE,
    at     INTEGER NOT NULL,
    author TEXT NOT NULL,
    text   TEXT NOT NULL
);
CREATE INDEX note_by_alert ON note (alert);
CREATE TABLE event (
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    alert    TEXT NOT NULL,
    action   TEXT NOT NULL,
    severity INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    document BLOB NOT NULL
);
CREATE INDEX event_by_alert ON event (alert);
CREATE TABLE sink (
    name      TEXT PRIMARY KEY,
    cursor    INTEGER NOT NULL,
    delivered INTEGER NOT NULL,
    skipped   INTEGER NOT NULL,
    dead      INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE dead_letter (
    sink TEXT NOT NULL,
    seq  INTEGER NOT NULL,
    at   INTEGER NOT NULL,
    why  TEXT NOT NULL,
    PRIMARY KEY (sink, seq)
) WITHOUT ROWID;
CREATE TABLE learned (
    kind  TEXT NOT NULL,
    key   TEXT NOT NULL,
    first INTEGER NOT NULL,
    last  INTEGER NOT NULL,
    PRIMARY KEY (kind, key)
) WITHOUT ROWID;
CREATE TABLE gap (
    id     INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    kind   TEXT NOT NULL,
    begin  INTEGER NOT NULL,
    end    INTEGER NOT NULL,
    detail TEXT NOT NULL
);
CREATE TABLE loss (
    at    INTEGER NOT NULL,
    name  TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (at, name)
) WITHOUT ROWID;
";

/// Notices: what changed under the results, such as databases.
const V2: &str = "
CREATE TABLE notice (
    id   INTEGER PRIMARY KEY,
    at   INTEGER NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX notice_by_at ON notice (at);
";

/// What was sent to an address: `whither explain IP` and `whither lookup` ask for it.
const V3: &str = "
CREATE INDEX flow_by_remote ON flow (remote, end);
";

/// The store's version; 0 for an empty file.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Takes the store to [`VERSION`]; each step is whole or not at all.
pub(super) fn migrate(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let from = usize::try_from(version(transaction)?).unwrap_or(0);
    for step in STEPS.iter().skip(from) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", VERSION)
}
