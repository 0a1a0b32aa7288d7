//! The summary document of `whither read --format json` (DESIGN: stable; grown only by adding).

mod applications;
mod captures;
mod ledger;
mod provenance;

use std::net::IpAddr;
use std::sync::Arc;

use serde::Serialize;

use applications::{ApplicationDocument, applications};
use captures::{CaptureDocument, capture};
use ledger::LedgerDocument;
use provenance::ProvenanceDocument;

pub(super) use applications::scope;

use crate::capture::CaptureInfo;
use crate::deliver::AlertDocument;
use crate::model::{AlertTransition, Ledger, Provenance, Timestamp};
use crate::pipeline::score::Score;
use crate::pipeline::summary::{self, Summary, Tally};

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
