//! `whither geoip diff`: two databases held against each other, by the files and by traffic.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use mmdb_writer::Value;
use serde_json::Value as Json;

use super::server::{BUILT, DAY, country, mmdb, network};
use crate::durable;

/// Where the traffic of the tests goes: in China in `CN`, elsewhere in `US`.
pub(super) fn placing(code: &str, built: u64) -> Vec<u8> {
    mmdb("DBIP-Country-Lite", built, &[("8.8.8.0/24", country("US")), ("101.226.90.0/24", country(code))])
}

/// No other source, and a rule on where the server stands.
pub(super) fn config(database: &Path, state: &Path, more: &str) -> String {
    let (state, database) = (state.to_str().unwrap(), database.to_str().unwrap());
    format!(
        "[daemon]\nstate-dir = {state:?}\n[enrich]\nembedded-database = false\ndatabases = [{database:?}]\n{more}\n\
         [[policy.rule]]\nid = \"china\"\nname = \"To China\"\njurisdictions = [\"CN\"]\nroles = [\"server\"]\n"
    )
}

fn whither(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_whither"))
        .args(arguments)
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn json(output: &Output) -> Json {
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn captures_are_judged_with_both_and_what_differs_is_told_with_examples() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    durable::capture(Path::new(&path("input.pcap")));
    fs::write(path("old.mmdb"), placing("CN", BUILT)).unwrap();
    fs::write(path("new.mmdb"), placing("US", BUILT + DAY)).unwrap();
    fs::write(path("c.toml"), config(Path::new(&path("new.mmdb")), folder.path(), "")).unwrap();
    let diff = |old: &str, new: &str, more: &[&str]| {
        let (old, new, input, config) = (path(old), path(new), path("input.pcap"), path("c.toml"));
        let fixed = ["geoip", "diff", &old, &new, "--config", &config, "--against", &input];
        whither(&[&fixed, more].concat())
    };
    let output = diff("old.mmdb", "new.mmdb", &["--format", "json", "--fail-on-change", "--examples", "2"]);
    assert_eq!(output.status.code(), Some(3));
    let told = json(&output);
    let devices = u64::from(durable::DEVICES);
    let traffic = &told["traffic"];
    assert_eq!(traffic["addresses"]["compared"], 1, "{told}");
    assert_eq!(traffic["addresses"]["by"], serde_json::json!({ "server": 1 }), "{told}");
    let change = &traffic["addresses"]["examples"][0];
    assert_eq!(change["ip"], "101.226.90.1");
    assert_eq!(change["changes"], serde_json::json!([{ "what": "server", "old": "CN", "new": "US" }]));
    assert_eq!((&traffic["alerts"]["lost"], &traffic["alerts"]["gained"]), (&devices.into(), &0.into()));
    assert_eq!(traffic["alerts"]["lost_examples"].as_array().unwrap().len(), 2);
    assert_eq!(traffic["rules"][0]["old"]["matches"], traffic["records"]);
    assert_eq!(traffic["rules"][0]["new"]["matches"], 0);
    // The other way round, and against itself.
    let back = json(&diff("new.mmdb", "old.mmdb", &["--format", "json"]));
    assert_eq!(back["traffic"]["alerts"]["gained"], devices);
    let same = diff("old.mmdb", "old.mmdb", &["--format", "json", "--fail-on-change"]);
    assert_eq!(same.status.code(), Some(0));
    let same = json(&same);
    assert_eq!(
        (&same["traffic"]["addresses"]["changed"], &same["traffic"]["alerts"]["lost"]),
        (&0.into(), &0.into())
    );
    assert_eq!(same["traffic"]["alerts"]["same"], devices);
    let text = String::from_utf8(diff("old.mmdb", "new.mmdb", &[]).stdout).unwrap();
    assert!(text.contains("1 of 1 addresses are placed differently"), "{text}");
    assert!(text.contains("server CN -> US") && text.contains("only with the old database"), "{text}");
}

#[test]
fn a_policy_is_held_against_captures_with_swapped_databases_and_against_a_store_with_those_of_then() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    durable::capture(Path::new(&path("input.pcap")));
    for (name, code, built) in [("old", "CN", BUILT), ("new", "US", BUILT + DAY)] {
        let database = path(&format!("{name}.mmdb"));
        fs::write(&database, placing(code, built)).unwrap();
        fs::write(path(&format!("{name}.toml")), config(Path::new(&database), folder.path(), "")).unwrap();
    }
    let (old, new, input) = (path("old.toml"), path("new.toml"), path("input.pcap"));
    assert!(whither(&["run", "--config", &old, "--from", &input, "--pace", "0"]).status.success());
    let diff = |against: &str| {
        let told = json(&whither(&["policy", "diff", &old, &new, "--against", against, "--format", "json"]));
        ["lost", "gained", "same"].map(|what| told["changes"][what].as_u64().unwrap())
    };
    let devices = u64::from(durable::DEVICES);
    assert_eq!(diff(&input), [devices, 0, 0], "captures are placed by the databases of each side");
    assert_eq!(diff("store"), [0, 0, devices], "records keep their places: the rules alone are compared");
    let (old, new) = (path("old.mmdb"), path("new.mmdb"));
    let told =
        json(&whither(&["geoip", "diff", &old, &new, "--config", &path("new.toml"), "--format", "json"]));
    assert_eq!(told["traffic"]["against"], "store");
    assert_eq!(told["traffic"]["alerts"]["lost"], devices, "here the databases are");
}

