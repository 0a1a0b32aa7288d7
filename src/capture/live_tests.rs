//! Live capture on a virtual cable inside a network namespace of its own; skipped when not root.
//!
//! The outer test makes the namespace and runs this test binary again inside it, since entering a namespace from
//! within a test thread would need unsafe code.

#![allow(clippy::disallowed_methods, reason = "tests of waiting need a clock")]

use std::process::Command;
use std::time::{Duration, Instant};

use pnet::datalink::{Channel, Config, DataLinkSender, channel, interfaces};

use super::*;

/// Set for the run inside the namespace.
const INSIDE: &str = "WHITHER_TEST_INSIDE_NAMESPACE";
/// An EtherType for local experiments (IEEE 802), which nothing else on the cable uses.
const EXPERIMENTAL: [u8; 2] = [0x88, 0xb5];
/// Few enough for the default socket buffer of the pnet backend, which held 256 of 300 when this was measured.
const FRAMES: usize = 100;
const PATIENCE: Duration = Duration::from_secs(10);

fn ip(arguments: &str) -> bool {
    Command::new("ip").args(arguments.split(' ')).output().is_ok_and(|output| output.status.success())
}

/// Removes the namespace however the test ends; the cable goes with it.
struct Namespace(String);

impl Drop for Namespace {
    fn drop(&mut self) {
        ip(&format!("netns del {}", self.0));
    }
}

#[test]
fn a_cable_in_a_namespace_is_watched_by_both_backends() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped: not root");
        return;
    }
    let namespace = Namespace(format!("whither-test-{}", std::process::id()));
    let name = namespace.0.as_str();
    if !ip(&format!("netns add {name}")) || !ip(&format!("-n {name} link add wa type veth peer name wb")) {
        eprintln!("skipped: no network namespaces or no veth here");
        return;
    }
    let inner = Command::new("ip")
        .args(["netns", "exec", name])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "capture::live_tests::inside_the_namespace", "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&inner.stdout) + String::from_utf8_lossy(&inner.stderr);
    assert!(inner.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
fn inside_the_namespace() {
    if std::env::var_os(INSIDE).is_none() {
        return;
    }
    for backend in [Backend::Pcap, Backend::Pnet] {
        watch(backend, "wb", LinkType::ETHERNET);
    }
    watch(Backend::Pcap, "any", LinkType::LINUX_SLL);
    assert!(ip("link set wb down"));
    let down = LiveCapture::open(&CaptureConfig::default(), &["wb".to_owned()]).err().unwrap();
    assert!(down.to_string().contains("ip link set wb up"), "{down}");
}

fn watch(backend: Backend, interface: &str, link: LinkType) {
    assert!(ip("link set wa up") && ip("link set wb up"));
    let filter = if interface == "any" { "inbound and ether proto 0x88b5" } else { "ether proto 0x88b5" };
    let filter = if backend == Backend::Pcap { filter } else { "" };
    let config = CaptureConfig { backend, filter: filter.to_owned(), ..CaptureConfig::default() };
    let mut source = LiveCapture::open(&config, &[interface.to_owned()]).unwrap().remove(0);
    assert_eq!(*source.points()[0].name, *interface);
    assert_eq!(source.take_gaps().is_empty(), backend == Backend::Pcap);
    let mut sender = sender("wa");
    let begin = Instant::now();
    for number in 0..FRAMES {
        let mut frame = [0xff; 64];
        frame[6..12].copy_from_slice(&[2, 0, 0, 0, 0, 1]);
        frame[12..14].copy_from_slice(&EXPERIMENTAL);
        frame[14] = u8::try_from(number % 256).unwrap();
        sender.send_to(&frame, None).unwrap().unwrap();
    }
    let mut numbers = Vec::new();
    let mut latest = Timestamp::EPOCH;
    while numbers.len() < FRAMES {
        assert!(begin.elapsed() < PATIENCE, "{interface} {backend:?}: only {} frames came", numbers.len());
        let pump = source.pump(50, &mut |frame| {
            let ours = frame.bytes.len() >= 64 && frame.bytes.ends_with(&[0xff; 40]);
            if ours {
                numbers.push(frame.bytes[frame.bytes.len() - 50]);
                latest = latest.max(frame.time);
                assert_eq!(frame.link_type, if interface == "any" { frame.link_type } else { link });
                assert!(
                    interface != "any"
                        || [LinkType::LINUX_SLL, LinkType::LINUX_SLL2].contains(&frame.link_type)
                );
            }
        });
        assert_ne!(pump.unwrap(), Pump::End);
    }
    let expected: Vec<u8> = (0..FRAMES).map(|number| u8::try_from(number % 256).unwrap()).collect();
    assert_eq!(numbers, expected, "{interface} {backend:?}");
    idle_comes(source.as_mut(), latest);
    if backend == Backend::Pcap {
        assert_eq!(source.drops(), Drops::default());
    }
    if interface != "any" {
        loss_is_told(source.as_mut(), interface);
    }
}

fn idle_comes(source: &mut dyn PacketSource, after: Timestamp) {
    let begin = Instant::now();
    loop {
        assert!(begin.elapsed() < PATIENCE, "no idle came");
        let called = Instant::now();
        match source.pump(50, &mut |_| {}).unwrap() {
            Pump::Idle(now) if now >= after => return,
            _ => assert!(called.elapsed() < Duration::from_secs(1), "a wait was not bounded"),
        }
    }
}

fn loss_is_told(source: &mut dyn PacketSource, interface: &str) {
    assert!(ip(&format!("link set {interface} down")));
    let begin = Instant::now();
    let error = loop {
        assert!(begin.elapsed() < PATIENCE, "the loss of the interface was not told");
        if let Err(error) = source.pump(50, &mut |_| {}) {
            break error.to_string();
        }
    };
    assert!(error.contains(&format!("`{interface}` is lost")), "{error}");
}

fn sender(name: &str) -> Box<dyn DataLinkSender> {
    let interface = interfaces().into_iter().find(|interface| interface.name == name).unwrap();
    match channel(&interface, Config::default()).unwrap() {
        Channel::Ethernet(sender, _) => sender,
        _ => panic!("no channel"),
    }
}
