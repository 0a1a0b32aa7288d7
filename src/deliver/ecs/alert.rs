//! The document of one step in an alert's life.

use std::net::IpAddr;
use std::sync::Arc;

use serde::Serialize;

use crate::model::{Alert, AlertState, AlertTransition};

use super::parts::{Ecs, Event, Rule, Side, mac};
use super::whither::{
    App, Device, EvidenceDocument, ProvenanceDocument, Remote, evidence, provenance_document,
};

/// One alert.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct AlertDocument {
    #[serde(rename = "@timestamp")]
    timestamp: String,
    ecs: Ecs,
    /// One sentence for people.
    message: String,
    event: Event,
    rule: Rule,
    source: Side,
    destination: Side,
    network: Network,
    whither: Whither,
}

#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Network {
    #[serde(skip_serializing_if = "Option::is_none")]
    application: Option<Arc<str>>,
    bytes: u64,
}

#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Whither {
    alert_id: Arc<str>,
    state: &'static str,
    outcome: &'static str,
    severity: &'static str,
    role: &'static str,
    country: String,
    because: Vec<Arc<str>>,
    device: Device,
    remote: Remote,
    remotes: Vec<IpAddr>,
    names: Vec<String>,
    app: App,
    evidence: Vec<EvidenceDocument>,
    first_flow: String,
    flows: u64,
    bytes_up: u64,
    bytes_down: u64,
    opened: String,
    provenance: ProvenanceDocument,
}

/// An alert as a document; times with `digits` digits of the second.
pub fn alert_document(transition: AlertTransition, alert: &Alert, digits: u8) -> AlertDocument {
    let time = |t: crate::model::Timestamp| t.to_rfc3339(digits);
    let mut destination = Side { ip: Some(alert.remote.addr), bytes: Some(alert.bytes.down), ..Side::default() };
    destination.locate(&alert.remote);
    AlertDocument {
        timestamp: time(alert.last),
        ecs: Ecs { version: super::ECS_VERSION },
        message: message(alert),
        event: Event {
            kind: "alert",
            category: vec!["network"],
            kinds: vec!["info"],
            action: transition.word(),
            start: time(alert.start),
            end: time(alert.last),
            duration: u64::try_from(alert.last.since(alert.start).as_nanos()).unwrap_or(u64::MAX),
            severity: Some(alert.severity.number()),
            id: alert.id.to_string(),
            dataset: "whither.alert",
            reason: alert.because.first().map(ToString::to_string),
        },
        rule: Rule { id: Arc::clone(&alert.rule), name: Arc::clone(&alert.rule_name) },
        source: Side {
            ip: Some(alert.device.addr),
            mac: alert.device.mac.and_then(mac),
            bytes: Some(alert.bytes.up),
            ..Side::default()
        },
        destination,
        network: Network {
            application: alert.identification.app.as_ref().map(|a| Arc::clone(&a.id)),
            bytes: alert.bytes.up.saturating_add(alert.bytes.down),
        },
        whither: Whither {
            alert_id: Arc::clone(&alert.id),
            state: match alert.state {
                AlertState::Open => "open",
                AlertState::Closed => "closed",
            },
            outcome: alert.outcome.word(),
            severity: alert.severity.word(),
            role: alert.role.word(),
            country: alert.country.to_string(),
            because: alert.because.clone(),
            device: Device::from(&alert.device),
            remote: Remote::from(&alert.remote),
            remotes: alert.remotes.clone(),
            names: alert.names.iter().map(ToString::to_string).collect(),
            app: App::new(&alert.identification, digits),
            evidence: evidence(&alert.evidence, digits),
            first_flow: alert.first_flow.to_string(),
            flows: alert.flows,
            bytes_up: alert.bytes.up,
            bytes_down: alert.bytes.down,
            opened: time(alert.opened),
            provenance: provenance_document(&alert.provenance),
        },
    }
}

/// `WeChat on phone sent 3 kB to CN (role server)`.
fn message(alert: &Alert) -> String {
    let app = alert.identification.app.as_ref().map_or("an unnamed application", |a| &*a.name);
    let device = alert.device.name.as_deref().unwrap_or(&alert.device.id);
    format!(
        "{app} on {device} exchanged data with {} ({}): {} octets up, {} down in {} flow(s)",
        alert.country, alert.role, alert.bytes.up, alert.bytes.down, alert.flows
    )
}
