//! Old databases that their licence does not let one keep.
//!
//! The GeoLite End User License Agreement (<https://www.maxmind.com/en/geolite/eula>) wants old versions destroyed within 30
//! days after an updated one is released. What an update replaced and kept as `….old` is such a version. Released means
//! built: no file says when its maker showed it.
//!
//! It looks at files under the names that an update gives them, and at their `….old` alone: the file in use is the admin's.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::install::{UpdateError, day, with_ending};
use super::{Account, Source};
use crate::enrich::geo::Database;
use crate::model::Timestamp;

/// How long an old version is kept after the newer one was built. Looked at once a day, it is gone before the 30 days end.
const KEPT: Duration = Duration::from_secs(29 * 86_400);

/// An old database that was destroyed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destroyed {
    /// The file that was.
    pub path: PathBuf,
    /// Date of the one that replaced it.
    pub replaced_by: String,
}

/// Destroys what may not be kept any more in a folder; one answer for each file that had to go. Files larger than `max_size`
/// count as unreadable.
pub fn destroy_outdated(folder: &Path, now: Timestamp, max_size: u64) -> Vec<Result<Destroyed, UpdateError>> {
    let bound = Source::ALL.into_iter().filter(|source| source.account() == Account::Maxmind);
    bound.filter_map(|source| destroy(&folder.join(source.file()), now, max_size)).collect()
}

fn destroy(target: &Path, now: Timestamp, max_size: u64) -> Option<Result<Destroyed, UpdateError>> {
    let path = with_ending(target, ".old");
    if !path.exists() {
        return None;
    }
    let built = |file: &Path| Some(Database::open(file, max_size, &mut Vec::new()).ok()?.built());
    // Without a readable newer one its own date stands: a newer one comes out every few days. One that nobody can read
    // helps nobody.
    let released = built(target).or_else(|| built(&path)).unwrap_or(Timestamp::EPOCH);
    if now.since(released) < KEPT {
        return None;
    }
    Some(match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(UpdateError::Io { action: "destroy", path, error })
        }
        _ => Ok(Destroyed { path, replaced_by: day(released) }),
    })
}
