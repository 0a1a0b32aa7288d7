//! What holds of every reading, whatever the capture: the sums agree with each other, exactly.

use std::collections::BTreeSet;

use serde_json::Value;

use super::runner::Reading;

/// The number at a JSON pointer; a missing one is 0.
fn number(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).and_then(Value::as_u64).unwrap_or_default()
}

/// The sum of a map's numbers.
fn sum(value: &Value, pointer: &str) -> u64 {
    value.pointer(pointer).unwrap().as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum()
}

/// The sum of one number over a list.
fn total(list: &Value, key: &str) -> u64 {
    list.as_array().unwrap().iter().map(|one| one[key].as_u64().unwrap()).sum()
}

/// Asserts all of them.
pub(super) fn check(name: &str, reading: &Reading) {
    let s = &reading.summary;
    let read = number(s, "/ledger/packets/read");
    let accounted = number(s, "/ledger/packets/decoded")
        + sum(s, "/ledger/packets/malformed")
        + sum(s, "/ledger/packets/unsupported")
        + number(s, "/ledger/packets/shed");
    assert_eq!(read, accounted, "{name}: packets: read = decoded + malformed + unsupported + shed");

    let created = number(s, "/ledger/flows/created");
    let ended = sum(s, "/ledger/flows/ended") + sum(s, "/ledger/flows/evicted");
    assert_eq!(number(s, "/ledger/flows/active"), 0, "{name}: at the end of a file no flow goes on");
    assert_eq!(created, ended, "{name}: flows: created = active + ended + evicted");

    let ids: BTreeSet<&str> =
        reading.flows.iter().map(|f| f["whither"]["flow_id"].as_str().unwrap()).collect();
    assert_eq!(ids.len() as u64, created, "{name}: each flow has records under one id");
    assert_eq!(number(s, "/totals/flows"), created, "{name}: flows of the totals");

    let octets: u64 = reading.flows.iter().map(|f| number(f, "/network/bytes")).sum();
    let packets: u64 = reading.flows.iter().map(|f| number(f, "/network/packets")).sum();
    assert_eq!(octets, number(s, "/totals/octets"), "{name}: octets of all records are the total");
    assert_eq!(packets, number(s, "/totals/packets"), "{name}: packets of all records are the total");
    assert_eq!(packets, number(s, "/ledger/packets/decoded"), "{name}: every decoded packet is in a flow");

    for flow in &reading.flows {
        let both = number(flow, "/source/bytes") + number(flow, "/destination/bytes");
        assert_eq!(both, number(flow, "/network/bytes"), "{name}: a record's directions: {flow}");
        let ways = number(flow, "/whither/bytes_up") + number(flow, "/whither/bytes_down");
        assert_eq!(ways, both, "{name}: up and down: {flow}");
    }

    for list in ["applications", "devices"] {
        for key in ["bytes_up", "bytes_down", "packets"] {
            assert_eq!(
                total(&s[list], key),
                number(&s["totals"], &format!("/{key}")),
                "{name}: {list} {key}"
            );
        }
    }
    for app in s["applications"].as_array().unwrap() {
        for key in ["bytes_up", "bytes_down", "flows", "packets"] {
            let sum = total(&app["destinations"], key);
            assert_eq!(sum, app[key].as_u64().unwrap(), "{name}: destinations of {}: {key}", app["id"]);
        }
        let tiers = sum_of(&app["bytes_by_tier"]);
        assert_eq!(
            tiers,
            number(app, "/bytes_up") + number(app, "/bytes_down"),
            "{name}: tiers of {}",
            app["id"]
        );
    }
    assert_eq!(sum(s, "/ledger/bytes_by_tier"), octets, "{name}: octets by tier");
    assert!(number(s, "/ledger/bytes_unnamed") <= octets, "{name}: unnamed octets");
    alerts(name, reading);
}

fn sum_of(map: &Value) -> u64 {
    map.as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum()
}

/// Every alert of the summary was told as opened and as closed, under one id, and the closing line has its last numbers.
fn alerts(name: &str, reading: &Reading) {
    let of = |action: &str| -> Vec<&Value> {
        reading.alerts.iter().filter(|a| a["event"]["action"] == action).collect()
    };
    let listed = reading.summary["alerts"].as_array().unwrap();
    let (opened, closed) = (of("alert-opened"), of("alert-closed"));
    assert_eq!(opened.len(), listed.len(), "{name}: alerts opened");
    assert_eq!(closed.len(), listed.len(), "{name}: alerts closed");
    for alert in listed {
        let same = |line: &&&Value| line["event"]["id"] == alert["event"]["id"];
        assert!(opened.iter().any(|line| same(&line)), "{name}: an alert was never opened: {alert}");
        let last = closed.iter().find(same).expect("an alert that was closed");
        for key in ["bytes_up", "bytes_down", "flows"] {
            assert_eq!(last["whither"][key], alert["whither"][key], "{name}: {key} of an alert");
        }
    }
}
