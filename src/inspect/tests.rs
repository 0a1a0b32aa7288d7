//! Whole flows through the public door: the same facts however a stream is cut; no bytes that break a reader.

use proptest::prelude::*;

use super::*;
use crate::model::{DnsObservation, Endpoint, Facts, NameOrigin, Protocol, Timestamp};

pub(super) fn endpoint(text: &str) -> Endpoint {
    let socket: std::net::SocketAddr = text.parse().unwrap();
    Endpoint::new(socket.ip(), socket.port())
}

pub(super) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|d| u8::from_str_radix(std::str::from_utf8(d).unwrap(), 16).unwrap()).collect()
}

/// A ServerHello message of TLS 1.3, or of 1.2 without extensions.
pub(super) fn server_hello(newest: bool) -> Vec<u8> {
    let extensions: &[u8] = if newest { &[0, 6, 0, 43, 0, 2, 3, 4] } else { &[] };
    let body = [&[3, 3][..], &[9; 32], &[0, 0x13, 1, 0], extensions].concat();
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[2][..], &length[1..], &body].concat()
}

/// A ClientHello message (without record) that asks for `name`, with `pad` bytes of padding.
pub(super) fn client_hello(name: &str, pad: usize) -> Vec<u8> {
    let vec16 = |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat();
    let ext = |kind: u16, data: &[u8]| [&kind.to_be_bytes()[..], &vec16(data)].concat();
    let sni = ext(0, &vec16(&[&[0][..], &vec16(name.as_bytes())].concat()));
    let alpn = ext(16, &vec16(b"\x02h2\x08http/1.1"));
    let versions = ext(43, &[4, 0x1a, 0x1a, 3, 4]);
    let extensions =
        [ext(0x2a2a, &[]), sni, alpn, versions, ext(0xfe0d, &[0]), ext(21, &vec![0; pad])].concat();
    let random = [7; 32];
    let body = [&[3, 3][..], &random, &[0, 0, 4, 0x13, 1, 0x13, 2, 1, 0], &vec16(&extensions)].concat();
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[1][..], &length[1..], &body].concat()
}

/// The message in records of the given lengths, the last one repeated.
pub(super) fn records(message: &[u8], lengths: &[usize]) -> Vec<u8> {
    let (mut rest, mut out, mut turn) = (message, Vec::new(), 0);
    while !rest.is_empty() {
        let want = lengths.get(turn).or(lengths.last()).copied().unwrap_or(16_000);
        let (part, after) = rest.split_at(want.clamp(1, 16_000).min(rest.len()));
        out.extend([22, 3, 1]);
        out.extend(u16::try_from(part.len()).unwrap().to_be_bytes());
        out.extend(part);
        (rest, turn) = (after, turn + 1);
    }
    out
}

/// One flow through one inspector.
pub(super) struct Flow {
    pub(super) inspector: Inspector,
    pub(super) state: Option<FlowInspection>,
    pub(super) facts: Facts,
    pub(super) dns: Vec<DnsObservation>,
    protocol: Protocol,
    client: Endpoint,
    server: Endpoint,
}

impl Flow {
    pub(super) fn new(protocol: Protocol, client: &str, server: &str) -> Self {
        let inspector = Inspector::new(&InspectConfig::default());
        let (client, server) = (endpoint(client), endpoint(server));
        let state = inspector.begin(protocol, [None, None]);
        Self { inspector, state, facts: Facts::default(), dns: Vec::new(), protocol, client, server }
    }

    pub(super) fn tcp() -> Self {
        Self::new(Protocol::TCP, "10.0.0.1:40000", "192.0.2.1:8443")
    }

    pub(super) fn put(&mut self, forward: bool, seq: Option<u32>, payload: &[u8]) -> Progress {
        self.put_at(0, forward, seq, payload)
    }

    pub(super) fn put_at(
        &mut self,
        seconds: i64,
        forward: bool,
        seq: Option<u32>,
        payload: &[u8],
    ) -> Progress {
        let (from, to) = if forward { (self.client, self.server) } else { (self.server, self.client) };
        let time = Timestamp::from_parts(seconds, 0);
        let payload_len = u32::try_from(payload.len()).unwrap();
        let segment = Segment { time, protocol: self.protocol, from, to, forward, seq, payload, payload_len };
        let Some(state) = &mut self.state else { return Progress::Settled };
        let progress = self.inspector.feed(state, &segment, &mut self.facts, &mut self.dns);
        if progress == Progress::Settled {
            self.state = None;
        }
        progress
    }

    pub(super) fn names(&self) -> Vec<(&str, NameOrigin)> {
        self.facts.names.iter().map(|n| (n.name.as_str(), n.origin)).collect()
    }
}

fn whole(stream: &[u8]) -> Facts {
    let mut flow = Flow::tcp();
    flow.put(true, Some(1), b"");
    flow.put(true, Some(1), stream);
    flow.facts
}

