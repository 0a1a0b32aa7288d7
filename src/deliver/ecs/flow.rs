//! The document of one flow record.

use std::net::IpAddr;
use std::sync::Arc;

use serde::Serialize;

use crate::model::{Ech, EnrichedFlow, FlowEndReason, NameOrigin, Tunnel};

use super::community::community_id;
use super::parts::{Ecs, Event, Side, mac};
use super::whither::{App, Device, ProvenanceDocument, Remote, VerdictDocument, provenance_document};

/// One flow record.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct FlowDocument {
    #[serde(rename = "@timestamp")]
    timestamp: String,
    ecs: Ecs,
    event: Event,
    source: Side,
    destination: Side,
    network: Network,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<Tls>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dns: Option<Dns>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<UserAgent>,
    observer: Observer,
    whither: Whither,
}

#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Network {
    transport: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    application: Option<Arc<str>>,
    #[serde(rename = "type")]
    kind: &'static str,
    direction: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    community_id: Option<String>,
    bytes: u64,
    packets: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    vlan: Option<Vlan>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inner: Option<Inner>,
}

#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Vlan {
    id: String,
}

#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Inner {
    vlan: Vlan,
}

#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Tls {
    client: TlsClient,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_protocol: Option<&'static str>,
}

#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct TlsClient {
    #[serde(skip_serializing_if = "Option::is_none")]
    server_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ja4: Option<Arc<str>>,
}

#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Dns {
    question: Question,
}

#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Question {
    name: String,
}

#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct UserAgent {
    original: Arc<str>,
}

#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Observer {
    ingress: Ingress,
}

#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Ingress {
    interface: Interface,
}

#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Interface {
    name: Arc<str>,
}

#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct NameDocument {
    name: String,
    origin: &'static str,
    at: String,
}

#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Whither {
    flow_id: String,
    /// 0 for the flow's first record.
    sequence: u32,
    device: Device,
    remote: Remote,
    app: App,
    bytes_up: u64,
    bytes_down: u64,
    packets_up: u64,
    packets_down: u64,
    /// `null`: the flow goes on, this is an interim record.
    end_reason: Option<&'static str>,
    source_basis: &'static str,
    source_is_guess: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    names: Vec<NameDocument>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    alpn: Vec<Arc<str>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    ech: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    quic_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tunnel: Option<String>,
    tunnel_depth: u8,
    /// Nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    handshake_rtt: Option<u64>,
    verdicts: Vec<VerdictDocument>,
    provenance: ProvenanceDocument,
}

/// A judged record as a document.
pub fn flow_document(flow: &EnrichedFlow) -> FlowDocument {
    let record = &flow.record;
    let digits = record.point.time_digits;
    let (source, destination) = sides(flow);
    let name_of = |origins: &[NameOrigin]| {
        record.facts.names.iter().find(|n| origins.contains(&n.origin)).map(|n| n.name.to_string())
    };
    let tls_name = name_of(&[NameOrigin::TlsSni, NameOrigin::QuicSni, NameOrigin::DtlsSni]);
    let ja4 = record.facts.ja4.clone();
    FlowDocument {
        timestamp: record.end.to_rfc3339(digits),
        ecs: Ecs { version: super::ECS_VERSION },
        event: event(flow, digits),
        source,
        destination,
        network: network(flow),
        tls: (tls_name.is_some() || ja4.is_some()).then(|| Tls {
            client: TlsClient { server_name: tls_name, ja4 },
            version_protocol: record.facts.tls_version.map(|_| "tls"),
        }),
        dns: name_of(&[NameOrigin::DnsQuestion]).map(|name| Dns { question: Question { name } }),
        user_agent: record.facts.user_agent.clone().map(|original| UserAgent { original }),
        observer: Observer { ingress: Ingress { interface: Interface { name: Arc::clone(&record.point.name) } } },
        whither: whither(flow, digits),
    }
}

