//! No alert is lost or told twice: kills at any moment, stops and starts, a full disk. The whole program on real files.

mod full_disk;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use whither::store::Reader;

use crate::builder::file;
use crate::builder::net::{local, remote};
use crate::builder::scene::Scene;
use crate::builder::tcp::visit;

/// Devices in the capture; each gives one alert.
pub(crate) const DEVICES: u16 = 100;
/// Kills in a run of the tests; a night's run may set `WHITHER_KILLS` to thousands.
const KILLS: usize = 8;

/// One visit of each device to a server in China, a second apart.
pub(crate) fn capture(path: &Path) {
    let mut scene = Scene::new();
    for n in 0..DEVICES {
        let phone = local(&format!("192.168.0.{}", n + 10));
        visit(
            &mut scene,
            (phone, 40_000 + n),
            (remote("101.226.90.1"), 443),
            "short.weixin.qq.com",
            (900, 1_500),
        );
        scene.wait_ms(600);
    }
    fs::write(path, file::pcap(&scene.frames)).unwrap();
}

fn command(folder: &Path, pace: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_whither"));
    command.args(["run", "--flag", "CN", "--app", "wechat", "--roles", "server", "--pace", pace, "--from"]);
    command.arg(folder.join("input.pcap")).arg("--state-dir").arg(folder.join("state"));
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command
}

fn start(folder: &Path, pace: &str) -> Child {
    command(folder, pace).stderr(Stdio::null()).spawn().unwrap()
}

/// Whole lines of the alerts' file; what stands behind the last line end is torn.
fn lines(folder: &Path) -> Vec<Value> {
    let text = fs::read(folder.join("state/alerts.jsonl")).unwrap_or_default();
    let whole = text.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
    let parse = |line: &[u8]| serde_json::from_slice(line).unwrap();
    text[..whole].split(|b| *b == b'\n').filter(|l| !l.is_empty()).map(parse).collect()
}

/// Number and id of each line.
fn events(lines: &[Value]) -> Vec<(i64, String)> {
    let event = |line: &Value| {
        let event = &line["event"];
        (event["sequence"].as_i64().unwrap(), event["id"].as_str().unwrap().to_owned())
    };
    lines.iter().map(event).collect()
}

/// The file holds each event of the store exactly once, in order, and nothing else.
fn file_and_store_agree(folder: &Path) {
    let written = events(&lines(folder));
    let reader = Reader::open(&folder.join("state/whither.db")).unwrap();
    let kept: Vec<_> =
        reader.events_after(0, usize::MAX).unwrap().into_iter().map(|e| (e.seq, e.alert)).collect();
    assert_eq!(written, kept);
    let (_, sink) = reader.sinks().unwrap().pop().unwrap();
    assert_eq!((sink.queued, sink.dead), (0, 0));
}

/// How often each alert was opened.
fn openings(lines: &[Value]) -> BTreeMap<String, usize> {
    let mut count = BTreeMap::new();
    for line in lines.iter().filter(|l| l["event"]["action"] == "alert-opened") {
        *count.entry(line["event"]["id"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    count
}

#[test]
fn kills_at_any_moment_lose_no_alert_and_write_none_twice() {
    let folder = tempfile::tempdir().unwrap();
    capture(&folder.path().join("input.pcap"));
    let kills = std::env::var("WHITHER_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(KILLS);
    let mut told = BTreeSet::new();
    let mut state = 20_261_126_u64;
    for _ in 0..kills {
        let mut child = start(folder.path(), "40");
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        thread::sleep(Duration::from_millis(150 + (state >> 33) % 1_500));
        child.kill().unwrap();
        child.wait().unwrap();
        told.extend(events(&lines(folder.path())));
    }
    assert!(command(folder.path(), "0").stderr(Stdio::null()).status().unwrap().success());
    let all: BTreeSet<_> = events(&lines(folder.path())).into_iter().collect();
    assert!(told.is_subset(&all), "what was told once is there for ever");
    file_and_store_agree(folder.path());
    let opened = openings(&lines(folder.path()));
    assert_eq!(opened.len(), usize::from(DEVICES), "every alert was raised");
}

#[test]
fn stops_and_starts_during_an_alert_do_not_open_it_again() {
    let folder = tempfile::tempdir().unwrap();
    capture(&folder.path().join("input.pcap"));
    for _ in 0..3 {
        let mut child = start(folder.path(), "40");
        thread::sleep(Duration::from_millis(900));
        let id = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        assert!(child.wait().unwrap().success(), "a stop is no failure");
        file_and_store_agree(folder.path());
    }
    assert!(command(folder.path(), "0").stderr(Stdio::null()).status().unwrap().success());
    file_and_store_agree(folder.path());
    let opened = openings(&lines(folder.path()));
    assert_eq!(opened.len(), usize::from(DEVICES));
    assert!(opened.values().all(|n| *n == 1), "{opened:?}");
}
