//! The documents as a reader gets them, and their schemas as committed.
//!
//! `UPDATE_EXPECT=1 cargo test` writes the expected files anew; the difference is then for a person to read.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::deliver::schema::{expect, schema};
use crate::deliver::to_line;
use crate::model::fixture::{answer, country, flow};
use crate::model::*;

fn document(flow: &EnrichedFlow) -> Value {
    serde_json::from_slice(&to_line(&FlowDocument::new(flow)).unwrap()).unwrap()
}

fn name(text: &str) -> HostName {
    HostName::from_wire(text.as_bytes()).unwrap()
}

/// A flow in which every optional value is known.
fn full_flow() -> EnrichedFlow {
    let mut flow = flow();
    let record = &mut flow.record;
    record.start = Timestamp::from_parts(1_600_000_000, 123_456_789);
    record.end = record.start.plus(Duration::from_millis(2500));
    record.sequence = 2;
    record.end_reason = Some(FlowEndReason::EndOfFlow);
    record.source_mac = Some(MacAddr([0, 0x11, 0x22, 0x33, 0x44, 0xaa]));
    record.destination_mac = Some(MacAddr([0, 0x11, 0x22, 0x33, 0x44, 0xbb]));
    record.vlan = VlanTags { outer: 10, inner: 20 };
    record.tunnel = Tunnel::Vxlan(99);
    record.tunnel_depth = 1;
    record.origin = Some(Arc::new(ProcessRef {
        name: Label::new("微信".as_bytes()),
        package: Label::new(b"com.tencent.mm"),
        pid: Some(4321),
        uid: Some(1_010_123),
        executable: Label::new(b"/system/bin/app_process64"),
        container: Label::new(b"0123abcd"),
        source: OriginSource::PcapdroidBlock,
    }));
    record.origin_conflict = true;
    record.tcp = Some(TcpSummary {
        handshake_rtt: Some(Duration::from_micros(31_250)),
        established: true,
        ..TcpSummary::default()
    });
    let at = record.start;
    let mut facts = Facts {
        protocol: Some("tls"),
        alpn: vec!["h2".into(), "http/1.1".into()],
        tls_version: Some(0x0304),
        ja4: Some("t13d1516h2_8daaf6152771_b186095e22b6".into()),
        ech: Ech::Present,
        quic_version: Some(1),
        user_agent: Some("MicroMessenger \u{202e}8.0".into()),
        ..Facts::default()
    };
    facts.add_name(NameFact { name: name("short.weixin.qq.com"), origin: NameOrigin::TlsSni, at });
    facts.add_name(NameFact { name: name("dns.example.com"), origin: NameOrigin::DnsQuestion, at });
    record.facts = Arc::new(facts);
    flow.remote.hostname = Some(name("short.weixin.qq.com"));
    flow.remote.operator.as_name = Some("TENCENT-NET-AP".into());
    flow.remote.looked_up = "101.32.104.9".parse().unwrap();
    flow.remote.roles.registrant = answer(
        Certainty::Disputed,
        &[("rir", "SG", "2026-11"), ("ipfire", "CN", "2026-08"), ("dbip", "", "")],
    );
    flow.remote.roles.registrant.note = Some("the block was transferred".into());
    let evidence = &mut flow.identification.evidence[0];
    evidence.at = Some(at);
    evidence.matched = Some("suffix weixin.qq.com".into());
    evidence.source = Some("vendor documentation 2026-05".into());
    flow.identification.candidates = vec!["qq".into()];
    flow.verdicts = vec![Verdict {
        rule: "r".into(),
        outcome: Outcome::Match,
        because: vec!["the server stands in CN by dbip 2026-10 and ipfire 2026-08".into()],
        role: Some((Role::Server, country("CN"))),
    }];
    flow.provenance = Arc::new(Provenance {
        version: "0.1.0".into(),
        catalogue: "c0ffee".into(),
        policy: "abcd".into(),
        databases: vec![SourceBuild {
            name: "whither-geo".into(),
            build: "2026-10".into(),
            sha256: Some("ef01".into()),
        }],
    });
    flow
}

