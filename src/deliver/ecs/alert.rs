//! The document of an alert, at one moment of its life.

use std::net::IpAddr;

use serde::Serialize;

use crate::model::{Alert, AlertState, AlertTransition, Exchanges, HostName, Telling};

use super::ECS_VERSION;
use super::common::{Ecs, Event, Network, Node, Rule, autonomous_system, geo, mac};
use super::conclusions::{App, Provenance};
use super::ends::{Device, Remote};

/// An alert as an Elastic Common Schema document. `source` is the device, `destination` the remote of the first flow.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(title = "whither alert document"))]
pub struct AlertDocument<'a> {
    /// The last packet that added to it.
    #[serde(rename = "@timestamp")]
    timestamp: String,
    ecs: Ecs,
    /// `canary` on a canary; nothing else has tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<&'static str>,
    /// One sentence for people.
    message: String,
    event: Event,
    rule: Rule<'a>,
    source: Node<'a>,
    destination: Node<'a>,
    network: Network<'a>,
    whither: Whither<'a>,
}

/// What the Elastic Common Schema has no word for.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "AlertDetails"))]
struct Whither<'a> {
    /// It is a canary: of no device and no traffic, only to see whether alerts arrive.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    canary: bool,
    alert: Life<'a>,
    device: Device<'a>,
    remote: Remote<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    app: Option<App<'a>>,
    /// Octets device → remote, all flows.
    bytes_up: u64,
    /// Octets remote → device, all flows.
    bytes_down: u64,
    /// The rule's reasons, each with its grounds.
    because: &'a [std::sync::Arc<str>],
    provenance: Provenance<'a>,
}

/// `whither.alert`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "AlertLife"))]
struct Life<'a> {
    /// The same at every update and redelivery, and when the same capture is read again.
    id: &'a str,
    /// `open` or `closed`.
    state: &'static str,
    /// `info` to `critical`.
    severity: &'static str,
    /// Always `match`.
    outcome: &'static str,
    /// The role that matched.
    role: &'static str,
    /// The country that matched.
    country: String,
    /// When the condition first held.
    opened: String,
    /// Flows that took part.
    flows: u64,
    /// The first of them.
    first_flow: String,
    /// Addresses that took part, at most 32.
    remotes: &'a [IpAddr],
    /// Names under which they were known, at most 32.
    names: Vec<&'a str>,
    /// They are other users' devices, no servers of the app.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    peer: bool,
    /// What its flows really carried: octets count headers too, so an attempt has some and no data. Absent on a canary, and
    /// on an alert that began before this was counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    payload: Option<Payload>,
    /// Only where people were not told of a document on this subject: of this one, or of some before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    notification: Option<Notification>,
}

/// `whither.alert.payload`: in how many flows who sent payload, each flow by its newest record.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Payload {
    /// What it came to. `sent`: the device sent payload. Else, the device sent none: `received` (the remote did), `connected`
    /// (neither did), `refused` (resets were the only answers), `unanswered`, `unsolicited` (the remote began it all). `undecided`:
    /// ICMP, of which it cannot be told.
    state: &'static str,
    #[serde(flatten)]
    flows: Exchanges,
}

/// `whither.alert.notification`: sinks that tell people pass over what is not `told`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Notification {
    /// Whether people are told of this document.
    told: bool,
    /// Documents on this subject that people were not told of since the last one that they were.
    held_back: u64,
    /// For how long after `last` they are not told again, in seconds.
    spacing: u64,
    /// When people were last told of this subject.
    last: String,
}

impl<'a> AlertDocument<'a> {
    /// As [`AlertDocument::new`], with the number that the store gave the event (ECS `event.sequence`).
    pub fn numbered(alert: &'a Alert, transition: AlertTransition, sequence: i64) -> Self {
        let mut document = Self::new(alert, transition);
        document.event.sequence = Some(sequence);
        document
    }

