//! Sinks that reach other machines, tried with the whole program: receivers on loopback, dead ones that come back, one
//! that drips. The daemon reads a capture from a pipe that stays open until everything has arrived.

pub(crate) mod servers;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use whither::store::Reader;

use crate::builder::file;
use crate::builder::net::{local, remote};
use crate::builder::scene::Scene;
use crate::builder::tcp::visit;
use crate::proc::{now, peak_memory};

/// Devices in the capture; each visits a server in China, 0.6 s after the one before.
const DEVICES: u16 = 100;
/// Of them the first ones that the sharper rule names too.
const SHARP: u16 = 5;
/// For how long a webhook is dead, in seconds; a night's run may set `WHITHER_DEAD_SECONDS` to 300.
const DEAD: f64 = 3.0;
/// Seconds of traffic in the capture, about.
const LENGTH: f64 = 75.0;
/// How much faster than it was the capture is fed: slow enough that the daemon tells of what it has between two packets.
const PACE: f64 = 40.0;

const POLICY: &str = r#"
    [[policy.rule]]
    id = "any"
    name = "Anything to China"
    severity = "low"
    jurisdictions = ["CN"]
    roles = ["server"]
    [[policy.rule]]
    id = "sharp"
    name = "What must not be"
    severity = "critical"
    jurisdictions = ["CN"]
    roles = ["server"]
    devices = ["192.168.0.10", "192.168.0.11", "192.168.0.12", "192.168.0.13", "192.168.0.14"]
"#;

fn capture() -> Vec<u8> {
    let mut scene = Scene::new();
    for n in 0..DEVICES {
        let phone = local(&format!("192.168.0.{}", n + 10));
        let server = (remote("101.226.90.1"), 443);
        visit(&mut scene, (phone, 40_000 + n), server, "short.weixin.qq.com", (900, 1_500));
        scene.wait_ms(600);
    }
    // Time goes on, so that what was settled is told.
    for _ in 0..3 {
        scene.wait_ms(5_000);
        scene.udp((local("192.168.0.1"), 5_000), (local("192.168.0.2"), 5_000), b"tick");
    }
    file::pcap(&scene.frames)
}

/// The daemon; the pipe that it reads stays open until it is asked to end.
struct Daemon {
    child: Child,
    feed: Option<ChildStdin>,
    feeder: Option<thread::JoinHandle<ChildStdin>>,
}

