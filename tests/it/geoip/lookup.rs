//! `whither lookup` beside a store: what its round trips leave time for.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value as Json;

use super::diff::{config, placing};
use super::server::BUILT;
use crate::durable;

fn whither(arguments: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_whither")).args(arguments).env_clear().output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

#[test]
fn claims_are_held_against_the_round_trips_of_a_store_where_the_place_of_the_sensor_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    durable::capture(&place("input.pcap"));
    fs::write(place("geo.mmdb"), placing("CN", BUILT)).unwrap();
    fs::write(place("c.toml"), config(&place("geo.mmdb"), folder.path(), "")).unwrap();
    let (c, input) = (place("c.toml"), place("input.pcap"));
    let (c, input) = (c.to_str().unwrap(), input.to_str().unwrap());
    whither(&["run", "--config", c, "--from", input, "--pace", "0"]);
    let ask = |more: &[&str]| -> Json {
        let fixed = ["lookup", "101.226.90.1", "--config", c, "--format", "json"];
        serde_json::from_slice(&whither(&[&fixed, more].concat()).stdout).unwrap()
    };
    let bare = ask(&[]);
    let smallest = bare["round_trips"]["smallest_ms"].as_f64().unwrap();
    assert!(bare["round_trips"]["records"].as_u64().unwrap() >= u64::from(durable::DEVICES), "{bare}");
    assert_eq!((&bare["round_trips"]["believed"], &bare["physics"]), (&false.into(), &Json::Null));
    assert_eq!(bare["roles"]["server"]["country"], "CN");

    let far = ask(&["--site", "CZ"]);
    assert_eq!(far["physics"]["rtt_ms"], smallest);
    assert_eq!(far["physics"]["verdicts"]["CN"], "refuted_by_rtt", "{far}");
    assert_eq!(far["roles"]["server"]["sources"][0]["refuted"], true);
    assert_eq!(far["roles"]["server"]["certainty"], "disputed");
    let near = ask(&["--site", "HK"]);
    assert_eq!(near["physics"]["verdicts"]["CN"], "possible", "{near}");
    assert_eq!(near["roles"]["server"], bare["roles"]["server"], "possible proves nothing");

    // By the folder alone, as `explain` says it of the flows; and for people.
    let state = folder.path().to_str().unwrap();
    let text = whither(&["lookup", "101.226.90.1", "--state-dir", state, "--site", "CZ"]).stdout;
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("CN refuted by rtt") && text.contains("40.2 ms, the smallest of"), "{text}");
    let other = whither(&["lookup", "8.8.8.8", "--state-dir", state, "--site", "CZ"]).stdout;
    assert!(!String::from_utf8(other).unwrap().contains("physics"), "nothing was measured of it");
}

#[test]
fn a_store_that_is_named_must_be_there_and_one_that_is_not_is_no_matter() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_whither"))
            .args(arguments)
            .env_clear()
            .output()
            .unwrap()
            .status
            .code()
    };
    let nowhere: &Path = &folder.path().join("nowhere");
    assert_eq!(run(&["lookup", "8.8.8.8", "--state-dir", nowhere.to_str().unwrap()]), Some(2));
    let config = folder.path().join("c.toml");
    fs::write(&config, format!("[daemon]\nstate-dir = '{}'\n", nowhere.display())).unwrap();
    assert_eq!(run(&["lookup", "8.8.8.8", "--config", config.to_str().unwrap()]), Some(0));
    fs::create_dir_all(nowhere).unwrap();
    fs::write(nowhere.join("whither.db"), "no store").unwrap();
    assert_eq!(
        run(&["lookup", "8.8.8.8", "--config", config.to_str().unwrap()]),
        Some(0),
        "said, and left aside"
    );
    assert_eq!(run(&["lookup", "8.8.8.8", "--state-dir", nowhere.to_str().unwrap()]), Some(1));
}
