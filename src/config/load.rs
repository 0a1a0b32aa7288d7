//! Reading the file, and errors that name the file, the place, what was expected and what to do.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::model::Problem;

use super::Config;

/// No configuration is this large; a wrong path (a device, a database) must not be read whole.
const MAX_BYTES: u64 = 4 << 20;

/// Why there is no valid configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: cannot read the configuration: {error}", .path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The file is no valid TOML, or a key or type is wrong; the message shows the line.
    #[error("{}: {error}", .path.display())]
    Parse {
        /// Which file.
        path: PathBuf,
        /// What and where.
        error: Box<toml::de::Error>,
    },
    /// Values that make no sense, all of them.
    #[error("{}: {} problem(s):{}", .path.display(), .problems.len(), list(.problems))]
    Invalid {
        /// Which file.
        path: PathBuf,
        /// All problems.
        problems: Vec<Problem>,
    },
}

fn list(problems: &[Problem]) -> String {
    let lines: Vec<String> = problems.iter().map(|p| format!("\n  {p}")).collect();
    lines.concat()
}

impl Config {
    /// Reads and checks a file.
    pub fn from_file(path: &Path) -> Result<Self, ConfigError> {
        Self::from_text(&Self::read(path)?, path)
    }

    /// Reads a file of which the rules shall be reviewed: mistakes in the policy are left to the review, which names
    /// them with what else it finds.
    pub fn for_review(path: &Path) -> Result<Self, ConfigError> {
        Self::checked(&Self::read(path)?, path, |problem| !problem.key.starts_with("policy."))
    }

    fn read(path: &Path) -> Result<String, ConfigError> {
        let read = |error| ConfigError::Read { path: path.to_owned(), error };
        let about = fs::metadata(path).map_err(read)?;
        if !about.is_file() {
            return Err(read(io::Error::new(io::ErrorKind::InvalidInput, "is not a file")));
        }
        if about.len() > MAX_BYTES {
            return Err(read(io::Error::new(
                io::ErrorKind::InvalidInput,
                "is larger than 4 MiB: is it the right file?",
            )));
        }
        fs::read_to_string(path).map_err(read)
    }

    /// Reads and checks a text; `path` is only for messages.
    pub fn from_text(text: &str, path: &Path) -> Result<Self, ConfigError> {
        Self::checked(text, path, |_| true)
    }

    fn checked(text: &str, path: &Path, counts: impl Fn(&Problem) -> bool) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text)
            .map_err(|error| ConfigError::Parse { path: path.to_owned(), error: Box::new(error) })?;
        let problems: Vec<Problem> = config.problems().into_iter().filter(counts).collect();
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(ConfigError::Invalid { path: path.to_owned(), problems })
        }
    }
}
