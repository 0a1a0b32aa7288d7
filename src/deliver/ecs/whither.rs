//! What ECS has no word for: roles with their certainty, the application with its evidence, verdicts, provenance.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use serde::Serialize;

use crate::model::{
    Claim, DeviceContext, Evidence, Identification, NetworkScope, Provenance, RemoteContext, Role, RoleAnswers, Verdict,
};

/// What one source says of a role.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ClaimDocument {
    name: Arc<str>,
    country: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date: Option<Arc<str>>,
}

/// The answer to one role's question.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct RoleDocument {
    country: Option<String>,
    certainty: &'static str,
    /// The source that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    date: Option<Arc<str>>,
    sources: Vec<ClaimDocument>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<Arc<str>>,
}

/// The four roles of an address, by their words.
pub fn role_documents(roles: &RoleAnswers) -> BTreeMap<&'static str, RoleDocument> {
    let one = |role: Role| {
        let answer = roles.get(role)?;
        let deciding: Option<&Claim> =
            answer.claims.iter().find(|c| c.country.is_some() && c.country == answer.country);
        let document = RoleDocument {
            country: answer.country.map(|c| c.to_string()),
            certainty: answer.certainty.word(),
            source: deciding.map(|c| Arc::clone(&c.source)),
            date: deciding.and_then(|c| c.date.clone()),
            sources: answer
                .claims
                .iter()
                .map(|c| ClaimDocument {
                    name: Arc::clone(&c.source),
                    country: c.country.map(|c| c.to_string()),
                    date: c.date.clone(),
                })
                .collect(),
            note: answer.note.clone(),
        };
        Some((role.word(), document))
    };
    Role::OF_ADDRESS.into_iter().filter_map(one).collect()
}

#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Device {
    id: Arc<str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Arc<str>>,
    ip: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    mac: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<Arc<str>>,
}

impl From<&DeviceContext> for Device {
    fn from(device: &DeviceContext) -> Self {
        Self {
            id: Arc::clone(&device.id),
            name: device.name.clone(),
            ip: device.addr,
            mac: device.mac.map(|m| m.to_string()),
            network: device.network.clone(),
        }
    }
}

#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct OperatorDocument {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    asn: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<Arc<str>>,
    cdn: bool,
}

#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Remote {
    ip: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    hostname: Option<String>,
    /// The address that was looked up, where it is another (NAT64, 6to4, Teredo).
    #[serde(skip_serializing_if = "Option::is_none")]
    looked_up: Option<IpAddr>,
    scope: &'static str,
    anycast: bool,
    roles: BTreeMap<&'static str, RoleDocument>,
    operator: OperatorDocument,
}

impl From<&RemoteContext> for Remote {
    fn from(remote: &RemoteContext) -> Self {
        Self {
            ip: remote.addr,
            hostname: remote.hostname.as_ref().map(ToString::to_string),
            looked_up: (remote.looked_up != remote.addr).then_some(remote.looked_up),
            scope: match remote.scope {
                NetworkScope::Local => "local",
                NetworkScope::Special(range) => range,
                NetworkScope::Global => "global",
            },
            anycast: remote.anycast,
            roles: role_documents(&remote.roles),
            operator: OperatorDocument {
                name: remote.operator.name.clone(),
                asn: remote.operator.asn,
                owner: remote.operator.owner.clone(),
                cdn: remote.operator.cdn,
            },
        }
    }
}

#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct EvidenceDocument {
    kind: &'static str,
    value: Arc<str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    matched: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Arc<str>>,
}

pub(super) fn evidence(list: &[Evidence], digits: u8) -> Vec<EvidenceDocument> {
    list.iter()
        .map(|e| EvidenceDocument {
            kind: e.kind.word(),
            value: Arc::clone(&e.value),
            at: e.at.map(|t| t.to_rfc3339(digits)),
            matched: e.matched.clone(),
            source: e.source.clone(),
        })
        .collect()
}

#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct App {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vendor: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vendor_country: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'static str>,
    /// The tier, A (certain) to F (weak).
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<&'static str>,
    evidence: Vec<EvidenceDocument>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    candidates: Vec<Arc<str>>,
}

impl App {
    pub(super) fn new(identification: &Identification, digits: u8) -> Self {
        let app = identification.app.as_deref();
        Self {
            id: app.map(|a| Arc::clone(&a.id)),
            name: app.map(|a| Arc::clone(&a.name)),
            vendor: app.map(|a| Arc::clone(&a.vendor)),
            vendor_country: app.and_then(|a| a.vendor_country).map(|c| c.to_string()),
            tags: app.map(|a| a.tags.clone()).unwrap_or_default(),
            method: identification.method,
            confidence: identification.tier.map(|t| t.letter()),
            evidence: evidence(&identification.evidence, digits),
            candidates: identification.candidates.clone(),
        }
    }
}

#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct VerdictDocument {
    rule: Arc<str>,
    outcome: &'static str,
    because: Vec<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
}

impl From<&Verdict> for VerdictDocument {
    fn from(verdict: &Verdict) -> Self {
        Self {
            rule: Arc::clone(&verdict.rule),
            outcome: verdict.outcome.word(),
            because: verdict.because.clone(),
            role: verdict.role.map(|(role, _)| role.word()),
            country: verdict.role.map(|(_, country)| country.to_string()),
        }
    }
}

#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct DatabaseDocument {
    name: Arc<str>,
    build: Arc<str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<Arc<str>>,
}

/// What a result rests on besides the traffic.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ProvenanceDocument {
    version: Arc<str>,
    catalogue: Arc<str>,
    policy: Arc<str>,
    databases: Vec<DatabaseDocument>,
}

/// Provenance as a document.
pub fn provenance_document(provenance: &Provenance) -> ProvenanceDocument {
    ProvenanceDocument {
        version: Arc::clone(&provenance.version),
        catalogue: Arc::clone(&provenance.catalogue),
        policy: Arc::clone(&provenance.policy),
        databases: provenance
            .databases
            .iter()
            .map(|d| DatabaseDocument { name: Arc::clone(&d.name), build: Arc::clone(&d.build), sha256: d.sha256.clone() })
            .collect(),
    }
}
