//! The two ends under `whither`: the device on this side, the remote on the other, with the four roles apart.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use crate::model::{self, DeviceContext, HostName, NetworkScope, RegionPlace, RemoteContext, RoleAnswer};

/// `whither.device`: the local end.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Device<'a> {
    /// A stable id: configured name, else MAC address, else address. `*` stands for several devices.
    id: &'a str,
    /// Its name, where one is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    /// Where its name is from: `config`, `lease`, `dhcp`, `dhcp6`, `mdns`, `llmnr`, `nbns`, or `vendor` (its maker and the end of
    /// its MAC address).
    #[serde(skip_serializing_if = "Option::is_none")]
    name_source: Option<&'a str>,
    /// The address it used.
    ip: IpAddr,
    /// Its MAC address.
    #[serde(skip_serializing_if = "Option::is_none")]
    mac: Option<String>,
    /// The MAC address is made up: it changes, and tells no vendor.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    randomised: bool,
    /// Who made it, or its network card.
    #[serde(skip_serializing_if = "Option::is_none")]
    vendor: Option<&'a str>,
    /// What kind of thing it is (`phone`, `camera`…), where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    class: Option<&'a str>,
    /// The configured network it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<&'a str>,
}

/// `whither.remote`: the far end.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Remote<'a> {
    /// Its address.
    ip: IpAddr,
    /// `global`, `local`, or the special range it is in.
    scope: &'a str,
    /// The best host name known for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    hostname: Option<&'a str>,
    /// Announced from several places at once: its location has no meaning.
    anycast: bool,
    /// The address that was looked up, where it is another one (NAT64, 6to4, Teredo).
    #[serde(skip_serializing_if = "Option::is_none")]
    looked_up: Option<IpAddr>,
    /// In which sense it is "in" which country; only for addresses on the Internet.
    #[serde(skip_serializing_if = "Option::is_none")]
    roles: Option<Roles<'a>>,
    /// Who runs its network.
    #[serde(skip_serializing_if = "Option::is_none")]
    operator: Option<Operator<'a>>,
    /// The region that the vendor's own host name claims: its word, not a location.
    #[serde(skip_serializing_if = "Option::is_none")]
    region_claim: Option<RegionClaim<'a>>,
    /// Whose data it is, where the machine is rented (a CDN's or a cloud's) and the flow called a name of a known service.
    #[serde(skip_serializing_if = "Option::is_none")]
    tenant: Option<Tenant<'a>>,
    /// The smallest round trip to it, held against the countries that are claimed; only with a configured site.
    #[serde(skip_serializing_if = "Option::is_none")]
    physics: Option<Physics<'a>>,
}

/// `whither.remote.tenant`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Tenant<'a> {
    /// The maker of the service that the name belongs to.
    vendor: &'a str,
    /// Where it sits.
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    /// Where that is known from.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    /// The name that the flow called.
    name: &'a str,
    /// By what it called it (`tls_sni`…).
    method: &'static str,
}

/// `whither.remote.physics`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Physics<'a> {
    /// The smallest handshake round trip seen to the address, in milliseconds.
    rtt_ms: f64,
    /// How far the machine can stand from the site, in kilometres: 100 for each millisecond.
    bound_km: u32,
    /// From where: a country, or latitude and longitude.
    site: &'a str,
    /// By country that a source or the vendor's name claims: `possible` (never a proof) or `refuted_by_rtt`.
    verdicts: BTreeMap<String, &'static str>,
}

/// `whither.remote.region_claim`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct RegionClaim<'a> {
    /// Whose names these are.
    vendor: &'a str,
    /// The name that the word stands in.
    name: &'a str,
    /// The word.
    token: &'a str,
    /// The country that it stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    /// The group of countries that it stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    /// Where its meaning is known from.
    source: &'a str,
    /// `doc`: the vendor documents it; `seen`: plain from names in use.
    confidence: &'static str,
}

/// `whither.remote.roles`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Roles<'a> {
    /// Where the machine stands.
    server: Role<'a>,
    /// Where the address block is registered.
    registrant: Role<'a>,
    /// Where the company that runs the network sits.
    operator: Role<'a>,
    /// Where its ultimate parent sits.
    owner: Role<'a>,
}

/// The answer to one role's question.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Role<'a> {
    /// The country concluded. Do not rely on it unless `certainty` is `medium` or `high`.
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    /// `unknown`, `disputed`, `low`, `medium` or `high`.
    certainty: &'static str,
    /// The first source that names the country.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    /// The date of its data.
    #[serde(skip_serializing_if = "Option::is_none")]
    date: Option<&'a str>,
    /// What a reader must know besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'a str>,
    /// What each source says, where more than one was asked or none is relied on.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    claims: Vec<Claim<'a>>,
}

