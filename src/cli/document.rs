//! The summary document of `whither read --format json` (DESIGN: stable; grown only by adding).

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use serde::Serialize;

use crate::capture::{Brought, CaptureInfo};
use crate::deliver::AlertDocument;
use crate::model::{
    AlertTransition, Certainty, CountryCode, Label, Ledger, NetworkScope, Provenance, Role, Timestamp,
};
use crate::pipeline::score::Score;
use crate::pipeline::summary::{self, DestinationKey, Summary, Tally};

use super::region::RegionDocument;
use super::score::ScoreDocument;

/// The whole document.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(title = "whither summary document"))]
pub(super) struct Document<'a> {
    captures: Vec<CaptureDocument>,
    totals: Totals,
    applications: Vec<ApplicationDocument>,
    devices: Vec<DeviceDocument>,
    /// Applications that resolve around the DNS.
    httpdns: Vec<HttpdnsDocument>,
    rules: Vec<RuleDocument>,
    alerts: Vec<AlertDocument<'a>>,
    ledger: LedgerDocument,
    /// With `--score`: the network's names against what the captures bring along.
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<ScoreDocument>,
    provenance: ProvenanceDocument,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct CaptureDocument {
    path: String,
    sha256: Option<String>,
    bytes: u64,
    packets: u64,
    link_types: Vec<String>,
    first: Option<String>,
    last: Option<String>,
    complete: bool,
    /// What the file says beside its packets; left out where it says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<OriginDocument>,
}

/// What a capture brings along: who made its packets, names of addresses.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct OriginDocument {
    /// By what means makers of packets were told (`pcapdroid_trailer`, `pktap`…).
    kind: Vec<&'static str>,
    /// Frames with a maker.
    frames: u64,
    uids: BTreeSet<u32>,
    packages: Vec<String>,
    names: Vec<String>,
    /// Frames that a relay on the device made up: no round trip is taken from their flows.
    relayed: u64,
    /// Addresses that the file itself names.
    addresses_named: u64,
    /// Blocks of secrets for decryption, passed over.
    secrets_blocks: u64,
    /// Packets with a process id in a comment, not used.
    pid_comments: u64,
}

