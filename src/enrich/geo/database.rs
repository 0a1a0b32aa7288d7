//! One MMDB file in memory.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::Read as _;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use maxminddb::{MaxMindDbError, Reader};

use super::record::{Answer, Record, Shape};
use crate::enrich::EnrichError;
use crate::enrich::digest::sha256_hex;
use crate::model::{CountryCode, SourceBuild, Timestamp};

/// What `verify` says of a file without a description. Files of the sapics project are like that, and sound otherwise.
const NO_DESCRIPTION: &str = "description - Expected: non-empty map";

/// Addresses that any real database knows something about, asked before it is used.
const PROBES: [&str; 6] =
    ["8.8.8.8", "77.88.8.8", "114.114.114.114", "193.0.6.139", "2001:4860:4860::8888", "2a02:6b8::feed:ff"];

/// A database, ready to be asked.
pub struct Database {
    reader: Reader<Vec<u8>>,
    shape: Shape,
    build: SourceBuild,
    size: u64,
}

/// What a database says of one AS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutonomousSystem {
    /// Its name.
    pub name: Option<Arc<str>>,
    /// Where it is registered.
    pub country: Option<CountryCode>,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database")
            .field("build", &self.build)
            .field("shape", &self.shape)
            .finish_non_exhaustive()
    }
}

impl Database {
    /// Reads a file of at most `max_size` bytes, checks it, and finds out its schema. What is odd but harmless goes to
    /// `warnings`.
    ///
    /// # Errors
    /// [`EnrichError::Io`], [`EnrichError::TooLarge`] or [`EnrichError::Database`], all with the file's name.
    pub fn open(path: &Path, max_size: u64, warnings: &mut Vec<String>) -> Result<Self, EnrichError> {
        let io = |error| EnrichError::Io { action: "read", path: path.to_owned(), error };
        let mut bytes = Vec::new();
        // One byte more than allowed tells "exactly full" from "too large" without trusting the file's metadata.
        let read = File::open(path)
            .map_err(io)?
            .take(max_size.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(io)?;
        let size = u64::try_from(read).unwrap_or(u64::MAX);
        if size > max_size {
            return Err(EnrichError::TooLarge { path: path.to_owned(), size, limit: max_size });
        }
        let name =
            path.file_stem().map_or_else(|| path.to_string_lossy(), |s| s.to_string_lossy()).into_owned();
        let bad = |reason| EnrichError::Database { name: path.display().to_string(), reason };
        Self::checked(&name, bytes, warnings).map_err(bad)
    }

    /// Takes the bytes of a database from anywhere: verified and probed.
    pub(super) fn checked(name: &str, bytes: Vec<u8>, warnings: &mut Vec<String>) -> Result<Self, String> {
        let sha256 = sha256_hex(&bytes);
        let database = Self::new(name, bytes, Some(sha256.into()))?;
        match database.reader.verify() {
            Err(MaxMindDbError::InvalidDatabase { message, .. }) if message.starts_with(NO_DESCRIPTION) => {
                warnings.push(format!("`{name}` has no description (harmless)"));
            }
            Err(error) => return Err(format!("it is damaged: {error}")),
            Ok(()) => {}
        }
        if database.probes().all(|answer| answer.is_empty()) && !database.knows_anything() {
            return Err(format!(
                "its schema is not known (database type `{}`): no country or AS number found in it",
                database.reader.metadata().database_type
            ));
        }
        Ok(database)
    }

    /// Takes bytes that need no check.
    pub(super) fn trusted(name: &str, bytes: Vec<u8>) -> Result<Self, String> {
        let sha256 = sha256_hex(&bytes);
        Self::new(name, bytes, Some(sha256.into()))
    }

    fn new(name: &str, bytes: Vec<u8>, sha256: Option<Arc<str>>) -> Result<Self, String> {
        let size = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let reader = Reader::from_source(bytes).map_err(|e| format!("it is no MMDB file: {e}"))?;
        let metadata = reader.metadata();
        let epoch = i64::try_from(metadata.build_epoch).unwrap_or(0);
        let date: Arc<str> =
            Timestamp::from_parts(epoch, 0).to_rfc3339(0).chars().take(10).collect::<String>().into();
        let shape = Shape::of(name, metadata, &date);
        let build = SourceBuild { name: name.into(), build: date, sha256 };
        Ok(Self { reader, shape, build, size })
    }

    /// What it is: name, date of its data, checksum.
    pub fn build(&self) -> &SourceBuild {
        &self.build
    }

    /// Its type, as its maker calls it (`GeoLite2-Country`).
    pub fn kind(&self) -> &str {
        &self.reader.metadata().database_type
    }

    /// When it was made.
    pub fn built(&self) -> Timestamp {
        let epoch = i64::try_from(self.reader.metadata().build_epoch).unwrap_or(i64::MAX / 1_000_000_000);
        Timestamp::from_parts(epoch.min(i64::MAX / 1_000_000_000), 0)
    }

    /// Octets of the file.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Of how many well-known addresses it knows the country, and of how many the AS number.
    pub fn knows(&self) -> (usize, usize) {
        self.probes().fold((0, 0), |(places, networks), answer| {
            (places + usize::from(!answer.places.is_empty()), networks + usize::from(answer.asn.is_some()))
        })
    }

    fn probes(&self) -> impl Iterator<Item = Answer> {
        PROBES.iter().filter_map(|p| p.parse().ok()).map(|addr| self.answer(addr))
    }

    /// What it says of `addr`; empty when it does not know the address, or its record is unreadable.
    pub fn answer(&self, addr: IpAddr) -> Answer {
        // An IPv6 address asked of an IPv4-only file is an error of the reader: it knows nothing of it.
        let found = self.reader.lookup(addr).ok().and_then(|r| r.decode::<Record<'_>>().ok().flatten());
        found.map_or_else(Answer::default, |record| record.read(&self.shape))
    }

    /// Every AS that it names, by number; of several records the first counts. Reads the whole file: not
    /// for the packet path.
    pub fn autonomous_systems(&self) -> BTreeMap<u32, AutonomousSystem> {
        let mut all = BTreeMap::new();
        let mut read = HashSet::new();
        let Ok(networks) = self.reader.networks(maxminddb::WithinOptions::default()) else { return all };
        for found in networks.filter_map(Result::ok) {
            // Many networks share a record.
            if !found.offset().is_some_and(|offset| read.insert(offset)) {
                continue;
            }
            let Some(record) = found.decode::<Record<'_>>().ok().flatten() else { continue };
            let answer = record.read(&self.shape);
            if let Some(asn) = answer.asn {
                let country = answer.as_country.map(|(country, ..)| country);
                all.entry(asn).or_insert(AutonomousSystem { name: answer.as_name, country });
            }
        }
        all
    }

    /// Whether any of its first records has something for us; for files that cover only a part of the Internet.
    fn knows_anything(&self) -> bool {
        const ENOUGH: usize = 1000;
        let Ok(networks) = self.reader.networks(maxminddb::WithinOptions::default()) else { return false };
        networks.take(ENOUGH).filter_map(Result::ok).any(|found| {
            let record = found.decode::<Record<'_>>().ok().flatten();
            record.is_some_and(|r| !r.read(&self.shape).is_empty())
        })
    }
}
