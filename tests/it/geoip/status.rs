//! `whither geoip status`, and the ledger's word on databases that are too old.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value as Json;

use super::diff::placing;
use super::server::{BUILT, Server, answer, gzip};
use crate::durable;

fn json(arguments: &[&str]) -> Json {
    let output = Command::new(env!("CARGO_BIN_EXE_whither")).args(arguments).env_clear().output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn age_licence_and_origin_are_told_by_the_day_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("c.toml");
    let file = folder.path().join("geoip/dbip-country-lite.mmdb");
    let text = format!(
        "[daemon]\nstate-dir = '{}'\n[enrich]\ndatabases = ['{}']\n",
        folder.path().display(),
        file.display()
    );
    fs::write(&config, text).unwrap();
    let config = config.to_str().unwrap();
    let server = Server::plain(|_| answer("200 OK", "", &gzip(&placing("CN", BUILT))));
    json(&[
        "geoip",
        "update",
        "dbip-country",
        "--config",
        config,
        "--mirror",
        &server.base,
        "--format",
        "json",
    ]);
    let status = |at: &str| json(&["geoip", "status", "--config", config, "--at", at, "--format", "json"]);
    let told = status("2026-06-07");
    let first = &told["databases"][0];
    assert_eq!((&first["age_days"], &first["too_old"]), (&10.into(), &false.into()), "{told}");
    assert_eq!(first["license"], "CC BY 4.0");
    assert_eq!(first["origin"]["source"], "dbip-country");
    assert!(first["origin"]["url"].as_str().unwrap().starts_with(&server.base), "{told}");
    assert_eq!(first["sha256"].as_str().unwrap().len(), 64);
    assert!(told["databases"][1]["age_days"].as_i64().unwrap() < 0, "the embedded one came later: {told}");
    assert_eq!(status("2026-11-24")["databases"][0]["too_old"], false, "180 days");
    assert_eq!(status("2026-11-25")["databases"][0]["too_old"], true, "181 days");
    // A file that somebody else put there has no origin, but its kind tells its licence.
    fs::write(&file, placing("US", BUILT)).unwrap();
    let first = &status("2026-06-07")["databases"][0];
    assert_eq!((&first["origin"], &first["license"]), (&Json::Null, &"CC BY 4.0".into()));
    let output = Command::new(env!("CARGO_BIN_EXE_whither"))
        .args(["geoip", "status", "--config", config, "--at", "2027-06-01"])
        .env_clear()
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("too old: dbip-country-lite is of 2026-05-28, 369 days before"), "{text}");
}

#[test]
fn the_ledger_names_databases_that_are_too_old_for_the_capture_or_for_today() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    durable::capture(Path::new(&place("input.pcap")));
    let notes = |built: u64, at: &str| {
        fs::write(place("geo.mmdb"), placing("CN", built)).unwrap();
        fs::write(place("c.toml"), format!("[enrich]\ndatabases = ['{}']\n", place("geo.mmdb"))).unwrap();
        let (c, input) = (place("c.toml"), place("input.pcap"));
        let told = json(&["read", "--config", &c, "--at", at, "--format", "json", &input]);
        let notes: Vec<String> = serde_json::from_value(told["ledger"]["notes"].clone()).unwrap();
        notes.into_iter().find(|note| note.contains("`geo` is of"))
    };
    // The capture is of 2026-10-10.
    assert_eq!(notes(BUILT, "capture"), None, "135 days");
    let note = notes(1_760_000_000, "capture").expect("a year");
    assert!(note.contains("2025-10-09, 366 days before the capture ends (2026-10-10)"), "{note}");
    let note = notes(1_600_000_000, "today").expect("older than that, whatever day it is");
    assert!(note.contains("before today (2") && !note.contains("(2026-10-10)"), "{note}");
}
