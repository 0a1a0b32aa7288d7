//! A canary into the file of alerts and into receivers that are not there.

use super::*;
use crate::deliver::Format;
use crate::deliver::format::Document;
use crate::pipeline::parts::{self, Recipe};

fn parts() -> Parts {
    let (catalogue, enrich, policy) = Default::default();
    parts::build(Recipe { catalogue: &catalogue, enrich: &enrich, policy: &policy, at: None, geo: None })
        .unwrap()
}

fn cargo() -> Cargo {
    let mut steps = Steps { done: Vec::new(), since: clock::monotonic() };
    let mut parts = parts();
    let policy = PolicyConfig { rule: vec![Rule::canary()], ..PolicyConfig::default() };
    parts.judge = Judge::new(Arc::new(Policy::compile(&policy, &flow::NoApps).unwrap()));
    let (flow, alert) = raise(parts, &AlertConfig::default(), &mut steps).unwrap();
    let folder = Folder::make().unwrap();
    commit(&folder.0, &flow, &alert).unwrap()
}

#[test]
fn every_document_of_a_canary_says_what_it_is() {
    let Cargo { alert: event, flow } = cargo();
    let record = Document::read(&flow.document);
    assert!(record.is_canary() && record.texts("/tags") == ["canary"], "its flow record too");
    assert_eq!((&*event.action, event.severity.word()), ("canary", "info"));
    for format in [Format::Ecs, Format::Cef, Format::Ocsf, Format::Eve, Format::Text] {
        let line = String::from_utf8(format.render(&event.document)).unwrap();
        assert!(line.contains("CANARY: a test") && line.contains("whither-canary"), "{format:?}: {line}");
    }
    let document = Document::read(&event.document);
    assert!(document.is_canary());
    assert_eq!(document.text("/event/kind"), "event");
    assert_eq!(document.text("/event/dataset"), "whither.canary");
    assert_eq!(document.text("/rule/name"), "canary");
    assert_eq!(document.texts("/tags"), ["canary"]);
    assert_eq!(document.text("/source/ip"), "192.0.2.1");
    let ocsf: serde_json::Value = serde_json::from_slice(&Format::Ocsf.render(&event.document)).unwrap();
    assert_eq!((&ocsf["is_alert"], &ocsf["activity_id"]), (&false.into(), &99.into()));
}

#[test]
fn each_sink_says_for_itself_whether_it_arrived() {
    let folder = tempfile::tempdir().unwrap();
    let sinks = r#"
        sink = [
          { name = "copy", kind = "file", path = "copy.jsonl", format = "ocsf" },
          { name = "flows", kind = "file", path = "f.jsonl", format = "ocsf", what = "flows" },
          { name = "gone", kind = "file", path = "no/such/folder/x" },
          { name = "set", kind = "nftables", table = "inet filter", set = "x", dry-run = false },
          { name = "nobody", kind = "webhook", url = "http://127.0.0.1:9/", allow-private = true },
          { name = "true", kind = "command", command = ["/bin/sh", "-c", "grep -q CANARY"], min-severity = "critical" },
          { name = "false", kind = "command", command = ["/bin/false"], attempts = 1 },
        ]"#;
    let deliver: DeliverConfig = toml::from_str(sinks).unwrap();
    let alerts = folder.path().join("alerts.jsonl");
    fs::write(&alerts, "{\"a\":1}\n").unwrap();
    let route =
        Route { alert: &AlertConfig::default(), alerts: &alerts, state: folder.path(), deliver: &deliver };
    let flight = send(parts(), &route).unwrap();
    let outcomes: Vec<_> = flight.sinks.iter().map(|l| (&*l.sink, l.outcome.word())).collect();
    assert_eq!(
        outcomes,
        [
            ("file:alerts.jsonl", "confirmed"),
            ("file:copy", "confirmed"),
            ("flows:file:flows", "confirmed"),
            ("file:gone", "failed"),
            ("nftables:set", "dry_run"),
            ("webhook:nobody", "failed"),
            ("command:true", "confirmed"),
            ("command:false", "failed"),
        ],
        "{flight:?}"
    );
    assert_eq!(fs::read_to_string(&alerts).unwrap(), "{\"a\":1}\n", "the real lines are left alone");
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|f| f.unwrap().file_name()).collect();
    assert_eq!(left, ["alerts.jsonl"]);
}
