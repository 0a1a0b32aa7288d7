//! The daemon as a whole: in network namespaces that the test makes and takes away again, and fed from a file.
//!
//! Two namespaces are joined by a virtual cable. One is a phone with the daemon on its end of the cable; the other
//! answers under an address that the built-in database places in China. No packet leaves the machine. Needs root and
//! `ip` (iproute2); says so when it skips.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use serde_json::Value;
use tempfile::TempDir;

use crate::builder::tls::{Hello, records};
use crate::netns::ip;

/// Looks at whether something has happened, and how long between two looks. A guard against hanging, not a measure.
const LOOKS: u32 = 1_200;
const BETWEEN: Duration = Duration::from_millis(50);

/// Stands in China by both sources; here it is the other end of the cable.
const SERVER: &str = "101.226.90.1:443";

/// Waits until `done` gives something.
fn wait_for<T>(what: &str, mut done: impl FnMut() -> Option<T>) -> T {
    for _ in 0..LOOKS {
        if let Some(found) = done() {
            return found;
        }
        thread::sleep(BETWEEN);
    }
    panic!("waited in vain for {what}");
}

/// Two namespaces and the cable between them; gone when dropped, however the test ends.
struct Lab {
    phone: String,
    server: String,
}

impl Drop for Lab {
    fn drop(&mut self) {
        ip(&format!("netns del {}", self.phone));
        ip(&format!("netns del {}", self.server));
    }
}

impl Lab {
    /// Builds it; `None` where that is not possible.
    fn build(name: &str) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: not root");
            return None;
        }
        let lab = Self {
            phone: format!("whither-{name}-phone-{}", std::process::id()),
            server: format!("whither-{name}-server-{}", std::process::id()),
        };
        let (phone, server) = (&lab.phone, &lab.server);
        let possible = ip(&format!("netns add {phone}"))
            && ip(&format!("netns add {server}"))
            && ip(&format!("-n {phone} link add wire type veth peer name wire netns {server}"));
        if !possible {
            eprintln!("skipped: no network namespaces or no veth here");
            return None;
        }
        let address = SERVER.split(':').next().unwrap();
        for command in [
            format!("-n {phone} addr add 192.168.77.2/24 dev wire"),
            format!("-n {server} addr add 192.168.77.1/24 dev wire"),
            format!("-n {server} addr add {address}/32 dev wire"),
            format!("-n {server} link set wire up"),
            format!("-n {phone} link set wire up"),
            format!("-n {phone} route add default via 192.168.77.1"),
        ] {
            assert!(ip(&command), "ip {command}");
        }
        Some(lab)
    }

    /// Takes the calling thread into a namespace; threads that a test starts for this end there.
    fn enter(namespace: &str) {
        let handle = File::open(format!("/run/netns/{namespace}")).unwrap();
        move_into_link_name_space(handle.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
    }

    /// A server that reads whatever comes, until the test ends.
    fn serve(&self) {
        let namespace = self.server.clone();
        let (ready, wait) = std::sync::mpsc::sync_channel(0);
        thread::spawn(move || {
            Self::enter(&namespace);
            let listener = TcpListener::bind(SERVER).unwrap();
            ready.send(()).unwrap();
            for stream in listener.incoming().flatten() {
                thread::spawn(move || {
                    let mut stream = stream;
                    let mut buffer = [0; 4096];
                    while stream.read(&mut buffer).is_ok_and(|n| n > 0) {}
                });
            }
        });
        wait.recv().unwrap();
    }

    /// A connection from the phone, its hello said.
    fn call(&self, name: &str) -> TcpStream {
        let (namespace, hello) = (self.phone.clone(), records(&Hello::to(name).message(), &[]));
        thread::spawn(move || {
            Self::enter(&namespace);
            let address: SocketAddr = SERVER.parse().unwrap();
            let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(30)).unwrap();
            stream.write_all(&hello).unwrap();
            stream
        })
        .join()
        .unwrap()
    }
}

/// A running daemon. Killed when dropped, so that a failed test leaves nothing behind.
struct Daemon {
    child: Child,
    state: PathBuf,
    log: PathBuf,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _gone = self.child.wait();
    }
}

