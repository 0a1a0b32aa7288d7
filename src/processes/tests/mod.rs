//! The table, and the kernel of the machine that runs the tests.

mod births;

use std::net::{IpAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use super::sockets::{Closed, Socket};
use super::table::{Answer, Table, Wanted};
use super::*;
use crate::model::{Endpoint, FlowRecord, Label, OriginSource, ProcessRef, Protocol, Timestamp, fixture};

fn end(text: &str) -> Endpoint {
    let socket: std::net::SocketAddr = text.parse().unwrap();
    Endpoint::new(socket.ip(), socket.port())
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_parts(seconds, 0)
}

fn socket(cookie: u64, protocol: Protocol, local: &str, remote: Option<&str>) -> Socket {
    Socket {
        protocol,
        local: end(local),
        remote: remote.map(end),
        both_versions: local.starts_with("[::]"),
        cookie,
        uid: 1000,
        inode: u32::try_from(cookie).unwrap(),
    }
}

fn maker(name: &str) -> Arc<ProcessRef> {
    Arc::new(ProcessRef { name: Label::new(name.as_bytes()), ..ProcessRef::unknown(OriginSource::Socket) })
}

fn table() -> Table {
    Table::new(16, Duration::from_secs(100), Duration::from_millis(500))
}

fn put(table: &mut Table, socket: Socket, name: &str, seconds: i64) {
    table.seen(&[socket], at(seconds));
    table.settle(socket.cookie, Some(maker(name)), true);
}

fn find(table: &Table, protocol: Protocol, local: &str, remote: &str, seconds: i64) -> Answer {
    table.find(&Wanted {
        protocol,
        local: end(local),
        remote: end(remote),
        start: at(seconds),
        end: at(seconds + 1),
        unconnected: true,
        asked: false,
    })
}

const FAR: &str = "203.0.113.9:443";

#[test]
fn a_flow_is_its_sockets_while_it_was_there() {
    let mut t = table();
    let local = "10.0.0.2:40000";
    put(&mut t, socket(1, Protocol::TCP, local, Some(FAR)), "curl", 10);
    assert_eq!(find(&t, Protocol::TCP, local, FAR, 10), Answer::Maker(maker("curl")));
    assert_eq!(find(&t, Protocol::TCP, local, FAR, 20), Answer::Unseen, "gone long before");
    assert_eq!(find(&t, Protocol::TCP, local, FAR, 2), Answer::Unseen, "not there yet");
    assert_eq!(find(&t, Protocol::TCP, local, "203.0.113.8:443", 10), Answer::Unseen);
    // The same ports again, by another program.
    put(&mut t, socket(2, Protocol::TCP, local, Some(FAR)), "wget", 30);
    assert_eq!(find(&t, Protocol::TCP, local, FAR, 30), Answer::Maker(maker("wget")));
    assert_eq!(find(&t, Protocol::TCP, local, FAR, 10), Answer::Maker(maker("curl")));
}

#[test]
fn two_programs_on_the_same_ports_at_one_time_are_nobody() {
    let mut t = table();
    put(&mut t, socket(1, Protocol::UDP, "0.0.0.0:5353", None), "a", 10);
    put(&mut t, socket(2, Protocol::UDP, "0.0.0.0:5353", None), "b", 10);
    assert_eq!(find(&t, Protocol::UDP, "10.0.0.2:5353", FAR, 10), Answer::Ambiguous);
}

#[test]
fn unconnected_udp_is_found_by_its_port_from_the_nearest_to_the_widest() {
    let mut t = table();
    put(&mut t, socket(1, Protocol::UDP, "[::]:7000", None), "both", 10);
    let far6 = "[2001:db8::9]:53";
    assert_eq!(find(&t, Protocol::UDP, "10.0.0.2:7000", FAR, 10), Answer::Maker(maker("both")));
    assert_eq!(find(&t, Protocol::UDP, "[2001:db8::1]:7000", far6, 10), Answer::Maker(maker("both")));
    put(&mut t, socket(2, Protocol::UDP, "0.0.0.0:7000", None), "any4", 10);
    assert_eq!(find(&t, Protocol::UDP, "10.0.0.2:7000", FAR, 10), Answer::Maker(maker("any4")));
    put(&mut t, socket(3, Protocol::UDP, "10.0.0.2:7000", None), "bound", 10);
    assert_eq!(find(&t, Protocol::UDP, "10.0.0.2:7000", FAR, 10), Answer::Maker(maker("bound")));
    put(&mut t, socket(4, Protocol::UDP, "10.0.0.2:7000", Some(FAR)), "connected", 10);
    assert_eq!(find(&t, Protocol::UDP, "10.0.0.2:7000", FAR, 10), Answer::Maker(maker("connected")));
    // Only IPv6: not the maker of a flow of IPv4; and never of TCP.
    let only6 = Socket { both_versions: false, ..socket(5, Protocol::UDP, "[::]:7001", None) };
    put(&mut t, only6, "six", 10);
    assert_eq!(find(&t, Protocol::UDP, "10.0.0.2:7001", FAR, 10), Answer::Unseen);
    assert_eq!(find(&t, Protocol::TCP, "10.0.0.2:7000", "203.0.113.1:1", 10), Answer::Unseen);
}

#[test]
fn a_gateway_does_not_take_its_devices_ports_for_its_own() {
    let mut t = table();
    put(&mut t, socket(1, Protocol::UDP, "0.0.0.0:7000", None), "own", 10);
    let wanted = Wanted {
        protocol: Protocol::UDP,
        local: end("10.0.0.2:7000"),
        remote: end(FAR),
        start: at(10),
        end: at(11),
        unconnected: false,
        asked: false,
    };
    assert_eq!(t.find(&wanted), Answer::Unseen);
}

#[test]
fn the_table_is_bounded_and_counts_what_it_forgets_and_misses() {
    let mut t = table();
    for cookie in 0..100_u64 {
        let local = format!("10.0.0.2:{}", 1000 + cookie);
        t.seen(&[socket(cookie, Protocol::TCP, &local, Some(FAR))], at(10 + i64::try_from(cookie).unwrap()));
        t.expire(at(10 + i64::try_from(cookie).unwrap()));
    }
    let closed = |cookie| Closed { cookie, local: end("10.0.0.2:1099"), remote: end(FAR) };
    t.closed(&[closed(99), closed(5000)], at(110));
    let mut limits = std::collections::BTreeMap::new();
    t.add_limits(&mut limits);
    assert!(limits["sockets_forgotten"] >= 84, "{limits:?}");
    assert_eq!(limits["sockets_missed"], 1);
    // All of one moment.
    let many: Vec<Socket> = (200..300_u64)
        .map(|cookie| socket(cookie, Protocol::TCP, &format!("10.0.0.3:{}", 1000 + cookie), Some(FAR)))
        .collect();
    t.seen(&many, at(120));
    t.expire(at(120));
    assert_eq!(find(&t, Protocol::TCP, "10.0.0.2:1050", FAR, 60), Answer::Unseen);
    t.expire(at(10_000));
    t.add_limits(&mut limits);
    assert!(limits["sockets_forgotten"] >= 168, "{limits:?}");
}

fn record(
    protocol: Protocol,
    local: std::net::SocketAddr,
    remote: std::net::SocketAddr,
    now: Timestamp,
) -> FlowRecord {
    let plain = |a: std::net::SocketAddr| Endpoint::new(a.ip(), a.port());
    FlowRecord {
        protocol,
        source: plain(local),
        destination: plain(remote),
        start: now,
        end: now,
        end_reason: Some(crate::model::FlowEndReason::ForcedEnd),
        ..fixture::flow().record
    }
}

#[test]
fn this_process_is_found_by_its_own_sockets() {
    let Ok(Watchers { mut poller, shared, .. }) = Watchers::open(&ProcessesConfig::default()) else {
        eprintln!("skipped: no sock_diag here");
        return;
    };
    let here: IpAddr = "127.0.0.1".parse().unwrap();
    let server = TcpListener::bind((here, 0)).unwrap();
    let client = TcpStream::connect(server.local_addr().unwrap()).unwrap();
    let (_accepted, _) = server.accept().unwrap();
    let sender = UdpSocket::bind("0.0.0.0:0").unwrap();
    let port = sender.local_addr().unwrap().port();
    let now = at(1_700_000_000);
    poller.poll([here], now).unwrap();
    let found = |protocol, local: std::net::SocketAddr, remote| {
        shared.maker(&record(protocol, local, remote, now), None)
    };

    let tcp = found(Protocol::TCP, client.local_addr().unwrap(), server.local_addr().unwrap()).unwrap();
    assert_eq!(tcp.pid, Some(std::process::id()));
    let own = std::env::current_exe().unwrap();
    assert_eq!(tcp.executable.as_ref().map(Label::as_str), own.to_str());
    let udp = found(Protocol::UDP, (here, port).into(), "127.0.0.9:53".parse().unwrap()).unwrap();
    assert_eq!(udp.pid, Some(std::process::id()));

    assert_eq!(found(Protocol::TCP, (here, 1).into(), "127.0.0.9:2".parse().unwrap()), None);
    assert_eq!(found(Protocol::ICMP, (here, 0).into(), "127.0.0.9:0".parse().unwrap()), None);
    let elsewhere = found(Protocol::TCP, "192.0.2.1:1".parse().unwrap(), "192.0.2.2:2".parse().unwrap());
    assert_eq!(elsewhere, None);
    let limits = shared.limits();
    assert_eq!((limits["host_flows_socket_unseen"], limits["host_flows_without_socket"]), (1, 1));
}

#[test]
fn a_socket_that_lived_between_two_polls_is_counted_as_missed() {
    let polled = ProcessesConfig { births: false, ..ProcessesConfig::default() };
    let Ok(Watchers { mut poller, shared, backend, .. }) = Watchers::open(&polled) else {
        eprintln!("skipped: no sock_diag here");
        return;
    };
    assert!(backend.contains("no BPF (`processes.births` is off)"), "{backend}");
    let here: IpAddr = "127.0.0.1".parse().unwrap();
    poller.poll([here], at(1)).unwrap();
    let server = TcpListener::bind((here, 0)).unwrap();
    drop(TcpStream::connect(server.local_addr().unwrap()).unwrap());
    drop(server.accept().unwrap());
    // The kernel tells it from a work queue of its own.
    for _ in 0..200 {
        poller.poll([here], at(2)).unwrap();
        if shared.limits().contains_key("sockets_missed") {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(!backend.contains("with closings"), "closings are told, but none came");
}
