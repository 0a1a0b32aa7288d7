//! `enrich`: who and where an address is.
//!
//! It joins geo databases ([`GeoSet`]), the operator table ([`OperatorTable`]), the local networks and devices
//! ([`Networks`]) and the names seen in DNS ([`Names`]) behind one front, the [`Enricher`]. It judges nothing: what a country
//! means is `policy`'s business, which app it is `appid`'s. An address that is special or local is never geolocated.
//! It reads no clock: ownership is judged by the day of each flow, or by one that is told to it ([`Enricher::judge_by`]).

pub mod build;
mod cache;
mod config;
pub mod conntrack;
mod devices;
mod digest;
mod error;
mod geo;
mod lookup;
mod names;
mod nat64;
mod networks;
mod operators;
mod physics;
#[cfg(test)]
mod spot_checks;
#[cfg(test)]
mod tests;
mod transition;
pub mod update;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::civil::Date;

pub use config::{ConntrackConfig, DevicesFrom, EnrichConfig, NamedDevice, NamedNetwork};
pub use devices::Devices;
pub use devices::tables::{DeviceTables, Refreshed};
pub use error::EnrichError;
pub use geo::{Answer, AutonomousSystem, Database, GeoHandle, GeoSet, GeoWatch, Place};
pub use lookup::LookupReport;
pub use names::Names;
pub use networks::Networks;
pub use operators::{OperatorRow, OperatorTable};
pub use physics::{Degrees, PROXIED_CLASSES, RoundTrip, SiteConfig};

use crate::model::{
    CaptureName, DeviceContext, DeviceObservation, DnsObservation, HostName, MacAddr, NameCandidate,
    NetworkScope, Operator, RemoteContext, RoleAnswers, SourceBuild, Timestamp, is_special_address,
};
use cache::Cache;

/// The sources of the embedded database, for `whither geoip status` and attribution.
pub fn embedded_sources() -> Vec<build::Source> {
    build::embedded_sources()
}

/// Answers who and where an address is.
#[derive(Debug)]
pub struct Enricher {
    geo: Arc<GeoHandle>,
    operators: OperatorTable,
    networks: Networks,
    devices: Devices,
    names: Names,
    light: physics::Light,
    day: Option<Date>,
    remembered: Mutex<Remembered>,
}

/// Answers given before, all out of one set of databases.
#[derive(Debug)]
struct Remembered {
    set: Arc<GeoSet>,
    /// By address, and by the days between which no operator row changes.
    cache: Cache<(IpAddr, usize), Arc<RemoteContext>>,
}

impl Enricher {
    /// Joins the parts.
    pub fn new(config: &EnrichConfig, geo: Arc<GeoSet>, operators: OperatorTable) -> Self {
        Self::with_handle(config, Arc::new(GeoHandle::new(geo)), operators)
    }

    /// As [`Enricher::new`], with a handle that several enrichers share, so that one reload serves all.
    pub fn with_handle(config: &EnrichConfig, geo: Arc<GeoHandle>, operators: OperatorTable) -> Self {
        let remembered = Remembered { set: geo.load(), cache: Cache::new(config.cache_entries) };
        Self {
            geo,
            operators,
            networks: Networks::new(config),
            devices: Devices::new(config.devices.iter().map(|d| d.name.clone())),
            names: Names::new(config),
            light: physics::Light::new(config.site.as_ref()),
            day: None,
            remembered: Mutex::new(remembered),
        }
    }

    /// Loads everything that `config` names.
    ///
    /// # Errors
    /// As [`GeoSet::load`] and [`OperatorTable::load`].
    pub fn load(config: &EnrichConfig) -> Result<Self, EnrichError> {
        Self::load_over(config, Arc::new(GeoSet::load(config)?))
    }

    /// As [`Enricher::load`], with databases that are open already.
    ///
    /// # Errors
    /// As [`OperatorTable::load`].
    pub fn load_over(config: &EnrichConfig, geo: Arc<GeoSet>) -> Result<Self, EnrichError> {
        Ok(Self::new(config, geo, OperatorTable::load(config)?))
    }

    /// The databases' handle, for reloading.
    pub fn geo(&self) -> &Arc<GeoHandle> {
        &self.geo
    }