/// What one source says.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Claim<'a> {
    /// The source's short name.
    source: &'a str,
    /// The country it names; left out when it has no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    /// The date of its data.
    #[serde(skip_serializing_if = "Option::is_none")]
    date: Option<&'a str>,
    /// The round trip to the machine is too short for it to stand there.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    refuted: bool,
}

/// `whither.remote.operator`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Operator<'a> {
    /// The organisation.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    /// AS number.
    #[serde(skip_serializing_if = "Option::is_none")]
    asn: Option<u32>,
    /// Its ultimate parent.
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'a str>,
    /// It serves other people's content, so it does not tell whose data it is.
    cdn: bool,
}

impl<'a> Device<'a> {
    pub(super) fn new(device: &'a DeviceContext) -> Self {
        Self {
            id: &device.id,
            name: device.name.as_deref(),
            name_source: device.about.name_source,
            ip: device.addr,
            mac: device.mac.map(|m| m.to_string()),
            randomised: device.about.randomised,
            vendor: device.about.vendor.as_deref(),
            class: device.about.class.as_ref().map(|c| &*c.class),
            network: device.network.as_deref(),
        }
    }
}

impl<'a> Remote<'a> {
    pub(super) fn new(remote: &'a RemoteContext) -> Self {
        let operator = &remote.operator;
        let known = operator.asn.is_some() || operator.name.is_some() || operator.owner.is_some();
        Self {
            ip: remote.addr,
            scope: match remote.scope {
                NetworkScope::Local => "local",
                NetworkScope::Special(range) => range,
                NetworkScope::Global => "global",
            },
            hostname: remote.hostname.as_ref().map(HostName::as_str),
            anycast: remote.anycast,
            looked_up: Some(remote.looked_up).filter(|a| *a != remote.addr),
            roles: (remote.scope == NetworkScope::Global).then(|| Roles {
                server: Role::new(&remote.roles.server),
                registrant: Role::new(&remote.roles.registrant),
                operator: Role::new(&remote.roles.operator),
                owner: Role::new(&remote.roles.owner),
            }),
            operator: known.then(|| Operator {
                name: operator.name.as_deref().or(operator.as_name.as_deref()),
                asn: operator.asn,
                owner: operator.owner.as_deref(),
                cdn: operator.cdn,
            }),
            region_claim: remote.region_claim.as_deref().map(RegionClaim::new),
            tenant: remote.tenant.as_deref().map(|tenant| Tenant {
                vendor: &tenant.vendor,
                country: tenant.country.map(|c| c.to_string()),
                source: tenant.source.as_deref(),
                name: &tenant.name,
                method: tenant.method,
            }),
            physics: remote.physics.as_deref().map(|physics| Physics {
                // To a thousandth: the clock of a capture knows no more.
                rtt_ms: (physics.rtt_ms() * 1000.0).round() / 1000.0,
                bound_km: physics.bound_km,
                site: &physics.site,
                verdicts: physics.verdicts.iter().map(|(c, v)| (c.to_string(), v.word())).collect(),
            }),
        }
    }
}

impl<'a> RegionClaim<'a> {
    fn new(claim: &'a model::RegionClaim) -> Self {
        let (country, group) = match &claim.place {
            RegionPlace::Country(country) => (Some(country.to_string()), None),
            RegionPlace::Group(group) => (None, Some(group.as_ref())),
        };
        Self {
            vendor: &claim.vendor,
            name: claim.name.as_str(),
            token: &claim.token,
            country,
            group,
            source: &claim.source,
            confidence: claim.confidence,
        }
    }
}

impl<'a> Role<'a> {
    fn new(answer: &'a RoleAnswer) -> Self {
        use crate::model::Certainty;
        let by = answer.country.and_then(|c| answer.claims.iter().find(|claim| claim.country == Some(c)));
        let tell_all = answer.claims.len() > 1 || (answer.certainty < Certainty::Medium && by.is_none());
        let claim = |c: &'a model::Claim| Claim {
            source: &c.source,
            country: c.country.map(|c| c.to_string()),
            date: c.date.as_deref(),
            refuted: c.refuted,
        };
        Self {
            country: answer.country.map(|c| c.to_string()),
            certainty: answer.certainty.word(),
            source: by.map(|c| c.source.as_ref()),
            date: by.and_then(|c| c.date.as_deref()),
            note: answer.note.as_deref(),
            claims: if tell_all { answer.claims.iter().map(claim).collect() } else { Vec::new() },
        }
    }
}
