//! Where a machine cannot stand: the smallest round trip to it bounds its distance from the sensor.
//!
//! Constraint-based geolocation (Gueye, Ziviani, Crovella, Fdida 2004, 2006) with one landmark: light in fibre makes about
//! 200 km in a millisecond, so a round trip of one millisecond allows 100 km. A country whose nearest border is farther is
//! impossible. Nothing is ever proved: a small round trip says *near*, not *where*. Without a configured site
//! there is nothing to measure from, and all this keeps still. Limits: docs/explain/where-is-it.md.

mod effect;
mod outlines;
mod round_trips;
mod site;
mod sphere;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use round_trips::RoundTrip;
pub use site::{Degrees, SiteConfig};

use crate::model::{CountryCode, Feasibility, NetworkScope, Physics, RegionPlace, RemoteContext};
use round_trips::{RoundTrips, Way};
use site::Site;

/// The counter of services at observation points behind something that answers in the remotes' place.
pub const PROXIED_CLASSES: &str = "services_behind_a_terminating_proxy";

/// The ellipsoid is longer than the sphere by at most this part.
const SPHERE_ERROR: f64 = 0.006;

/// Holds claims of places against round trips.
#[derive(Debug)]
pub(super) struct Light {
    site: Option<Site>,
    trips: RoundTrips,
    /// Distances worked out, at least so many km; one per country, so bounded.
    distances: Mutex<BTreeMap<CountryCode, u32>>,
    proxied: u64,
}

impl Light {
    /// A site that makes no sense is none: the configuration has been checked before.
    pub(super) fn new(site: Option<&SiteConfig>) -> Self {
        Self {
            site: site.and_then(|s| s.site().ok()),
            trips: RoundTrips::new(),
            distances: Mutex::new(BTreeMap::new()),
            proxied: 0,
        }
    }

    /// Takes over what another has measured.
    pub(super) fn inherit(&mut self, old: &mut Self) {
        std::mem::swap(&mut self.trips, &mut old.trips);
    }

    /// Takes in a measurement.
    pub(super) fn note(&mut self, trip: &RoundTrip) {
        if self.site.is_some() {
            self.trips.note(trip);
        }
    }

    /// Holds the claims on a remote against the smallest round trip to it from that observation point.
    pub(super) fn judge(&mut self, point: u16, remote: &mut RemoteContext) {
        let Some(site) = self.site.filter(|_| remote.scope == NetworkScope::Global) else { return };
        let took = match self.trips.way(point, remote.addr) {
            Way::Unknown => return,
            Way::Proxied => {
                self.proxied += 1;
                return;
            }
            Way::Took(took) => took,
        };
        let physics = self.physics(site, took, remote);
        let why = |country: CountryCode| {
            format!(
                "{:.1} ms from {site} allows {} km, {country} is {} km away",
                physics.rtt_ms(),
                physics.bound_km,
                self.distance(site, country)
            )
        };
        let placeless = remote.anycast || remote.operator.cdn;
        effect::apply(&mut remote.roles.server, &physics, placeless, why);
        remote.physics = Some(Arc::new(physics));
    }

    /// Counters, by name.
    pub(super) fn limits(&self, out: &mut BTreeMap<String, u64>) {
        self.trips.limits(out);
        out.insert("round_trips_not_believed".to_owned(), self.proxied);
    }

    fn physics(&self, site: Site, rtt: Duration, remote: &RemoteContext) -> Physics {
        let bound_km = bound_km(rtt);
        let server = &remote.roles.server;
        let named = match remote.region_claim.as_deref().map(|claim| &claim.place) {
            Some(RegionPlace::Country(country)) => Some(*country),
            _ => None,
        };
        let claimed = server.claims.iter().filter_map(|c| c.country).chain(server.country).chain(named);
        let verdict = |country| {
            let possible = self.distance(site, country) <= bound_km;
            if possible { Feasibility::Possible } else { Feasibility::RefutedByRtt }
        };
        Physics {
            rtt,
            bound_km,
            site: site.to_string().into(),
            verdicts: claimed.map(|country| (country, verdict(country))).collect(),
        }
    }

    /// Kilometres to the nearest border of a country, at least; 0 where its outline is not known.
    fn distance(&self, site: Site, country: CountryCode) -> u32 {
        let mut known = self.distances.lock().unwrap_or_else(PoisonError::into_inner);
        *known.entry(country).or_insert_with(|| distance_km(site, country))
    }
}

/// How far a machine is at most that answers in this time: 100 km for a millisecond, rounded up.
fn bound_km(rtt: Duration) -> u32 {
    u32::try_from(rtt.as_nanos().div_ceil(10_000)).unwrap_or(u32::MAX)
}

/// Kilometres from the site to the nearest part of the country, less what the map may be wrong by.
fn distance_km(site: Site, country: CountryCode) -> u32 {
    let rings = outlines::of(country);
    if rings.is_empty() {
        return 0;
    }
    let raw = match site {
        Site::Country(home) if home == country => 0.0,
        Site::Country(home) => outlines::own(home).map_or(0.0, |own| sphere::between(own, &rings)),
        Site::Point(latitude, longitude) => sphere::from_point((latitude, longitude), &rings),
    };
    whole(raw * (1.0 - SPHERE_ERROR) - outlines::MARGIN_KM)
}

/// Whole kilometres, rounded down; never negative.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and half the Earth's circumference"
)]
fn whole(km: f64) -> u32 {
    km.clamp(0.0, 30_000.0) as u32
}