impl OriginDocument {
    fn new(brought: &Brought) -> Option<Self> {
        let texts = |labels: &BTreeSet<Label>| labels.iter().map(ToString::to_string).collect();
        (!brought.is_empty()).then(|| Self {
            kind: brought.sources.iter().map(|s| s.word()).collect(),
            frames: brought.frames,
            uids: brought.uids.clone(),
            packages: texts(&brought.packages),
            names: texts(&brought.names),
            relayed: brought.relayed,
            addresses_named: brought.addresses_named,
            secrets_blocks: brought.secrets_blocks,
            pid_comments: brought.pid_comments,
        })
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Totals {
    flows: u64,
    packets: u64,
    octets: u64,
    bytes_up: u64,
    bytes_down: u64,
    first: Option<String>,
    last: Option<String>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ApplicationDocument {
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

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct HttpdnsDocument {
    /// `null` where the application could not be named.
    app: Option<Arc<str>>,
    service: Arc<str>,
    lookups: u64,
    answers: u64,
    names: Vec<String>,
    more_names: bool,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct DeviceDocument {
    id: Arc<str>,
    name: Option<Arc<str>>,
    /// Where the name is from.
    #[serde(skip_serializing_if = "Option::is_none")]
    name_source: Option<&'static str>,
    mac: Option<String>,
    /// The MAC address is made up.
    randomised: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    vendor: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    class_because: Option<Arc<str>>,
    network: Option<Arc<str>>,
    addresses: Vec<IpAddr>,
    applications: Vec<Arc<str>>,
    flows: u64,
    packets: u64,
    bytes_up: u64,
    bytes_down: u64,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct RuleDocument {
    id: Arc<str>,
    matched: RuleCounts,
    cannot_tell: RuleCounts,
    cannot_tell_because: Vec<ReasonDocument>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct RuleCounts {
    flows: u64,
    bytes_up: u64,
    bytes_down: u64,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ReasonDocument {
    reason: Arc<str>,
    flows: u64,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ProvenanceDocument {
    version: Arc<str>,
    catalogue: Arc<str>,
    policy: Arc<str>,
    databases: Vec<DatabaseDocument>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct DatabaseDocument {
    name: Arc<str>,
    build: Arc<str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<Arc<str>>,
}

impl From<&Provenance> for ProvenanceDocument {
    fn from(provenance: &Provenance) -> Self {
        let database = |d: &crate::model::SourceBuild| DatabaseDocument {
            name: Arc::clone(&d.name),
            build: Arc::clone(&d.build),
            sha256: d.sha256.clone(),
        };
        Self {
            version: Arc::clone(&provenance.version),
            catalogue: Arc::clone(&provenance.catalogue),
            policy: Arc::clone(&provenance.policy),
            databases: provenance.databases.iter().map(database).collect(),
        }
    }
}

/// The ledger, as every document shows it.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct LedgerDocument {
    packets: PacketsDocument,
    flows: FlowsDocument,
    bytes_unnamed: u64,
    bytes_by_tier: BTreeMap<&'static str, u64>,
    bytes_by_method: BTreeMap<&'static str, u64>,
    /// Flows that carry lookups which cannot be seen; names may be missing for them.
    encrypted_dns: EncryptedDnsDocument,
    /// Places claimed for addresses that the round trip to them leaves no time for.
    #[serde(skip_serializing_if = "Option::is_none")]
    locations_refuted: Option<usize>,
    limits: BTreeMap<String, u64>,
    gaps: Vec<GapDocument>,
    notes: Vec<String>,
}

#[derive(Debug, Default, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct EncryptedDnsDocument {
    flows: u64,
    bytes: u64,
    resolvers: Vec<EncryptedResolverDocument>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct EncryptedResolverDocument {
    transport: &'static str,
    resolver: Option<Arc<str>>,
    flows: u64,
    bytes: u64,
}

impl From<&Summary> for EncryptedDnsDocument {
    fn from(summary: &Summary) -> Self {
        let resolvers: Vec<_> = summary
            .encrypted_dns
            .iter()
            .map(|((transport, resolver), tally)| EncryptedResolverDocument {
                transport,
                resolver: resolver.clone(),
                flows: tally.flows,
                bytes: tally.octets(),
            })
            .collect();
        let sum = |of: fn(&EncryptedResolverDocument) -> u64| resolvers.iter().map(of).sum();
        Self { flows: sum(|r| r.flows), bytes: sum(|r| r.bytes), resolvers }
    }
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct PacketsDocument {
    read: u64,
    decoded: u64,
    malformed: BTreeMap<String, u64>,
    unsupported: BTreeMap<String, u64>,
    shed: u64,
    kernel_drops: u64,
    interface_drops: u64,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct FlowsDocument {
    created: u64,
    active: u64,
    ended: BTreeMap<String, u64>,
    evicted: BTreeMap<String, u64>,
}

#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct GapDocument {
    source: String,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    offset: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    detail: String,
}

impl<'a> Document<'a> {
    /// Puts the parts of a result together; everything is sorted, so the same result gives the same bytes.
    pub(super) fn new(
        summary: &'a Summary,
        captures: &[CaptureInfo],
        ledger: &Ledger,
        provenance: &Provenance,
        score: Option<&Score>,
    ) -> Self {
        let digits = summary.time_digits.max(6);
        let time = |t: Timestamp| t.to_rfc3339(digits);
        Self {
            captures: captures.iter().map(|c| capture(c, digits)).collect(),
            totals: Totals {
                flows: summary.totals.flows,
                packets: summary.totals.packets,
                octets: summary.totals.octets(),
                bytes_up: summary.totals.bytes.up,
                bytes_down: summary.totals.bytes.down,
                first: summary.period.map(|(first, _)| time(first)),
                last: summary.period.map(|(_, last)| time(last)),
            },
            applications: applications(summary),
            devices: summary.devices.iter().map(|(id, d)| device(id, d)).collect(),
            httpdns: summary
                .httpdns
                .iter()
                .map(|((app, service), l)| httpdns(app.as_ref(), service, l))
                .collect(),
            rules: summary.rules.iter().map(|(id, r)| rule(id, r)).collect(),
            alerts: super::sorted_alerts(summary)
                .iter()
                .map(|a| AlertDocument::new(a, AlertTransition::Closed))
                .collect(),
            ledger: LedgerDocument::new(ledger, Some(summary), digits),
            score: score.map(ScoreDocument::from),
            provenance: ProvenanceDocument::from(provenance),
        }
    }
}

fn httpdns(app: Option<&Arc<str>>, service: &Arc<str>, seen: &summary::AroundDns) -> HttpdnsDocument {
    HttpdnsDocument {
        app: app.cloned(),
        service: Arc::clone(service),
        lookups: seen.lookups,
        answers: seen.answers,
        names: seen.names.kept.iter().map(ToString::to_string).collect(),
        more_names: seen.names.more,
    }
}

impl LedgerDocument {
    /// The ledger with the name coverage of a summary, where there is one.
    pub(super) fn new(ledger: &Ledger, summary: Option<&Summary>, digits: u8) -> Self {
        let mut bytes_by_tier: BTreeMap<&'static str, u64> =
            ["A", "B", "C", "D", "E", "F", "none"].into_iter().map(|t| (t, 0)).collect();
        if let Some(summary) = summary {
            bytes_by_tier.extend(&summary.bytes_by_tier);
        }
        let mut limits = ledger.limits.clone();
        if let Some(summary) = summary {
            limits.extend(summary.overflow.iter().map(|(k, n)| (format!("summary_{k}_full"), *n)));
        }
        Self {
            packets: PacketsDocument {
                read: ledger.packets.read,
                decoded: ledger.packets.decoded,
                malformed: ledger.packets.malformed.clone(),
                unsupported: ledger.packets.unsupported.clone(),
                shed: ledger.packets.shed,
                kernel_drops: ledger.packets.kernel_drops,
                interface_drops: ledger.packets.interface_drops,
            },
            flows: FlowsDocument {
                created: ledger.flows.created,
                active: ledger.flows.active,
                ended: ledger.flows.ended.clone(),
                evicted: ledger.flows.evicted.clone(),
            },
            bytes_unnamed: summary.map_or(0, |s| s.bytes_unnamed),
            bytes_by_tier,
            bytes_by_method: summary.map(|s| s.bytes_by_method.clone()).unwrap_or_default(),
            encrypted_dns: summary.map(EncryptedDnsDocument::from).unwrap_or_default(),
            locations_refuted: summary.map(|s| s.refuted.len()).filter(|n| *n > 0),
            limits,
            gaps: ledger
                .gaps
                .iter()
                .map(|g| GapDocument {
                    source: g.source.clone(),
                    kind: g.kind,
                    offset: g.offset,
                    at: g.at.map(|t| t.to_rfc3339(digits)),
                    detail: g.detail.clone(),
                })
                .collect(),
            notes: ledger.notes.clone(),
        }
    }
}

fn capture(info: &CaptureInfo, digits: u8) -> CaptureDocument {
    CaptureDocument {
        path: info.path.display().to_string(),
        sha256: info.sha256.clone(),
        bytes: info.bytes,
        packets: info.packets,
        link_types: info.link_types.iter().map(|l| l.name()).collect(),
        first: info.first.map(|t| t.to_rfc3339(digits)),
        last: info.last.map(|t| t.to_rfc3339(digits)),
        complete: info.complete,
        origin: OriginDocument::new(&info.brought),
    }
}

/// Largest first; what could not be named comes last, whatever its size.
fn applications(summary: &Summary) -> Vec<ApplicationDocument> {
    super::sorted_applications(summary)
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
            destinations: super::sorted_destinations(app)
                .into_iter()
                .map(|(k, d)| destination(k, d))
                .collect(),
        })
        .collect()
}

fn destination(key: &DestinationKey, destination: &summary::Destination) -> DestinationDocument {
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
pub(super) fn scope(scope: NetworkScope) -> &'static str {
    match scope {
        NetworkScope::Local => "local",
        NetworkScope::Special(range) => range,
        NetworkScope::Global => "global",
    }
}

fn device(id: &Arc<str>, device: &summary::Device) -> DeviceDocument {
    DeviceDocument {
        id: Arc::clone(id),
        name: device.name.clone(),
        name_source: device.about.name_source,
        mac: device.mac.map(|m| m.to_string()),
        randomised: device.about.randomised,
        vendor: device.about.vendor.clone(),
        class: device.about.class.as_ref().map(|c| Arc::clone(&c.class)),
        class_because: device.about.class.as_ref().map(|c| Arc::clone(&c.because)),
        network: device.network.clone(),
        addresses: device.addresses.kept.iter().copied().collect(),
        applications: device.applications.iter().cloned().collect(),
        flows: device.tally.flows,
        packets: device.tally.packets,
        bytes_up: device.tally.bytes.up,
        bytes_down: device.tally.bytes.down,
    }
}

fn rule(id: &Arc<str>, rule: &summary::RuleTally) -> RuleDocument {
    let counts = |t: &Tally| RuleCounts { flows: t.flows, bytes_up: t.bytes.up, bytes_down: t.bytes.down };
    RuleDocument {
        id: Arc::clone(id),
        matched: counts(&rule.matched),
        cannot_tell: counts(&rule.cannot_tell),
        cannot_tell_because: rule
            .reasons
            .iter()
            .map(|(reason, flows)| ReasonDocument { reason: Arc::clone(reason), flows: *flows })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::Document;
    use crate::deliver::schema::{expect, schema};

    #[test]
    fn the_committed_schema_is_that_of_the_code() {
        expect("docs/reference/summary.schema.json", &schema::<Document<'static>>());
    }
}
