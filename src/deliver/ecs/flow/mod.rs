//! The document of one flow record.

mod facts;

use serde::Serialize;

use crate::deliver::community_id;
use crate::model::{
    Counters, Endpoint, EnrichedFlow, Facts, FlowEndReason, FlowRecord, HostName, Label, MacAddr, NameOrigin,
    NetworkScope, Outcome, ProcessRef, Protocol, Timestamp, Tunnel, is_special_address,
};

use super::ECS_VERSION;
use super::common::{
    Container, Dns, DnsQuestion, Ecs, Event, Ingress, Inner, Interface, Network, Node, Observer, Process,
    Rule, Tls, UserAgent, Vlan, autonomous_system, geo, mac,
};
use super::conclusions::{App, Provenance, Verdict};
use super::ends::{Device, Remote};

/// One record of a flow as an Elastic Common Schema document.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(title = "whither flow document"))]
pub struct FlowDocument<'a> {
    /// The last packet of the record.
    #[serde(rename = "@timestamp")]
    timestamp: String,
    ecs: Ecs,
    /// `canary` on a canary; nothing else has tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<&'static str>,
    event: Event,
    /// The first rule that matches, where one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<Rule<'a>>,
    /// Who began the flow (see `whither.source_basis`).
    source: Node<'a>,
    destination: Node<'a>,
    network: Network<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<Tls<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dns: Option<Dns<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_agent: Option<UserAgent<'a>>,
    /// The process that made the flow, where the capture or the host says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    process: Option<Process<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    container: Option<Container<'a>>,
    observer: Observer<'a>,
    whither: Whither<'a>,
}

/// What the Elastic Common Schema has no word for.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "FlowDetails"))]
struct Whither<'a> {
    /// It is a canary: nobody sent it, it is only to see whether documents arrive.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    canary: bool,
    /// The flow; the same in all of its records, and when the same capture is read again.
    flow_id: String,
    /// 0 for the flow's first record, then 1, 2, …
    sequence: u32,
    device: Device<'a>,
    remote: Remote<'a>,
    /// How this gateway translated it; the device is behind that.
    #[serde(skip_serializing_if = "Option::is_none")]
    translation: Option<TranslationPart>,
    /// It is another view of the flow with this id, on the other side of this gateway, and counts in no total.
    #[serde(skip_serializing_if = "Option::is_none")]
    duplicate_of: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    app: Option<App<'a>>,
    /// Names seen in the flow itself.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    names: Vec<facts::SeenName<'a>>,
    /// Octets device → remote in this record.
    bytes_up: u64,
    /// Octets remote → device in this record.
    bytes_down: u64,
    /// Packets device → remote in this record.
    packets_up: u64,
    /// Packets remote → device in this record.
    packets_down: u64,
    /// Why the flow ended; `null` while it goes on.
    end_reason: Option<&'static str>,
    /// On what grounds the source is held to have begun the flow: `handshake` and `request` are certain, others guesses.
    source_basis: &'static str,
    /// Whether that is only a guess.
    source_is_guess: bool,
    /// The tunnel that the packets came out of.
    #[serde(skip_serializing_if = "Option::is_none")]
    tunnel: Option<TunnelPart>,
    /// The flow resolves around your DNS: an application's own lookup over HTTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    httpdns: Option<facts::AroundDns<'a>>,
    /// What the ClientHello offered.
    #[serde(skip_serializing_if = "Option::is_none")]
    hello: Option<facts::Hello<'a>>,
    /// The certificate that the server showed in clear; not verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<facts::Certificate<'a>>,
    /// What STUN and TURN messages said.
    #[serde(skip_serializing_if = "Option::is_none")]
    stun: Option<facts::Stun<'a>>,
    /// The far end is another user's device (WebRTC between peers), never a server of an application.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    peer: bool,
    /// The flow carries lookups that cannot be seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    encrypted_dns: Option<facts::EncryptedDnsPart<'a>>,
    /// Smallest time between SYN and SYN-ACK in nanoseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    handshake_rtt: Option<u64>,
    /// Who made the flow, beside what `process` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    process: Option<Maker<'a>>,
    /// The packets were made up by a relay on the device (a local VPN): their times are not the network's. Left out
    /// where they were not.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    relayed: bool,
    /// What the rules say; those that do not concern the flow are left out.
    verdicts: Vec<Verdict<'a>>,
    provenance: Provenance<'a>,
}

/// The maker of a flow.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct Maker<'a> {
    /// Who told: `pcapdroid_trailer`, `pcapdroid_block`, `pktap`, `apple_block`, `process_block`, `nflog`, `socket`.
    source: &'static str,
    /// The application's package (Android), where it is a single one.
    #[serde(skip_serializing_if = "Option::is_none")]
    package: Option<&'a str>,
    /// User id on the host or phone.
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<u32>,
    /// Android: the user of the device; 0 is its owner, others are work profiles and dual applications.
    #[serde(skip_serializing_if = "Option::is_none")]
    android_user: Option<u32>,
    /// Packets of the flow named different makers; this is the first. Left out where they agree.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    conflict: bool,
}

