//! What can be wrong with a catalogue file; each error names the place and what was expected.

use std::path::PathBuf;

use thiserror::Error;

/// A catalogue could not be read.
#[derive(Debug, Error)]
pub enum CatalogueError {
    /// A folder or file of the admin's could not be read.
    #[error("cannot read `{}` ({source}): expected a readable folder of *.toml files, see `catalogue.folders`", path.display())]
    Io {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file or folder is larger than any catalogue should be.
    #[error("`{}` {what}: split it, or take out what is no application", path.display())]
    TooLarge {
        /// The file or folder.
        path: PathBuf,
        /// What is too large, and the limit.
        what: String,
    },
    /// The file is not TOML of the catalogue's format.
    #[error("{file}:{line}: {message}")]
    Syntax {
        /// The file.
        file: String,
        /// The line, from 1; 0 where it is not known.
        line: usize,
        /// What the reader of TOML said.
        message: String,
    },
    /// The facts are wrong; all problems of the file are listed.
    #[error("{} problem(s) in the catalogue:\n{}", problems.len(), problems.join("\n"))]
    Facts {
        /// One line each: `file:line: application `id`: what is wrong`.
        problems: Vec<String>,
    },
}
