//! A disk that is full while alerts come, fifty a second: the whole program, with its state on a small file system of the
//! test's own.
//!
//! The file system is mounted in a mount namespace, which ends with the trial however that ends; entering one from within
//! a thread would need unsafe code, so the trial is this test binary, started inside. Needs root; says so when it skips.
//! How long delivery takes and what memory it needs is printed (`--nocapture`), not asserted.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use whither::store::Reader;

use super::{events, lines, openings};
use crate::builder::file;
use crate::builder::net::{Host, remote};
use crate::builder::scene::Scene;
use crate::builder::tcp::visit;
use crate::netns::{Running, done};
use crate::proc::{now, peak_memory};
use crate::sinks::{servers, until};

/// Where the trial finds its folder; set only for the program inside the namespace.
const PLACE: &str = "WHITHER_TEST_FULL_DISK_PLACE";
/// For how long the disk is full, in seconds; `WHITHER_FULL_DISK` may set more.
const FULL: u32 = 2;
/// Alerts in a second.
const RATE: u32 = 50;
/// Seconds of traffic before and after.
const AROUND: u32 = 5;
/// What of each device's visit makes an alert.
const RULE: [&str; 6] = ["--flag", "CN", "--app", "wechat", "--roles", "server"];

fn seconds_full() -> u32 {
    std::env::var("WHITHER_FULL_DISK").ok().and_then(|n| n.parse().ok()).unwrap_or(FULL)
}

/// Devices; each gives one alert.
fn devices() -> u32 {
    RATE * (seconds_full() + AROUND)
}

fn device(number: u32) -> Host {
    let [_, high, middle, low] = number.to_be_bytes();
    Host { ip: [10, high, middle, low].into(), mac: [0x02, 0, 1, high, middle, low] }
}

/// One visit of each device to a server in China; gives the pace that makes [`RATE`] of them a second.
fn capture(path: &Path) -> f64 {
    let mut scene = Scene::new();
    for number in 0..devices() {
        let from = (device(number + 256), 40_000);
        visit(&mut scene, from, (remote("101.226.90.1"), 443), "short.weixin.qq.com", (900, 1_500));
        scene.wait_ms(20);
    }
    let nanoseconds = scene.frames.last().unwrap().time - scene.frames[0].time;
    // Time goes on, so that what was settled is told.
    for _ in 0..3 {
        scene.wait_ms(5_000);
        scene.udp((device(1), 5_000), (device(2), 5_000), b"tick");
    }
    fs::write(path, file::pcap(&scene.frames)).unwrap();
    Duration::from_nanos(nanoseconds.unsigned_abs()).as_secs_f64() / f64::from(seconds_full() + AROUND)
}

#[test]
fn a_full_disk_holds_alerts_back_and_loses_none() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: a file system of its own needs root");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new("unshare")
        .arg("--mount")
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "durable::full_disk::the_trial_inside_a_mount_namespace", "--nocapture"])
        .env(PLACE, folder.path())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    println!("{told}");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("all is there"), "the trial did not run");
}

#[test]
fn the_trial_inside_a_mount_namespace() {
    let Some(place) = std::env::var_os(PLACE).map(PathBuf::from) else { return };
    let pace = capture(&place.join("input.pcap"));
    let web = servers::web("127.0.0.1:0".parse().unwrap());
    mount(&place.join("state"));
    let (mut daemon, feed) = start(&place, pace, &web);
    let id = daemon.0.id();
    until(&place, "the first alert", || !lines(&place).is_empty());
    println!("peak memory before: {} KiB", peak_memory(id));

    fill(&place.join("state/fill"));
    until(&place, "the store refuses", || log(&place).contains("the store refuses"));
    for _ in 0..seconds_full() {
        thread::sleep(Duration::from_secs(1));
        assert!(daemon.0.try_wait().unwrap().is_none(), "it lives: {}", log(&place));
    }
    println!("peak memory after {} s without room: {} KiB", seconds_full(), peak_memory(id));

    fs::remove_file(place.join("state/fill")).unwrap();
    watch_delivery(&place, &web);
    println!("peak memory after delivery: {} KiB", peak_memory(id));

    let all = usize::try_from(devices()).unwrap();
    until(&place, "all alerts are raised", || openings(&lines(&place)).len() == all);
    until(&place, "all arrive at the webhook", || web.events().len() >= all);
    drop(feed.join().unwrap());
    assert!(daemon.0.wait().unwrap().success(), "{}", log(&place));
    reconcile(&place, &web.events());
    println!("{}", log(&place));
    println!("all is there: {all} alerts");
}

/// A file system with room for all that the trial keeps, and no more than can be filled in a moment.
fn mount(at: &Path) {
    fs::create_dir(at).unwrap();
    let size = format!("size={}k", 16_384 + 64 * devices());
    let at = at.to_str().unwrap();
    assert!(done("mount", &["-t", "tmpfs", "-o", &size, "whither-test", at]), "cannot mount a tmpfs");
}