    /// The local networks and devices.
    pub fn networks(&self) -> &Networks {
        &self.networks
    }

    /// The operator table.
    pub fn operators(&self) -> &OperatorTable {
        &self.operators
    }

    /// Judges ownership as of `day` from now on, whatever a flow's own time; `None` takes that back.
    pub fn judge_by(&mut self, day: Option<Date>) {
        self.day = day;
        self.remembered.get_mut().unwrap_or_else(PoisonError::into_inner).cache.clear();
    }

    /// All that is known of a remote address, judged by the day on which the operator table was last looked through.
    pub fn remote(&self, addr: IpAddr) -> RemoteContext {
        self.answer(addr, self.day)
    }

    /// The same, judged by the day of `at`: whose a network was then. The same address and day give the same answer
    /// until a reload.
    pub fn remote_at(&self, addr: IpAddr, at: Timestamp) -> RemoteContext {
        self.answer(addr, self.day.or_else(|| plausible_day(at)))
    }

    fn answer(&self, addr: IpAddr, day: Option<Date>) -> RemoteContext {
        let addr = addr.to_canonical();
        let set = self.geo.load();
        let key = (addr, self.operators.epoch(day));
        {
            let mut remembered = self.lock();
            if !Arc::ptr_eq(&remembered.set, &set) {
                remembered.set = Arc::clone(&set);
                remembered.cache.clear();
            }
            if let Some(found) = remembered.cache.get(key) {
                return RemoteContext::clone(&found);
            }
        }
        let context = self.work_out(addr, &set, day).0;
        let mut remembered = self.lock();
        if Arc::ptr_eq(&remembered.set, &set) {
            remembered.cache.put(key, Arc::new(context.clone()));
        }
        context
    }

    /// As [`Enricher::remote`], with every database's own answer and the operator row.
    pub fn explain(&self, addr: IpAddr) -> LookupReport {
        let asked = addr;
        let addr = addr.to_canonical();
        let set = self.geo.load();
        let (remote, row) = self.work_out(addr, &set, self.day);
        let databases = if remote.scope == NetworkScope::Global {
            let names = set.databases().iter().map(|d| Arc::clone(&d.build().name));
            names.zip(set.answers(remote.looked_up)).collect()
        } else {
            Vec::new()
        };
        LookupReport {
            transition: transition::inner(addr).map(|(_, mechanism)| mechanism),
            remote,
            row,
            databases,
            asked,
        }
    }

    /// The device that has a local address, seen with this link address at this time.
    pub fn device(&mut self, addr: IpAddr, mac: Option<MacAddr>, at: Timestamp) -> DeviceContext {
        let canonical = addr.to_canonical();
        let holder = self.devices.holder(canonical, at);
        // A link address counts for an address on this side, and for one that was seen to be that card's.
        let mac = mac.filter(|m| self.networks.is_near(canonical) || holder == Some(*m));
        let mut device = self.networks.device(canonical, mac, holder);
        self.describe(&mut device);
        device
    }

    /// What is known now of a device that was told before: its name may have come later than its traffic.
    pub fn describe(&mut self, device: &mut DeviceContext) {
        let configured = device.name.is_some() && matches!(device.about.name_source, None | Some("config"));
        let (name, about) = self.devices.about(device.mac, device.addr);
        device.about = about;
        if configured {
            device.about.name_source = Some("config");
        } else {
            device.name = name;
        }
    }

    /// Remembers what a device says of itself, or what a table says of it.
    pub fn learn_device(&mut self, seen: &DeviceObservation) {
        let networks = &self.networks;
        self.devices.learn(seen, |addr| networks.is_local(addr));
    }

    /// Takes what tables say: leases, neighbours.
    pub fn learn_tables(&mut self, read: &Refreshed) {
        for seen in &read.seen {
            self.learn_device(seen);
        }
        self.devices.count_malformed(read.malformed);
    }

    /// Whether an address was seen to be a card's on the link, though no local network holds it.
    pub fn is_on_link(&self, addr: IpAddr, at: Timestamp) -> bool {
        self.devices.holder(addr.to_canonical(), at).is_some()
    }

