//! What can go wrong with the store, each with the file and what to do.

use std::path::PathBuf;

/// Why the store cannot be used, or did not take something.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// SQLite refused.
    #[error("store {}: {doing}: {source}", .path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// SQLite's reason.
        source: rusqlite::Error,
    },
    /// The file was written by a later version; it is left as it is.
    #[error(
        "store {} has schema version {found}, this program knows {known}: it was written by a later version; use that \
         one, or another state folder", .path.display()
    )]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest one known.
        known: i64,
    },
    /// There is no store to read.
    #[error(
        "no store at {}: `whither run` makes one in its state folder; name another with --state-dir or `daemon.state-dir`",
        .0.display()
    )]
    Missing(PathBuf),
    /// The file system refused.
    #[error("{}: {doing}: {source}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was being done.
        doing: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// A stored record cannot be read back.
    #[error("store {}: record {record} cannot be read: {why}", .path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// Which.
        record: String,
        /// Why.
        why: String,
    },
}

impl StoreError {
    /// Whether it is for lack of room (a full disk, a quota): it may go through later.
    pub fn is_full(&self) -> bool {
        matches!(
            self,
            Self::Database { source: rusqlite::Error::SqliteFailure(failure, _), .. }
                if failure.code == rusqlite::ErrorCode::DiskFull
        )
    }
}