impl Daemon {
    fn start(folder: &Path, sinks: &str, pace: f64) -> Self {
        let config = folder.join("whither.toml");
        fs::write(&config, format!("{POLICY}\n[deliver]\nsink = [{sinks}]\n")).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_whither"))
            .args(["run", "--from", "-", "--pace", &pace.to_string(), "--config"])
            .arg(&config)
            .arg("--state-dir")
            .arg(folder.join("state"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(fs::File::create(folder.join("log")).unwrap())
            .spawn()
            .unwrap();
        let mut feed = child.stdin.take().unwrap();
        // On its own: the pipe holds less than the capture.
        let feeder = thread::spawn(move || {
            feed.write_all(&capture()).unwrap();
            feed
        });
        Self { child, feed: None, feeder: Some(feeder) }
    }

    /// Waits until the daemon has opened all alerts.
    fn raised(&mut self, folder: &Path) {
        self.feed = self.feeder.take().map(|feeder| feeder.join().unwrap());
        until(folder, "all alerts are raised", || openings(folder) == usize::from(DEVICES + SHARP));
    }

    /// Closes the pipe; the daemon ends by itself.
    fn end(mut self, folder: &Path) -> Value {
        drop(self.feed.take());
        assert!(self.child.wait().unwrap().success(), "{}", log(folder));
        serde_json::from_slice(&fs::read(folder.join("state/stats.json")).unwrap()).unwrap()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn log(folder: &Path) -> String {
    fs::read_to_string(folder.join("log")).unwrap_or_default()
}

/// Waits for what must come; what never comes ends the test, with the daemon's log.
pub(crate) fn until(folder: &Path, what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..8_000 {
        if holds() {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("never: {what}\n{}", log(folder));
}

/// Number and alert of every event in the store, with its severity.
fn kept(folder: &Path) -> Vec<(i64, String, u8)> {
    let Ok(reader) = Reader::open(&folder.join("state/whither.db")) else { return Vec::new() };
    let events = reader.events_after(0, usize::MAX).unwrap_or_default();
    events.into_iter().map(|e| (e.seq, e.alert, e.severity.number())).collect()
}

fn openings(folder: &Path) -> usize {
    let Ok(reader) = Reader::open(&folder.join("state/whither.db")) else { return 0 };
    let events = reader.events_after(0, usize::MAX).unwrap_or_default();
    events.iter().filter(|e| e.action == "alert-opened").count()
}

fn pairs(kept: &[(i64, String, u8)]) -> BTreeSet<(i64, String)> {
    kept.iter().map(|(seq, alert, _)| (*seq, alert.clone())).collect()
}

fn set(events: Vec<(i64, String)>) -> BTreeSet<(i64, String)> {
    events.into_iter().collect()
}

fn webhook(name: &str, at: SocketAddr, more: &str) -> String {
    format!("{{ name = \"{name}\", kind = \"webhook\", url = \"http://{at}/\", allow-private = true{more} }}")
}

fn syslog(name: &str, transport: &str, at: SocketAddr) -> String {
    format!("{{ name = \"{name}\", kind = \"syslog\", transport = \"{transport}\", address = \"{at}\" }}")
}

fn mailbox(at: SocketAddr) -> String {
    format!(
        "{{ name = \"admin\", kind = \"mail\", address = \"{at}\", security = \"none\", from = \"w@example.org\", \
         to = [\"a@example.org\"], budget = 0 }}"
    )
}

#[test]
fn every_alert_arrives_at_every_receiver_while_another_one_drips() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let (drip, web) = (servers::dripping_web(), servers::web("127.0.0.1:0".parse().unwrap()));
    let (tcp, udp, mail) = (servers::syslog_tcp(), servers::syslog_udp(), servers::mail());
    let sinks = [
        webhook("drip", drip.address, ", budget = 0"),
        webhook("soc", web.address, ", budget = 0"),
        syslog("tcp", "tcp", tcp.address),
        syslog("udp", "udp", udp.address),
        mailbox(mail.address),
    ];
    let mut daemon = Daemon::start(place, &sinks.join(", "), PACE);
    daemon.raised(place);
    let all = pairs(&kept(place));
    for (name, server) in [("web", &web), ("tcp", &tcp), ("mail", &mail)] {
        until(place, name, || set(server.events()).is_superset(&all));
    }
    until(place, "the dripping one was asked", || !drip.events().is_empty());
    let stats = daemon.end(place);
    let all = pairs(&kept(place));
    for server in [&web, &tcp, &mail, &udp] {
        let got = server.events();
        assert!(set(got.clone()).is_subset(&all), "nothing was made up");
        assert!(got.is_sorted_by_key(|(seq, _)| *seq), "in order: {got:?}");
    }
    assert!(!udp.events().is_empty(), "of datagrams nobody can ask for more");
    let sinks = &stats["alerts"]["sinks"];
    assert_eq!(sinks["webhook:drip"]["delivered"], 0, "{sinks}");
    assert_eq!(
        sinks["webhook:drip"]["queued"], stats["alerts"]["durable"],
        "what it did not take waits: {sinks}"
    );
}

#[test]
fn a_webhook_that_was_dead_gets_every_alert_when_it_is_back_and_held_up_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let dead: f64 = std::env::var("WHITHER_DEAD_SECONDS").ok().and_then(|s| s.parse().ok()).unwrap_or(DEAD);
    let (at, tcp) = (servers::free_port(), servers::syslog_tcp());
    let sinks = [webhook("soc", at, ", budget = 0"), syslog("tcp", "tcp", tcp.address)];
    // The alerts come over the whole time in which it is dead.
    let mut daemon = Daemon::start(place, &sinks.join(", "), LENGTH / dead);
    let id = daemon.child.id();
    until(place, "the first alert", || openings(place) > 0);
    println!("peak memory at the first alert: {} KiB", peak_memory(id));
    daemon.raised(place);
    let all = pairs(&kept(place));
    until(place, "the other receiver has all", || set(tcp.events()).is_superset(&all));
    println!("peak memory after {dead} s without a webhook: {} KiB", peak_memory(id));
    let (web, back) = (servers::web(at), now());
    until(place, "all arrive at the one that is back", || set(web.events()).is_superset(&all));
    println!("{} events arrive within {:.1?} after it is back", all.len(), back.elapsed());
    println!("peak memory after delivery: {} KiB", peak_memory(id));
    let stats = daemon.end(place);
    let all = pairs(&kept(place));
    let got = web.events();
    assert!(set(got.clone()).is_subset(&all), "under the ids of the store, and no others");
    assert!(got.is_sorted_by_key(|(seq, _)| *seq), "in order: {got:?}");
    assert_eq!(stats["alerts"]["raised"], stats["alerts"]["durable"]);
    assert_eq!(stats["alerts"]["sinks"]["webhook:soc"]["dead_letter"], 0);
}

#[test]
fn flow_records_go_to_sinks_that_ask_for_them_each_once_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let tcp = servers::syslog_tcp();
    let file =
        "{ name = \"flows\", kind = \"file\", path = \"f.jsonl\", format = \"ocsf\", what = \"flows\" }";
    let syslog = syslog("net", "tcp", tcp.address).replace(" }", ", what = \"flows\" }");
    let mut daemon = Daemon::start(place, &[file.to_owned(), syslog].join(", "), PACE);
    daemon.raised(place);
    let stats = daemon.end(place);
    let reader = Reader::open(&place.join("state/whither.db")).unwrap();
    let kept: Vec<i64> = reader.flows_after(0, usize::MAX).unwrap().iter().map(|f| f.number).collect();
    assert!(kept.len() > usize::from(DEVICES), "{stats}");
    let lines = fs::read_to_string(place.join("state/f.jsonl")).unwrap();
    let lines: Vec<Value> = lines.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert!(lines.iter().all(|l| l["class_uid"] == 4001 && l["type_uid"].as_i64() > Some(400_100)));
    assert!(
        lines
            .iter()
            .any(|l| l["dst_endpoint"]["ip"] == "101.226.90.1" && l["tls"]["sni"] == "short.weixin.qq.com")
    );
    let numbers: Vec<i64> = lines.iter().map(|l| l["metadata"]["sequence"].as_i64().unwrap()).collect();
    assert_eq!(numbers, kept);
    let got: Vec<i64> = tcp.events().iter().map(|(seq, _)| *seq).collect();
    assert_eq!(got, kept);
    assert_eq!(stats["alerts"]["sinks"]["flows:syslog:net"]["queued"], 0, "{stats}");
}

#[test]
fn of_what_waited_for_a_dead_pager_the_worst_is_told_within_the_budget() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let at = servers::free_port();
    let mut daemon = Daemon::start(place, &webhook("pager", at, ", budget = 6"), PACE);
    daemon.raised(place);
    let web = servers::web(at);
    until(place, "the budget is used", || web.events().len() >= usize::from(SHARP));
    let stats = daemon.end(place);
    let kept = kept(place);
    let severity = |(seq, alert): &(i64, String)| {
        kept.iter().find(|(s, a, _)| s == seq && a == alert).map(|(.., severity)| *severity)
    };
    let got: Vec<_> = web.events().iter().map(severity).collect();
    assert_eq!(got, [Some(5); 5], "one of six is kept for the digest; the others are the critical ones");
    let sink = &stats["alerts"]["sinks"]["webhook:pager"];
    assert_eq!(sink["dead_letter"], 0, "{sink}");
    let sum: i64 = ["delivered", "skipped", "queued"].iter().map(|k| sink[k].as_i64().unwrap()).sum();
    assert_eq!(stats["alerts"]["durable"], sum, "every event is accounted for: {sink}");
}

#[test]
fn a_canary_arrives_at_every_receiver_beside_a_running_daemon_and_leaves_no_trace_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    let (web, tcp, udp, mail) = (
        servers::web("127.0.0.1:0".parse().unwrap()),
        servers::syslog_tcp(),
        servers::syslog_udp(),
        servers::mail(),
    );
    // The budget of the daemon's own webhook is not the canary's.
    let dead = webhook("dead", servers::free_port(), "");
    let sinks = [
        webhook("soc", web.address, ", min-severity = \"critical\""),
        syslog("tcp", "tcp", tcp.address),
        syslog("udp", "udp", udp.address),
        mailbox(mail.address),
    ];
    let mut daemon = Daemon::start(place, &sinks.join(", "), PACE);
    daemon.raised(place);
    let canary = |sinks: &str| {
        let config = place.join("canary.toml");
        fs::write(&config, format!("{POLICY}\n[deliver]\nsink = [{sinks}]\n")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_whither"));
        command.args(["policy", "canary", "--format", "json", "--config"]).arg(&config);
        let output = command.arg("--state-dir").arg(place.join("state")).output().unwrap();
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), document)
    };
    let (code, document) = canary(&sinks.join(", "));
    let outcome = |document: &Value| -> Vec<(String, String)> {
        let sinks = document["sinks"].as_array().unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        sinks.iter().map(|s| (text(&s["sink"]), text(&s["outcome"]))).collect()
    };
    let wanted = [
        ("file:alerts.jsonl", "confirmed"),
        ("webhook:soc", "confirmed"),
        ("syslog:tcp", "confirmed"),
        ("syslog:udp", "sent"),
        ("mail:admin", "confirmed"),
    ]
    .map(|(sink, outcome)| (sink.to_owned(), outcome.to_owned()));
    assert_eq!((code, outcome(&document)), (Some(0), wanted.to_vec()), "{document}");
    let id = document["id"].as_str().unwrap();
    for server in [&web, &tcp, &mail, &udp] {
        until(place, "the canary is there", || server.events().iter().any(|(_, alert)| alert == id));
    }
    let (code, document) = canary(&dead);
    assert_eq!(code, Some(1));
    assert_eq!(outcome(&document)[1], ("webhook:dead".to_owned(), "failed".to_owned()), "{document}");
    daemon.end(place);
    assert!(kept(place).iter().all(|(_, alert, _)| alert != id), "the daemon's store has no canary");
    let lines = fs::read_to_string(place.join("state/alerts.jsonl")).unwrap();
    assert!(!lines.contains("canary"), "nor has its file");
}
