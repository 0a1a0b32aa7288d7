//! Messengers and Tencent's protocols: each with its own bytes and with near misses.

use super::*;

pub(super) fn mmtls_hello(kind: u8) -> Vec<u8> {
    join(&[&[kind, 0xf1, 4, 0, 0xa1, 0, 0, 0, 0x9d, 1, 4, 0xf1, 1, 0, 0xa8], &noise(151)])
}

#[test]
fn mmtls_is_met_by_its_hello_its_alert_and_by_records_in_a_chain() {
    assert_eq!(stream(80, true, &mmtls_hello(0x16)), Some("mmtls"));
    assert_eq!(stream(443, true, &mmtls_hello(0x19)), Some("mmtls"));
    assert_eq!(stream(80, false, b"\x15\xf1\x04\x00\x07\0\0\0\x03\0\x01\x01"), Some("mmtls"));
    let chain = join(&[&[0x17, 0xf1, 3, 0, 4, 1, 2, 3, 4], &[0x17, 0xf1, 3, 0, 9]]);
    assert_eq!(stream(8080, true, &chain), Some("mmtls"));
    let mut miss = mmtls_hello(0x16);
    miss[8] = 0x9c;
    assert_eq!(stream(80, true, &miss), None, "the lengths do not agree");
    let other = join(&[&[0x17, 0xf1, 3, 0, 4, 1, 2, 3, 4], &[0x17, 0xf1, 4, 0, 9]]);
    assert_eq!(stream(80, true, &other), None, "the version changes");
    assert_eq!(stream(443, true, b"\x16\x03\x04\0\xa1\0\0\0\x9d\x01\x04\xf1"), Some("tls"));
}

#[test]
fn mmtls_in_http_needs_path_and_agent_and_keeps_the_host() {
    let head = |path: &str, agent: &str| {
        format!("POST {path} HTTP/1.1\r\nHost: a.example\r\nUser-Agent: {agent}\r\n\r\n").into_bytes()
    };
    let mut flow = Flow::tcp();
    flow.put(true, Some(1), &head("/mmtls/0123abcd", "MicroMessenger Client"));
    assert_eq!(flow.facts.app_protocol, Some("mmtls"));
    assert_eq!(flow.names().len(), 1, "the Host is read beside it");
    assert_eq!(stream(80, true, &head("/mmtls/0123abcd", "curl")), Some("http"));
    assert_eq!(stream(80, true, &head("/mmtls/index.html", "MicroMessenger Client")), Some("http"));
}

#[test]
fn oicq_needs_its_port_and_a_version_or_an_answer() {
    let packet = |version: u8, last: u8| {
        join(&[&[2, 0x3b, version, 0, 2, 0x30, 0x10, 1, 2, 3, 4], &noise(30), &[last]])
    };
    assert_eq!(datagrams(8000, &[(true, &packet(0x0b, 3))]), Some("oicq"));
    assert_eq!(datagrams(8001, &[(true, &packet(0x0b, 3))]), None, "another port");
    assert_eq!(datagrams(8000, &[(true, &packet(0x0b, 4))]), None, "another end");
    assert_eq!(datagrams(8000, &[(true, &packet(0x99, 3))]), None, "a version not seen before, alone");
    assert_eq!(datagrams(8000, &[(true, &packet(0x99, 3)), (false, &packet(0x99, 3))]), Some("oicq"));
}

#[test]
fn tencents_other_protocols_are_met_by_their_magics() {
    let msf = b"\0\0\0\x15\x01\x33\x52\x39\0\0\0\0\x04MSF\x05\0\0\0\0";
    assert_eq!(stream(443, true, msf), Some("qq_msf"));
    assert_eq!(stream(443, true, b"\0\0\0\x15\x01\x33\x52\x3a\0\0\0\0\x04MSF\x05\0\0\0\0"), None);
    assert_eq!(stream(65010, true, b"\x33\x66\0\x0b\0\x0b\x10\x01"), Some("gcloud"));
    assert_eq!(stream(8085, true, b"\x43\x66\xaa\0\0\0\x94\x15\0\0\0\x17"), Some("gcloud"));
    assert_eq!(stream(31003, true, b"\x42\x15\xf7\x87\x03\xe9\0\0\x01\xc0"), Some("gcloud"));
    assert_eq!(stream(31003, true, b"\x42\x15\xf7\x87\x03\xe9\xff\0\x01\xc0"), None, "no such length");
}

