//! A fetched database: is it better than the one that is there, and how it takes its place.
//!
//! Whatever fails, the file in use stays as it was. The one that was replaced is kept as `….old`.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Source;
use crate::enrich::EnrichError;
use crate::enrich::digest::sha256_of;
use crate::enrich::geo::Database;
use crate::model::Timestamp;

/// A build date this far ahead is an error of somebody's clock.
const AHEAD: std::time::Duration = std::time::Duration::from_secs(2 * 86_400);
/// The form was published in 2012: an earlier date was never set.
const EARLIEST: i64 = 1_325_376_000;
/// No note on a file's origin is longer.
const MAX_NOTE: u64 = 64 << 10;

/// What a new database is held to.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// What it must know.
    pub source: Source,
    /// The time.
    pub now: Timestamp,
    /// The largest database that is read.
    pub max_size: u64,
    /// Take it though it is older or much smaller than the one that is there.
    pub force: bool,
}

/// A database that may be installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// Date of its data.
    pub build: String,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Octets.
    pub size: u64,
    /// Date of the one that is there, if one is there that can be read.
    pub before: Option<String>,
    /// Whether the one that is there is the same.
    pub same: bool,
    /// What is odd about it, but harmless.
    pub warnings: Vec<String>,
}

/// Why a fetched database is not taken.
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// It is unsound, or nothing that we understand.
    #[error("what was fetched is refused: {0}")]
    Unsound(String),
    /// It answers other questions than it should.
    #[error("what was fetched is refused: it knows no {missing}, so it is not `{}`; is the mirror right?", wanted.word())]
    WrongKind {
        /// What was asked for.
        wanted: Source,
        /// `country` or `AS number`.
        missing: &'static str,
    },
    /// Its date cannot be right.
    #[error(
        "what was fetched is refused: it was built on {build}, and today is {today}; is this machine's clock right?"
    )]
    Date {
        /// Its date.
        build: String,
        /// Today.
        today: String,
    },
    /// It is older than the one that is there.
    #[error(
        "what was fetched is refused: it is of {new}, older than the {old} of the file in use; --force takes it"
    )]
    Older {
        /// Date of the new one.
        new: String,
        /// Date of the one in use.
        old: String,
    },
    /// It lost more than half.
    #[error(
        "what was fetched is refused: it has {new} bytes, less than half of the {old} of the file in use; --force takes it"
    )]
    Shrunk {
        /// Octets of the new one.
        new: u64,
        /// Octets of the one in use.
        old: u64,
    },
    /// A file cannot be written.
    #[error("cannot {action} `{}`: {error}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
}

/// Opens, verifies and probes a fetched file, and holds it against the one that it would replace.
///
/// # Errors
/// Why it must not be installed.
pub fn examine(fetched: &Path, target: &Path, rules: &Rules) -> Result<Examined, UpdateError> {
    let mut warnings = Vec::new();
    let unsound = |error: EnrichError| {
        UpdateError::Unsound(match error {
            EnrichError::Database { reason, .. } => reason,
            other => other.to_string(),
        })
    };
    let new = Database::open(fetched, rules.max_size, &mut warnings).map_err(unsound)?;
    let (places, networks) = new.knows();
    let (country, asn) = rules.source.gives();
    for (wanted, known, missing) in [(country, places, "country"), (asn, networks, "AS number")] {
        if wanted && known == 0 {
            return Err(UpdateError::WrongKind { wanted: rules.source, missing });
        }
    }
    let built = new.built();
    if built > rules.now.plus(AHEAD) || built.as_secs() < EARLIEST {
        let today = day(rules.now);
        return Err(UpdateError::Date { build: day(built), today });
    }
    // One that cannot be read any more is no reason to refuse a sound one.
    let old = Database::open(target, rules.max_size, &mut Vec::new()).ok();
    let same = old.as_ref().is_some_and(|old| old.build().sha256 == new.build().sha256);
    if let Some(old) = old.as_ref().filter(|_| !rules.force && !same) {
        if built < old.built() {
            return Err(UpdateError::Older { new: day(built), old: day(old.built()) });
        }
        if new.size() < old.size() / 2 {
            return Err(UpdateError::Shrunk { new: new.size(), old: old.size() });
        }
    }
    Ok(Examined {
        build: day(built),
        sha256: new.build().sha256.as_deref().unwrap_or_default().to_owned(),
        size: new.size(),
        before: old.map(|old| day(old.built())),
        same,
        warnings,
    })
}

pub(super) fn day(at: Timestamp) -> String {
    at.to_rfc3339(0).chars().take(10).collect()
}

/// Puts a fetched file (written whole, beside the target) in the target's place; the old one stays as `….old`.
///
/// # Errors
/// [`UpdateError::Io`]; then the old file is still in its place.
pub fn install(fetched: &Path, target: &Path) -> Result<(), UpdateError> {
    let failed = |action, path: &Path| {
        let path = path.to_owned();
        move |error| UpdateError::Io { action, path, error }
    };
    File::open(fetched).and_then(|file| file.sync_all()).map_err(failed("sync", fetched))?;
    let old = with_ending(target, ".old");
    if target.exists() {
        match fs::remove_file(&old) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("replace", &old)(error));
            }
            _ => {}
        }
        // A second name for the file in use: it never is without its own. Not every file system has second names.
        fs::hard_link(target, &old)
            .or_else(|_| fs::copy(target, &old).map(drop))
            .map_err(failed("keep the old file as", &old))?;
    }
    fs::rename(fetched, target).map_err(failed("replace", target))?;
    sync_folder(target).map_err(failed("sync the folder of", target))
}

fn sync_folder(file: &Path) -> io::Result<()> {
    let folder = file.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// The path with something added to its name.
pub(super) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// Where a kept database came from; stands beside it as `….origin.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// What it is.
    pub source: Source,
    /// Its address, without keys.
    pub url: String,
    /// When it was fetched.
    pub fetched: String,
    /// SHA-256 of the unpacked file: whether the note is of this one.
    pub sha256: String,
    /// What the server said of its version, to ask for a newer one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub etag: Option<String>,
    /// The same, as a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_modified: Option<String>,
}

/// The note on where a database came from, if there is one and it is of this very file.
pub fn kept_origin(target: &Path) -> Option<Origin> {
    let mut text = Vec::new();
    File::open(with_ending(target, ".origin.json")).ok()?.take(MAX_NOTE).read_to_end(&mut text).ok()?;
    let origin: Origin = serde_json::from_slice(&text).ok()?;
    sha256_of(target).is_ok_and(|sha256| sha256 == origin.sha256).then_some(origin)
}

/// Notes where a database came from; whole or not at all.
///
/// # Errors
/// [`UpdateError::Io`]; the database itself is in its place already, and is only fetched once more than needed.
pub fn keep_origin(target: &Path, origin: &Origin) -> Result<(), UpdateError> {
    let (path, aside) = (with_ending(target, ".origin.json"), with_ending(target, ".origin.json.new"));
    let mut text = serde_json::to_vec_pretty(origin).unwrap_or_default();
    text.push(b'\n');
    File::create(&aside)
        .and_then(|mut file| file.write_all(&text).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&aside, &path))
        .map_err(|error| UpdateError::Io { action: "write", path, error })
}