    /// Whether an address is in the local networks.
    pub fn is_local(&self, addr: IpAddr) -> bool {
        self.networks.is_local(addr)
    }

    /// Takes over the names, devices and round trips that another enricher has learned, as when configuration is reloaded.
    pub fn inherit_names(&mut self, old: &mut Self) {
        std::mem::swap(&mut self.names, &mut old.names);
        self.devices.inherit(&mut old.devices);
        self.light.inherit(&mut old.light);
    }

    /// Remembers how long an answer from a remote took.
    pub fn note_round_trip(&mut self, trip: &RoundTrip) {
        self.light.note(trip);
    }

    /// Holds what is claimed of a remote's place against the smallest round trip to it from an observation point.
    pub fn refute(&mut self, point: u16, remote: &mut RemoteContext) {
        self.light.judge(point, remote);
    }

    /// Remembers the names of a DNS answer.
    pub fn learn(&mut self, seen: &DnsObservation) {
        self.names.learn(seen);
    }

    /// Remembers a name that a capture file gives for an address.
    pub fn learn_from_file(&mut self, name: &CaptureName) {
        self.names.learn_from_file(name);
    }

    /// Names under which `client` may have reached `remote` at `at`, newest first.
    pub fn candidates(&self, client: IpAddr, remote: IpAddr, at: Timestamp) -> Vec<NameCandidate> {
        self.names.candidates(client, remote, at)
    }

    /// Names that `client` resolved and that may stand behind the cover `public_name` (RFC 9849), newest first.
    pub fn hidden(&self, client: IpAddr, public_name: &HostName, at: Timestamp) -> Vec<NameCandidate> {
        self.names.hidden(client, public_name, at)
    }

    /// What the answers rest on: databases in order of precedence, then operator tables.
    pub fn builds(&self) -> Vec<SourceBuild> {
        let mut builds = self.geo.load().builds();
        builds.extend_from_slice(self.operators.builds());
        builds
    }

    /// Counters of what was given up because a table was full, by name.
    pub fn limits(&self) -> BTreeMap<String, u64> {
        let mut out = BTreeMap::new();
        self.networks.limits(&mut out);
        self.devices.limits(&mut out);
        self.names.limits(&mut out);
        self.light.limits(&mut out);
        out
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Remembered> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work_out(
        &self,
        addr: IpAddr,
        set: &GeoSet,
        day: Option<Date>,
    ) -> (RemoteContext, Option<Arc<OperatorRow>>) {
        let inner = transition::inner(addr);
        let looked_up = inner.map_or(addr, |(inner, _)| inner);
        let scope = match is_special_address(looked_up) {
            _ if self.networks.is_local(addr) => NetworkScope::Local,
            Some(range) => NetworkScope::Special(range),
            None if self.networks.is_local(looked_up) => NetworkScope::Local,
            None => NetworkScope::Global,
        };
        if scope != NetworkScope::Global {
            let operator =
                Operator { asn: None, name: None, as_name: None, owner: None, cdn: false, kind: None };
            let roles = RoleAnswers::default();
            return (
                RemoteContext {
                    addr,
                    looked_up,
                    scope,
                    anycast: false,
                    operator,
                    roles,
                    hostname: None,
                    region_claim: None,
                    tenant: None,
                    physics: None,
                },
                None,
            );
        }
        let answers = set.answers(looked_up);
        let row = self.operators.find(looked_up, lookup::asn(&answers), day).cloned();
        let lookup::Conclusion { anycast, operator, roles } = lookup::conclude(&answers, row.as_deref());
        (
            RemoteContext {
                addr,
                looked_up,
                scope,
                anycast,
                operator,
                roles,
                hostname: None,
                region_claim: None,
                tenant: None,
                physics: None,
            },
            row,
        )
    }
}

/// The day of a capture's time; none when its clock was plainly not set (before 2000), for a network must not be taken
/// for a former owner's on the word of such a clock.
fn plausible_day(at: Timestamp) -> Option<Date> {
    let seconds = at.as_nanos().div_euclid(1_000_000_000);
    let day = jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::from_second(seconds).ok()?).date();
    (day.year() >= 2000).then_some(day)
}