fn request_pq() -> Vec<u8> {
    join(&[&[0; 8], &[4, 1, 2, 3, 4, 5, 6, 7], &[20, 0, 0, 0], &[0xf1, 0x8e, 0x7e, 0xbe], &noise(16)])
}

#[test]
fn mtproto_is_met_by_its_first_request_in_every_transport() {
    assert_eq!(stream(443, true, &join(&[&[0xef, 10], &request_pq()])), Some("mtproto"));
    assert_eq!(stream(443, true, &join(&[&[0xee; 4], &[40, 0, 0, 0], &request_pq()])), Some("mtproto"));
    assert_eq!(stream(443, true, &join(&[&[0xdd; 4], &[47, 0, 0, 0], &request_pq()])), Some("mtproto"));
    assert_eq!(stream(80, true, &join(&[&[52, 0, 0, 0], &[0; 4], &request_pq()])), Some("mtproto"));
    assert_eq!(stream(443, true, &join(&[&[0xef, 10], &[2], &request_pq()])), None);
    assert_eq!(
        stream(443, true, &join(&[&[0xee; 4], &[40, 0, 0, 0], &noise(60)])),
        None,
        "a key, far from home"
    );
}

#[test]
fn random_text_is_mtproto_at_telegrams_own_addresses_alone() {
    let at = |server: &str, bytes: &[u8]| {
        let mut flow = Flow::new(Protocol::TCP, "10.0.0.1:40000", server);
        flow.put(true, Some(1), b"");
        flow.put(true, Some(1), bytes);
        (flow.facts.app_protocol, flow.facts.app_protocol_proof, flow.facts.protocol)
    };
    let weak = (Some("mtproto"), ProtocolProof::Weak, None);
    assert_eq!(at("149.154.167.50:443", &noise(100)), weak);
    assert_eq!(at("[2001:b28:f23d::1]:5222", &noise(100)), weak);
    assert_eq!(at("149.154.167.50:8443", &noise(100)).0, None, "another port");
    assert_eq!(at("192.0.2.1:443", &noise(100)).0, None, "another's address");
    assert_eq!(at("149.154.167.50:443", &[7; 100]).0, None, "not random");
    assert_eq!(
        at("149.154.167.50:443", b"\x17\x03\x03\0\x20 and the rest of a session that was resumed, long").0,
        None
    );
}

#[test]
fn telegrams_prefixes_are_those_of_the_catalogue() {
    let catalogue = include_str!("../../../../config/applications/messengers.toml");
    let entry = catalogue.split("id = \"telegram\"").nth(1).unwrap();
    let entry = entry.split("[[application]]").next().unwrap();
    for (net, length) in telegram::NETWORKS_V4 {
        let addr = std::net::Ipv4Addr::from(net);
        assert!(telegram::is_telegram(addr.into()));
        // Two neighbours stand as one there.
        let halves = format!("{addr}/22");
        assert!(entry.contains(&format!("{addr}/{length}")) || entry.contains(&halves), "{addr}/{length}");
    }
    for text in entry.split('"').filter_map(|t| t.parse::<ipnet::IpNet>().ok()) {
        assert!(telegram::is_telegram(text.network()), "{text} is in the catalogue only");
    }
}

#[test]
fn a_relay_of_telegram_calls_repeats_the_tag() {
    let tag = noise(16);
    let ask = join(&[&tag, &[0xff; 12], &[0xfe, 0xff, 0xff, 0xff], &noise(8)]);
    let answer = join(&[&tag, &[0xff; 12], &noise(36)]);
    assert_eq!(datagrams(521, &[(true, &ask), (false, &answer)]), Some("telegram_call"));
    assert_eq!(datagrams(521, &[(true, &ask), (true, &ask)]), None, "nobody answers");
    let mut other = answer;
    other[3] ^= 1;
    assert_eq!(datagrams(521, &[(true, &ask), (false, &other)]), None, "another tag");
}

