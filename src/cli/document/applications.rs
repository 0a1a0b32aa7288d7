//! Applications and where their data went.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use serde::Serialize;

use crate::cli::region::RegionDocument;
use crate::cli::{sorted_applications, sorted_destinations};
use crate::model::{Certainty, CountryCode, NetworkScope, Role};
use crate::pipeline::summary::{Destination, DestinationKey, Summary};

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ApplicationDocument {
    /// `null` for what could not be named.
    id: Option<Arc<str>>,
    name: Option<Arc<str>>,
    vendor: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vendor_country: Option<String>,
    tags: Vec<Arc<str>>,
    flows: u64,
    packets: u64,
    bytes_up: u64,
    bytes_down: u64,
    bytes_by_tier: BTreeMap<&'static str, u64>,
    bytes_by_method: BTreeMap<&'static str, u64>,
    destinations: Vec<DestinationDocument>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct RoleDocument {
    country: Option<String>,
    certainty: &'static str,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct DestinationDocument {
    /// Where the machine stands, as far as that is known.
    country: Option<String>,
    /// The role that `country` is given in: always `server`; the others stand in `roles`.
    role: &'static str,
    certainty: &'static str,
    operator: Option<Arc<str>>,
    asn: Option<u32>,
    owner: Option<Arc<str>>,
    anycast: bool,
    scope: String,
    /// Other users' devices (peers of a call), no servers of the application.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    peer: bool,
    roles: BTreeMap<&'static str, RoleDocument>,
    flows: u64,
    packets: u64,
    bytes_up: u64,
    bytes_down: u64,
    names: Vec<String>,
    addresses: Vec<IpAddr>,
    /// Whether there were more names or addresses than are listed.
    more: bool,
    methods: Vec<&'static str>,
    /// Regions that the vendor's own names for it claim: its word, not a location.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    region_claims: Vec<RegionDocument>,
    /// Countries claimed for its machines that the round trip to them leaves no time for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refuted_by_rtt: Vec<String>,
}

/// Largest first; what could not be named comes last, whatever its size.
pub(super) fn applications(summary: &Summary) -> Vec<ApplicationDocument> {
    sorted_applications(summary)
        .into_iter()
        .map(|(id, app)| ApplicationDocument {
            id: id.clone(),
            name: app.about.as_ref().map(|a| Arc::clone(&a.name)),
            vendor: app.about.as_ref().map(|a| Arc::clone(&a.vendor)),
            vendor_country: app.about.as_ref().and_then(|a| a.vendor_country).map(|c| c.to_string()),
            tags: app.about.as_ref().map(|a| a.tags.clone()).unwrap_or_default(),
            flows: app.tally.flows,
            packets: app.tally.packets,
            bytes_up: app.tally.bytes.up,
            bytes_down: app.tally.bytes.down,
            bytes_by_tier: app.by_tier.clone(),
            bytes_by_method: app.by_method.clone(),
            destinations: sorted_destinations(app).into_iter().map(|(k, d)| destination(k, d)).collect(),
        })
        .collect()
}

fn destination(key: &DestinationKey, destination: &Destination) -> DestinationDocument {
    let text = |c: Option<CountryCode>| c.map(|c| c.to_string());
    let roles = Role::OF_ADDRESS
        .into_iter()
        .zip(key.roles)
        .map(|(role, (country, certainty))| {
            (role.word(), RoleDocument { country: text(country), certainty: certainty.word() })
        })
        .collect();
    let (country, certainty) = key.roles.first().copied().unwrap_or((None, Certainty::Unknown));
    DestinationDocument {
        country: text(country),
        role: Role::Server.word(),
        certainty: certainty.word(),
        operator: key.operator.clone(),
        asn: key.asn,
        owner: key.owner.clone(),
        anycast: key.anycast,
        scope: scope(key.scope).to_owned(),
        peer: key.peer,
        roles,
        flows: destination.tally.flows,
        packets: destination.tally.packets,
        bytes_up: destination.tally.bytes.up,
        bytes_down: destination.tally.bytes.down,
        names: destination.names.kept.iter().map(ToString::to_string).collect(),
        addresses: destination.addresses.kept.iter().copied().collect(),
        more: destination.names.more || destination.addresses.more,
        methods: destination.methods.iter().copied().collect(),
        region_claims: destination.region_claims.kept.iter().map(RegionDocument::from).collect(),
        refuted_by_rtt: destination.refuted.iter().map(ToString::to_string).collect(),
    }
}

/// The word for a kind of network.
pub(in crate::cli) fn scope(scope: NetworkScope) -> &'static str {
    match scope {
        NetworkScope::Local => "local",
        NetworkScope::Special(range) => range,
        NetworkScope::Global => "global",
    }
}
