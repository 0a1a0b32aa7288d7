//! What can go wrong with a file of JSON lines.

use std::io;
use std::path::PathBuf;

/// Why a file cannot be opened or written.
#[derive(Debug, thiserror::Error)]
pub enum JsonlError {
    /// The file cannot be opened or created.
    #[error("cannot open `{path}` for appending: {source}; check the folder and its rights")]
    Open {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Another writer holds the file.
    #[error("`{path}` is being written by another process; give each its own file")]
    Busy {
        /// The file.
        path: PathBuf,
    },
    /// The file ends in something that whither never writes.
    #[error("`{path}` ends in a line that is no JSON document; it was left untouched: choose another file")]
    NotJsonLines {
        /// The file.
        path: PathBuf,
    },
    /// Writing or syncing failed. Nothing accepted is lost: the lines are held and written at a later flush.
    #[error("cannot write `{path}`: {source}; {pending} lines are held until it can be written again")]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
        /// Lines held.
        pending: u64,
    },
    /// No more lines can be held; this one was not accepted.
    #[error("`{path}` cannot be written and {pending} lines are held already; the next one must wait")]
    Full {
        /// The file.
        path: PathBuf,
        /// Lines held.
        pending: u64,
    },
}
