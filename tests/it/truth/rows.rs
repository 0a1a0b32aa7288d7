//! The truth's lines, as far as they are compared.

use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::path::Path;

use serde_json::Value;
use whither::model::{Endpoint, HostName, Protocol};

use super::seen::Key;

/// One pair of endpoints in one capture, as other tools see it.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) pcap: String,
    pub(super) key: Key,
    /// Whether the key's lower end began.
    pub(super) low_began: bool,
    /// Whether that is known by a SYN.
    pub(super) by_syn: bool,
    /// Packets from the lower end, and from the higher.
    pub(super) packets: [u64; 2],
    pub(super) octets: [u64; 2],
    /// Every name that stands in the flow.
    pub(super) names: BTreeSet<String>,
    /// Where they stand.
    pub(super) name_source: Option<String>,
    pub(super) lookup: bool,
    pub(super) alpn: BTreeSet<String>,
    /// By nDPI, which differs from the description in known ways.
    pub(super) ja4_ndpi: Option<String>,
    /// As published by the fingerprint's authors.
    pub(super) ja4_published: Option<String>,
    pub(super) quic_versions: BTreeSet<u32>,
    pub(super) ech: bool,
    pub(super) vlans: BTreeSet<u16>,
    pub(super) app: Option<String>,
    pub(super) origin_app: Option<String>,
    pub(super) confidence: String,
    /// nDPI's word for it, by itself or within nfstream.
    pub(super) ndpi: Option<String>,
}

pub(super) fn read(path: &Path) -> Vec<Row> {
    fs::read_to_string(path).unwrap().lines().map(|line| row(&serde_json::from_str(line).unwrap())).collect()
}

fn row(json: &Value) -> Row {
    let source = end(&json["src"], &json["sport"]);
    let destination = end(&json["dst"], &json["dport"]);
    let key = Key::new(protocol(json["proto"].as_str().unwrap()), source, destination);
    let low_began = key.low == source;
    let sides = |forward: &str, reverse: &str| {
        let (forward, reverse) = (json[forward].as_u64().unwrap(), json[reverse].as_u64().unwrap());
        if low_began { [forward, reverse] } else { [reverse, forward] }
    };
    let mut names: BTreeSet<String> = words(&json["hostnames_all"]).iter().filter_map(|n| name(n)).collect();
    names.extend(text(&json["hostname"]).and_then(|n| name(&n)));
    Row {
        pcap: text(&json["pcap"]).unwrap(),
        key,
        low_began,
        by_syn: json["dir"] == "syn",
        packets: sides("packets_fwd", "packets_rev"),
        octets: sides("ip_bytes_fwd", "ip_bytes_rev"),
        names,
        name_source: text(&json["hostname_src"]),
        lookup: json["is_dns"] == true,
        alpn: words(&json["alpn"]).into_iter().collect(),
        ja4_ndpi: text(&json["ja4_ndpi"]),
        ja4_published: None,
        quic_versions: words(&json["quic_versions"])
            .iter()
            .map(|v| u32::from_str_radix(v.trim_start_matches("0x"), 16).unwrap())
            .collect(),
        ech: json["ech"] == true,
        vlans: words(&json["vlans"]).iter().map(|v| v.parse().unwrap()).collect(),
        app: text(&json["app"]),
        origin_app: text(&json["origin_app"]),
        confidence: text(&json["confidence"]).unwrap(),
        ndpi: text(&json["ndpi"]).or_else(|| text(&json["nfstream"])),
    }
}

/// The published fingerprints: capture, flow, JA4.
pub(super) fn expected_ja4(folder: &Path) -> Vec<(String, Key, String)> {
    let mut expected = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let capture = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let streams: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        for stream in streams.as_array().unwrap() {
            let Some(ja4) = text(&stream["JA4.1"]).or_else(|| text(&stream["JA4"])) else { continue };
            let end = |addr: &str, port: &str| {
                Endpoint::new(
                    text(&stream[addr]).unwrap().parse().unwrap(),
                    text(&stream[port]).unwrap().parse().unwrap(),
                )
            };
            let protocol = if ja4.starts_with('q') { Protocol::UDP } else { Protocol::TCP };
            expected.push((
                capture.clone(),
                Key::new(protocol, end("src", "srcport"), end("dst", "dstport")),
                ja4,
            ));
        }
    }
    assert!(!expected.is_empty());
    expected
}

/// A name as the program would write it; a port behind it is no part of it, nor are an address's brackets.
fn name(wire: &str) -> Option<String> {
    let host = match wire.rsplit_once(':') {
        Some((host, port))
            if port.bytes().all(|b| b.is_ascii_digit()) && !host.trim_matches(['[', ']']).is_empty() =>
        {
            let bare = !host.contains(':');
            if bare || host.ends_with(']') { host } else { wire }
        }
        _ => wire,
    };
    HostName::from_wire(host.trim_matches(['[', ']']).as_bytes()).map(|n| n.as_str().to_owned())
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn words(value: &Value) -> Vec<String> {
    value.as_array().map(|all| all.iter().filter_map(text).collect()).unwrap_or_default()
}

fn end(addr: &Value, port: &Value) -> Endpoint {
    let addr: IpAddr = addr.as_str().unwrap().parse().unwrap();
    Endpoint::new(addr, port.as_u64().map_or(0, |p| u16::try_from(p).unwrap()))
}

fn protocol(word: &str) -> Protocol {
    Protocol(match word {
        "icmp" => 1,
        "igmp" => 2,
        "tcp" => 6,
        "udp" => 17,
        "esp" => 50,
        "icmpv6" => 58,
        other => other.strip_prefix("ip-").and_then(|n| n.parse().ok()).expect("a protocol"),
    })
}
