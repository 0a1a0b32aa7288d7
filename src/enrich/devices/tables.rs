//! Tables of the system: lease files and the neighbour table, read when they change.
//!
//! Reads no clock and starts no thread: whoever looks says what time it is.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::SystemTime;

use super::leases::{self, LeaseForm};
use super::neighbours;
use crate::enrich::DevicesFrom;
use crate::model::{DeviceObservation, Timestamp};

/// What a look at the tables brought.
#[derive(Debug, Default)]
pub struct Refreshed {
    /// What they say of devices.
    pub seen: Vec<DeviceObservation>,
    /// Lines that could not be read.
    pub malformed: u64,
    /// The first of them by file and line, and files that could not be opened.
    pub problems: Vec<String>,
}

/// The tables of a configuration, and when each was read.
#[derive(Debug, Default)]
pub struct DeviceTables {
    files: Vec<(PathBuf, LeaseForm)>,
    neighbours: bool,
    /// Time and size of each file when it was last read.
    read: BTreeMap<PathBuf, Option<(SystemTime, u64)>>,
    /// The neighbour table cannot be read here; said once.
    no_neighbours: bool,
}

impl DeviceTables {
    /// The tables that `config` names.
    pub fn new(config: &DevicesFrom) -> Self {
        let forms = [
            (&config.dnsmasq_leases, LeaseForm::Dnsmasq),
            (&config.kea_leases, LeaseForm::Kea),
            (&config.isc_leases, LeaseForm::Isc),
        ];
        let files = forms.iter().flat_map(|(paths, form)| paths.iter().map(|p| (p.clone(), *form))).collect();
        Self { files, neighbours: config.neighbours, ..Self::default() }
    }

    /// Reads the lease files that changed since the last look; all of them the first time.
    pub fn leases(&mut self) -> Refreshed {
        let mut all = Refreshed::default();
        for (path, form) in &self.files {
            let stamp = std::fs::metadata(path).ok().and_then(|m| Some((m.modified().ok()?, m.len())));
            if self.read.get(path) == Some(&stamp) {
                continue;
            }
            self.read.insert(path.clone(), stamp);
            let file = leases::read(path, *form);
            all.malformed += file.malformed;
            all.seen.extend(file.leases);
            all.problems.extend(file.problems);
        }
        all
    }

    /// As [`DeviceTables::leases`], and this host's neighbour table as of `now`, where it is wanted.
    pub fn look(&mut self, now: Timestamp) -> Refreshed {
        let mut all = self.leases();
        if self.neighbours && !self.no_neighbours {
            match neighbours::read(now) {
                Ok(entries) => all.seen.extend(entries),
                Err(error) => {
                    self.no_neighbours = true;
                    all.problems.push(format!("the neighbour table cannot be read: {error}"));
                }
            }
        }
        all
    }
}
