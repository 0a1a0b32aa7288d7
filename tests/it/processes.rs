//! Which process of this host: real processes in network namespaces of the test's own, watched by the daemon.
//!
//! Needs root and says so when it skips. The clients are this test binary under names of their own (hard links), run
//! inside the namespaces: entering one from within a thread would need unsafe code.

use std::fs;
use std::io::{BufReader, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::netns::{Namespaces, Running, inside, ip, wait_for_line};

/// What a client or server inside a namespace does: `tcp`, `udp` or `server`, and for how long it holds its socket.
const PART: &str = "WHITHER_TEST_PROCESSES_PART";
const SERVER: &str = "10.77.0.2";
const LONG: u16 = 9001;
const UDP: u16 = 9002;
const SHORT: u16 = 9003;
const FLASH: u16 = 9004;
const FLASH_UDP: u16 = 9005;
const FLASH_CONNECTED: u16 = 9006;
/// Where one of this side listens; the far side asks.
const OWN: u16 = 9007;
const HERE: &str = "10.77.0.1";

/// This test binary as a process of another name, playing a part.
fn player(namespace: &str, program: &Path, part: &str) -> Command {
    let mut command = inside(namespace, program);
    command.args(["--exact", "processes::a_part_inside_a_namespace", "--nocapture"]).env(PART, part);
    command
}

#[test]
fn a_part_inside_a_namespace() {
    let Ok(part) = std::env::var(PART) else { return };
    let words: Vec<&str> = part.split(' ').collect();
    let number = |at: usize| words[at].parse::<u16>().unwrap();
    let hold = |at: usize| std::thread::sleep(Duration::from_millis(number(at).into()));
    match words[0] {
        "server" => {
            for port in [LONG, SHORT, FLASH] {
                let listener = TcpListener::bind((SERVER, port)).unwrap();
                std::thread::spawn(move || {
                    for stream in listener.incoming() {
                        let mut stream = stream.unwrap();
                        std::thread::spawn(move || stream.read(&mut [0; 64]));
                    }
                });
            }
            println!("ready");
            // Until the test lets go of the pipe.
            let _ = std::io::stdin().read(&mut [0; 1]);
        }
        "tcp" => {
            let mut stream = TcpStream::connect((SERVER, number(1))).unwrap();
            stream.write_all(b"hello").unwrap();
            hold(2);
        }
        "udp" => {
            let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
            socket.send_to(b"hello", (SERVER, number(1))).unwrap();
            hold(2);
            socket.send_to(b"hello", (SERVER, number(1))).unwrap();
        }
        "flash-udp" => {
            let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
            socket.send_to(b"hello", (SERVER, number(1))).unwrap();
            let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
            socket.connect((SERVER, number(2))).unwrap();
            socket.send(b"hello").unwrap();
        }
        "listener" => {
            let listener = TcpListener::bind((HERE, number(1))).unwrap();
            println!("ready");
            for stream in listener.incoming() {
                let _ = stream.unwrap().read(&mut [0; 64]);
            }
        }
        "asker" => {
            TcpStream::connect((HERE, number(1))).unwrap().write_all(b"hello").unwrap();
        }
        other => panic!("no such part: {other}"),
    }
}

/// The flow records to a port of the server.
fn records(flows: &[Value], port: u16) -> Vec<&Value> {
    let found: Vec<&Value> = flows.iter().filter(|f| f["destination"]["port"] == port).collect();
    assert!(!found.is_empty(), "no flow to port {port}");
    found
}

#[test]
fn flows_of_this_host_get_the_process_that_made_them() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: not root");
        return;
    }
    let id = std::process::id();
    let names = Namespaces(vec![format!("whither-pa-{id}"), format!("whither-pb-{id}")]);
    let (here, far) = (names.0[0].as_str(), names.0[1].as_str());
    let made = ip(&format!("netns add {here}"))
        && ip(&format!("netns add {far}"))
        && ip(&format!("-n {here} link add a0 type veth peer name b0 netns {far}"));
    if !made {
        println!("skipped: no network namespaces or no veth here");
        return;
    }
    assert!(
        ip(&format!("-n {here} addr add 10.77.0.1/24 dev a0")) && ip(&format!("-n {here} link set a0 up"))
    );
    assert!(ip(&format!("-n {far} addr add {SERVER}/24 dev b0")) && ip(&format!("-n {far} link set b0 up")));

    let own = std::env::current_exe().unwrap();
    let folder = tempfile::tempdir_in(own.parent().unwrap()).unwrap();
    let program = |name: &str| -> PathBuf {
        let path = folder.path().join(name);
        fs::hard_link(&own, &path).unwrap();
        path
    };

    let mut server = player(far, &own, "server")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map(Running)
        .unwrap();
    wait_for_line(&mut BufReader::new(server.0.stdout.take().unwrap()), "ready");

    let state = folder.path().join("state");
    let config = folder.path().join("whither.toml");
    let text = format!(
        "version = 1\n[daemon]\nstate-dir = {state:?}\nwrite-flows = true\n[processes]\ninterval = \"20ms\"\n"
    );
    fs::write(&config, text).unwrap();
    let mut daemon = inside(here, Path::new(env!("CARGO_BIN_EXE_whither")))
        .args(["run", "--interface", "a0", "--config"])
        .arg(&config)
        .stderr(Stdio::piped())
        .spawn()
        .map(Running)
        .unwrap();
    let mut log = BufReader::new(daemon.0.stderr.take().unwrap());
    wait_for_line(&mut log, "sock_diag");
    wait_for_line(&mut log, "watching");
    let rest = std::thread::spawn(move || {
        let mut text = String::new();
        let _ = log.read_to_string(&mut text);
        text
    });

    for (name, part) in [
        ("long-lived", format!("tcp {LONG} 2000")),
        ("udp-sender", format!("udp {UDP} 2000")),
        ("short-lived", format!("tcp {SHORT} 500")),
        ("flash", format!("tcp {FLASH} 0")),
        ("flash-udp", format!("flash-udp {FLASH_UDP} {FLASH_CONNECTED}")),
    ] {
        assert!(
            player(here, &program(name), &part).stdout(Stdio::null()).status().unwrap().success(),
            "{name}"
        );
    }

    let mut listener = player(here, &program("listener"), &format!("listener {OWN}"))
        .stdout(Stdio::piped())
        .spawn()
        .map(Running)
        .unwrap();
    wait_for_line(&mut BufReader::new(listener.0.stdout.take().unwrap()), "ready");
    // It is a poll that finds who listens.
    std::thread::sleep(Duration::from_millis(200));
    assert!(player(far, &own, &format!("asker {OWN}")).stdout(Stdio::null()).status().unwrap().success());

    // The kernel hands packets over in blocks; the last ones may lie there for a moment.
    std::thread::sleep(Duration::from_secs(1));
    let pid = rustix::process::Pid::from_child(&daemon.0);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(daemon.0.wait().unwrap().success(), "{}", rest.join().unwrap());

    let lines = fs::read_to_string(state.join("flows.jsonl")).unwrap();
    let flows: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (name, port) in [("long-lived", LONG), ("udp-sender", UDP), ("short-lived", SHORT)] {
        for record in records(&flows, port) {
            assert_eq!(record["process"]["name"], name, "{record}");
            assert!(record["process"]["executable"].as_str().unwrap().ends_with(name), "{record}");
            assert_eq!(record["whither"]["process"]["source"], "socket");
            assert_eq!(record["whither"]["process"]["uid"], 0);
        }
    }
    for record in records(&flows, OWN) {
        assert_eq!(record["process"]["name"], "listener", "it accepted: {record}");
    }
    let stats: Value = serde_json::from_slice(&fs::read(state.join("stats.json")).unwrap()).unwrap();
    let backend = stats["processes"].as_str().unwrap();
    assert!(backend.starts_with("sock_diag"), "{stats}");
    if backend.contains("BPF at") {
        // However short their lives: by the executable where the process still was, else by what its thread called itself.
        for (name, port) in [("flash", FLASH), ("flash-udp", FLASH_UDP), ("flash-udp", FLASH_CONNECTED)] {
            for record in records(&flows, port) {
                let said = record["process"]["name"].as_str();
                assert!(said == Some(name) || said == Some("processes::a_pa"), "{record} {stats}");
                assert!(record["process"]["pid"].is_u64(), "{record}");
            }
        }
        assert_eq!(stats["limits"]["host_flows_socket_unseen"], Value::Null, "{stats}");
        return;
    }
    println!("births not tried: {backend}");
    // One that may have lived between two looks: it has its own process, or it is counted.
    for record in records(&flows, FLASH) {
        let name = &record["process"]["name"];
        let counted = stats["limits"]["host_flows_socket_unseen"].as_u64().is_some_and(|n| n > 0);
        assert!(*name == "flash" || (name.is_null() && counted), "{record} {stats}");
    }
}
