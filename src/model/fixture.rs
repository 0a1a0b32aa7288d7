//! A judged flow for the tests of every later stage: a phone speaks WeChat to Tencent in China; change what a test needs.

use std::net::IpAddr;
use std::sync::Arc;

use super::*;

pub(crate) fn country(code: &str) -> CountryCode {
    CountryCode::parse(code).unwrap()
}

pub(crate) fn claim(source: &str, code: &str, date: &str) -> Claim {
    Claim {
        source: source.into(),
        country: (!code.is_empty()).then(|| country(code)),
        date: (!date.is_empty()).then(|| date.into()),
        refuted: false,
    }
}

/// An answer in which every claim `(source, country, date)` is given; the first names the country.
pub(crate) fn answer(certainty: Certainty, claims: &[(&str, &str, &str)]) -> RoleAnswer {
    let claims: Vec<Claim> = claims.iter().map(|(s, c, d)| claim(s, c, d)).collect();
    RoleAnswer {
        country: claims.first().and_then(|c| c.country),
        certainty,
        claims: claims.into(),
        note: None,
    }
}

pub(crate) fn app(id: &str, name: &str) -> Arc<AppRef> {
    Arc::new(AppRef {
        id: id.into(),
        name: name.into(),
        vendor: "Tencent".into(),
        vendor_country: Some(country("CN")),
        vendor_source: Some("annual report 2025".into()),
        tags: vec!["messaging".into()],
    })
}

pub(crate) fn evidence(kind: EvidenceKind, value: &str) -> Evidence {
    Evidence { kind, value: value.into(), at: Some(Timestamp::EPOCH), matched: None, source: None }
}

/// WeChat by SNI, tier B, to Tencent in CN by two sources; 1,000 octets up and 2,000 down at second 100.
pub(crate) fn flow() -> EnrichedFlow {
    let device: IpAddr = "192.168.1.20".parse().unwrap();
    let remote: IpAddr = "101.32.104.1".parse().unwrap();
    let count = |packets, octets| Counters { packets, octets };
    EnrichedFlow {
        record: FlowRecord {
            id: FlowId(7),
            sequence: 0,
            point: Arc::new(ObservationPoint { id: 0, name: "eth0".into(), time_digits: 6 }),
            protocol: Protocol::TCP,
            source: Endpoint::new(device, 40_000),
            destination: Endpoint::new(remote, 443),
            source_basis: SourceBasis::Handshake,
            source_mac: None,
            destination_mac: None,
            vlan: VlanTags::default(),
            tunnel: Tunnel::None,
            tunnel_depth: 0,
            start: Timestamp::from_parts(90, 0),
            end: Timestamp::from_parts(100, 0),
            forward: count(10, 1000),
            reverse: count(12, 2000),
            forward_total: count(10, 1000),
            reverse_total: count(12, 2000),
            tcp: None,
            first_answer: None,
            facts: Arc::new(Facts::default()),
            origin: None,
            origin_conflict: false,
            relayed: false,
            end_reason: None,
        },
        identification: Identification {
            app: Some(app("wechat", "WeChat")),
            tier: Some(Tier::B),
            method: Some("tls_sni"),
            evidence: vec![evidence(EvidenceKind::FlowName("tls_sni"), "short.weixin.qq.com")],
            candidates: Vec::new(),
            network: None,
        },
        device: DeviceContext {
            id: "phone".into(),
            name: Some("Phone".into()),
            addr: device,
            mac: Some(MacAddr([0, 0x11, 0x22, 0x33, 0x44, 0xaa])),
            network: Some("lan".into()),
            about: DeviceAbout::default(),
        },
        remote: RemoteContext {
            addr: remote,
            looked_up: remote,
            scope: NetworkScope::Global,
            anycast: false,
            operator: Operator {
                asn: Some(45090),
                name: Some("Tencent".into()),
                as_name: None,
                owner: Some("Tencent Holdings".into()),
                cdn: false,
                kind: None,
            },
            roles: RoleAnswers {
                server: answer(Certainty::High, &[("dbip", "CN", "2026-10"), ("ipfire", "CN", "2026-08")]),
                registrant: answer(Certainty::High, &[("rir", "CN", "2026-11")]),
                operator: answer(Certainty::High, &[("operators", "CN", "2026-09")]),
                owner: answer(Certainty::Medium, &[("operators", "CN", "2026-09")]),
            },
            hostname: None,
            region_claim: None,
            tenant: None,
            physics: None,
        },
        device_is_source: true,
        translation: None,
        duplicate_of: None,
        verdicts: Vec::new(),
        provenance: Arc::new(Provenance::default()),
    }
}

/// An open alert of that flow under a rule on servers in China.
pub(crate) fn alert(id: &str) -> Alert {
    let flow = flow();
    Alert {
        id: id.into(),
        state: AlertState::Open,
        rule: "wechat-cn".into(),
        rule_name: "WeChat in China".into(),
        severity: Severity::High,
        outcome: Outcome::Match,
        role: Role::Server,
        country: country("CN"),
        device: flow.device.clone(),
        identification: flow.identification.clone(),
        remote: flow.remote.clone(),
        remotes: vec![flow.remote.addr],
        names: Vec::new(),
        because: vec!["the server stands in CN".into()],
        evidence: flow.identification.evidence.clone(),
        first_flow: flow.record.id,
        flows: 1,
        bytes: Bytes { up: 1000, down: 2000 },
        start: flow.record.start,
        opened: flow.record.end,
        last: flow.record.end,
        time_digits: 6,
        telling: Telling::default(),
        peer: false,
        exchanges: Some(Exchanges { sent: 1, received: 1, ..Exchanges::default() }),
        provenance: Arc::default(),
    }
}
