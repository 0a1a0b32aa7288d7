//! The field sets of the Elastic Common Schema, as far as they are used.

use std::net::IpAddr;

use serde::Serialize;

use crate::model::{Certainty, MacAddr, RemoteContext};

/// `ecs`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Ecs {
    /// Version of the Elastic Common Schema.
    pub(super) version: &'static str,
}

/// `event`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Event {
    /// `event` for a flow and a canary, `alert` for an alert.
    pub(super) kind: &'static str,
    /// Always `network`.
    pub(super) category: [&'static str; 1],
    /// `connection` with `start`, `info` or `end`.
    #[serde(rename = "type")]
    pub(super) types: Vec<&'static str>,
    /// What happened: `flow-started`, `flow-updated`, `flow-ended`, `alert-opened`, `alert-updated`, `alert-closed`, `canary`.
    pub(super) action: &'static str,
    /// Flow: its id and record number. Alert: its id, the same at every update and redelivery.
    pub(super) id: String,
    /// Number of this document in the store's order, of alerts and of flow records; only in what the daemon delivers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) sequence: Option<i64>,
    /// First packet.
    pub(super) start: String,
    /// Last packet so far.
    pub(super) end: String,
    /// From `start` to `end` in nanoseconds.
    pub(super) duration: u64,
    /// 1 (info) to 5 (critical); alerts only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) severity: Option<u8>,
    /// Flow: why it ended. Alert: the rule's reasons in one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) reason: Option<String>,
    /// Always `whither`.
    pub(super) provider: &'static str,
    /// `whither.flow`, `whither.alert` or `whither.canary`.
    pub(super) dataset: &'static str,
}

/// `process`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Process<'a> {
    /// Name of the process or application, harmful bytes escaped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<&'a str>,
    /// Process id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pid: Option<u32>,
    /// Path of the executable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) executable: Option<&'a str>,
}

/// `container`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Container<'a> {
    /// The container, or the control group, that the process runs in.
    pub(super) id: &'a str,
}

/// `rule`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Rule<'a> {
    /// The rule's id.
    pub(super) id: &'a str,
    /// The rule's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<&'a str>,
}

/// `source` and `destination`: one end of the flow. The source began it.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Node<'a> {
    /// Its address.
    pub(super) ip: IpAddr,
    /// Its port, where the protocol has ports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) port: Option<u16>,
    /// Its MAC address on the observed link (RFC 7042 notation).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) mac: Option<String>,
    /// IP-layer octets that it sent.
    pub(super) bytes: u64,
    /// Packets that it sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) packets: Option<u64>,
    /// The host name under which it was reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) domain: Option<&'a str>,
    /// Where it stands; only where that is known with medium or high certainty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) geo: Option<Geo>,
    /// Its autonomous system.
    #[serde(rename = "as", skip_serializing_if = "Option::is_none")]
    pub(super) autonomous_system: Option<As<'a>>,
}

/// `geo`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Geo {
    /// ISO 3166-1 alpha-2.
    pub(super) country_iso_code: String,
}

/// `as`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct As<'a> {
    /// AS number.
    pub(super) number: u32,
    /// Who it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) organization: Option<Organization<'a>>,
}

/// `as.organization`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Organization<'a> {
    /// Its name.
    pub(super) name: &'a str,
}

/// `network`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Network<'a> {
    /// `ipv4` or `ipv6`.
    #[serde(rename = "type")]
    pub(super) family: &'static str,
    /// `tcp`, `udp`, `icmp`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) transport: Option<&'static str>,
    /// IP protocol number, where it has no keyword.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) iana_number: Option<String>,
    /// Application protocol by content: `dns`, `tls`, `http`, `quic`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) protocol: Option<&'static str>,
    /// The application's catalogue id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) application: Option<&'a str>,
    /// `outbound` (the device began it), `inbound`, `internal` (the remote is not on the Internet), `external` (neither
    /// end is known to be local). Left out of alerts, whose flows may differ.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) direction: Option<&'static str>,
    /// Community ID v1; left out for ICMP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) community_id: Option<String>,
    /// IP-layer octets in both directions.
    pub(super) bytes: u64,
    /// Packets in both directions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) packets: Option<u64>,
    /// Outer VLAN tag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) vlan: Option<Vlan>,
    /// Inner VLAN tag of a double one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) inner: Option<Inner>,
}

/// `vlan`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Vlan {
    /// VID.
    pub(super) id: String,
}

/// `network.inner`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Inner {
    /// Inner VLAN tag.
    pub(super) vlan: Vlan,
}

/// `tls`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Tls<'a> {
    /// What the client said.
    pub(super) client: TlsClient<'a>,
}

/// `tls.client`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct TlsClient<'a> {
    /// server_name of the ClientHello.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) server_name: Option<&'a str>,
    /// JA4 fingerprint of the ClientHello.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ja4: Option<&'a str>,
}

/// `observer`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Observer<'a> {
    /// Where packets came in.
    pub(super) ingress: Ingress<'a>,
}

/// `observer.ingress`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Ingress<'a> {
    /// The observation point.
    pub(super) interface: Interface<'a>,
}

/// `observer.ingress.interface`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Interface<'a> {
    /// The interface's name, or the capture file's path.
    pub(super) name: &'a str,
}

/// `dns`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Dns<'a> {
    /// What was asked first.
    pub(super) question: DnsQuestion<'a>,
}

/// `dns.question`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct DnsQuestion<'a> {
    /// The name asked for.
    pub(super) name: &'a str,
}

/// `user_agent`.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct UserAgent<'a> {
    /// As sent, made printable, cut at 256 bytes.
    pub(super) original: &'a str,
}

/// RFC 7042 §2.1: upper-case pairs with hyphens, as ECS wants it.
pub(super) fn mac(mac: MacAddr) -> String {
    mac.to_string().to_ascii_uppercase().replace(':', "-")
}

/// One flat country, which readers will take for the truth: only where the server's place is known and has a meaning.
pub(super) fn geo(remote: &RemoteContext) -> Option<Geo> {
    let server = &remote.roles.server;
    let placed = server.certainty >= Certainty::Medium && !remote.anycast && !remote.operator.cdn;
    server.country.filter(|_| placed).map(|country| Geo { country_iso_code: country.to_string() })
}

/// The AS of the remote's address.
pub(super) fn autonomous_system(remote: &RemoteContext) -> Option<As<'_>> {
    let operator = &remote.operator;
    let name = operator.as_name.as_ref().or(operator.name.as_ref());
    operator.asn.map(|number| As { number, organization: name.map(|name| Organization { name }) })
}
