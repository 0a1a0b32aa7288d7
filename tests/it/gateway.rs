//! A gateway that translates addresses: a client, the gateway with the daemon, and a server, in network namespaces of the
//! test's own, with nftables' masquerading.
//!
//! Needs root, nft and a kernel that tracks connections; says so when it skips. The client and the server are this test
//! binary, run inside the namespaces: entering one from within a thread would need unsafe code.

use std::fs;
use std::io::{BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::netns::{Namespaces, Running, done, inside, ip, wait_for_line};

const PART: &str = "WHITHER_TEST_GATEWAY_PART";
const CLIENT: &str = "192.168.88.20";
const OUTSIDE: &str = "198.51.100.1";
const SERVER: &str = "198.51.100.2";
const PORT: u16 = 8080;
const FLOWS: usize = 3;
const RULES: &str = "add table ip nat; add chain ip nat post { type nat hook postrouting priority 100 ; }; \
                     add rule ip nat post oifname \"wan\" masquerade random";

fn player(namespace: &str, part: &str) -> Command {
    let mut command = inside(namespace, &std::env::current_exe().unwrap());
    command.args(["--exact", "gateway::a_part_inside_a_namespace", "--nocapture"]).env(PART, part);
    command
}

#[test]
fn a_part_inside_a_namespace() {
    match std::env::var(PART).as_deref() {
        Ok("server") => {
            let listener = TcpListener::bind((SERVER, PORT)).unwrap();
            println!("ready");
            for stream in listener.incoming().take(FLOWS) {
                let mut stream = stream.unwrap();
                let _ = stream.read(&mut [0; 64]).unwrap();
                stream.write_all(&[b'x'; 5000]).unwrap();
            }
        }
        Ok("client") => {
            for _ in 0..FLOWS {
                let mut stream = TcpStream::connect((SERVER, PORT)).unwrap();
                stream.write_all(b"hello").unwrap();
                let _ = stream.read_to_end(&mut Vec::new()).unwrap();
            }
        }
        _ => {}
    }
}

/// Client, gateway and server, joined; `None`, said why, where this host cannot.
fn site(tag: &str) -> Option<Namespaces> {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: not root");
        return None;
    }
    if !done("nft", &["--version"]) {
        println!("skipped: there is no nft (scripts/setup test installs it)");
        return None;
    }
    let id = std::process::id();
    let names = Namespaces(["c", "g", "s"].map(|part| format!("whither-{tag}{part}-{id}")).to_vec());
    let [client, gateway, server] = [&names.0[0], &names.0[1], &names.0[2]];
    let made = names.0.iter().all(|name| ip(&format!("netns add {name}")))
        && ip(&format!("-n {gateway} link add lan type veth peer name c0 netns {client}"))
        && ip(&format!("-n {gateway} link add wan type veth peer name s0 netns {server}"))
        && done("ip", &["netns", "exec", gateway, "nft", RULES]);
    if !made {
        println!("skipped: no network namespaces, no veth, or no address translation here");
        return None;
    }
    for command in [
        format!("-n {gateway} addr add 192.168.88.1/24 dev lan"),
        format!("-n {gateway} addr add {OUTSIDE}/24 dev wan"),
        format!("-n {client} addr add {CLIENT}/24 dev c0"),
        format!("-n {server} addr add {SERVER}/24 dev s0"),
        format!("-n {gateway} link set lan up"),
        format!("-n {gateway} link set wan up"),
        format!("-n {client} link set c0 up"),
        format!("-n {server} link set s0 up"),
        format!("-n {client} route add default via 192.168.88.1"),
    ] {
        assert!(ip(&command), "{command}");
    }
    let forward = ["netns", "exec", gateway, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"];
    assert!(done("ip", &forward));
    Some(names)
}

/// Runs the daemon at these interfaces of the gateway while the client speaks; gives flow records, statistics, and what
/// `whither stats` and `whither flows` say of its store.
fn watched(site: &Namespaces, interfaces: &[&str]) -> (Vec<Value>, Value, [String; 2]) {
    let [client, gateway, server] = [&site.0[0], &site.0[1], &site.0[2]];
    let folder = tempfile::tempdir().unwrap();
    let (state, config) = (folder.path().join("state"), folder.path().join("whither.toml"));
    let text = format!(
        "version = 1\n[daemon]\nstate-dir = \"{}\"\nwrite-flows = true\n\
         [enrich]\nconntrack = {{ enabled = true }}\n",
        state.display()
    );
    fs::write(&config, text).unwrap();
    let mut command = inside(gateway, Path::new(env!("CARGO_BIN_EXE_whither")));
    command.arg("run").arg("--config").arg(&config);
    for interface in interfaces {
        command.args(["--interface", interface]);
    }
    let mut daemon = command.stderr(Stdio::piped()).spawn().map(Running).unwrap();
    let mut log = BufReader::new(daemon.0.stderr.take().unwrap());
    wait_for_line(&mut log, "connection tracking is listened to");
    wait_for_line(&mut log, "watching");
    let rest = std::thread::spawn(move || {
        let mut text = String::new();
        let _ = log.read_to_string(&mut text);
        text
    });
    let mut far = player(server, "server").stdout(Stdio::piped()).spawn().map(Running).unwrap();
    // Kept until the end: a closed pipe would be an error to the server.
    let mut said = BufReader::new(far.0.stdout.take().unwrap());
    wait_for_line(&mut said, "ready");
    assert!(player(client, "client").stdout(Stdio::null()).status().unwrap().success());
    // Records come a second after their facts have settled; only then is everything out of the kernel's buffers.
    let expected = FLOWS * interfaces.len();
    let seen = || {
        let text = fs::read_to_string(state.join("flows.jsonl")).unwrap_or_default();
        text.lines().filter(|line| line.contains(&format!("\"port\":{PORT}"))).count()
    };
    for _ in 0..600 {
        if seen() >= expected {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let pid = rustix::process::Pid::from_child(&daemon.0);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(daemon.0.wait().unwrap().success(), "{}", rest.join().unwrap());
    let lines = fs::read_to_string(state.join("flows.jsonl")).unwrap();
    let flows = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let to_server = flows.filter(|f| f["destination"]["port"] == PORT).collect();
    let asked = [["stats", "--format", "json"], ["flows", "--format", "csv"]].map(|words| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_whither"));
        let output = command.args(words).arg("--state-dir").arg(&state).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    });
    (to_server, serde_json::from_slice(&fs::read(state.join("stats.json")).unwrap()).unwrap(), asked)
}

fn octets<'a>(flows: impl Iterator<Item = &'a Value>) -> u64 {
    flows
        .map(|f| f["whither"]["bytes_up"].as_u64().unwrap() + f["whither"]["bytes_down"].as_u64().unwrap())
        .sum()
}

#[test]
fn on_the_outside_of_a_translation_a_flow_has_the_device_behind_it() {
    let Some(site) = site("w") else { return };
    let (flows, stats, _) = watched(&site, &["wan"]);
    assert!(flows.len() >= FLOWS, "{flows:#?} {stats}");
    for flow in &flows {
        assert_eq!(flow["source"]["ip"], OUTSIDE, "what was seen stays as it was seen");
        assert_eq!(flow["whither"]["device"]["ip"], CLIENT, "{flow}");
        assert_eq!(flow["whither"]["translation"]["outer_ip"], OUTSIDE, "{flow}");
        assert!(flow["whither"]["duplicate_of"].is_null());
        behind(flow, &stats);
    }
}

/// The client's network is another namespace of this very host, as a container's is, so its processes are known too.
fn behind(flow: &Value, stats: &Value) {
    if !stats["processes"].as_str().unwrap().contains("BPF at") {
        return println!("births not tried: {}", stats["processes"]);
    }
    // By the executable where the process still was when it was looked at, else by what its thread called itself.
    let own = std::env::current_exe().unwrap();
    let file = own.file_name().and_then(|name| name.to_str());
    let name = flow["process"]["name"].as_str();
    assert!(name == file || name == Some("gateway::a_part"), "{flow} {stats}");
    assert!(flow["process"]["pid"].is_u64(), "{flow}");
}

#[test]
fn a_flow_seen_on_both_sides_counts_once() {
    let Some(site) = site("b") else { return };
    let (flows, stats, [asked, listed]) = watched(&site, &["lan", "wan"]);
    let (twins, counted): (Vec<_>, Vec<_>) =
        flows.iter().partition(|f| !f["whither"]["duplicate_of"].is_null());
    assert_eq!(octets(twins.iter().copied()), octets(counted.iter().copied()), "{flows:#?}");
    assert!(octets(counted.iter().copied()) > FLOWS as u64 * 5000);
    assert_eq!(stats["limits"]["duplicate_octets"], octets(twins.iter().copied()), "{stats}");
    for flow in &flows {
        assert_eq!(flow["whither"]["device"]["ip"], CLIENT, "{flow}");
        behind(flow, &stats);
    }
    let asked: Value = serde_json::from_str(&asked).unwrap();
    assert_eq!(asked["store"]["duplicate_records"], stats["limits"]["duplicate_records"], "{asked}");
    assert_eq!(
        listed.matches("duplicate of ").count() as u64,
        stats["limits"]["duplicate_records"],
        "{listed}"
    );
    for twin in twins {
        let of = &twin["whither"]["duplicate_of"];
        assert!(counted.iter().any(|f| f["whither"]["flow_id"] == *of), "{twin}");
    }
}