#[test]
fn a_hello_on_any_port_is_read_and_the_state_is_freed() {
    let mut flow = Flow::tcp();
    assert_eq!(flow.put(true, Some(1), &records(&client_hello("WWW.Example.com", 0), &[])), Progress::Wanted);
    flow.put(false, Some(1), b"");
    assert_eq!(flow.put(false, Some(1), &records(&server_hello(true), &[])), Progress::Settled);
    assert_eq!(flow.facts.tls_selected, Some(0x0304));
    assert_eq!(flow.names(), [("www.example.com", NameOrigin::TlsSni)]);
    assert_eq!(flow.facts.protocol, Some("tls"));
    assert_eq!(flow.facts.tls_version, Some(0x0304));
    assert_eq!(flow.facts.ech, crate::model::Ech::Present);
    assert_eq!(flow.facts.alpn.iter().map(|a| &**a).collect::<Vec<_>>(), ["h2", "http/1.1"]);
    assert!(flow.facts.ja4.as_deref().unwrap().starts_with("t13d0205h2_"), "{:?}", flow.facts.ja4);
}

#[test]
fn a_hello_inside_a_connect_tunnel_is_found() {
    let mut flow = Flow::tcp();
    let head = b"CONNECT proxy.example:443 HTTP/1.1\r\nHost: proxy.example:443\r\n\r\n";
    assert_eq!(flow.put(true, Some(1), head), Progress::Wanted);
    assert_eq!(flow.put(false, Some(9), b"HTTP/1.1 200 OK\r\n\r\n"), Progress::Wanted);
    let next = 1 + u32::try_from(head.len()).unwrap();
    flow.put(true, Some(next), &records(&client_hello("inner.example", 0), &[]));
    assert_eq!(
        flow.names(),
        [("proxy.example", NameOrigin::HttpConnect), ("inner.example", NameOrigin::TlsSni)]
    );
}

#[test]
fn behind_a_proxys_yes_the_inner_server_is_read_and_behind_its_no_nothing() {
    let flight = tls::tests::server_flight();
    let hello = records(&client_hello("inner.example", 0), &[]);
    let chosen = |request: &[u8], answers: &[&[u8]]| {
        let (mut flow, mut down) = (Flow::tcp(), 9);
        flow.put(true, Some(1), b"");
        flow.put(false, Some(9), b"");
        flow.put(true, Some(1), request);
        for answer in answers.iter().chain([&&flight[..]]) {
            if *answer == flight {
                flow.put(true, Some(1 + u32::try_from(request.len()).unwrap()), &hello);
            }
            flow.put(false, Some(down), answer);
            down += u32::try_from(answer.len()).unwrap();
        }
        assert!(flow.names().contains(&("inner.example", NameOrigin::TlsSni)));
        flow.facts.tls_selected.filter(|_| flow.facts.certificate.is_some())
    };
    let connect = b"CONNECT 192.0.2.9:443 HTTP/1.1\r\nHost: 192.0.2.9:443\r\n\r\n";
    let five = b"\x05\x03\x00\x01\x02\x01\x01u\x01p\x05\x01\x00\x01\xc0\x00\x02\x09\x01\xbb";
    let four = b"\x04\x01\x01\xbb\xc0\x00\x02\x09\x00";
    let yes = b"\x05\x00\x00\x01\0\0\0\0\0\0";
    assert_eq!(
        chosen(connect, &[b"HTTP/1.0 200 Connection established\r\n", b"Proxy-agent: p\r\n\r\n"]),
        Some(0x0303)
    );
    assert_eq!(chosen(connect, &[b"HTTP/1.1 403 Forbidden\r\n\r\n"]), None);
    assert_eq!(chosen(five, &[b"\x05\x02", b"\x01\x00", yes]), Some(0x0303));
    assert_eq!(chosen(five, &[b"\x05\x00", yes]), Some(0x0303));
    assert_eq!(chosen(five, &[b"\x05\x02\x01\x01"]), None, "the login failed");
    assert_eq!(chosen(five, &[b"\x05\x00\x05\x04\x00\x01\0\0\0\0\0\0"]), None, "there is no such host");
    assert_eq!(chosen(four, &[b"\0\x5a\x01\xbb\0\0\0\0"]), Some(0x0303));
    assert_eq!(chosen(four, &[b"\0\x5b\x01\xbb\0\0\0\0"]), None);
}

#[test]
fn answers_without_requests_take_nothing_off() {
    let flight = tls::tests::server_flight();
    for answer in
        [&b"HTTP/1.1 200 OK\r\n\r\n"[..], b"\x05\x00\x05\x00\x00\x01\0\0\0\0\0\0", b"\0\x5a\0\0\0\0\0\0"]
    {
        let mut flow = Flow::tcp();
        flow.put(false, Some(1), b"");
        flow.put(false, Some(1), &[answer, &flight].concat());
        assert_eq!(flow.facts.tls_selected, None, "{answer:02x?}");
    }
}

