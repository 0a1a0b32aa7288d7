//! Round trips that a daemon has measured, out of the flow records in its store: `whither lookup` holds claims against them.
//!
//! Read are all records with the addresses asked for, and the newest [`NEWEST`] of all: these show whether something near
//! answers in the place of the Internet, which no address shows alone.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use crate::config::Config;
use crate::enrich::Enricher;
use crate::model::RemoteContext;
use crate::pipeline::stage;
use crate::store::{FlowFilter, Reader, StoreError};

use super::output::Failure;

/// Records that show what kind of way it is.
const NEWEST: usize = 20_000;

/// What was measured of one address.
#[derive(Debug, Clone, Default)]
pub(super) struct Measured {
    /// The smallest round trip.
    pub(super) smallest: Option<Duration>,
    /// Flow records that hold one; a long flow has several.
    pub(super) records: u64,
    /// From which observation points.
    points: BTreeSet<u16>,
}

/// What was measured of the addresses asked for.
#[derive(Debug, Default)]
pub(super) struct Seen(BTreeMap<IpAddr, Measured>);

impl Seen {
    /// Reads the store in the folder that is named, or in the configuration's, where that is given and has one; the enricher learns
    /// what it says.
    pub(super) fn read(
        state_dir: Option<&Path>,
        configured: bool,
        config: &Config,
        enricher: &mut Enricher,
        addresses: &[IpAddr],
    ) -> Result<Self, Failure> {
        let path = state_dir.unwrap_or(&config.daemon.state_dir).join(&config.store.file);
        if state_dir.is_none() && !(configured && path.exists()) {
            return Ok(Self::default());
        }
        match Self::learn(&path, enricher, addresses) {
            Ok(seen) => Ok(seen),
            Err(error) if state_dir.is_none() => {
                tracing::warn!("round trips are left aside: {error}");
                Ok(Self::default())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn learn(path: &Path, enricher: &mut Enricher, addresses: &[IpAddr]) -> Result<Self, StoreError> {
        let reader = Reader::open(path)?;
        let mut seen = Self::default();
        let oldest_first = FlowFilter { oldest_first: true, ..FlowFilter::default() };
        for address in addresses {
            let mut measured = Measured::default();
            let filter = FlowFilter { remote: Some(address.to_string()), ..oldest_first.clone() };
            reader.flows(&filter, |stored| {
                if let Some(trip) = stage::round_trip(&stored.flow) {
                    measured.smallest = Some(measured.smallest.map_or(trip.took, |s| s.min(trip.took)));
                    measured.records += 1;
                    measured.points.insert(trip.point);
                    enricher.note_round_trip(&trip);
                }
                true
            })?;
            seen.0.insert(*address, measured);
        }
        let filter = FlowFilter { since: reader.end_of_newest(NEWEST)?, ..oldest_first };
        reader.flows(&filter, |stored| {
            if let Some(trip) = stage::round_trip(&stored.flow) {
                enricher.note_round_trip(&trip);
            }
            true
        })?;
        Ok(seen)
    }

    /// What was measured of an address; nothing where no store was read or no handshake kept.
    pub(super) fn of(&self, address: IpAddr) -> Option<&Measured> {
        self.0.get(&address).filter(|measured| measured.records > 0)
    }

    /// Holds what is claimed of a remote against the observation point that is nearest to it.
    pub(super) fn refute(&self, enricher: &mut Enricher, remote: &mut RemoteContext) {
        let Some(measured) = self.of(remote.addr) else { return };
        let judged = measured.points.iter().filter_map(|point| {
            let mut judged = remote.clone();
            enricher.refute(*point, &mut judged);
            judged.physics.is_some().then_some(judged)
        });
        if let Some(nearest) = judged.min_by_key(|r| r.physics.as_ref().map(|p| p.bound_km)) {
            *remote = nearest;
        }
    }
}