    /// The document of `alert`, written because of `transition`.
    pub fn new(alert: &'a Alert, transition: AlertTransition) -> Self {
        let time = |t: crate::model::Timestamp| t.to_rfc3339(alert.time_digits);
        let app = alert.identification.app.as_ref();
        Self {
            timestamp: time(alert.last),
            ecs: Ecs { version: ECS_VERSION },
            tags: if alert.is_canary() { vec!["canary"] } else { Vec::new() },
            message: message(alert),
            event: event(alert, transition),
            rule: Rule { id: &alert.rule, name: Some(&alert.rule_name) },
            source: Node {
                ip: alert.device.addr,
                port: None,
                mac: alert.device.mac.map(mac),
                bytes: alert.bytes.up,
                packets: None,
                domain: None,
                geo: None,
                autonomous_system: None,
            },
            destination: Node {
                ip: alert.remote.addr,
                port: None,
                mac: None,
                bytes: alert.bytes.down,
                packets: None,
                domain: alert.remote.hostname.as_ref().map(HostName::as_str),
                geo: geo(&alert.remote),
                autonomous_system: autonomous_system(&alert.remote),
            },
            network: Network {
                family: if alert.remote.addr.is_ipv4() { "ipv4" } else { "ipv6" },
                transport: None,
                iana_number: None,
                protocol: None,
                application: app.map(|a| a.id.as_ref()),
                direction: None,
                community_id: None,
                bytes: alert.bytes.up.saturating_add(alert.bytes.down),
                packets: None,
                vlan: None,
                inner: None,
            },
            whither: Whither {
                canary: alert.is_canary(),
                alert: life(alert),
                device: Device::new(&alert.device),
                remote: Remote::new(&alert.remote),
                app: App::new(&alert.identification, &alert.evidence, alert.time_digits),
                bytes_up: alert.bytes.up,
                bytes_down: alert.bytes.down,
                because: &alert.because,
                provenance: Provenance::new(&alert.provenance),
            },
        }
    }
}

/// "WeChat on Phone exchanged data with CN (server): 3000 octets up, 6000 down, in 3 flows"; or, where that is all:
/// "… tried to reach CN (server): nothing answered: 9 attempts, no data sent; 540 octets of headers up, 0 down, in 9 flows".
fn message(alert: &Alert) -> String {
    if alert.is_canary() {
        return "CANARY: a test of the way that alerts take; no device sent anything to anybody".to_owned();
    }
    let app = alert.identification.app.as_ref().map_or("an application without a name", |a| &*a.name);
    let device = alert.device.name.as_deref().unwrap_or(&alert.device.id);
    let with = if alert.peer { "another user's device, " } else { "" };
    let flows = if alert.flows == 1 { "flow" } else { "flows" };
    let repeats = match alert.telling.held_back {
        held_back if alert.telling.told && held_back > 0 => {
            let documents = if held_back == 1 { "document on this was" } else { "documents on this were" };
            format!("; {held_back} {documents} not told since")
        }
        _ => String::new(),
    };
    let note = alert.note().map(|note| format!("{note}; ")).unwrap_or_default();
    let octets = if alert.is_without_data() { "octets of headers" } else { "octets" };
    format!(
        "{app} on {device} {} {with}{} ({}): {note}{} {octets} up, {} down, in {} {flows}{repeats}",
        alert.verb(),
        alert.country,
        alert.role,
        alert.bytes.up,
        alert.bytes.down,
        alert.flows
    )
}

fn event(alert: &Alert, transition: AlertTransition) -> Event {
    let reasons: Vec<&str> = alert.because.iter().map(AsRef::as_ref).collect();
    // Who counts documents of kind `alert` must not count it.
    let (kind, action, dataset) = if alert.is_canary() {
        ("event", "canary", "whither.canary")
    } else {
        ("alert", transition.word(), "whither.alert")
    };
    Event {
        kind,
        category: ["network"],
        types: vec![match transition {
            _ if alert.is_canary() => "info",
            AlertTransition::Opened => "start",
            AlertTransition::Updated => "info",
            AlertTransition::Closed => "end",
        }],
        action,
        id: alert.id.to_string(),
        sequence: None,
        start: alert.start.to_rfc3339(alert.time_digits),
        end: alert.last.to_rfc3339(alert.time_digits),
        duration: u64::try_from(alert.last.since(alert.start).as_nanos()).unwrap_or(u64::MAX),
        severity: Some(alert.severity.number()),
        reason: Some(reasons.join("; ")),
        provider: "whither",
        dataset,
    }
}

fn life(alert: &Alert) -> Life<'_> {
    Life {
        id: &alert.id,
        state: match alert.state {
            AlertState::Open => "open",
            AlertState::Closed => "closed",
        },
        severity: alert.severity.word(),
        outcome: alert.outcome.word(),
        role: alert.role.word(),
        country: alert.country.to_string(),
        opened: alert.opened.to_rfc3339(alert.time_digits),
        flows: alert.flows,
        first_flow: alert.first_flow.to_string(),
        remotes: &alert.remotes,
        names: alert.names.iter().map(HostName::as_str).collect(),
        peer: alert.peer,
        payload: payload(alert),
        notification: notification(alert),
    }
}

fn payload(alert: &Alert) -> Option<Payload> {
    let flows = alert.exchanges.filter(|_| !alert.is_canary())?;
    Some(Payload { state: flows.came(alert.flows).word(), flows })
}

fn notification(alert: &Alert) -> Option<Notification> {
    let Telling { told, held_back, last, spacing, .. } = alert.telling;
    (!told || held_back > 0).then(|| Notification {
        told,
        held_back,
        spacing: spacing.as_secs(),
        last: last.to_rfc3339(alert.time_digits),
    })
}
