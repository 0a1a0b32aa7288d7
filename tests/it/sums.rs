//! `whither stats` and `whither read` say the same of the same capture: each flow once, with all its octets, under the name
//! that it ended with.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::builder::file;
use crate::builder::net::{local, remote};
use crate::builder::scene::Scene;
use crate::builder::tcp::{ACK, Connection, Who, visit};
use crate::builder::tls::{Hello, records};

/// Two connections to one server: one that is silent for longer than a record lasts before it says whom it wants, and one
/// that says so at once.
fn capture(path: &Path) {
    let (phone, server) = (local("192.168.1.23"), remote("101.226.90.1"));
    let mut scene = Scene::new();
    let mut late = Connection::open(&mut scene, (phone, 40_101), (server, 443), 40);
    for _ in 0..20 {
        scene.wait_ms(20_000);
        late.send(&mut scene, Who::Client, ACK, 0, b"");
    }
    late.say(&mut scene, Who::Client, &records(&Hello::to("short.weixin.qq.com").message(), &[]));
    late.close(&mut scene);
    visit(&mut scene, (phone, 40_102), (server, 443), "short.weixin.qq.com", (900, 1_500));
    fs::write(path, file::pcap(&scene.frames)).unwrap();
}

/// A document of the program.
fn document(args: &[&str]) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_whither")).args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap_or_default()
}

/// Application, flows, octets up and down; `key` names the application.
fn sums(list: &Value, key: &str) -> Vec<(String, [u64; 3])> {
    let row = |row: &Value| {
        let name = row[key].as_str().unwrap_or("not named").to_owned();
        (name, ["flows", "bytes_up", "bytes_down"].map(|field| row[field].as_u64().unwrap()))
    };
    let mut rows: Vec<_> = list.as_array().unwrap().iter().map(row).collect();
    rows.sort();
    rows
}

#[test]
fn the_store_counts_flows_by_application_as_the_summary_does() {
    let folder = TempDir::new().unwrap();
    let (input, state) = (folder.path().join("input.pcap"), folder.path().join("state"));
    let (input, state) = (input.to_str().unwrap(), state.to_str().unwrap());
    capture(Path::new(input));
    let read = document(&["read", "--flag", "CN", "--format", "json", input]);
    document(&["run", "--flag", "CN", "--from", input, "--pace", "0", "--state-dir", state]);
    for days in [&[][..], &["--days"]] {
        let mut args = vec!["stats", "--format", "json", "--since", "2020-01-01", "--state-dir", state];
        args.extend(days);
        let stats = document(&args);
        assert!(stats["store"]["flow_records"].as_u64() > Some(3), "one flow is of several records: {stats}");
        assert_eq!(sums(&stats["rows"], "key"), sums(&read["applications"], "id"));
    }
}
