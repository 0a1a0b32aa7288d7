//! Alerts in the shape of Suricata's `eve.json`, so that what reads those reads these.
//!
//! Suricata alerts on a packet, whither on a sum of flows: there is no port and no protocol, and `signature_id` is a number
//! made from the rule's id (stable, below 2³¹).

use serde_json::{Value, json};

use super::Document;

/// The event as an EVE record.
pub(super) fn alert(document: &Document) -> Value {
    let rule = document.text("/rule/id");
    let mut record = json!({
        "timestamp": time(document.text("/@timestamp")),
        "event_type": "alert",
        "src_ip": document.text("/source/ip"),
        "dest_ip": document.text("/destination/ip"),
        "alert": {
            "action": "allowed",
            "gid": 1,
            "signature_id": signature_id(rule),
            "rev": 1,
            "signature": document.text("/rule/name"),
            "category": category(document),
            "severity": 6_u64.saturating_sub(document.number("/event/severity")).clamp(1, 5),
            "metadata": {
                "rule": [rule],
                "country": [document.text("/whither/alert/country")],
                "role": [document.text("/whither/alert/role")],
            },
        },
        "flow": {
            "bytes_toserver": document.number("/whither/bytes_up"),
            "bytes_toclient": document.number("/whither/bytes_down"),
            "start": time(document.text("/event/start")),
        },
        "whither": {
            "id": document.text("/event/id"),
            "sequence": document.number("/event/sequence"),
            "action": document.text("/event/action"),
            "message": document.text("/message"),
            "details": document.value("/whither").cloned().unwrap_or_default(),
        },
    });
    let app = document.text("/network/application");
    if let (Some(fields), false) = (record.as_object_mut(), app.is_empty()) {
        fields.insert("app_proto".into(), app.into());
    }
    // A digest has no ends.
    if let (Some(fields), true) = (record.as_object_mut(), document.text("/source/ip").is_empty()) {
        fields.remove("src_ip");
        fields.remove("dest_ip");
    }
    record
}

/// Who sorts by category must not take an attempt for a data flow.
fn category(document: &Document) -> &'static str {
    match document.text("/whither/alert/payload/state") {
        _ if document.is_canary() => "Canary: a test of the way that alerts take",
        "connected" | "refused" | "unanswered" => "Attempt to reach a flagged jurisdiction, no data sent",
        "unsolicited" => "Unsolicited traffic from a flagged jurisdiction, no data sent",
        _ => "Data flow to a flagged jurisdiction",
    }
}

/// Suricata's way to write a time: microseconds, and an offset without a colon.
fn time(text: &str) -> String {
    text.parse::<jiff::Timestamp>().map_or_else(
        |_| String::new(),
        |time| {
            let civil = jiff::tz::Offset::UTC.to_datetime(time);
            format!("{}T{:.6}+0000", civil.date(), civil.time())
        },
    )
}

/// FNV-1a of the rule's id, cut to 31 bits.
fn signature_id(rule: &str) -> u32 {
    let hash =
        rule.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash & 0x7fff_ffff
}
