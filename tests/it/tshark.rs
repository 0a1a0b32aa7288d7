//! A second opinion: the repository's own captures through tshark, where it is installed. Flows, packets, octets and names
//! per pair of endpoints must be the same; what is not stands in `tshark_differences.toml` with its reason.
//!
//! Other people's captures are held against tshark too, by the truth that was made with it (`truth`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use whither::model::{Endpoint, HostName, Protocol};

use super::reading;
use super::truth::differences::{self, Difference};
use super::truth::seen::{self, Key};

const FIELDS: [&str; 14] = [
    "ip.src",
    "ip.dst",
    "ip.len",
    "ip.proto",
    "ipv6.src",
    "ipv6.dst",
    "ipv6.plen",
    "tcp.srcport",
    "tcp.dstport",
    "udp.srcport",
    "udp.dstport",
    "tls.handshake.extensions_server_name",
    "http.host",
    "dns.qry.name",
];

/// What tshark says of one pair of endpoints.
#[derive(Default)]
struct Opinion {
    packets: [u64; 2],
    octets: [u64; 2],
    names: BTreeSet<String>,
}

/// Asks tshark for the innermost values of every packet.
fn ask(path: &Path) -> BTreeMap<Key, Opinion> {
    let mut command = Command::new("tshark");
    // `l`: the last of several values, which is the innermost layer's.
    command.args(["-n", "-T", "fields", "-E", "separator=|", "-E", "occurrence=l", "-r"]).arg(path);
    for field in FIELDS {
        command.args(["-e", field]);
    }
    let output = command.output().unwrap();
    // Of a file with a break it gives what stands before the break, as we do, and then fails.
    let complaint = String::from_utf8_lossy(&output.stderr);
    let broken = ["cut short", "damaged or corrupt"].iter().any(|words| complaint.contains(words));
    assert!(output.status.success() || broken, "{}: {complaint}", path.display());
    let mut all: BTreeMap<Key, Opinion> = BTreeMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let value: BTreeMap<&str, &str> = FIELDS.into_iter().zip(line.split('|')).collect();
        let number = |field: &str| value[field].parse::<u64>().ok();
        let (source, destination, octets) = if let Some(length) = number("ip.len") {
            (value["ip.src"], value["ip.dst"], length)
        } else if let Some(payload) = number("ipv6.plen") {
            (value["ipv6.src"], value["ipv6.dst"], payload + 40)
        } else {
            continue;
        };
        let (protocol, ports) = if number("tcp.srcport").is_some() {
            (Protocol::TCP, ["tcp.srcport", "tcp.dstport"])
        } else if number("udp.srcport").is_some() {
            (Protocol::UDP, ["udp.srcport", "udp.dstport"])
        } else {
            let number = number("ip.proto").unwrap_or(u64::from(Protocol::ICMPV6.0));
            (Protocol(u8::try_from(number).unwrap()), ["", ""])
        };
        let end = |addr: &str, port: &str| {
            let port = value.get(port).and_then(|p| p.parse().ok()).unwrap_or(0);
            addr.parse().ok().map(|addr| Endpoint::new(addr, port))
        };
        // A header that ends before its addresses is no packet of a flow, for us neither.
        let (Some(source), Some(destination)) = (end(source, ports[0]), end(destination, ports[1])) else {
            continue;
        };
        let key = Key::new(protocol, source, destination);
        let side = usize::from(key.low != source);
        let opinion = all.entry(key).or_default();
        opinion.packets[side] += 1;
        opinion.octets[side] += octets;
        for field in &FIELDS[11..] {
            let host = value[field].split(':').next().unwrap_or_default();
            opinion.names.extend(HostName::from_wire(host.as_bytes()).map(|n| n.as_str().to_owned()));
        }
    }
    all
}

/// The captures of the golden cases.
fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .flat_map(|case| std::fs::read_dir(case.unwrap().path()).into_iter().flatten())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_stem().is_some_and(|stem| stem == "input"))
        // Of a file that is no capture neither says anything.
        .filter(|path| !path.parent().is_some_and(|case| case.ends_with("no-capture")))
        .collect();
    found.sort();
    assert!(!found.is_empty());
    found
}

#[test]
fn tshark_says_the_same_of_our_own_captures() {
    if Command::new("tshark").arg("--version").output().is_err() {
        println!("skipped: tshark is not installed (scripts/setup test installs it)");
        return;
    }
    let found = reading::each(&cases(), |path| {
        let case = path.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned();
        let ours = seen::sum_up(&reading::read(std::slice::from_ref(path)).unwrap().flows);
        let theirs = ask(path);
        let mut found = Vec::new();
        let keys: BTreeSet<Key> = ours.keys().chain(theirs.keys()).copied().collect();
        for key in keys {
            let (seen, opinion) = (ours.get(&key), theirs.get(&key));
            let mut differs = |what, truth: String, ours: String| {
                if truth != ours {
                    found.push(Difference {
                        capture: case.clone(),
                        what,
                        flow: key.to_string(),
                        truth,
                        ours,
                    });
                }
            };
            let count = |numbers: Option<[u64; 2]>| format!("{:?}", numbers.unwrap_or_default());
            differs("packets", count(opinion.map(|o| o.packets)), count(seen.map(|s| s.packets)));
            differs("octets", count(opinion.map(|o| o.octets)), count(seen.map(|s| s.octets)));
            let missing: Vec<&str> = opinion
                .into_iter()
                .flat_map(|o| &o.names)
                .filter(|name| seen.is_none_or(|s| !s.names.contains(*name)))
                .map(String::as_str)
                .collect();
            differs("name missing", missing.join(" "), String::new());
        }
        found
    });
    differences::review("tshark_differences.toml", &found.concat());
}
