//! The summary that a researcher wants first: per application and destination, who sent how much where.
//!
//! A sink of the flow stage. It counts each flow once, at its last record, by the totals and the identification
//! that the flow ended with. Every table is bounded; what does not fit is counted under `other`.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use crate::model::{
    Alert, AlertTransition, CountryCode, DeviceContext, EnrichedFlow, Outcome, RegionClaim, Timestamp,
};

use super::stage::Sink;

mod tables;

use tables::destination_key;
pub use tables::{Application, AroundDns, Destination, DestinationKey, Device, Examples, RuleTally, Tally};

/// All that was seen, summed up.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// Everything.
    pub totals: Tally,
    /// By application; the key `None` holds what could not be named.
    pub applications: BTreeMap<Option<Arc<str>>, Application>,
    /// By device id.
    pub devices: BTreeMap<Arc<str>, Device>,
    /// By rule id.
    pub rules: BTreeMap<Arc<str>, RuleTally>,
    /// Lookups around the DNS, by application (where known) and service.
    pub httpdns: BTreeMap<(Option<Arc<str>>, Arc<str>), AroundDns>,
    /// Octets by tier letter; the key `none` holds flows without any evidence.
    pub bytes_by_tier: BTreeMap<&'static str, u64>,
    /// Octets by the kind of evidence that decided; the key `none` holds flows without any evidence.
    pub bytes_by_method: BTreeMap<&'static str, u64>,
    /// Octets of flows whose application is not known.
    pub bytes_unnamed: u64,
    /// Flows that carry lookups which cannot be seen, by transport (`dot`, `doh`, `doq`) and resolver; bounded.
    pub encrypted_dns: BTreeMap<(&'static str, Option<Arc<str>>), Tally>,
    /// Addresses and countries claimed for them that are impossible by round trip.
    pub refuted: BTreeSet<(IpAddr, CountryCode)>,
    /// The last state of every alert, by id.
    pub alerts: BTreeMap<Arc<str>, Arc<Alert>>,
    /// First and last packet metered.
    pub period: Option<(Timestamp, Timestamp)>,
    /// Most digits of the second among the sources.
    pub time_digits: u8,
    /// Table rows that were not kept because a table was full, by table.
    pub overflow: BTreeMap<&'static str, u64>,
    destinations: usize,
}

impl Summary {
    /// More destinations than a summary can usefully hold in all.
    const MAX_DESTINATIONS: usize = 65_536;
    /// More devices than a site has; a scan with spoofed sources must not fill memory.
    const MAX_DEVICES: usize = 65_536;
    /// More refuted places than anybody reads.
    const MAX_REFUTED: usize = 65_536;
    /// More alerts than anybody reads.
    const MAX_ALERTS: usize = 65_536;
    /// More resolvers than a network uses; what comes after is counted without the name.
    const MAX_RESOLVERS: usize = 256;
    /// More kinds of reasons than one rule gives.
    const MAX_REASONS: usize = 64;

    fn add_application(&mut self, flow: &EnrichedFlow) {
        let id = flow.identification.app.as_ref().map(|a| Arc::clone(&a.id));
        let tier = flow.identification.tier.map_or("none", |t| t.letter());
        let octets = flow.bytes_up_total().saturating_add(flow.bytes_down_total());
        let method = flow.identification.method.unwrap_or("none");
        *self.bytes_by_tier.entry(tier).or_default() += octets;
        *self.bytes_by_method.entry(method).or_default() += octets;
        if id.is_none() {
            self.bytes_unnamed += octets;
        }
        let app = self.applications.entry(id).or_default();
        if app.about.is_none() {
            app.about.clone_from(&flow.identification.app);
        }
        app.tally.add(flow);
        *app.by_tier.entry(tier).or_default() += octets;
        *app.by_method.entry(method).or_default() += octets;
        let destination = match app.destinations.entry(destination_key(flow)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(_) if self.destinations >= Self::MAX_DESTINATIONS => {
                *self.overflow.entry("destinations").or_default() += 1;
                return;
            }
            Entry::Vacant(new) => {
                self.destinations += 1;
                new.insert(Destination::default())
            }
        };
        destination.tally.add(flow);
        destination.addresses.add(flow.remote.addr);
        if let Some(name) = &flow.remote.hostname {
            destination.names.add(name.clone());
        }
        let impossible: Vec<CountryCode> = refuted(flow).collect();
        destination.refuted.extend(&impossible);
        if let Some(claim) = &flow.remote.region_claim {
            destination.region_claims.add(RegionClaim::clone(claim));
        }
        if let Some(method) = flow.identification.method {
            destination.methods.insert(method);
        }
    }

    fn add_refuted(&mut self, flow: &EnrichedFlow) {
        for country in refuted(flow) {
            let item = (flow.remote.addr, country);
            if self.refuted.len() < Self::MAX_REFUTED || self.refuted.contains(&item) {
                self.refuted.insert(item);
            } else {
                *self.overflow.entry("refuted").or_default() += 1;
            }
        }
    }

