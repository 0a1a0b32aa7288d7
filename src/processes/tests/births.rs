//! Sockets whose birth was seen: what the table makes of it, and real ones of this machine's kernel.

use super::*;
use std::collections::HashSet;

use crate::processes::table::Born;

fn born(cookie: u64, protocol: Protocol, name: &str) -> Born {
    Born { cookie, protocol, maker: maker(name), here: true }
}

fn asked(table: &Table, local: &str, remote: &str) -> Answer {
    table.find(&Wanted {
        protocol: Protocol::TCP,
        local: end(local),
        remote: end(remote),
        start: at(10),
        end: at(11),
        unconnected: true,
        asked: true,
    })
}

fn elsewhere(table: &Table, local: &str, remote: &str) -> Answer {
    table.find_elsewhere(&Wanted {
        protocol: Protocol::TCP,
        local: end(local),
        remote: end(remote),
        start: at(10),
        end: at(11),
        unconnected: false,
        asked: false,
    })
}

const NEAR: &str = "10.0.0.2:40000";

#[test]
fn the_birth_names_a_socket_that_no_poll_sees() {
    let mut t = table();
    t.born(&born(1, Protocol::TCP, "curl"), at(10));
    assert_eq!(find(&t, Protocol::TCP, NEAR, FAR, 10), Answer::Unseen, "its ends are not known yet");
    t.ends(1, end(NEAR), end(FAR), at(10));
    assert_eq!(find(&t, Protocol::TCP, NEAR, FAR, 10), Answer::Maker(maker("curl")));
    assert_eq!(find(&t, Protocol::UDP, NEAR, FAR, 10), Answer::Unseen);
    assert_eq!(find(&t, Protocol::TCP, NEAR, FAR, 20), Answer::Unseen, "gone long before");
    t.ends(2, end(NEAR), end(FAR), at(20));
    assert_eq!(find(&t, Protocol::TCP, NEAR, FAR, 20), Answer::Unseen, "ends of nobody are not kept");
}

#[test]
fn the_message_of_its_end_tells_the_ends_of_one_born_without() {
    let mut t = table();
    t.born(&born(1, Protocol::UDP, "dig"), at(10));
    t.closed(&[Closed { cookie: 1, local: end(NEAR), remote: end(FAR) }], at(11));
    assert_eq!(find(&t, Protocol::UDP, NEAR, FAR, 10), Answer::Maker(maker("dig")));
    let mut limits = std::collections::BTreeMap::new();
    t.add_limits(&mut limits);
    assert_eq!(limits.get("sockets_missed"), None, "it was seen");
}

#[test]
fn what_the_birth_says_of_the_maker_stands() {
    let mut t = table();
    t.born(&born(1, Protocol::TCP, "curl"), at(10));
    let polled = socket(1, Protocol::TCP, NEAR, Some(FAR));
    assert_eq!(t.seen(&[polled], at(11)), HashSet::new(), "nobody need be looked for");
    t.settle(1, Some(maker("who holds it now")), true);
    assert_eq!(find(&t, Protocol::TCP, NEAR, FAR, 10), Answer::Maker(maker("curl")));
    // A poll came first: then it is the poll's.
    put(&mut t, socket(2, Protocol::TCP, "10.0.0.2:40001", Some(FAR)), "polled", 10);
    t.born(&born(2, Protocol::TCP, "later"), at(10));
    assert_eq!(find(&t, Protocol::TCP, "10.0.0.2:40001", FAR, 10), Answer::Maker(maker("polled")));
}

#[test]
fn an_addressee_names_the_sender_even_on_a_gateway() {
    let mut t = table();
    t.born(&born(1, Protocol::UDP, "unbound"), at(10));
    t.ends(1, end("0.0.0.0:5000"), end(FAR), at(10));
    let wanted = |remote: &str| Wanted {
        protocol: Protocol::UDP,
        local: end("10.0.0.2:5000"),
        remote: end(remote),
        start: at(10),
        end: at(11),
        unconnected: false,
        asked: false,
    };
    assert_eq!(t.find(&wanted(FAR)), Answer::Maker(maker("unbound")));
    assert_eq!(t.find(&wanted("203.0.113.10:443")), Answer::Unseen, "that one may be a device's");
}

#[test]
fn who_listens_is_the_maker_of_what_is_asked_of_it() {
    let mut t = table();
    put(&mut t, socket(1, Protocol::TCP, "[::]:8080", None), "nginx", 10);
    assert_eq!(asked(&t, "10.0.0.2:8080", FAR), Answer::Maker(maker("nginx")));
    assert_eq!(find(&t, Protocol::TCP, "10.0.0.2:8080", FAR, 10), Answer::Unseen, "it did not ask itself");
    assert_eq!(asked(&t, "10.0.0.2:8081", FAR), Answer::Unseen);
    // The first process listens for services that it will start.
    let first = socket(2, Protocol::TCP, "0.0.0.0:22", None);
    t.seen(&[first], at(10));
    t.settle(2, Some(Arc::new(ProcessRef { pid: Some(1), ..(*maker("systemd")).clone() })), true);
    assert_eq!(asked(&t, "10.0.0.2:22", FAR), Answer::Unseen);
}

