//! The summary that a researcher wants first: per application and destination, who sent how much where.
//!
//! A sink of the flow stage. It counts each flow once, at its last record, by the totals and the identification
//! that the flow ended with. Every table is bounded; what does not fit is counted under `other`.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use crate::model::{
    Alert, AlertTransition, Bytes, Certainty, CountryCode, DeviceAbout, DeviceContext, EnrichedFlow,
    HostName, MacAddr, NetworkScope, Outcome, RegionClaim, Role, Timestamp,
};

use super::stage::Sink;

/// One destination of one application: everything that makes it a different answer to "where?".
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DestinationKey {
    /// Country and certainty by role, in the order of [`Role::OF_ADDRESS`].
    pub roles: [(Option<CountryCode>, Certainty); 4],
    /// Operator's name.
    pub operator: Option<Arc<str>>,
    /// Operator's AS number.
    pub asn: Option<u32>,
    /// The owner by name.
    pub owner: Option<Arc<str>>,
    /// Announced from many places.
    pub anycast: bool,
    /// Kind of address.
    pub scope: NetworkScope,
    /// Other users' devices, no servers of the application.
    pub peer: bool,
}

/// What went to one destination, or belongs to one application or device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Flows.
    pub flows: u64,
    /// Octets from and to the device.
    pub bytes: Bytes,
    /// Packets in both directions.
    pub packets: u64,
}

impl Tally {
    fn add(&mut self, flow: &EnrichedFlow) {
        self.flows += 1;
        self.bytes.up = self.bytes.up.saturating_add(flow.bytes_up_total());
        self.bytes.down = self.bytes.down.saturating_add(flow.bytes_down_total());
        self.packets = self
            .packets
            .saturating_add(flow.record.forward_total.packets)
            .saturating_add(flow.record.reverse_total.packets);
    }

    /// Octets in both directions.
    pub fn octets(&self) -> u64 {
        self.bytes.up.saturating_add(self.bytes.down)
    }
}

/// A bounded set of examples with the count of all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examples<T> {
    /// The smallest ones, at most [`Examples::KEPT`].
    pub kept: BTreeSet<T>,
    /// Whether there were more.
    pub more: bool,
}

impl<T> Default for Examples<T> {
    fn default() -> Self {
        Self { kept: BTreeSet::new(), more: false }
    }
}

impl<T: Ord> Examples<T> {
    /// Enough for a reader to recognise a destination; a flood of names must not fill memory.
    pub const KEPT: usize = 32;

    fn add(&mut self, item: T) {
        if self.kept.contains(&item) {
            return;
        }
        self.kept.insert(item);
        if self.kept.len() > Self::KEPT {
            // The largest goes, so that the set kept does not depend on the order of arrival.
            self.kept.pop_last();
            self.more = true;
        }
    }
}

/// One destination's line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Destination {
    /// How much.
    pub tally: Tally,
    /// Names under which it was known.
    pub names: Examples<HostName>,
    /// Its addresses.
    pub addresses: Examples<IpAddr>,
    /// Regions that the vendor's own names for it claim.
    pub region_claims: Examples<RegionClaim>,
    /// Countries that a source claims for its machines, and that the round trip to them leaves no time for.
    pub refuted: BTreeSet<CountryCode>,
    /// The kinds of evidence that named the application here.
    pub methods: BTreeSet<&'static str>,
}

/// One application's part; `None` as its key in [`Summary::applications`] is "not named".
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Application {
    /// Name for people, vendor and its seat with source; empty for the unnamed.
    pub about: Option<Arc<crate::model::AppRef>>,
    /// How much in all.
    pub tally: Tally,
    /// Where to.
    pub destinations: BTreeMap<DestinationKey, Destination>,
    /// Octets by confidence tier letter.
    pub by_tier: BTreeMap<&'static str, u64>,
    /// Octets by the kind of evidence that decided.
    pub by_method: BTreeMap<&'static str, u64>,
}

