//! Open Cybersecurity Schema Framework 1.6.0: alerts as Detection Finding (2004), flows as Network Activity (4001).
//!
//! `type_uid` is `class_uid × 100 + activity_id`, times are milliseconds since 1970. What the schema has no word for is in
//! `unmapped`, whole.

use serde_json::{Map, Value, json};

use super::Document;

const VERSION: &str = "1.6.0";

/// An alert's event as a Detection Finding.
pub(super) fn detection_finding(document: &Document) -> Value {
    let activity = match document.text("/event/action") {
        "alert-opened" => 1,
        "alert-updated" => 2,
        "alert-closed" => 3,
        _ => 99,
    };
    let (status_id, status) = match activity {
        _ if document.is_canary() => (99, "canary"),
        3 => (99, "closed: quiet"),
        _ => (1, "New"),
    };
    let mut finding = json!({
        "class_uid": 2004,
        "class_name": "Detection Finding",
        "category_uid": 2,
        "category_name": "Findings",
        "activity_id": activity,
        "activity_name": document.text("/event/action"),
        "type_uid": 2004 * 100 + activity,
        "severity_id": document.number("/event/severity"),
        "severity": document.severity(),
        "time": document.millis("/@timestamp"),
        "start_time": document.millis("/event/start"),
        "end_time": document.millis("/event/end"),
        "status_id": status_id,
        "status": status,
        "is_alert": !document.is_canary(),
        "message": document.text("/message"),
        "metadata": metadata(document),
        "finding_info": {
            "uid": document.text("/event/id"),
            "title": document.text("/rule/name"),
            "desc": document.text("/event/reason"),
            "first_seen_time": document.millis("/event/start"),
            "last_seen_time": document.millis("/event/end"),
            "created_time": document.millis("/whither/alert/opened"),
            "analytic": { "type_id": 1, "type": "Rule", "uid": document.text("/rule/id"), "name": document.text("/rule/name") },
        },
        "unmapped": { "whither": document.value("/whither").cloned().unwrap_or_default() },
    });
    if !document.text("/source/ip").is_empty()
        && let Some(fields) = finding.as_object_mut()
    {
        let evidence = json!([{
            "src_endpoint": endpoint(document, "/source", Some("/whither/device/name")),
            "dst_endpoint": endpoint(document, "/destination", None),
            "connection_info": { "direction_id": 0 },
        }]);
        fields.insert("evidences".into(), evidence);
    }
    without_nulls(finding)
}

/// A flow's document as Network Activity.
pub(super) fn network_activity(document: &Document) -> Value {
    let activity = match document.text("/event/action") {
        "flow-started" => 1,
        "flow-ended" => 2,
        _ => 6,
    };
    let direction = match document.text("/network/direction") {
        "inbound" => 1,
        "outbound" => 2,
        "internal" => 3,
        _ => 0,
    };
    without_nulls(json!({
        "class_uid": 4001,
        "class_name": "Network Activity",
        "category_uid": 4,
        "category_name": "Network Activity",
        "activity_id": activity,
        "activity_name": document.text("/event/action"),
        "type_uid": 4001 * 100 + activity,
        "severity_id": 1,
        "severity": "Informational",
        "time": document.millis("/@timestamp"),
        "start_time": document.millis("/event/start"),
        "end_time": document.millis("/event/end"),
        "duration": document.number("/event/duration") / 1_000_000,
        "metadata": metadata(document),
        "app_name": document.value("/network/application"),
        "src_endpoint": endpoint(document, "/source", None),
        "dst_endpoint": endpoint(document, "/destination", None),
        "traffic": {
            "bytes": document.number("/network/bytes"),
            "bytes_out": document.number("/source/bytes"),
            "bytes_in": document.number("/destination/bytes"),
            "packets": document.number("/network/packets"),
            "packets_out": document.number("/source/packets"),
            "packets_in": document.number("/destination/packets"),
        },
        "connection_info": {
            "direction_id": direction,
            "protocol_name": document.value("/network/transport"),
            "protocol_ver_id": if document.text("/network/type") == "ipv6" { 6 } else { 4 },
            "community_uid": document.value("/network/community_id"),
        },
        "tls": document.value("/tls/client/server_name").map(|name| json!({ "sni": name, "version": "" })),
        "unmapped": { "whither": document.value("/whither").cloned().unwrap_or_default() },
    }))
}

fn metadata(document: &Document) -> Value {
    json!({
        "version": VERSION,
        "product": { "name": "whither", "vendor_name": "whither", "version": env!("CARGO_PKG_VERSION") },
        "log_name": document.text("/event/dataset"),
        "original_event_uid": document.text("/event/id"),
        "sequence": document.value("/event/sequence"),
    })
}

fn endpoint(document: &Document, at: &str, name: Option<&str>) -> Value {
    let value = |rest: &str| document.value(&format!("{at}/{rest}")).cloned();
    let name = name.and_then(|n| document.value(n).cloned());
    let system =
        value("as/number").map(|number| json!({ "number": number, "name": value("as/organization/name") }));
    json!({
        "ip": value("ip"),
        "port": value("port"),
        "mac": value("mac"),
        "hostname": value("domain"),
        "name": name,
        "location": value("geo/country_iso_code").map(|country| json!({ "country": country })),
        "autonomous_system": system,
    })
}

/// What is not known is left out: the schema has no nulls.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => Value::Object(
            fields
                .into_iter()
                .filter(|(_, v)| !v.is_null())
                .map(|(k, v)| (k, without_nulls(v)))
                .collect::<Map<_, _>>(),
        ),
        Value::Array(items) => Value::Array(items.into_iter().map(without_nulls).collect()),
        other => other,
    }
}