impl Daemon {
    /// Starts `whither run` in the phone's namespace, and waits until it watches.
    fn start(lab: &Lab, folder: &Path, config: &Path) -> Self {
        let (state, log) = (folder.join("state"), folder.join("log"));
        let child = Command::new("ip")
            .args(["netns", "exec", &lab.phone, env!("CARGO_BIN_EXE_whither"), "run", "--interface", "wire"])
            .arg("--state-dir")
            .arg(&state)
            .arg("--config")
            .arg(config)
            .stderr(File::create(&log).unwrap())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let daemon = Self { child, state, log };
        daemon.wait_for_log("watching");
        daemon
    }

    fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    fn wait_for_log(&self, text: &str) -> String {
        wait_for(text, || {
            let log = self.log();
            log.lines().find(|line| line.contains(text)).map(str::to_owned)
        })
    }

    /// `ip netns exec` becomes the program, so its process is the daemon.
    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// The alert lines so far; every one of them must be whole.
    fn alerts(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.state.join("alerts.jsonl")).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(|line| serde_json::from_str(line).expect("a whole line")).collect()
    }

    fn wait_for_alert(&self, action: &str, count: usize) -> Value {
        wait_for(action, || {
            let alerts = self.alerts();
            alerts.into_iter().filter(|a| a["event"]["action"] == action).nth(count - 1)
        })
    }

    /// Asks it to stop, and gives its last words. It must end by itself, in order.
    fn stop(mut self) -> String {
        self.signal(Signal::TERM);
        let status = wait_for("the end of the daemon", || self.child.try_wait().unwrap());
        assert!(status.success(), "{status}: {}", self.log());
        let text = fs::read_to_string(self.state.join("alerts.jsonl")).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'), "the last line is torn");
        let log = self.log();
        log.lines().last().unwrap().to_owned()
    }
}

const RULE: &str = r#"
[[policy.rule]]
id = "china"
name = "To China"
jurisdictions = ["CN"]
"#;

#[test]
fn the_daemon_alerts_while_a_flow_goes_on_and_obeys_its_signals() {
    let Some(lab) = Lab::build("signals") else { return };
    let scratch = TempDir::new().unwrap();
    let config = scratch.path().join("whither.toml");
    fs::write(&config, RULE).unwrap();
    lab.serve();
    let daemon = Daemon::start(&lab, scratch.path(), &config);

    // The flow goes on until the stream is dropped.
    let mut stream = lab.call("short.weixin.qq.com");
    let alert = daemon.wait_for_alert("alert-opened", 1);
    assert_eq!(alert["rule"]["id"], "china");
    assert_eq!(alert["whither"]["app"]["id"], "wechat");
    assert_eq!(alert["whither"]["alert"]["country"], "CN");
    stream.write_all(b"the flow still goes on").unwrap();

    // A bad configuration is refused as a whole, and named.
    fs::write(&config, RULE.replace("CN", "Chinaa")).unwrap();
    daemon.signal(Signal::HUP);
    let refused = daemon.wait_for_log("reload refused");
    assert!(refused.contains("the old configuration stays in force"), "{refused}");
    assert!(daemon.log().contains("whither.toml"), "{}", daemon.log());

    // A good one is taken over: the same rule under another id.
    fs::write(&config, RULE.replace("\"china\"", "\"prc\"")).unwrap();
    daemon.signal(Signal::HUP);
    daemon.wait_for_log("configuration reloaded");
    let second = lab.call("long.weixin.qq.com");
    wait_for("an alert of the new rule", || daemon.alerts().into_iter().find(|a| a["rule"]["id"] == "prc"));

    // Statistics on demand.
    daemon.signal(Signal::USR1);
    let stats: Value = wait_for("statistics", || {
        let text = fs::read(daemon.state.join("stats.json")).ok()?;
        let stats: Value = serde_json::from_slice(&text).expect("whole or not there at all");
        (stats["alerts"]["raised"].as_u64()? >= 2).then_some(stats)
    });
    assert!(stats["packets"]["read"].as_u64().unwrap() > 0, "{stats}");

    drop((stream, second));
    let last = daemon.stop();
    assert!(last.contains("stopped") && last.contains("alert_lines_lost=0"), "{last}");
}

