//! What was concluded, under `whither`: the application with its evidence, the verdicts, and what all of it rests on.

use serde::Serialize;

use crate::model::{self, Identification};

/// `whither.app`: the application, or the candidates.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct App<'a> {
    /// Catalogue id; left out when no one application can be named.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    /// Name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    /// Who makes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    vendor: Option<&'a str>,
    /// Where its maker sits, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    vendor_country: Option<String>,
    /// Its tags.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    tags: &'a [std::sync::Arc<str>],
    /// The kind of evidence that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'static str>,
    /// How sure, `A` (the process itself was seen) to `F` (says only where it is hosted).
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<&'static str>,
    /// What it rests on, deciding evidence first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    evidence: Vec<Evidence<'a>>,
    /// Applications that it could be when none can be chosen.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    candidates: &'a [model::AppId],
    /// What the network alone says, where the maker of the flow is known and named the application (`A`).
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<ByNetwork<'a>>,
}

/// `whither.app.network`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct ByNetwork<'a> {
    /// Catalogue id.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    /// The kind of evidence that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'static str>,
    /// How sure, `B` to `F`.
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<&'static str>,
    /// Applications that it could be.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    candidates: &'a [model::AppId],
}

/// One observed fact.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Evidence<'a> {
    /// `tls_sni`, `dns_answer`, `address_prefix`, …
    kind: &'static str,
    /// What was seen.
    value: &'a str,
    /// When; left out where time has no part in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
    /// The catalogue's fact that it met.
    #[serde(skip_serializing_if = "Option::is_none")]
    matched: Option<&'a str>,
    /// Where the catalogue has that fact from.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
}

/// One rule's outcome.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Verdict<'a> {
    /// The rule's id.
    rule: &'a str,
    /// `match`, `no_match` or `cannot_tell`. *Cannot tell* is no accusation.
    outcome: &'static str,
    /// The reasons, each with its grounds.
    because: &'a [std::sync::Arc<str>],
    /// The role that decided, or may decide. A *cannot tell* without it is mere lack of data.
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    /// The country that decided, or may decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
}

/// `whither.provenance`: what the document rests on besides the traffic.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Provenance<'a> {
    /// Version of whither.
    version: &'a str,
    /// Version of the catalogue of applications.
    catalogue: &'a str,
    /// SHA-256 of the policy in force.
    policy: &'a str,
    /// Data files.
    databases: Vec<Database<'a>>,
}

/// One data file.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Database<'a> {
    /// Short name.
    name: &'a str,
    /// Its date or version.
    build: &'a str,
    /// SHA-256 of its bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<&'a str>,
}

impl<'a> App<'a> {
    /// `None` when nothing at all is known.
    pub(super) fn new(
        identification: &'a Identification,
        evidence: &'a [model::Evidence],
        digits: u8,
    ) -> Option<Self> {
        if *identification == Identification::default() && evidence.is_empty() {
            return None;
        }
        let app = identification.app.as_deref();
        Some(Self {
            id: app.map(|a| a.id.as_ref()),
            name: app.map(|a| a.name.as_ref()),
            vendor: app.map(|a| a.vendor.as_ref()),
            vendor_country: app.and_then(|a| a.vendor_country).map(|c| c.to_string()),
            tags: app.map_or(&[], |a| &a.tags),
            method: identification.method,
            confidence: identification.tier.map(model::Tier::letter),
            evidence: evidence.iter().map(|e| Evidence::new(e, digits)).collect(),
            candidates: &identification.candidates,
            network: identification.network.as_deref().map(|n| ByNetwork {
                id: n.app.as_ref().map(|a| a.id.as_ref()),
                method: n.method,
                confidence: n.tier.map(model::Tier::letter),
                candidates: &n.candidates,
            }),
        })
    }
}

impl<'a> Evidence<'a> {
    fn new(evidence: &'a model::Evidence, digits: u8) -> Self {
        Self {
            kind: evidence.kind.word(),
            value: &evidence.value,
            at: evidence.at.map(|t| t.to_rfc3339(digits)),
            matched: evidence.matched.as_deref(),
            source: evidence.source.as_deref(),
        }
    }
}

impl<'a> Verdict<'a> {
    pub(super) fn new(verdict: &'a model::Verdict) -> Self {
        Self {
            rule: &verdict.rule,
            outcome: verdict.outcome.word(),
            because: &verdict.because,
            role: verdict.role.map(|(role, _)| role.word()),
            country: verdict.role.map(|(_, country)| country.to_string()),
        }
    }
}

impl<'a> Provenance<'a> {
    pub(super) fn new(provenance: &'a model::Provenance) -> Self {
        let database = |d: &'a model::SourceBuild| Database {
            name: &d.name,
            build: &d.build,
            sha256: d.sha256.as_deref(),
        };
        Self {
            version: &provenance.version,
            catalogue: &provenance.catalogue,
            policy: &provenance.policy,
            databases: provenance.databases.iter().map(database).collect(),
        }
    }
}