/// The daemon, and the thread that feeds it; the pipe stays open as long as what that thread gives back.
fn start(place: &Path, pace: f64, web: &servers::Server) -> (Running, thread::JoinHandle<ChildStdin>) {
    let config = place.join("whither.toml");
    let sink = format!(
        "[[deliver.sink]]\nname = \"soc\"\nkind = \"webhook\"\nurl = \"http://{}/\"\nallow-private = true\nbudget = 0\n",
        web.address
    );
    fs::write(&config, sink).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_whither"))
        .arg("run")
        .args(RULE)
        .args(["--from", "-", "--pace", &pace.to_string(), "--config"])
        .arg(config)
        .arg("--state-dir")
        .arg(place.join("state"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(File::create(place.join("log")).unwrap())
        .spawn()
        .unwrap();
    let mut feed = child.stdin.take().unwrap();
    let input = fs::read(place.join("input.pcap")).unwrap();
    let feeder = thread::spawn(move || {
        feed.write_all(&input).unwrap();
        feed
    });
    (Running(child), feeder)
}

fn log(place: &Path) -> String {
    fs::read_to_string(place.join("log")).unwrap_or_default()
}

/// Takes all the room there is.
fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    loop {
        match file.write(&[0; 4096]) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::StorageFull => return,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Waits until everything that had no room has arrived, and tells when it did. Both receivers get events in order, so it is
/// enough to count them here; what they are is compared at the end.
fn watch_delivery(place: &Path, web: &servers::Server) {
    let room = now();
    until(place, "the store takes again", || log(place).contains("takes again"));
    let durable = room.elapsed();
    let reader = Reader::open(&place.join("state/whither.db")).unwrap();
    let held = reader.events_after(0, usize::MAX).unwrap().len();
    let mut file = File::open(place.join("state/alerts.jsonl")).unwrap();
    let (mut written, mut new) = (0, Vec::new());
    let (mut in_file, mut at_web) = (None, None);
    until(place, "what was held arrives", || {
        new.clear();
        file.read_to_end(&mut new).unwrap();
        written += new.split(|b| *b == b'\n').count() - 1;
        if written >= held {
            in_file.get_or_insert_with(|| room.elapsed());
        }
        if web.events().len() >= held {
            at_web.get_or_insert_with(|| room.elapsed());
        }
        in_file.is_some() && at_web.is_some()
    });
    println!(
        "{held} events are durable {durable:.1?} after there is room, in the file after {:.1?}, at the webhook after {:.1?}",
        in_file.unwrap(),
        at_web.unwrap()
    );
}

/// Nothing is lost or twice: against the same capture read at leisure, and between store, file, webhook and counters.
fn reconcile(place: &Path, at_web: &[(i64, String)]) {
    let lines = lines(place);
    let opened = openings(&lines);
    assert!(opened.values().all(|n| *n == 1), "{opened:?}");
    assert_eq!(opened.keys().cloned().collect::<BTreeSet<_>>(), read_offline(place));

    let database = place.join("state/whither.db");
    let reader = Reader::open(&database).unwrap();
    let kept: Vec<_> =
        reader.events_after(0, usize::MAX).unwrap().into_iter().map(|e| (e.seq, e.alert)).collect();
    assert_eq!(events(&lines), kept, "the file has what the store has");
    assert_eq!(at_web, &kept[..at_web.len()], "the webhook has it too, as far as it came before the stop");

    let stats: Value = serde_json::from_slice(&fs::read(place.join("state/stats.json")).unwrap()).unwrap();
    let (alerts, flows) = (&stats["alerts"], &stats["flows"]);
    assert_eq!((&alerts["raised"], &alerts["durable"]), (&kept.len().into(), &kept.len().into()), "{stats}");
    let sinks = reader.sinks().unwrap();
    let soc = &sinks.iter().find(|(name, _)| name == "webhook:soc").unwrap().1;
    assert_eq!((soc.dead, soc.skipped), (0, 0));
    let unnoted = (at_web.len() as u64).checked_sub(soc.delivered);
    assert!(unnoted.is_some_and(|n| n <= 32), "a stop leaves at most one group unnoted: {unnoted:?}");
    assert_eq!(soc.delivered + soc.queued, kept.len() as u64);

    let totals = reader.totals().unwrap();
    let dropped = stats["limits"]["flow_lines_dropped"].as_u64().unwrap_or(0);
    println!("flow records: {}, of them dropped for want of room {dropped}", flows["records_judged"]);
    let records = totals.flow_records + totals.duplicate_records;
    assert_eq!(flows["records_judged"], records + dropped, "records are dropped only as counted: {stats}");

    let connection = rusqlite::Connection::open(&database).unwrap();
    let sound: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
}

/// The alerts that the same capture gives when it is read as a file.
fn read_offline(place: &Path) -> BTreeSet<String> {
    let path = place.join("offline.jsonl");
    let read = Command::new(env!("CARGO_BIN_EXE_whither"))
        .arg("read")
        .args(RULE)
        .arg("--alerts")
        .arg(&path)
        .arg(place.join("input.pcap"))
        .output()
        .unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let text = fs::read_to_string(path).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    openings(&lines).into_keys().collect()
}