    /// Services are few and fixed, applications those of the catalogue: the table needs no bound of its own.
    fn add_lookups(&mut self, flow: &EnrichedFlow) {
        let Some(seen) = &flow.record.facts.httpdns else { return };
        let app = flow.identification.app.as_ref().map(|a| Arc::clone(&a.id));
        let lookups = self.httpdns.entry((app, Arc::clone(&seen.service))).or_default();
        lookups.lookups += u64::from(seen.lookups);
        lookups.answers += u64::from(seen.answers);
        for name in &seen.names {
            lookups.names.add(name.clone());
        }
    }

    fn add_encrypted_dns(&mut self, flow: &EnrichedFlow) {
        let Some(dns) = &flow.record.facts.encrypted_dns else { return };
        let key = (dns.transport.word(), dns.resolver.clone());
        let room = self.encrypted_dns.len() < Self::MAX_RESOLVERS || self.encrypted_dns.contains_key(&key);
        let key = if room { key } else { (dns.transport.word(), None) };
        self.encrypted_dns.entry(key).or_default().add(flow);
    }

    fn add_device(&mut self, flow: &EnrichedFlow) {
        if self.devices.len() >= Self::MAX_DEVICES && !self.devices.contains_key(&flow.device.id) {
            *self.overflow.entry("devices").or_default() += 1;
            return;
        }
        let device = self.devices.entry(Arc::clone(&flow.device.id)).or_default();
        // What is known of a device grows: the last word counts.
        if flow.device.name.is_some() {
            device.name.clone_from(&flow.device.name);
        }
        device.about.clone_from(&flow.device.about);
        device.mac = device.mac.or(flow.device.mac);
        device.network = device.network.take().or_else(|| flow.device.network.clone());
        if !flow.device.addr.is_unspecified() {
            device.addresses.add(flow.device.addr);
        }
        device.tally.add(flow);
        if let Some(app) = &flow.identification.app {
            device.applications.insert(Arc::clone(&app.id));
        }
    }

    fn add_verdicts(&mut self, flow: &EnrichedFlow) {
        for verdict in &flow.verdicts {
            let rule = self.rules.entry(Arc::clone(&verdict.rule)).or_default();
            match verdict.outcome {
                Outcome::Match => rule.matched.add(flow),
                Outcome::NoMatch => {}
                Outcome::CannotTell => {
                    rule.cannot_tell.add(flow);
                    let reason: Arc<str> = verdict.because.join("; ").into();
                    let room = rule.reasons.len() < Self::MAX_REASONS || rule.reasons.contains_key(&reason);
                    let reason = if room { reason } else { "other reasons".into() };
                    *rule.reasons.entry(reason).or_default() += 1;
                }
            }
        }
    }
}

impl Sink for Summary {
    fn devices(&mut self, describe: &mut dyn FnMut(&mut DeviceContext)) {
        for (id, device) in &mut self.devices {
            let unspecified = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
            let addr = device.addresses.kept.first().unwrap_or(&unspecified);
            let mut context = DeviceContext {
                id: Arc::clone(id),
                name: device.name.take(),
                addr: *addr,
                mac: device.mac,
                network: None,
                about: std::mem::take(&mut device.about),
            };
            describe(&mut context);
            (device.name, device.about) = (context.name, context.about);
        }
    }

    fn flow(&mut self, flow: &EnrichedFlow) {
        self.time_digits = self.time_digits.max(flow.record.point.time_digits);
        if !flow.record.is_final() || flow.duplicate_of.is_some() {
            return;
        }
        let (first, last) = self.period.unwrap_or((flow.record.start, flow.record.end));
        self.period = Some((first.min(flow.record.start), last.max(flow.record.end)));
        self.totals.add(flow);
        self.add_application(flow);
        self.add_encrypted_dns(flow);
        self.add_refuted(flow);
        self.add_device(flow);
        self.add_lookups(flow);
        self.add_verdicts(flow);
    }

    fn alert(&mut self, _transition: AlertTransition, alert: &Arc<Alert>) {
        if self.alerts.len() >= Self::MAX_ALERTS && !self.alerts.contains_key(&alert.id) {
            *self.overflow.entry("alerts").or_default() += 1;
            return;
        }
        self.alerts.insert(Arc::clone(&alert.id), Arc::clone(alert));
    }
}

/// Countries in which the remote cannot stand, though somebody claims it.
fn refuted(flow: &EnrichedFlow) -> impl Iterator<Item = CountryCode> {
    let physics = flow.remote.physics.as_deref();
    physics.into_iter().flat_map(|p| p.verdicts.keys().copied().filter(|c| p.refutes(*c)))
}

#[cfg(test)]
mod tests;
