//! What can go wrong in `enrich`: always with the file, what was expected, and what to do.

use std::path::PathBuf;

/// An error of loading or building data. Looking an address up never fails: it gives *unknown*.
#[derive(Debug, thiserror::Error)]
pub enum EnrichError {
    /// A file could not be read or written.
    #[error("cannot {action} `{}`: {error}", path.display())]
    Io {
        /// `read` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        error: std::io::Error,
    },
    /// A database file is larger than the configured cap.
    #[error(
        "geo database `{}` has {size} bytes, more than the {limit} allowed; raise `enrich.max-database-size` if it is meant to be so large",
        path.display()
    )]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
        /// The cap in bytes.
        limit: u64,
    },
    /// A file is no sound MMDB, or one that answers nothing we ask.
    #[error(
        "geo database `{name}` cannot be used: {reason}; take it out of `enrich.databases` or replace it"
    )]
    Database {
        /// The file, or `embedded`.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// An operator table is malformed.
    #[error("operator table `{file}`, line {line}: {reason}")]
    Operators {
        /// The file, or `embedded operators.toml`.
        file: String,
        /// 1-based line; 0 when it concerns the whole file.
        line: usize,
        /// What is wrong, and what was expected.
        reason: String,
    },
    /// An input of `geoip build` is not what it should be.
    #[error("build input `{}`: {reason}; fetch the inputs again with scripts/geoip-fetch", path.display())]
    Input {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The database could not be written.
    #[error("cannot write the geo database: {0}")]
    Write(String),
}