fn full_alert() -> Alert {
    let flow = full_flow();
    Alert {
        id: "7e71cb196088fc19".into(),
        state: AlertState::Open,
        rule: "r".into(),
        rule_name: "Rule \u{202e}name".into(),
        severity: Severity::High,
        outcome: Outcome::Match,
        role: Role::Server,
        country: country("CN"),
        device: flow.device.clone(),
        identification: flow.identification.clone(),
        remote: flow.remote.clone(),
        remotes: vec![flow.remote.addr],
        names: vec![name("short.weixin.qq.com")],
        because: flow.verdicts[0].because.clone(),
        evidence: flow.identification.evidence.clone(),
        first_flow: flow.record.id,
        flows: 3,
        bytes: Bytes { up: 3000, down: 6000 },
        start: flow.record.start,
        opened: flow.record.end,
        last: flow.record.end.plus(Duration::from_secs(60)),
        time_digits: 6,
        telling: Telling::default(),
        peer: false,
        exchanges: Some(Exchanges { sent: 3, received: 3, ..Exchanges::default() }),
        provenance: flow.provenance,
    }
}

#[test]
fn a_flow_with_everything_known_is_the_golden_document() {
    expect("src/deliver/ecs/expected/flow-full.json", &document(&full_flow()));
}

#[test]
fn a_flow_of_which_nothing_is_known_leaves_out_what_is_not_known() {
    let mut flow = flow();
    flow.identification = Identification::default();
    flow.device = DeviceContext { name: None, mac: None, network: None, ..flow.device };
    flow.remote.roles = RoleAnswers::default();
    flow.remote.operator =
        Operator { asn: None, name: None, as_name: None, owner: None, cdn: false, kind: None };
    let document = document(&flow);
    expect("src/deliver/ecs/expected/flow-bare.json", &document);
    let text = document.to_string();
    assert_eq!(text.matches("null").count(), 1, "only end_reason: {text}");
}

#[test]
fn an_alert_is_the_golden_document() {
    let alert = full_alert();
    let line = to_line(&AlertDocument::new(&alert, AlertTransition::Opened)).unwrap();
    expect("src/deliver/ecs/expected/alert.json", &serde_json::from_slice(&line).unwrap());
    assert!(
        String::from_utf8(line).unwrap().contains("Rule \\u202ename"),
        "a name cannot turn the text around it"
    );
}

#[test]
fn actions_and_types_follow_the_life_of_a_flow() {
    let mut flow = flow();
    for (sequence, end, action, types) in [
        (0, None, "flow-started", vec!["connection", "start"]),
        (1, None, "flow-updated", vec!["connection", "info"]),
        (2, Some(FlowEndReason::IdleTimeout), "flow-ended", vec!["connection", "end"]),
        (0, Some(FlowEndReason::EndOfFlow), "flow-ended", vec!["connection", "start", "end"]),
    ] {
        flow.record.sequence = sequence;
        flow.record.end_reason = end;
        let document = document(&flow);
        assert_eq!(document["event"]["action"], action);
        assert_eq!(document["event"]["type"], serde_json::json!(types));
        assert_eq!(document["whither"]["end_reason"].is_null(), end.is_none());
    }
}

#[test]
fn place_and_network_stand_at_the_remote_whichever_end_it_is() {
    let outbound = document(&flow());
    assert_eq!(outbound["destination"]["geo"]["country_iso_code"], "CN");
    assert_eq!(outbound["destination"]["as"]["number"], 45090);
    assert!(outbound["source"]["geo"].is_null() && outbound["source"]["as"].is_null());
    assert_eq!(outbound["whither"]["bytes_up"], 1000);

    let mut inbound = flow();
    inbound.device_is_source = false;
    std::mem::swap(&mut inbound.record.source, &mut inbound.record.destination);
    let inbound = document(&inbound);
    assert_eq!(inbound["network"]["direction"], "inbound");
    assert_eq!(inbound["source"]["geo"]["country_iso_code"], "CN");
    assert!(inbound["destination"]["geo"].is_null());
    assert_eq!(inbound["whither"]["bytes_up"], 2000);
    assert_eq!(inbound["network"]["community_id"], outbound["network"]["community_id"]);
}

