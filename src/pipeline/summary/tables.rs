//! The rows of a summary: what is told of a destination, an application, a device, a rule.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use crate::model::{
    Bytes, Certainty, CountryCode, DeviceAbout, EnrichedFlow, HostName, MacAddr, NetworkScope, RegionClaim,
    Role,
};

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
    pub(super) fn add(&mut self, flow: &EnrichedFlow) {
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

    pub(super) fn add(&mut self, item: T) {
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

/// One application's part; `None` as its key in [`Summary::applications`](super::Summary::applications) is "not named".
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

/// The destination that a flow goes to.
pub(super) fn destination_key(flow: &EnrichedFlow) -> DestinationKey {
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
