//! The flow of a canary: what it claims to be, and why nobody can take it for traffic.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use crate::model::{
    AppId, Certainty, Claim, Counters, CountryCode, Endpoint, EnrichedFlow, Facts, FlowEndReason, FlowId,
    FlowRecord, HostName, NameFact, NameOrigin, NetworkScope, ObservationPoint, Protocol, RoleAnswer,
    SourceBasis, TcpSummary, Timestamp, Tunnel, VlanTags,
};
use crate::policy::{AppDirectory, Rule};

/// TEST-NET-1 and TEST-NET-2 (RFC 5737): never on any network.
const ENDS: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), IpAddr::V4(Ipv4Addr::new(198, 51, 100, 1))];
/// A name that never resolves (RFC 6761 §6.4).
const NAME: &[u8] = b"canary.whither.invalid";
/// One of the codes that ISO 3166-1 keeps for its users (QM to QZ): no country.
const NOWHERE: &str = "QZ";

/// One ended TCP connection a second ago, 1,000 octets up and 2,000 down.
pub(super) fn record(now: Timestamp) -> FlowRecord {
    let begun = now.minus(Duration::from_secs(1));
    let mut facts = Facts { protocol: Some("tls"), ..Facts::default() };
    if let Some(name) = HostName::from_wire(NAME) {
        facts.add_name(NameFact { name, origin: NameOrigin::TlsSni, at: begun });
    }
    let [device, remote] = ENDS;
    let (up, down) = (Counters { packets: 5, octets: 1_000 }, Counters { packets: 5, octets: 2_000 });
    FlowRecord {
        id: FlowId(now.as_nanos().unsigned_abs()),
        sequence: 0,
        point: Arc::new(ObservationPoint { id: 0, name: Rule::CANARY.into(), time_digits: 6 }),
        protocol: Protocol::TCP,
        source: Endpoint::new(device, 49_152),
        destination: Endpoint::new(remote, 443),
        source_basis: SourceBasis::Handshake,
        source_mac: None,
        destination_mac: None,
        vlan: VlanTags::default(),
        tunnel: Tunnel::None,
        tunnel_depth: 0,
        start: begun,
        end: now,
        forward: up,
        reverse: down,
        forward_total: up,
        reverse_total: down,
        // SYN, PSH, ACK, FIN: a whole conversation.
        tcp: Some(TcpSummary {
            forward_flags: 0x1b,
            reverse_flags: 0x1b,
            handshake_rtt: None,
            established: true,
        }),
        first_answer: None,
        facts: Arc::new(facts),
        origin: None,
        origin_conflict: false,
        relayed: false,
        end_reason: Some(FlowEndReason::EndOfFlow),
    }
}

/// Puts it where its rule finds it: real sources say, rightly, that its addresses are nowhere.
pub(super) fn place(flow: &mut EnrichedFlow) {
    let country = CountryCode::parse(NOWHERE);
    let claim = Claim { source: Rule::CANARY.into(), country, date: None, refuted: false };
    flow.device.id = Rule::CANARY.into();
    flow.device.name = Some(Rule::CANARY.into());
    flow.remote.scope = NetworkScope::Global;
    flow.remote.roles.server =
        RoleAnswer { country, certainty: Certainty::High, claims: vec![claim].into(), note: None };
}

/// Its rule names no application.
pub(super) struct NoApps;

impl AppDirectory for NoApps {
    fn has_app(&self, _: &str) -> bool {
        false
    }
    fn apps_with_tag(&self, _: &str) -> Vec<AppId> {
        Vec::new()
    }
    fn app_ids(&self) -> Vec<AppId> {
        Vec::new()
    }
    fn tags(&self) -> Vec<Arc<str>> {
        Vec::new()
    }
    fn vendor(&self, _: &str) -> Option<(Arc<str>, Option<CountryCode>)> {
        None
    }
}