#[test]
fn no_flat_country_is_given_where_the_place_is_not_known() {
    let geo = |change: &dyn Fn(&mut RemoteContext)| {
        let mut flow = flow();
        change(&mut flow.remote);
        !document(&flow)["destination"]["geo"].is_null()
    };
    assert!(geo(&|_| ()));
    assert!(geo(&|r| r.roles.server.certainty = Certainty::Medium));
    assert!(!geo(&|r| r.roles.server.certainty = Certainty::Low));
    assert!(!geo(&|r| r.roles.server.certainty = Certainty::Disputed));
    assert!(!geo(&|r| r.anycast = true));
    assert!(!geo(&|r| r.operator.cdn = true));
}

#[test]
fn direction_is_seen_from_the_local_networks() {
    let direction = |change: &dyn Fn(&mut EnrichedFlow)| {
        let mut flow = flow();
        change(&mut flow);
        document(&flow)["network"]["direction"].as_str().unwrap().to_owned()
    };
    assert_eq!(direction(&|_| ()), "outbound");
    assert_eq!(direction(&|f| f.remote.scope = NetworkScope::Local), "internal");
    assert_eq!(direction(&|f| f.remote.scope = NetworkScope::Special("multicast")), "internal");
    assert_eq!(direction(&|f| f.device.network = None), "outbound", "a private address is local");
    let public = |f: &mut EnrichedFlow| {
        f.device.network = None;
        f.device.addr = "8.8.8.8".parse().unwrap();
    };
    assert_eq!(direction(&public), "external");
}

#[test]
fn icmp_has_no_ports_and_unnamed_protocols_have_their_number() {
    let mut flow = flow();
    flow.record.protocol = Protocol::ICMP;
    let icmp = document(&flow);
    assert!(icmp["source"]["port"].is_null() && icmp["network"]["community_id"].is_null());
    assert_eq!(icmp["network"]["transport"], "icmp");
    flow.record.protocol = Protocol(200);
    assert_eq!(document(&flow)["network"]["iana_number"], "200");
}

#[test]
fn every_line_begins_with_its_time() {
    // The file writer knows its own torn lines by their beginning.
    let line = to_line(&FlowDocument::new(&flow())).unwrap();
    assert!(line.starts_with(b"{\"@timestamp\":\"1970-01-01T00:01:40.000000Z\""));
}

#[test]
fn the_committed_schemas_are_those_of_the_code() {
    expect("docs/reference/flow.schema.json", &schema::<FlowDocument<'static>>());
    expect("docs/reference/alert.schema.json", &schema::<AlertDocument<'static>>());
}

/// Walks `value` along `schema`: every key is described, every required one is there, every type is one of those named.
fn check(root: &Value, schema: &Value, value: &Value, path: &str) {
    let schema = match schema["$ref"].as_str() {
        Some(reference) => root.pointer(reference.strip_prefix('#').unwrap()).unwrap(),
        None => schema,
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let allowed = &schema["type"];
    assert!(
        allowed == kind || allowed.as_array().is_some_and(|a| a.iter().any(|t| t == kind)),
        "{path}: {kind} is not {allowed}"
    );
    for item in value.as_array().into_iter().flatten() {
        check(root, &schema["items"], item, path);
    }
    let Some(object) = value.as_object() else { return };
    for (key, inner) in object {
        let described =
            schema["properties"].get(key).unwrap_or_else(|| panic!("{path}.{key} is not in the schema"));
        check(root, described, inner, &format!("{path}.{key}"));
    }
    for required in schema["required"].as_array().into_iter().flatten() {
        assert!(object.contains_key(required.as_str().unwrap()), "{path} lacks {required}");
    }
}

#[test]
fn documents_hold_to_their_schemas() {
    let flows = schema::<FlowDocument<'static>>();
    let mut local = flow();
    local.remote.scope = NetworkScope::Local;
    for flow in [flow(), full_flow(), local] {
        check(&flows, &flows, &document(&flow), "flow");
    }
    let alerts = schema::<AlertDocument<'static>>();
    let alert = full_alert();
    let value = serde_json::to_value(AlertDocument::new(&alert, AlertTransition::Closed)).unwrap();
    check(&alerts, &alerts, &value, "alert");
}