#[test]
fn autonomous_systems_that_are_renamed_moved_gone_or_new_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let of = |asn: &str, name: &str, code: &str| {
        Value::map([
            ("asn", Value::from(asn)),
            ("org", Value::from(name)),
            ("country_code", Value::from(code)),
        ])
    };
    let file = |records: &[(&str, Value)]| mmdb("iplocate-ip-to-asn", BUILT, records);
    let old = [
        ("21.0.0.0/24", of("1", "One", "DE")),
        ("21.0.1.0/24", of("2", "Two", "DE")),
        ("21.0.2.0/24", of("3", "Three", "RU")),
        ("21.0.3.0/24", of("3", "Three", "RU")),
    ];
    let new = [
        ("21.0.0.0/24", of("1", "One", "DE")),
        ("21.0.1.0/24", of("2", "Second\u{1b}[31m", "DE")),
        ("21.0.2.0/24", of("3", "Three", "AE")),
        ("21.0.4.0/24", of("5", "Five", "FR")),
    ];
    fs::write(path("old.mmdb"), file(&old)).unwrap();
    fs::write(path("new.mmdb"), file(&new)).unwrap();
    fs::write(path("c.toml"), format!("[daemon]\nstate-dir = {:?}\n", folder.path().to_str().unwrap()))
        .unwrap();
    let (old, new, config) = (path("old.mmdb"), path("new.mmdb"), path("c.toml"));
    let told = json(&whither(&["geoip", "diff", &old, &new, "--config", &config, "--format", "json"]));
    let systems = &told["autonomous_systems"];
    let count = |what: &str| systems[what].as_u64().unwrap();
    let counts = ["old", "new", "renamed", "moved", "gone", "added"].map(count);
    assert_eq!(counts, [3, 4, 1, 1, 0, 1], "{told}");
    assert_eq!(systems["examples"][1]["new_country"], "AE", "{told}");
    assert!(told.get("traffic").is_none(), "there is no store");
    let text = whither(&["geoip", "diff", &old, &new, "--config", &config]).stdout;
    assert!(!text.contains(&0x1b));
    assert!(String::from_utf8(text).unwrap().contains("no traffic to hold them against"));
}

#[test]
fn a_side_that_is_no_database_is_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    let (good, bad) = (folder.path().join("good.mmdb"), folder.path().join("bad.mmdb"));
    fs::write(&good, mmdb("DBIP-ASN-Lite", BUILT, &[("8.8.8.0/24", network(7, "Seven"))])).unwrap();
    fs::write(&bad, "no").unwrap();
    let (good, bad) = (good.to_str().unwrap(), bad.to_str().unwrap());
    for sides in [[good, bad], [bad, good], [good, "/nowhere.mmdb"]] {
        let output = whither(&[&["geoip", "diff"], &sides[..]].concat());
        assert_eq!(output.status.code(), Some(2), "{sides:?}");
        assert!(output.stdout.is_empty());
    }
    let state = folder.path().to_str().unwrap();
    let output = whither(&["geoip", "diff", good, "embedded", "--state-dir", state]);
    assert_eq!(output.status.code(), Some(2), "a store that was named must be there");
}