/// A tunnel.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Tunnel"))]
struct TunnelPart {
    /// `gre`, `vxlan`, `geneve`; left out for one whose ids cannot be part of a flow.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    /// Key or network identifier.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u32>,
    /// Encapsulations around the packet.
    depth: u8,
}

/// `whither.translation`: what stands for the device beyond this gateway.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
struct TranslationPart {
    /// The device's own address.
    inner_ip: std::net::IpAddr,
    /// Its own port.
    inner_port: u16,
    /// The address that stands for it outside.
    outer_ip: std::net::IpAddr,
    /// The port that does.
    outer_port: u16,
    /// Conntrack zone.
    zone: u16,
    /// The mark that the gateway's rules gave the connection.
    mark: u32,
}

impl TranslationPart {
    fn new(t: &crate::model::Translation) -> Self {
        Self {
            inner_ip: t.inner.addr,
            inner_port: t.inner.port,
            outer_ip: t.outer.addr,
            outer_port: t.outer.port,
            zone: t.zone,
            mark: t.mark,
        }
    }
}

impl<'a> FlowDocument<'a> {
    /// As [`FlowDocument::new`], with the number that the store gave the record (ECS `event.sequence`).
    pub fn numbered(flow: &'a EnrichedFlow, sequence: i64) -> Self {
        let mut document = Self::new(flow);
        document.event.sequence = Some(sequence);
        document
    }

    /// The flow's id and record number.
    pub fn id(&self) -> &str {
        &self.event.id
    }

    /// What happened: `flow-started`, `flow-updated` or `flow-ended`.
    pub fn action(&self) -> &'static str {
        self.event.action
    }

    /// The document of `flow`.
    pub fn new(flow: &'a EnrichedFlow) -> Self {
        let record = &flow.record;
        let facts: &Facts = &record.facts;
        let time = |t: Timestamp| t.to_rfc3339(record.point.time_digits);
        let matched = flow.verdicts.iter().find(|v| v.outcome == Outcome::Match);
        let (source, destination) = nodes(flow);
        let question = facts.names.iter().find(|n| n.origin == NameOrigin::DnsQuestion);
        Self {
            timestamp: time(record.end),
            ecs: Ecs { version: ECS_VERSION },
            tags: if flow.is_canary() { vec!["canary"] } else { Vec::new() },
            event: event(record),
            rule: matched.map(|v| Rule { id: &v.rule, name: None }),
            source,
            destination,
            network: network(flow),
            tls: facts::tls(facts),
            dns: question.map(|q| Dns { question: DnsQuestion { name: q.name.as_str() } }),
            user_agent: facts.user_agent.as_deref().map(|original| UserAgent { original }),
            observer: Observer { ingress: Ingress { interface: Interface { name: &record.point.name } } },
            process: record.origin.as_deref().and_then(process),
            container: record
                .origin
                .as_ref()
                .and_then(|origin| origin.container.as_ref())
                .map(|id| Container { id: id.as_str() }),
            whither: whither(flow),
        }
    }
}

fn event(record: &FlowRecord) -> Event {
    let (action, types) = match (record.sequence, record.end_reason) {
        (0, None) => ("flow-started", vec!["connection", "start"]),
        (0, Some(_)) => ("flow-ended", vec!["connection", "start", "end"]),
        (_, None) => ("flow-updated", vec!["connection", "info"]),
        (_, Some(_)) => ("flow-ended", vec!["connection", "end"]),
    };
    let digits = record.point.time_digits;
    Event {
        kind: "event",
        category: ["network"],
        types,
        action,
        id: format!("{}-{}", record.id, record.sequence),
        start: record.start.to_rfc3339(digits),
        end: record.end.to_rfc3339(digits),
        duration: u64::try_from(record.end.since(record.start).as_nanos()).unwrap_or(u64::MAX),
        sequence: None,
        severity: None,
        reason: record.end_reason.map(|r| r.word().to_owned()),
        provider: "whither",
        dataset: "whither.flow",
    }
}

/// Source and destination; what is known of the remote stands at whichever of them it is.
fn nodes(flow: &EnrichedFlow) -> (Node<'_>, Node<'_>) {
    let record = &flow.record;
    let hostname = flow.remote.hostname.as_ref();
    // A name in the flow is what the source called the destination.
    let said = record.facts.host().map(|fact| &fact.name);
    let node = |end: Endpoint, link: Option<MacAddr>, sent: Counters, is_remote: bool| Node {
        ip: end.addr,
        port: Some(end.port).filter(|_| has_ports(record.protocol)),
        mac: link.map(mac),
        bytes: sent.octets,
        packets: Some(sent.packets),
        domain: None,
        geo: if is_remote { geo(&flow.remote) } else { None },
        autonomous_system: if is_remote { autonomous_system(&flow.remote) } else { None },
    };
    let device_first = flow.device_is_source;
    let mut source = node(record.source, record.source_mac, record.forward, !device_first);
    let mut destination = node(record.destination, record.destination_mac, record.reverse, device_first);
    if device_first {
        destination.domain = hostname.or(said).map(HostName::as_str);
    } else {
        source.domain = hostname.map(HostName::as_str);
        destination.domain = said.map(HostName::as_str);
    }
    (source, destination)
}