#[test]
fn a_socket_of_another_namespace_is_no_socket_of_this_host() {
    let mut t = table();
    t.born(&Born { here: false, ..born(1, Protocol::TCP, "in a container") }, at(10));
    t.ends(1, end(NEAR), end(FAR), at(10));
    assert_eq!(find(&t, Protocol::TCP, NEAR, FAR, 10), Answer::Unseen);
    assert_eq!(elsewhere(&t, NEAR, FAR), Answer::Maker(maker("in a container")));
    assert_eq!(elsewhere(&t, NEAR, "203.0.113.10:443"), Answer::Unseen);
    put(&mut t, socket(2, Protocol::TCP, "10.0.0.2:40001", Some(FAR)), "own", 10);
    assert_eq!(elsewhere(&t, "10.0.0.2:40001", FAR), Answer::Unseen);
}

#[test]
fn births_are_bounded() {
    let mut t = table();
    for cookie in 0..1000 {
        t.born(&born(cookie, Protocol::TCP, "flood"), at(10));
        t.ends(cookie, end(&format!("10.0.0.2:{}", 1000 + cookie)), end(FAR), at(10));
        assert!(t.size() <= 2 * 16 + 1, "{cookie}: {}", t.size());
    }
    // One sender with many addressees pushes nobody out.
    let mut t = Table::new(4096, Duration::from_secs(100), Duration::from_millis(500));
    put(&mut t, socket(1, Protocol::TCP, NEAR, Some(FAR)), "curl", 10);
    for port in 1..9000 {
        t.born(&born(5000, Protocol::UDP, "scanner"), at(11));
        t.ends(5000, end("0.0.0.0:5000"), end(&format!("203.0.113.9:{port}")), at(11));
    }
    t.expire(at(12));
    assert_eq!(t.size(), 1 + 1024);
    assert_eq!(find(&t, Protocol::TCP, NEAR, FAR, 10), Answer::Maker(maker("curl")));
    let mut limits = std::collections::BTreeMap::new();
    t.add_limits(&mut limits);
    assert_eq!(limits["sockets_forgotten"], 8999 - 1024);
}

#[test]
fn many_addressees_of_some_push_out_as_few_sockets_as_need_be() {
    let mut t = table();
    for cookie in 1..=8 {
        t.born(&born(cookie, Protocol::UDP, "resolver"), at(10));
        for port in 1..=3 {
            t.ends(cookie, end("0.0.0.0:5000"), end(&format!("203.0.113.{cookie}:{port}")), at(10));
        }
    }
    t.born(&born(9, Protocol::TCP, "curl"), at(9));
    t.ends(9, end(NEAR), end(FAR), at(9));
    t.born(&born(10, Protocol::TCP, "wget"), at(11));
    t.expire(at(12));
    assert!(t.size() <= 16);
    assert_eq!(find(&t, Protocol::TCP, NEAR, FAR, 9), Answer::Unseen, "the oldest goes first");
    t.ends(10, end(NEAR), end(FAR), at(12));
    assert_eq!(find(&t, Protocol::TCP, NEAR, FAR, 12), Answer::Maker(maker("wget")));
    t.ends(8, end("0.0.0.0:5000"), end(FAR), at(12));
    assert_eq!(
        find(&t, Protocol::UDP, "10.0.0.2:5000", FAR, 12),
        Answer::Maker(maker("resolver")),
        "of the same age"
    );
}

#[test]
fn this_processs_short_lived_sockets_are_found() {
    let Ok(Watchers { mut poller, births: Some(mut births), shared, .. }) =
        Watchers::open(&ProcessesConfig::default())
    else {
        return println!("skipped: no BPF here");
    };
    let here: IpAddr = "127.0.0.1".parse().unwrap();
    let now = at(1_700_000_000);
    poller.poll([here], now).unwrap();
    // Made and gone between two polls.
    let server = TcpListener::bind((here, 0)).unwrap();
    let far = server.local_addr().unwrap();
    let client = TcpStream::connect(far).unwrap();
    let near = client.local_addr().unwrap();
    drop((client, server));
    let sender = UdpSocket::bind("0.0.0.0:0").unwrap();
    let port = sender.local_addr().unwrap().port();
    sender.send_to(b"x", "127.0.0.9:9").unwrap();
    drop(sender);
    let connected = UdpSocket::bind("127.0.0.1:0").unwrap();
    connected.connect("127.0.0.9:9").unwrap();
    let third = connected.local_addr().unwrap();
    drop(connected);
    births.take(now);
    let found = |protocol, local: std::net::SocketAddr, remote| {
        shared.maker(&record(protocol, local, remote, now), None)
    };
    let nine: std::net::SocketAddr = "127.0.0.9:9".parse().unwrap();
    let own = Some(std::process::id());
    assert_eq!(found(Protocol::TCP, near, far).and_then(|p| p.pid), own);
    assert_eq!(found(Protocol::UDP, (here, port).into(), nine).and_then(|p| p.pid), own);
    // A connected one has its ends from the kernel's message of its end, which comes from a work queue.
    for _ in 0..200 {
        poller.poll([here], now).unwrap();
        if found(Protocol::UDP, third, nine).and_then(|p| p.pid) == own {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(!poller.backend().contains("with closings"), "closings are told, but none came");
}