#[test]
fn an_interface_that_goes_down_and_up_again_is_watched_on() {
    let Some(lab) = Lab::build("cable") else { return };
    let scratch = TempDir::new().unwrap();
    let config = scratch.path().join("whither.toml");
    fs::write(&config, RULE).unwrap();
    lab.serve();
    let daemon = Daemon::start(&lab, scratch.path(), &config);
    drop(lab.call("short.weixin.qq.com"));
    daemon.wait_for_alert("alert-opened", 1);

    assert!(ip(&format!("-n {} link set wire down", lab.phone)));
    assert!(ip(&format!("-n {} link set wire up", lab.phone)));
    assert!(ip(&format!("-n {} route add default via 192.168.77.1", lab.phone)));
    // Another application: the first one's alert may still be brought up to date.
    let stream = lab.call("www.tiktok.com");
    wait_for("an alert after the cable came back", || {
        daemon.alerts().iter().any(|a| a["whither"]["app"]["id"] == "tiktok").then_some(())
    });
    drop(stream);
    let last = daemon.stop();
    assert!(last.contains("alert_lines_lost=0"), "{last}");
}

/// What an alert says, without what the program's own clock or the run's order has a part in.
fn essence(line: &Value) -> Value {
    serde_json::json!([
        line["event"]["action"],
        line["event"]["id"],
        line["event"]["start"],
        line["whither"]["alert"],
        line["whither"]["bytes_up"],
        line["whither"]["bytes_down"],
        line["whither"]["because"],
    ])
}

#[test]
fn the_daemon_fed_from_a_file_raises_the_alerts_that_read_finds() {
    let capture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/demo/input.pcap");
    let scratch = TempDir::new().unwrap();
    let (state, lines) = (scratch.path().join("state"), scratch.path().join("alerts"));
    let flags = ["--flag", "CN", "--app", "wechat,tiktok"];
    let read = Command::new(env!("CARGO_BIN_EXE_whither"))
        .arg("read")
        .args(flags)
        .arg("--alerts")
        .arg(&lines)
        .arg(&capture)
        .output()
        .unwrap();
    assert!(read.status.success());
    let run = Command::new(env!("CARGO_BIN_EXE_whither"))
        .arg("run")
        .args(flags)
        .args(["--pace", "0", "--state-dir"])
        .arg(&state)
        .arg("--from")
        .arg(&capture)
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let alerts = |path: &Path| -> Vec<Value> {
        let text = fs::read_to_string(path).unwrap();
        let mut list: Vec<Value> =
            text.lines().map(|line| essence(&serde_json::from_str(line).unwrap())).collect();
        list.sort_by_key(ToString::to_string);
        list
    };
    let (from_read, from_run) = (alerts(&lines), alerts(&state.join("alerts.jsonl")));
    assert!(!from_read.is_empty());
    assert_eq!(from_read, from_run);
}

#[test]
fn what_a_stalled_pipe_has_brought_is_alerted_while_it_stalls() {
    let capture =
        fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/demo/input.pcap")).unwrap();
    let scratch = TempDir::new().unwrap();
    let state = scratch.path().join("state");
    let mut child = Command::new(env!("CARGO_BIN_EXE_whither"))
        .args(["run", "--flag", "CN", "--app", "wechat,tiktok", "--pace", "0", "--from", "-", "--state-dir"])
        .arg(&state)
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    // All but the end of the last packet, and the pipe stays open.
    let (most, rest) = capture.split_at(capture.len() - 20);
    pipe.write_all(most).unwrap();
    wait_for("an alert out of a pipe that stalls", || {
        let text = fs::read_to_string(state.join("alerts.jsonl")).ok()?;
        text.contains("alert-opened").then_some(())
    });
    pipe.write_all(rest).unwrap();
    drop(pipe);
    assert!(child.wait().unwrap().success());
}
