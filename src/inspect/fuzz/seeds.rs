//! The seeds of the corpora, built by the builders of the tests. `UPDATE_EXPECT=1` writes them.

use std::collections::BTreeMap;
use std::path::Path;

use crate::inspect::tests::{client_hello, records, server_hello};
use crate::inspect::{dns, dtls, http2, quic, stun, tls};

use super::{TARGETS, segments};

fn input(parts: &[(bool, &[u8])]) -> Vec<u8> {
    let mut out = Vec::new();
    for (forward, payload) in parts {
        out.push(u8::from(!forward));
        out.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
        out.extend(*payload);
    }
    out
}

fn seeds() -> BTreeMap<(&'static str, &'static str), Vec<u8>> {
    let hello = records(&client_hello("seed.example", 40), &[100, 300]);
    let (front, back) = hello.split_at(70);
    let flight = tls::tests::server_flight();
    let connect = b"CONNECT seed.example:443 HTTP/1.1\r\nHost: seed.example\r\n\r\n";
    let request = b"GET http://t.example/ HTTP/1.1\r\nHost: h.example:8080\r\nUser-Agent: seed/1\r\n\r\n";
    let socks = b"\x05\x02\x00\x02\x01\x04user\x04pass\x05\x01\x00\x03\x0cseed.example\x01\xbb";
    let proxy = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xc0\x00\x02\x01\xc0\x00\x02\x02\x13\x88\x01\xbb";
    let body = dtls::tests::hello_body("seed.example", 300);
    let fragments =
        [dtls::tests::datagram(&body, 0, 200, body.len()), dtls::tests::datagram(&body, 0, 0, 250)];
    let (question, answer) = dns::tests::exchange();
    let framed = |m: &[u8]| [&u16::try_from(m.len()).unwrap().to_be_bytes(), m].concat();
    let initials = quic::tests::cut_initials();
    let mut seeds = BTreeMap::new();
    let mut add = |target, name, bytes| assert!(seeds.insert((target, name), bytes).is_none());
    add("stream", "connect", input(&[(true, connect), (false, b"HTTP/1.1 200 OK\r\n\r\n"), (true, &hello)]));
    add("stream", "proxy", input(&[(true, &[proxy, &hello[..]].concat())]));
    add("stream", "stun", input(&[(true, &framed(&stun::tests::check()))]));
    add(
        "datagrams",
        "call",
        input(&[(true, &stun::tests::check()), (true, &fragments[0]), (true, &fragments[1])]),
    );
    add("tls", "hello", input(&[(true, front), (true, back), (false, &records(&server_hello(true), &[]))]));
    add("tls", "certificate", input(&[(true, &hello), (false, &flight)]));
    add("tls", "ssl2", input(&[(true, b"\x80\x1c\x01\x03\x01\x00\x03\x00\x00\x00\x10"), (false, &flight)]));
    add("client_hello", "body", client_hello("seed.example", 3)[4..].to_vec());
    add("certificate", "der", tls::tests::certificate());
    add("quic", "cut", input(&initials.iter().map(|p| (true, p.as_slice())).collect::<Vec<_>>()));
    add("quic", "google", input(&[(true, &quic::tests::google_hello())]));
    add("quic", "versions", input(&[(false, b"\x80\0\0\0\0\x04abcd\x04efgh\0\0\0\x01\x6b\x33\x43\xcf")]));
    add("quic_frames", "mixed", quic::tests::mixed_frames());
    add("dtls", "fragments", input(&[(true, &fragments[0]), (true, &fragments[1])]));
    add("dns", "exchange", input(&[(true, &question), (false, &answer)]));
    add("dns_stream", "exchange", input(&[(true, &framed(&question)), (false, &framed(&answer))]));
    add("http", "request", input(&[(true, request)]));
    add("http", "tunnel", input(&[(true, connect), (true, connect), (true, &hello)]));
    add("http2", "request", input(&[(true, &http2::tests::request())]));
    add(
        "hpack",
        "block",
        b"\x82\x86\x84\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff\x40\x0auser-agent\x03abc"
            .to_vec(),
    );
    add("socks", "five", input(&[(true, &[socks, &hello[..]].concat())]));
    add(
        "socks",
        "four",
        input(&[(true, b"\x04\x01\x01\xbb\x00\x00\x00\x01me\x00seed.example\x00"), (true, &hello)]),
    );
    add("stun", "check", input(&[(true, &stun::tests::check())]));
    seeds
}

#[test]
fn the_corpora_hold_what_the_builders_make() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for ((target, name), bytes) in seeds() {
        let path = root.join(target).join(name);
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::create_dir_all(root.join(target)).unwrap();
            std::fs::write(&path, &bytes).unwrap();
        }
        let kept = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert!(kept == bytes, "{} is not what the builder makes; UPDATE_EXPECT=1 writes it", path.display());
    }
}

#[test]
fn every_target_has_a_seed_and_takes_it() {
    let seeds = seeds();
    for (name, entry) in TARGETS {
        let own: Vec<_> = seeds.iter().filter(|((target, _), _)| target == name).collect();
        assert!(!own.is_empty(), "{name} has no seed");
        for (_, bytes) in own {
            entry(bytes);
        }
    }
}

#[test]
fn an_input_is_cut_into_its_segments() {
    let parts: [(bool, &[u8]); 3] = [(true, b"abc"), (false, b""), (true, b"d")];
    let bytes = input(&parts);
    assert_eq!(segments(&bytes).collect::<Vec<_>>(), parts);
    assert_eq!(segments(&bytes[..5]).collect::<Vec<_>>(), [(true, &b"ab"[..])]);
}
