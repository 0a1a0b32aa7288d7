//! The order of modules, held by reading the source: who may use whom, who may be async, who may read a clock, and
//! which module an outside crate's types stay in.
//!
//! Textual, so it sees `crate::x` and grouped imports; `super::super::` is banned outright. A test plants a bad edge
//! and sees it found.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Module → modules that it may use, besides `model` and `telemetry`.
const ALLOWED: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("telemetry", &[]),
    ("capture", &[]),
    ("decode", &["capture"]),
    ("inspect", &[]),
    ("meter", &["decode", "inspect"]),
    ("appid", &[]),
    ("enrich", &[]),
    ("fetch", &[]),
    ("processes", &[]),
    ("policy", &[]),
    ("alert", &[]),
    ("store", &[]),
    ("deliver", &["store"]),
    (
        "pipeline",
        &[
            "capture",
            "decode",
            "inspect",
            "meter",
            "appid",
            "enrich",
            "processes",
            "policy",
            "alert",
            "store",
            "deliver",
        ],
    ),
    (
        "config",
        &[
            "capture",
            "decode",
            "inspect",
            "meter",
            "appid",
            "enrich",
            "processes",
            "policy",
            "alert",
            "store",
            "deliver",
        ],
    ),
    ("daemon", &["*"]),
    ("cli", &["*"]),
];

/// Outside crate → the modules that may name it.
const CONFINED: &[(&str, &[&str])] = &[
    ("pcap::", &["capture"]),
    ("pnet::", &["capture"]),
    ("etherparse::", &["decode"]),
    ("maxminddb::", &["enrich"]),
    ("netlink_packet_sock_diag::", &["processes"]),
    ("mmdb_writer::", &["enrich"]),
    ("tokio::", &["daemon"]),
    ("rusqlite::", &["store"]),
    ("clap::", &["cli"]),
    ("indicatif::", &["cli"]),
    ("comfy_table::", &["cli"]),
    ("httparse::", &["inspect"]),
    ("x509_parser::", &["inspect"]),
    ("ureq::", &["deliver", "fetch"]),
    ("tar::", &["enrich"]),
    ("rustls::", &["deliver"]),
];

/// The only files that may read a clock.
const CLOCKS: &[&str] = &["pipeline/clock.rs", "capture/live.rs", "capture/live_tests.rs"];

/// All source files with their text, comments taken out.
fn sources() -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = BTreeMap::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
                files.insert(name, without_comments(&fs::read_to_string(&path).unwrap()));
            }
        }
    }
    assert!(files.len() > 50, "the source tree was not found");
    files
}

fn without_comments(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The module that a file belongs to.
fn module(file: &str) -> &str {
    file.split(['/', '.']).next().unwrap()
}

/// Modules named after `crate::`, one by one or in a group.
fn used(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for part in text.split("crate::").skip(1) {
        if let Some(group) = part.strip_prefix('{') {
            let mut depth = 0_usize;
            let mut word = String::new();
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => found.push(std::mem::take(&mut word)),
                    _ if depth == 0 => word.push(c),
                    _ => {}
                }
            }
            found.push(word);
        } else {
            found.push(part.to_owned());
        }
    }
    let name = |text: String| {
        text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>()
    };
    found.into_iter().map(name).filter(|n| !n.is_empty()).collect()
}

fn violations(files: &BTreeMap<String, String>) -> Vec<String> {
    let allowed: BTreeMap<&str, &[&str]> = ALLOWED.iter().copied().collect();
    let mut found = Vec::new();
    for (file, text) in files {
        let from = module(file);
        if ["lib", "main"].contains(&from) {
            continue;
        }
        let Some(may) = allowed.get(from) else {
            found.push(format!("{file}: module `{from}` is not in the table"));
            continue;
        };
        for to in used(text) {
            let shared =
                ["model", "telemetry"].contains(&to.as_str()) && !["model", "telemetry"].contains(&from);
            let known = allowed.contains_key(to.as_str());
            if known && to != from && !shared && !may.contains(&to.as_str()) && !may.contains(&"*") {
                found.push(format!("{file}: `{from}` must not use `{to}`"));
            }
        }
        for (name, homes) in CONFINED {
            let named = text
                .match_indices(name)
                .any(|(at, _)| !text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'));
            if named && !homes.contains(&from) {
                found.push(format!("{file}: `{name}` belongs to {homes:?}"));
            }
        }
        if text.contains("super::super::") {
            found.push(format!("{file}: `super::super::` hides an edge from this test; write `crate::`"));
        }
        let asynchronous = text.contains("async fn") || text.contains(".await");
        if asynchronous && from != "daemon" {
            found.push(format!("{file}: async is confined to the daemon's signal loop"));
        }
        let clock = ["SystemTime::now", "Instant::now", "Timestamp::now", "Zoned::now"];
        if clock.iter().any(|c| text.contains(c)) && !CLOCKS.contains(&file.as_str()) {
            found.push(format!("{file}: reads a clock; time is an argument"));
        }
    }
    found
}

#[test]
fn every_module_uses_only_what_stands_before_it() {
    let found = violations(&sources());
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn planted_violations_are_seen() {
    let plant = |file: &str, text: &str| {
        let mut files = BTreeMap::new();
        files.insert(file.to_owned(), without_comments(text));
        violations(&files)
    };
    assert_eq!(plant("decode/x.rs", "use crate::enrich::Enricher;").len(), 1);
    assert_eq!(plant("decode/x.rs", "use crate::{model::Timestamp, policy::{Judge, Policy}};").len(), 1);
    assert_eq!(plant("model/x.rs", "use crate::telemetry::init;").len(), 1);
    assert_eq!(plant("policy/x.rs", "use crate::alert::AlertBook;").len(), 1);
    assert_eq!(plant("meter/x.rs", "fn f() { pcap::Device::list(); }").len(), 1);
    assert_eq!(plant("meter/x.rs", "async fn f() {}").len(), 1);
    assert_eq!(plant("meter/x.rs", "let now = Instant::now();").len(), 1);
    assert_eq!(plant("unknown/x.rs", "").len(), 1);
    assert_eq!(plant("meter/x.rs", "// crate::enrich is never used\nuse crate::decode::Packet;"), [""; 0]);
}

#[test]
fn the_table_has_no_way_back() {
    let order: Vec<&str> = ALLOWED.iter().map(|(name, _)| *name).collect();
    for (at, (name, may)) in ALLOWED.iter().enumerate() {
        for to in may.iter().filter(|to| **to != "*") {
            let there = order.iter().position(|o| o == to).expect("a name of the table");
            assert!(there < at, "`{name}` stands before `{to}`");
        }
    }
}
