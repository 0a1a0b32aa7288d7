//! Secrets of sinks: read from files of their own, kept out of every log, report and copy of the configuration.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// No key or token is longer.
const MAX: u64 = 64 << 10;

/// Text that is never shown: its `Debug` form is empty.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Secret {
    /// The text; for the wire only.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Reads a file that only its owner (and group) may read; white space at the end does not belong to the secret.
    /// Works with the files that systemd's `LoadCredential=` makes.
    pub fn read(path: &Path) -> Result<Self, SinkError> {
        let failed = |error: io::Error| SinkError::File { path: path.to_owned(), error };
        let mut file = File::open(path).map_err(failed)?;
        let about = file.metadata().map_err(failed)?;
        if !about.is_file() {
            return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "is not a file")));
        }
        // Asked of the open file, so that it cannot be another one by now.
        if about.permissions().mode() & 0o007 != 0 {
            return Err(SinkError::Readable { path: path.to_owned() });
        }
        let mut text = String::new();
        file.by_ref().take(MAX).read_to_string(&mut text).map_err(failed)?;
        text.truncate(text.trim_end().len());
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(SinkError::NoSecret { path: path.to_owned() });
        }
        Ok(Self(text))
    }
}

/// Why a sink cannot be made ready.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// A file that it needs cannot be read.
    #[error("`{path}`: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// A secret that everybody can read.
    #[error("`{path}` holds a secret and can be read by everybody: `chmod o-rwx` it")]
    Readable {
        /// The file.
        path: PathBuf,
    },
    /// A secret without text.
    #[error("`{path}` is empty or no line of text; expected the secret alone")]
    NoSecret {
        /// The file.
        path: PathBuf,
    },
    /// Certificate authorities that cannot be read.
    #[error("`{path}` holds no certificate in PEM")]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// An address that cannot be used. What it is stays unsaid: it may be a secret.
    #[error("the address in `{path}` {why}")]
    Address {
        /// The file that it stands in.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A key is missing that the check of the configuration demands.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// Its file cannot be used.
    #[error(transparent)]
    Output(crate::deliver::JsonlError),
    /// TLS cannot be set up.
    #[error("TLS: {0}")]
    Tls(String),
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_secret_that_everybody_can_read_is_refused_and_one_is_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, "CANARY-7f3a\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).unwrap();
        let error = Secret::read(&path).unwrap_err();
        assert!(matches!(error, SinkError::Readable { .. }));
        assert!(!format!("{error} {error:?}").contains("CANARY"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let secret = Secret::read(&path).unwrap();
        assert_eq!(secret.reveal(), "CANARY-7f3a");
        assert_eq!(format!("{secret:?}"), "Secret");
    }
}
