//! Reading the file, and errors that name the file, the place, what was expected and what to do.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::deliver::sink::SinkConfig;
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
    /// It holds what may be a secret, and everybody can read it.
    #[error(
        "{}: `{key}` may hold a secret, and everybody can read the file: `chmod o-rwx` it, or put the value into a file of its own (`{key}-file`)",
        .path.display()
    )]
    Readable {
        /// Which file.
        path: PathBuf,
        /// Which key.
        key: String,
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
        let (text, mode) = Self::read(path)?;
        let config = Self::from_text(&text, path)?;
        config.keeps_secrets(path, mode)?;
        Ok(config)
    }

    /// Reads a file of which the rules shall be reviewed: mistakes in the policy are left to the review, which names
    /// them with what else it finds.
    pub fn for_review(path: &Path) -> Result<Self, ConfigError> {
        let (text, mode) = Self::read(path)?;
        let config = Self::checked(&text, path, |problem| !problem.key.starts_with("policy."))?;
        config.keeps_secrets(path, mode)?;
        Ok(config)
    }

    /// Refuses a file with what may be a secret that everybody can read, and warns where a group can.
    fn keeps_secrets(&self, path: &Path, mode: u32) -> Result<(), ConfigError> {
        let secret = |(at, sink): (usize, &SinkConfig)| {
            sink.written_secret().map(|key| format!("deliver.sink[{at}].{key}"))
        };
        let Some(key) = self.deliver.sink.iter().enumerate().find_map(secret) else { return Ok(()) };
        if mode & 0o007 != 0 {
            return Err(ConfigError::Readable { path: path.to_owned(), key });
        }
        if mode & 0o070 != 0 {
            tracing::warn!(path = %path.display(), key, "may hold a secret, and a group can read the file");
        }
        Ok(())
    }

    /// The text, and who may read it.
    fn read(path: &Path) -> Result<(String, u32), ConfigError> {
        let read = |error| ConfigError::Read { path: path.to_owned(), error };
        // Before it is opened: the opening of a pipe may never end.
        let about = std::fs::metadata(path).map_err(read)?;
        if !about.is_file() {
            return Err(read(io::Error::new(io::ErrorKind::InvalidInput, "is not a file")));
        }
        if about.len() > MAX_BYTES {
            return Err(read(io::Error::new(
                io::ErrorKind::InvalidInput,
                "is larger than 4 MiB: is it the right file?",
            )));
        }
        let mut file = File::open(path).map_err(read)?;
        // Asked of the open file, so that it cannot be another one by now.
        let about = file.metadata().map_err(read)?;
        let mut text = String::new();
        file.by_ref().take(MAX_BYTES).read_to_string(&mut text).map_err(read)?;
        Ok((text, about.permissions().mode()))
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