#[test]
fn an_unknown_protocol_settles_at_once_and_a_missing_hello_in_time() {
    let mut flow = Flow::tcp();
    flow.put(true, Some(1), b"");
    assert_eq!(flow.put(true, Some(1), b"SSH-2.0-x\r\n"), Progress::Settled);
    let mut flow = Flow::tcp();
    let mut fed = 0;
    while flow.put(false, Some(fed * 8), b"17 bytes") == Progress::Wanted {
        fed += 1;
        assert!(fed < 100);
    }
}

#[test]
fn a_capture_that_begins_in_the_middle_still_finds_the_next_request() {
    let mut flow = Flow::tcp();
    flow.put(true, Some(100), b"\x00\x01rest of a body");
    flow.put(true, Some(116), b"GET / HTTP/1.1\r\nHost: late.example\r\n\r\n");
    assert_eq!(flow.names(), [("late.example", NameOrigin::HttpHost)]);
}

#[test]
fn a_hello_beyond_the_limit_is_given_up_and_counted() {
    let mut flow = Flow::tcp();
    let stream = records(&client_hello("a.example", 40_000), &[]);
    let mut seq = 1;
    for part in stream.chunks(1400) {
        flow.put(true, Some(seq), part);
        seq += 1400;
    }
    assert!(flow.state.is_none());
    assert_eq!(flow.names(), [("a.example", NameOrigin::TlsSni)], "the name stood before the limit");
    assert_eq!(flow.facts.ja4, None);
    let limits = flow.inspector.limits();
    assert_eq!(limits["stream_limit"], 1);
}

fn streams() -> impl Strategy<Value = Vec<u8>> {
    let hello = (0usize..3000, proptest::collection::vec(1usize..400, 0..6))
        .prop_map(|(pad, cuts)| records(&client_hello("Cut.Example.org", pad), &cuts));
    prop_oneof![
        hello,
        Just(b"GET http://t.example/ HTTP/1.1\r\nHost: h.example\r\nUser-Agent: u\r\n\r\n".to_vec())
    ]
}

proptest! {
    #[test]
    fn a_stream_cut_anywhere_gives_the_same_facts(
        stream in streams(),
        size in 1usize..1500,
        shift in any::<u32>(),
        swaps in proptest::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..8),
    ) {
        let size = size.max(stream.len() / 400);
        let mut parts: Vec<(u32, &[u8])> = stream.chunks(size).enumerate()
            .map(|(i, c)| (shift.wrapping_add(u32::try_from(i * size).unwrap()), c)).collect();
        for (at, double) in swaps {
            let i = at.index(parts.len());
            if double {
                parts.insert(i, parts[i]);
            } else if i + 1 < parts.len() {
                parts.swap(i, i + 1);
            }
        }
        let mut flow = Flow::tcp();
        flow.put(true, Some(shift), b"");
        for (seq, part) in parts {
            flow.put(true, Some(seq), part);
        }
        prop_assert!(!flow.facts.names.is_empty());
        prop_assert_eq!(&flow.facts, &whole(&stream));
        // Whatever the server says next, nothing is awaited any more.
        flow.put(false, Some(1), b"");
        flow.put(false, Some(1), b"\x15\x03\x03\x00\x02\x02\x28");
        prop_assert!(flow.state.is_none());
    }

    #[test]
    fn no_bytes_break_a_reader(
        udp in any::<bool>(),
        port in prop_oneof![Just(53u16), Just(5353), Just(443)],
        parts in proptest::collection::vec(
            (any::<bool>(), any::<u32>(), 0usize..10, proptest::collection::vec(any::<u8>(), 0..300)), 1..20),
    ) {
        let starts: [&[u8]; 10] = [
            b"", b"\x16\x03\x01\x01\x00\x01\x00\x00\xfc\x03\x03", b"GET / HTTP/1.1\r\n", b"\x00\x40", b"\x80\x2e\x01\x03\x01",
            b"\xc0\x00\x00\x00\x01\x08", b"\xd3\x6b\x33\x43\xcf\x00\x00", b"\x0d12345678Q043", b"\x16\xfe\xff\x00\x00",
            b"\x00\x01\x81\x80\x00\x01\x00\x02\x00\x00\x00\x00\x01a\x00",
        ];
        let protocol = if udp { Protocol::UDP } else { Protocol::TCP };
        let mut flow = Flow::new(protocol, "10.0.0.1:4000", &format!("192.0.2.1:{port}"));
        for (forward, seq, start, bytes) in parts {
            let payload = [starts[start], &bytes].concat();
            flow.put(forward, (!udp).then_some(seq % 2000), &payload);
        }
        prop_assert!(flow.facts.names.len() <= Facts::MAX_NAMES);
    }
}