#[test]
fn whatsapp_is_met_with_and_without_routing_information() {
    let hello = join(&[b"WA\x05\x02\0\x01\x0e\x12\x8b\x02", &noise(40)]);
    assert_eq!(stream(5222, true, &hello), Some("whatsapp"));
    assert_eq!(stream(443, true, &join(&[b"ED\0\x01\0\0\x04\x08\x09\x08\x02", &hello])), Some("whatsapp"));
    assert_eq!(stream(5222, true, b"WA\x01\x05\0\0\x1a\xf8\x05\x01"), Some("whatsapp"), "the older one");
    assert_eq!(stream(5222, true, b"WA\x05\x02\0\x01\x0e\x13\x8b\x02"), None);
    assert_eq!(stream(80, true, b"WANT something\r\n\r\n"), None);
    assert_eq!(stream(80, true, b"ED\0\x01\xff\xff\xffxxxxxxxx"), None, "routing information without end");
}

#[test]
fn viber_needs_its_port_and_a_count_or_its_session_twice() {
    let frame = |number: u8| join(&[&[24, 0, number, 0, 0, 0], &noise(18)]);
    let two = join(&[&frame(10), &frame(11)]);
    assert_eq!(stream(4244, true, &two), Some("viber"));
    assert_eq!(stream(443, true, &two), None, "another port");
    assert_eq!(stream(4244, true, &join(&[&frame(10), &frame(13)])), None, "the count jumps");
    let session = [0xad, 0xd4, 0xdc, 0x17];
    let greeting = |again: &[u8]| {
        join(&[&[0x60, 0], &session, &[0xfc, 0xff, 3, 0x80, 0x59, 0, 0x0a, 0], &[0; 6], again, &noise(70)])
    };
    assert_eq!(stream(5242, true, &greeting(&session)), Some("viber"));
    assert_eq!(stream(5242, true, &greeting(&[1, 2, 3, 4])), None);
    let id = noise(8);
    let ask = join(&[&[0xed, 0xf6, 1, 0, 5, 0], &id, &noise(40)]);
    let other = join(&[&[0xed, 0xf6, 9, 0], &noise(16)]);
    let answer = join(&[&[0xed, 0xf6, 0x0c, 0, 1, 0], &id, &noise(20)]);
    assert_eq!(datagrams(7985, &[(true, &ask), (true, &other), (false, &answer)]), Some("viber"));
    let short = join(&[&[0xed, 0xf6, 0x1a, 0], &id, &noise(8)]);
    assert_eq!(datagrams(7985, &[(true, &ask), (false, &short)]), None, "types that do not match");
}

#[test]
fn other_messengers_are_met_and_their_neighbours_not() {
    let loco = |length: u8| {
        join(&[&[0, 1, 0, 0, 5, 0, 0, 0, 2, 0, 0, 0], &noise(256), &[length, 1, 0, 0], &noise(40)])
    };
    assert_eq!(stream(8080, true, &loco(0x3d)), Some("loco"));
    let mut open = loco(0x3d);
    open[12..268].fill(1);
    assert_eq!(stream(8080, true, &open), None, "nothing is sealed");
    let mut miss = loco(0x3d);
    miss[8] = 9;
    assert_eq!(stream(8080, true, &miss), None);
    let line = join(&[&[0xdb, 0x64, 0, 0xb9, 6, 2], &noise(100)]);
    assert_eq!(datagrams(20610, &[(true, &line), (false, &line)]), Some("line_call"));
    assert_eq!(datagrams(20610, &[(true, &line), (true, &line)]), None);
    let zalo = join(&[&[1, 1, 0, 0], &noise(22)]);
    assert_eq!(datagrams(4000, &[(true, &zalo), (false, &zalo)]), Some("zalo_call"));
    let alive = b"\x13\x37\xca\xfe\x0e\0\0\0";
    assert_eq!(datagrams(50004, &[(true, alive), (false, alive)]), Some("discord"));
    assert_eq!(datagrams(50004, &[(true, alive), (false, b"\x13\x37\xca\xfe\x0f\0\0\0")]), None);
    let lookup = |kind: u8| join(&[&[0, kind, 0, 70, 1, 2, 3, 4], &[0; 66]]);
    assert_eq!(datagrams(50004, &[(true, &lookup(1)), (false, &lookup(2))]), Some("discord"));
    let longer = |kind: u8| join(&[&lookup(kind), &[0]]);
    assert_eq!(
        datagrams(50004, &[(true, &longer(1)), (false, &longer(2))]),
        None,
        "its length is not what it says"
    );
}