/// One device's part.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Device {
    /// Its name, where one is known.
    pub name: Option<Arc<str>>,
    /// MAC address.
    pub mac: Option<MacAddr>,
    /// What else is known of it.
    pub about: DeviceAbout,
    /// The configured network it is in.
    pub network: Option<Arc<str>>,
    /// Addresses it used.
    pub addresses: Examples<IpAddr>,
    /// How much in all.
    pub tally: Tally,
    /// Applications seen on it.
    pub applications: BTreeSet<Arc<str>>,
}

/// How often each rule said what; and why it could not tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RuleTally {
    /// Flows that match.
    pub matched: Tally,
    /// Flows of which it cannot be told.
    pub cannot_tell: Tally,
    /// Reasons for *cannot tell*, with flows; bounded.
    pub reasons: BTreeMap<Arc<str>, u64>,
}

/// Lookups of an application around the DNS.
#[derive(Debug, Clone, Default)]
pub struct AroundDns {
    /// Requests.
    pub lookups: u64,
    /// Responses out of which addresses were learned.
    pub answers: u64,
    /// Names asked for in clear.
    pub names: Examples<HostName>,
}

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

fn destination_key(flow: &EnrichedFlow) -> DestinationKey {
    let remote = &flow.remote;
    let answer = |role: Role| remote.roles.get(role).map(|a| (a.country, a.certainty)).unwrap_or_default();
    DestinationKey {
        roles: Role::OF_ADDRESS.map(answer),
        operator: remote.operator.name.clone(),
        asn: remote.operator.asn,
        owner: remote.operator.owner.clone(),
        anycast: remote.anycast,
        scope: remote.scope,
        peer: flow.record.facts.peer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Counters, FlowEndReason, FlowId, Identification, Tier, fixture};

    /// Two records of one flow: the first without a name, the second with its totals.
    fn records(id: u64, identification: &Identification) -> [EnrichedFlow; 2] {
        let mut interim = fixture::flow();
        interim.record.id = FlowId(id);
        interim.identification = Identification::default();
        let mut last = interim.clone();
        last.record.sequence = 1;
        last.record.end_reason = Some(FlowEndReason::IdleTimeout);
        last.record.forward_total = Counters { packets: 30, octets: 4000 };
        last.record.reverse_total = Counters { packets: 30, octets: 5000 };
        last.identification = identification.clone();
        [interim, last]
    }

    #[test]
    fn octets_by_tier_and_by_method_are_those_of_whole_flows_and_sum_to_all() {
        let named = fixture::flow().identification;
        let by_dns =
            Identification { tier: Some(Tier::C), method: Some("dns_answer"), ..Identification::default() };
        let mut summary = Summary::default();
        for flow in [
            records(1, &named),
            records(2, &by_dns),
            records(3, &Identification::default()),
            records(4, &named),
        ]
        .iter()
        .flatten()
        {
            summary.flow(flow);
        }
        assert_eq!(summary.totals.octets(), 4 * 9000, "each flow once, by its totals and not its deltas");
        let tiers: Vec<_> = summary.bytes_by_tier.iter().map(|(t, n)| (*t, *n)).collect();
        assert_eq!(tiers, [("B", 18_000), ("C", 9000), ("none", 9000)]);
        let methods: Vec<_> = summary.bytes_by_method.iter().map(|(m, n)| (*m, *n)).collect();
        assert_eq!(methods, [("dns_answer", 9000), ("none", 9000), ("tls_sni", 18_000)]);
        assert_eq!(summary.bytes_unnamed, 18_000);
        let by_application = summary.applications.values().flat_map(|a| a.by_method.values()).sum::<u64>();
        assert_eq!(by_application, summary.totals.octets());
    }

    #[test]
    fn other_users_devices_are_no_destination_of_the_application() {
        let named = fixture::flow().identification;
        let [_, server] = records(1, &named);
        let mut call = server.clone();
        call.record.id = FlowId(2);
        call.record.facts = Arc::new(crate::model::Facts { peer: true, ..Default::default() });
        let mut summary = Summary::default();
        for flow in [&server, &call] {
            summary.flow(flow);
        }
        let app = summary.applications.values().next().unwrap();
        let kinds: Vec<_> = app.destinations.iter().map(|(key, d)| (key.peer, d.tally.flows)).collect();
        assert_eq!(kinds, [(false, 1), (true, 1)]);
    }
}
