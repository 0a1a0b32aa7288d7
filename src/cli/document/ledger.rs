//! The ledger: what a result does not know.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::model::Ledger;
use crate::pipeline::summary::Summary;

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
