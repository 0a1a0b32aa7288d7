//! Opening: made if it is missing, migrated if it is old, refused if it is newer, set aside if it is damaged.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::{StoreConfig, StoreError, rollup, schema};
use crate::model::Timestamp;

/// How long a writer waits for another's short transaction (`whither alerts ack` beside the daemon).
const BUSY: Duration = Duration::from_secs(5);
/// Tables that are worth saving out of a damaged file, the most important first.
const SALVAGED: &[&str] = &[
    "meta",
    "alert",
    "note",
    "event",
    "sink",
    "dead_letter",
    "learned",
    "gap",
    "loss",
    "notice",
    "rollup",
    "provenance",
    "flow",
];

/// The one writer.
#[derive(Debug)]
pub struct Store {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
    pub(super) config: StoreConfig,
    /// Id of the provenance written last, with its text.
    pub(super) provenance: Option<(i64, String)>,
    /// The number of the next flow record, once it was asked for.
    pub(super) next_flow: Option<i64>,
    /// Parts of open flows that the roll-ups gave up.
    pub(super) parts_forgotten: u64,
}

/// A reader beside the writer; sees what is committed.
#[derive(Debug)]
pub struct Reader {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
}

/// What opening came to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Opened {
    /// Where a damaged file was moved, and how many rows could be saved out of it.
    pub set_aside: Option<(PathBuf, u64)>,
}

impl Store {
    /// Opens or makes the store. `now` names a damaged file that is set aside.
    pub fn open(path: &Path, config: &StoreConfig, now: Timestamp) -> Result<(Self, Opened), StoreError> {
        let mut opened = Opened::default();
        if path.exists() {
            match examine(path) {
                Ok(()) => {}
                Err(error @ StoreError::TooNew { .. }) => return Err(error),
                Err(_) => opened.set_aside = Some((set_aside(path, now)?, 0)),
            }
        }
        let mut store = Self {
            connection: writer(path)?,
            path: path.to_owned(),
            config: config.clone(),
            provenance: None,
            next_flow: None,
            parts_forgotten: 0,
        };
        store.migrate()?;
        if let Some((aside, saved)) = &mut opened.set_aside {
            *saved = store.salvage(aside);
        }
        Ok((store, opened))
    }

    /// Opens the store of a running or stopped daemon for one short change (an acknowledgement, a note).
    pub fn open_beside(path: &Path) -> Result<Self, StoreError> {
        if !path.exists() {
            return Err(StoreError::Missing(path.to_owned()));
        }
        examine_version(path)?;
        let connection = writer(path)?;
        Ok(Self {
            connection,
            path: path.to_owned(),
            config: StoreConfig::default(),
            provenance: None,
            next_flow: None,
            parts_forgotten: 0,
        })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn failed(&self, doing: &'static str) -> impl Fn(rusqlite::Error) -> StoreError + use<> {
        failed(&self.path, doing)
    }

    fn migrate(&mut self) -> Result<(), StoreError> {
        let failed = failed(&self.path, "bringing the tables up to date");
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
        schema::migrate(&transaction).map_err(&failed)?;
        transaction.commit().map_err(&failed)
    }

    /// Copies what can still be read out of a damaged file, table by table, row by row; gives the number of rows.
    fn salvage(&mut self, aside: &Path) -> u64 {
        let Some(name) = aside.to_str() else { return 0 };
        if self.connection.execute("ATTACH DATABASE ?1 AS damaged", [name]).is_err() {
            return 0;
        }
        let mut saved = 0;
        for table in SALVAGED {
            saved += copy_rows(&self.connection, table).unwrap_or(0);
        }
        // Stays attached until the program ends if a damaged page keeps a statement open; it is only read.
        let _detached = self.connection.execute("DETACH DATABASE damaged", []);
        saved
    }
}

impl Reader {
    /// Opens the store for reading. It may be in use.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        if !path.exists() {
            return Err(StoreError::Missing(path.to_owned()));
        }
        let failed = failed(path, "opening for reading");
        // Read and write: a reader of a write-ahead log has to write the index of that log.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)
            .or_else(|_| Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY))
            .map_err(&failed)?;
        connection.busy_timeout(BUSY).map_err(&failed)?;
        connection.pragma_update(None, "query_only", true).map_err(&failed)?;
        connection.pragma_update(None, "mmap_size", 0).map_err(&failed)?;
        check_version(path, &connection)?;
        Ok(Self { connection, path: path.to_owned() })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn failed(&self, doing: &'static str) -> impl Fn(rusqlite::Error) -> StoreError + use<> {
        failed(&self.path, doing)
    }
}

pub(super) fn failed(path: &Path, doing: &'static str) -> impl Fn(rusqlite::Error) -> StoreError + use<> {
    let path = path.to_owned();
    move |source| StoreError::Database { path: path.clone(), doing, source }
}