fn event(flow: &EnrichedFlow, digits: u8) -> Event {
    let record = &flow.record;
    let (action, kinds) = match (record.end_reason, record.sequence) {
        (Some(_), _) => ("flow-ended", vec!["connection", "end"]),
        (None, 0) => ("flow-started", vec!["connection", "start"]),
        (None, _) => ("flow-updated", vec!["connection", "info"]),
    };
    Event {
        kind: "event",
        category: vec!["network"],
        kinds,
        action,
        start: record.start.to_rfc3339(digits),
        end: record.end.to_rfc3339(digits),
        duration: u64::try_from(record.end.since(record.start).as_nanos()).unwrap_or(u64::MAX),
        severity: None,
        id: format!("{}-{}", record.id, record.sequence),
        dataset: "whither.flow",
        reason: record.end_reason.map(|r| r.word().to_owned()),
    }
}

fn sides(flow: &EnrichedFlow) -> (Side, Side) {
    let record = &flow.record;
    let side = |end: crate::model::Endpoint, counted: crate::model::Counters, hardware: Option<_>| Side {
        ip: Some(end.addr),
        port: (end.port != 0).then_some(end.port),
        mac: hardware.and_then(mac),
        bytes: Some(counted.octets),
        packets: Some(counted.packets),
        ..Side::default()
    };
    let mut source = side(record.source, record.forward, record.source_mac);
    let mut destination = side(record.destination, record.reverse, record.destination_mac);
    if flow.device_is_source {
        destination.locate(&flow.remote);
    } else {
        source.locate(&flow.remote);
    }
    (source, destination)
}

fn network(flow: &EnrichedFlow) -> Network {
    let record = &flow.record;
    let vid = |id: u16| (id != 0).then(|| Vlan { id: id.to_string() });
    Network {
        transport: record.protocol.to_string(),
        protocol: record.facts.protocol,
        application: flow.identification.app.as_ref().map(|a| Arc::clone(&a.id)),
        kind: if matches!(record.source.addr, IpAddr::V4(_)) { "ipv4" } else { "ipv6" },
        direction: direction(flow),
        community_id: community_id(record),
        bytes: record.forward.octets.saturating_add(record.reverse.octets),
        packets: record.forward.packets.saturating_add(record.reverse.packets),
        vlan: vid(record.vlan.outer),
        inner: vid(record.vlan.inner).map(|vlan| Inner { vlan }),
    }
}

/// ECS's view from the perimeter: who began, and whether the other end is on this side too.
fn direction(flow: &EnrichedFlow) -> &'static str {
    use crate::model::NetworkScope::Global;
    let local_device = crate::model::is_special_address(flow.device.addr).is_some();
    match (local_device, flow.remote.scope, flow.device_is_source) {
        (true, Global, true) => "outbound",
        (true, Global, false) => "inbound",
        (true, _, _) => "internal",
        (false, _, _) => "external",
    }
}

fn whither(flow: &EnrichedFlow, digits: u8) -> Whither {
    let record = &flow.record;
    let (up, down) =
        if flow.device_is_source { (record.forward, record.reverse) } else { (record.reverse, record.forward) };
    Whither {
        flow_id: record.id.to_string(),
        sequence: record.sequence,
        device: Device::from(&flow.device),
        remote: Remote::from(&flow.remote),
        app: App::new(&flow.identification, digits),
        bytes_up: up.octets,
        bytes_down: down.octets,
        packets_up: up.packets,
        packets_down: down.packets,
        end_reason: record.end_reason.map(FlowEndReason::word),
        source_basis: record.source_basis.word(),
        source_is_guess: record.source_basis.is_guess(),
        names: record
            .facts
            .names
            .iter()
            .map(|n| NameDocument {
                name: n.name.to_string(),
                origin: n.origin.word(),
                at: n.at.to_rfc3339(digits),
            })
            .collect(),
        alpn: record.facts.alpn.clone(),
        ech: record.facts.ech == Ech::Present,
        quic_version: record.facts.quic_version.map(|v| format!("{v:#010x}")),
        tunnel: match record.tunnel {
            Tunnel::None => None,
            Tunnel::GreKey(id) => Some(format!("gre:{id}")),
            Tunnel::Vxlan(id) => Some(format!("vxlan:{id}")),
            Tunnel::Geneve(id) => Some(format!("geneve:{id}")),
        },
        tunnel_depth: record.tunnel_depth,
        handshake_rtt: record
            .tcp
            .and_then(|t| t.handshake_rtt)
            .map(|rtt| u64::try_from(rtt.as_nanos()).unwrap_or(u64::MAX)),
        verdicts: flow.verdicts.iter().map(VerdictDocument::from).collect(),
        provenance: provenance_document(&flow.provenance),
    }
}