fn has_ports(protocol: Protocol) -> bool {
    // DCCP, SCTP and UDP-Lite beside TCP and UDP.
    matches!(protocol.0, 6 | 17 | 33 | 132 | 136)
}

fn network(flow: &EnrichedFlow) -> Network<'_> {
    let record = &flow.record;
    let transport = record.protocol.keyword();
    let both = record.forward.plus(record.reverse);
    let tag = |id: u16| (id != 0).then(|| Vlan { id: id.to_string() });
    Network {
        family: if record.source.addr.is_ipv4() { "ipv4" } else { "ipv6" },
        transport,
        iana_number: transport.is_none().then(|| record.protocol.0.to_string()),
        protocol: record.facts.protocol,
        application: flow.identification.app.as_ref().map(|a| a.id.as_ref()),
        direction: Some(direction(flow)),
        community_id: community_id(record.protocol, record.source, record.destination),
        bytes: both.octets,
        packets: Some(both.packets),
        vlan: tag(record.vlan.outer),
        inner: tag(record.vlan.inner).map(|vlan| Inner { vlan }),
    }
}

/// Seen from the local networks; the device counts as local when it is in a configured network or a special range.
fn direction(flow: &EnrichedFlow) -> &'static str {
    let local = flow.device.network.is_some() || is_special_address(flow.device.addr).is_some();
    match (flow.remote.scope, local, flow.device_is_source) {
        (NetworkScope::Local | NetworkScope::Special(_), ..) => "internal",
        (NetworkScope::Global, false, _) => "external",
        (NetworkScope::Global, true, true) => "outbound",
        (NetworkScope::Global, true, false) => "inbound",
    }
}

fn process(origin: &ProcessRef) -> Option<Process<'_>> {
    let process = Process {
        name: origin.name.as_ref().map(Label::as_str),
        pid: origin.pid,
        executable: origin.executable.as_ref().map(Label::as_str),
    };
    (process.name.is_some() || process.pid.is_some() || process.executable.is_some()).then_some(process)
}

fn maker(origin: &ProcessRef, conflict: bool) -> Maker<'_> {
    Maker {
        source: origin.source.word(),
        package: origin.package.as_ref().map(Label::as_str),
        uid: origin.uid,
        android_user: origin.android().map(|uid| uid.user),
        conflict,
    }
}

fn tunnel(record: &FlowRecord) -> Option<TunnelPart> {
    let (kind, id) = match record.tunnel {
        Tunnel::None => (None, None),
        Tunnel::GreKey(key) => (Some("gre"), Some(key)),
        Tunnel::Vxlan(id) => (Some("vxlan"), Some(id)),
        Tunnel::Geneve(id) => (Some("geneve"), Some(id)),
    };
    (kind.is_some() || record.tunnel_depth > 0).then_some(TunnelPart { kind, id, depth: record.tunnel_depth })
}

fn whither(flow: &EnrichedFlow) -> Whither<'_> {
    let record = &flow.record;
    let digits = record.point.time_digits;
    let (up, down) = if flow.device_is_source {
        (record.forward, record.reverse)
    } else {
        (record.reverse, record.forward)
    };
    let rtt = record.tcp.and_then(|tcp| tcp.handshake_rtt);
    Whither {
        canary: flow.is_canary(),
        flow_id: record.id.to_string(),
        sequence: record.sequence,
        device: Device::new(&flow.device),
        remote: Remote::new(&flow.remote),
        translation: flow.translation.as_ref().map(TranslationPart::new),
        duplicate_of: flow.duplicate_of.map(|id| id.to_string()),
        app: App::new(&flow.identification, &flow.identification.evidence, digits),
        names: record.facts.names.iter().map(|name| facts::seen_name(name, digits)).collect(),
        bytes_up: up.octets,
        bytes_down: down.octets,
        packets_up: up.packets,
        packets_down: down.packets,
        end_reason: record.end_reason.map(FlowEndReason::word),
        source_basis: record.source_basis.word(),
        source_is_guess: record.source_basis.is_guess(),
        tunnel: tunnel(record),
        httpdns: record.facts.httpdns.as_ref().map(facts::around_dns),
        hello: facts::hello(&record.facts),
        certificate: record.facts.certificate.as_deref().map(facts::certificate),
        stun: record.facts.stun.as_deref().map(facts::stun),
        peer: record.facts.peer,
        encrypted_dns: record.facts.encrypted_dns.as_ref().map(facts::encrypted_dns),
        handshake_rtt: rtt.map(|d| u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)),
        process: record.origin.as_deref().map(|origin| maker(origin, record.origin_conflict)),
        relayed: record.relayed,
        verdicts: flow.verdicts.iter().map(Verdict::new).collect(),
        provenance: Provenance::new(&flow.provenance),
    }
}