/// A connection that writes: one writer, full sync, no mapping, freed pages overwritten and given back.
fn writer(path: &Path) -> Result<Connection, StoreError> {
    make_private(path)?;
    let failed = failed(path, "opening");
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(&failed)?;
    connection.busy_timeout(BUSY).map_err(&failed)?;
    for (pragma, value) in [
        ("auto_vacuum", "INCREMENTAL"),
        ("journal_mode", "WAL"),
        ("synchronous", "FULL"),
        ("secure_delete", "ON"),
        ("foreign_keys", "ON"),
        ("mmap_size", "0"),
        // Pages: 8 MiB of cache are enough for the roll-ups' keys.
        ("cache_size", "-8192"),
    ] {
        connection.pragma_update(None, pragma, value).map_err(&failed)?;
    }
    connection.execute_batch(rollup::TABLE).map_err(&failed)?;
    // A record alone takes up to nine.
    connection.set_prepared_statement_cache_capacity(32);
    Ok(connection)
}

/// A new file is for its owner alone.
fn make_private(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::OpenOptionsExt;
    let made = fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    made.map(drop).map_err(|source| StoreError::File {
        path: path.to_owned(),
        doing: "making the store",
        source,
    })
}

fn check_version(path: &Path, connection: &Connection) -> Result<(), StoreError> {
    let found = schema::version(connection).map_err(failed(path, "reading its version"))?;
    if found > schema::VERSION {
        return Err(StoreError::TooNew { path: path.to_owned(), found, known: schema::VERSION });
    }
    Ok(())
}

fn examine_version(path: &Path) -> Result<(), StoreError> {
    let failed = failed(path, "opening");
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(&failed)?;
    connection.busy_timeout(BUSY).map_err(&failed)?;
    check_version(path, &connection)
}

/// Whether the file is a sound store of a version that is known. Changes nothing but what SQLite's own recovery does.
fn examine(path: &Path) -> Result<(), StoreError> {
    let failed = failed(path, "checking");
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(&failed)?;
    connection.busy_timeout(BUSY).map_err(&failed)?;
    check_version(path, &connection)?;
    let word: String =
        connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(&failed)?;
    if word == "ok" {
        return Ok(());
    }
    Err(StoreError::Record { path: path.to_owned(), record: "quick_check".to_owned(), why: word })
}

/// Moves a damaged store and its log aside; never deletes it.
fn set_aside(path: &Path, now: Timestamp) -> Result<PathBuf, StoreError> {
    let stamp = now.to_rfc3339(0).replace([':', '-'], "");
    let mut aside = PathBuf::new();
    // More attempts than a restart loop makes in one second.
    for number in 0..1000 {
        let ending = if number == 0 { String::new() } else { format!("-{number}") };
        aside = with_ending(path, &format!(".damaged-{stamp}{ending}"));
        if !aside.exists() {
            break;
        }
    }
    for ending in ["-wal", "-shm"] {
        let log = with_ending(path, ending);
        if log.exists() {
            rename(&log, &with_ending(&aside, ending))?;
        }
    }
    rename(path, &aside)?;
    Ok(aside)
}

fn rename(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::rename(from, to).map_err(|source| StoreError::File {
        path: from.to_owned(),
        doing: "setting the damaged store aside",
        source,
    })
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Copies a table's rows until the first that cannot be read; then the rest from the other end.
fn copy_rows(connection: &Connection, table: &str) -> rusqlite::Result<u64> {
    let columns: u32 =
        connection.query_row("SELECT count(*) FROM pragma_table_info(?1)", [table], |row| row.get(0))?;
    let columns = columns as usize;
    let places = vec!["?"; columns].join(",");
    let mut insert = connection.prepare(&format!("INSERT OR IGNORE INTO main.{table} VALUES ({places})"))?;
    let mut saved = 0_u64;
    for order in ["", " ORDER BY 1 DESC"] {
        let Ok(mut select) = connection.prepare(&format!("SELECT * FROM damaged.{table}{order}")) else {
            break;
        };
        let Ok(mut rows) = select.query([]) else { break };
        let mut whole = false;
        loop {
            match rows.next() {
                Ok(Some(row)) => {
                    let values: rusqlite::Result<Vec<rusqlite::types::Value>> =
                        (0..columns).map(|at| row.get(at)).collect();
                    let Ok(values) = values else { continue };
                    saved += insert.execute(rusqlite::params_from_iter(values)).map_or(0, |n| n as u64);
                }
                Ok(None) => {
                    whole = true;
                    break;
                }
                Err(_) => break,
            }
        }
        if whole {
            break;
        }
    }
    Ok(saved)
}
