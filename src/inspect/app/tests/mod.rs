//! Each fingerprint with its own bytes and with near misses; no bytes break one; what may name is what is strong.

mod noise;

use proptest::prelude::*;

use super::*;
use crate::inspect::tests::Flow;
use crate::model::{Protocol, ProtocolProof};

/// What a connection of which one side said `bytes` was taken for, the server on `port`.
fn stream(port: u16, client: bool, bytes: &[u8]) -> Option<&'static str> {
    let mut flow = Flow::new(Protocol::TCP, "10.0.0.1:40000", &format!("192.0.2.1:{port}"));
    flow.put(true, Some(1), b"");
    flow.put(false, Some(1), b"");
    flow.put(client, Some(1), bytes);
    flow.facts.app_protocol.or(flow.facts.protocol)
}

fn datagrams(port: u16, said: &[(bool, &[u8])]) -> Option<&'static str> {
    let mut flow = Flow::new(Protocol::UDP, "10.0.0.1:40000", &format!("192.0.2.1:{port}"));
    for (client, bytes) in said {
        flow.put(*client, None, bytes);
    }
    flow.facts.app_protocol.or(flow.facts.protocol)
}

fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// Bytes that look random enough and repeat on every run.
fn noise(count: usize) -> Vec<u8> {
    (0..count).map(|i| u8::try_from((i * 167 + i / 3 * 89 + 41) % 251).unwrap()).collect()
}

fn mmtls_hello(kind: u8) -> Vec<u8> {
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

#[test]
fn vendors_connections_are_met_and_their_neighbours_not() {
    assert_eq!(stream(8999, true, b"\xce\xfa\xbe\xba\x80\0\0\0"), Some("alicloud"));
    assert_eq!(stream(8999, true, b"\xce\xfa\xbe\xba\0\0\0\x80"), None, "no such length");
    assert_eq!(stream(443, true, b"\x10\x64\x87\x80\x01\0\x01\0\x02\0\x02dk\x03\0\x20"), Some("dingtalk"));
    assert_eq!(stream(443, true, b"\x10\x64\x87\x80\x01\0\x01\0\x02\0\x02dj\x03\0\x20"), None);
    let push = b"\xc2\xfe\0\x05\0\0\0\x36\0\x02\0\x16\0\0\0\x18";
    assert_eq!(stream(5222, true, push), Some("xiaomi_push"));
    assert_eq!(
        stream(5222, true, b"\xc2\xfe\0\x05\0\0\0\x36\0\x02\0\x16\0\0\0\x58"),
        None,
        "inner length larger"
    );
    assert_eq!(stream(4070, true, b"\0\x04\0\0\x01\x49\x52\x0f\x50\x02"), Some("spotify"));
    assert_eq!(stream(4071, true, b"\0\x04\0\0\x01\x49\x52\x0f\x50\x02"), None);
    assert_eq!(datagrams(57621, &[(true, b"SpotUdp0\x01\x02")]), Some("spotify"));
    assert_eq!(datagrams(27015, &[(true, &join(&[b"VS01", &noise(40)]))]), Some("steam"));
    let dropbox =
        br#"{"version": [2, 0], "port": 17500, "host_int": 5, "displayname": "", "namespaces": [1]}"#;
    assert_eq!(datagrams(17500, &[(true, dropbox)]), Some("dropbox"));
    assert_eq!(datagrams(17501, &[(true, dropbox)]), None);
}

#[test]
fn things_are_met_and_their_neighbours_not() {
    let greeting = join(&[&[0x21, 0x31, 0, 0x20], &[0xff; 28]]);
    assert_eq!(datagrams(54321, &[(true, &greeting)]), Some("miio"));
    let message = join(&[&[0x21, 0x31, 0, 0x40, 0, 0, 0, 0], &noise(56)]);
    assert_eq!(datagrams(54321, &[(true, &message)]), Some("miio"));
    assert_eq!(datagrams(54322, &[(true, &message)]), None);
    let tuya = |end: u8| {
        join(&[&[0, 0, 0x55, 0xaa, 0, 0, 0, 0, 0, 0, 0, 0x13, 0, 0, 0, 16], &noise(12), &[0, 0, 0xaa, end]])
    };
    assert_eq!(datagrams(6667, &[(true, &tuya(0x55))]), Some("tuya"));
    assert_eq!(stream(6668, true, &tuya(0x55)), Some("tuya"));
    assert_eq!(datagrams(6667, &[(true, &tuya(0x56))]), None);
    let new = join(&[&[0, 0, 0x66, 0x99, 0, 0], &[0; 8], &[0, 0, 0, 30], &noise(30), &[0, 0, 0x99, 0x66]]);
    assert_eq!(datagrams(6667, &[(true, &new)]), Some("tuya"));
    assert_eq!(stream(37777, true, b"\x20\0\0\0DHIP\0\0\0\0"), Some("dahua"));
    let login = join(&[&[0xa0, 0, 0, 0x60], &[0; 20], &[4, 1, 0, 0, 0, 0, 0xa1, 0xaa]]);
    assert_eq!(stream(37777, true, &login), Some("dahua"));
    assert_eq!(datagrams(37810, &[(true, b"\x20\0\0\0DHIP\0\0\0\0")]), Some("dahua"));
    let sdk = join(&[&[0, 0, 0, 0x20, 0x63], &[0; 27]]);
    assert_eq!(stream(8000, true, &sdk), Some("hikvision"));
    assert_eq!(stream(8001, true, &sdk), None);
    let sadp = b"<?xml version=\"1.0\"?><Probe><Uuid>1</Uuid><Types>inquiry</Types></Probe>";
    assert_eq!(datagrams(37020, &[(true, sadp)]), Some("hikvision"));
    let login = b"\xf0\xde\xbc\x0a\x01\0\0\0\x2c\x07\0\0\0\0\0\x01\x01\xdc\x14\x65";
    assert_eq!(stream(9000, true, login), Some("baichuan"));
    assert_eq!(stream(9000, true, b"\xf0\xde\xbc\x0a\x01\0\0\0\x2c\x07\0\0\0\0\0\x01\x01\xdc\x14\x99"), None);
    let found = join(&[&[0x3a, 0xcf, 0x87, 0x2a, 10, 0, 0, 0], &noise(22)]);
    assert_eq!(datagrams(2015, &[(true, &found)]), Some("baichuan"));
    let mut key = 171;
    let kasa: Vec<u8> = b"{\"system\":{\"get_sysinfo\":{}}}"
        .iter()
        .map(|b| {
            key ^= b;
            key
        })
        .collect();
    assert_eq!(datagrams(9999, &[(true, &kasa)]), Some("tplink_kasa"));
    assert_eq!(stream(9999, true, &join(&[&[0, 0, 0, 29], &kasa])), Some("tplink_kasa"));
    assert_eq!(datagrams(9999, &[(true, &noise(40))]), None);
}

#[test]
fn games_are_met_and_their_neighbours_not() {
    let handshake = |port: u16, wanted: u8, length: u8| {
        let host = b"play.example.net";
        join(&[&[length, 0, 0xff, 5, 16], host, &port.to_be_bytes(), &[wanted, 1, 0]])
    };
    assert_eq!(stream(25570, true, &handshake(25570, 2, 23)), Some("minecraft"));
    assert_eq!(stream(25570, true, &handshake(25570, 1, 23)), Some("minecraft"), "a status");
    assert_eq!(stream(25570, true, &handshake(25565, 2, 23)), None, "it goes to another port");
    assert_eq!(stream(25570, true, &handshake(25570, 9, 23)), None, "nothing that can be wanted");
    assert_eq!(stream(25570, true, &handshake(25570, 2, 24)), None, "the lengths do not agree");
    let mut unwritten = handshake(25570, 2, 23);
    unwritten[8] = 1;
    assert_eq!(stream(25570, true, &unwritten), None, "no host has such a letter");
    assert_eq!(
        stream(25570, true, b"\x17\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
        None,
        "endless numbers"
    );
    let mark = [0, 0xff, 0xff, 0, 0xfe, 0xfe, 0xfe, 0xfe, 0xfd, 0xfd, 0xfd, 0xfd, 0x12, 0x34, 0x56, 0x78];
    let ping = join(&[&[1], &noise(8), &mark, &noise(8)]);
    let pong = |text: &[u8]| join(&[&[0x1c], &noise(16), &mark, &[0, 40], text, &noise(36)]);
    assert_eq!(datagrams(19132, &[(true, &ping), (false, &pong(b"MCPE;"))]), Some("minecraft"));
    assert_eq!(
        datagrams(19132, &[(true, &ping), (false, &pong(b"ARK;5"))]),
        Some("raknet"),
        "another's game"
    );
    assert_eq!(datagrams(19132, &[(true, &ping)]), None, "nobody answers");
    assert_eq!(datagrams(50000, &[(true, &join(&[&[5], &mark, &[11], &[0; 400]]))]), Some("raknet"));
    assert_eq!(datagrams(50000, &[(true, &join(&[&[5], &noise(16), &[11], &[0; 400]]))]), None);
    let word = [0x49, 0x96, 2, 0xd2];
    let open = join(&[&[0, 0, 0, 0xff], &[0; 8], &word, &[0xff; 4]]);
    assert_eq!(datagrams(22102, &[(true, &open)]), Some("mihoyo_kcp"));
    let granted = join(&[&[0, 0, 1, 0x45], &noise(8), &word, &[0x14, 0x51, 0x45, 0x45]]);
    assert_eq!(datagrams(22102, &[(false, &granted)]), Some("mihoyo_kcp"));
    assert_eq!(datagrams(22102, &[(true, &join(&[&open, &[0]]))]), None, "a byte more");
    assert_eq!(datagrams(22102, &[(true, &join(&[&[0, 0, 0, 0xff], &[0; 12], &[0xff; 4]]))]), None);
    let pia = |version: u8| join(&[&[0x32, 0xab, 0x98, 0x64, version], &noise(40)]);
    assert_eq!(datagrams(49152, &[(true, &pia(0x89))]), Some("nintendo_pia"));
    assert_eq!(datagrams(49152, &[(true, &pia(0x80))]), None, "no version");
    let steam =
        |header: u8| join(&[&[0xff, 0xff, 0xff, 0xff, 0x21, 0x4c, 0x5f, 0xa0, header, 0, 0, 0], &noise(30)]);
    assert_eq!(datagrams(27036, &[(true, &steam(12))]), Some("steam"));
    assert_eq!(datagrams(27036, &[(true, &steam(31))]), None, "the header ends outside");
    assert_eq!(
        datagrams(9987, &[(true, &join(&[b"TS3INIT1\0\x65\0\0\x88", &noise(21)]))]),
        Some("teamspeak")
    );
    assert_eq!(datagrams(9987, &[(true, &join(&[b"TS3INIT2\0\x65\0\0\x88", &noise(21)]))]), None);
    let ask = join(&[&[0; 4], &noise(8)]);
    let answer = |id: &[u8]| join(&[&[0, 1, 5, 0], id, &[0, 0, 0, 3, 0, 0, 0, 100, 0, 1, 0xf4, 0]]);
    assert_eq!(datagrams(64738, &[(true, &ask), (false, &answer(&noise(8)))]), Some("mumble"));
    assert_eq!(datagrams(64738, &[(true, &ask), (false, &answer(&noise(9)[1..]))]), None, "another's number");
    assert_eq!(datagrams(64738, &[(true, &[0; 12]), (false, &answer(&[0; 8]))]), None, "no number");
}

#[test]
fn tools_are_met_and_their_neighbours_not() {
    let frame = |begin: [u8; 2], length: u8| join(&[&begin, &[0x0a, length, 0], &noise(usize::from(length))]);
    let two = join(&[&frame([0x17, 0x24], 32), &frame([0x17, 0x24], 8)]);
    assert_eq!(stream(5938, true, &two), Some("teamviewer"));
    let newer = join(&[&frame([0x17, 0x24], 32), &[0x11, 0x30, 0x36, 0]]);
    assert_eq!(stream(443, false, &newer), Some("teamviewer"));
    let mut miss = two;
    miss[37] = 0x18;
    assert_eq!(stream(5938, true, &miss), None, "nothing begins where the first ends");
    let disco = join(&["TS\u{1f4ac}".as_bytes(), &noise(90)]);
    assert_eq!(datagrams(41641, &[(true, &disco)]), Some("tailscale"));
    assert_eq!(datagrams(41641, &[(true, &disco[..77])]), None, "too short for a seal");
    let local = join(&[&[0x2e, 0xa7, 0xd9, 0x0b, 0x0a, 0x20], &noise(32)]);
    assert_eq!(datagrams(21027, &[(true, &local)]), Some("syncthing"));
    assert_eq!(datagrams(21028, &[(true, &local)]), None);
    let number = b"HI e17cb6ac-c6b5-4b39-adcc-9700a61ae457\n";
    assert_eq!(stream(8080, true, number), Some("ookla"));
    assert_eq!(stream(8080, true, b"HI e17cb6ac-c6b5-4b39-adcc-9700a61ae45g\n"), None);
    assert_eq!(stream(8080, true, b"HI there, how are you\n"), None);
    assert_eq!(stream(8080, true, b"HI\nPING 1475746284921\n"), Some("ookla"));
    assert_eq!(stream(8080, true, b"HI\nPONG 1475746284921\n"), None);
    assert_eq!(stream(8080, false, b"HELLO 2.9 (2.9.2) 2021-11-30.2159.ffae0e0\n"), Some("ookla"));
    assert_eq!(stream(8080, false, b"HELLO 2.4 of this year\n and a date 2021-11-30\n"), None);
    assert_eq!(stream(8080, false, b"HELLO world 2021-11-30\n"), None);
}

#[test]
fn more_things_are_met_and_their_neighbours_not() {
    let tapo = b"\x02\0\0\x01\0\0\0\0\0\0\0\0\x46\x3c\xb5\xd3";
    assert_eq!(datagrams(20002, &[(true, tapo)]), Some("tplink_kasa"));
    assert_eq!(datagrams(20003, &[(true, tapo)]), None);
    let lifx = |length: u8, unused: u8| {
        join(&[&[length, 0, 0, 0x34, 1, 2, 3, 4], &[0xd0, 0x73, 0xd5, 1, 2, 3, unused, 0], &[0; 20]])
    };
    assert_eq!(datagrams(56700, &[(true, &lifx(36, 0))]), Some("lifx"));
    assert_eq!(datagrams(56700, &[(true, &lifx(37, 0))]), None, "not its length");
    assert_eq!(datagrams(56700, &[(true, &lifx(36, 1))]), None);
    let broadlink = join(&[&[0x5a, 0xa5, 0xaa, 0x55, 0x5a, 0xa5, 0xaa, 0x55], &noise(48)]);
    assert_eq!(datagrams(80, &[(true, &broadlink)]), Some("broadlink"));
    assert_eq!(datagrams(80, &[(true, &broadlink[..50])]), None);
    let govee = br#"{"msg":{"cmd":"scan","data":{"account_topic":"reserve"}}}"#;
    assert_eq!(datagrams(4001, &[(true, govee)]), Some("govee"));
    assert_eq!(datagrams(4004, &[(true, govee)]), None);
    assert_eq!(datagrams(7000, &[(true, br#"{"t":"scan"}"#)]), Some("gree"));
    assert_eq!(datagrams(7000, &[(true, br#"{"t":"scam"}"#)]), None);
    let midea = |length: u8| join(&[&[0x5a, 0x5a, 1, 0x11, length, 0, 0x92, 0], &noise(64)]);
    assert_eq!(datagrams(6445, &[(true, &midea(72))]), Some("midea"));
    assert_eq!(datagrams(6445, &[(true, &midea(71))]), None);
}

#[test]
fn every_protocol_of_an_application_stands_in_the_catalogue() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/applications");
    let texts: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap())
        .collect();
    let lines: Vec<&str> =
        texts.iter().flat_map(|t| t.lines()).filter(|l| l.starts_with("protocol = ")).collect();
    let own = FINGERPRINTS.iter().filter(|f| f.owner != Owner::Anybody).map(|f| f.name);
    for name in own.chain(crate::inspect::tls::words()) {
        let quoted = format!("\"{name}\"");
        assert_eq!(lines.iter().filter(|l| l.contains(&quoted)).count(), 1, "{name}");
    }
}

#[test]
fn zoom_and_real_time_media_need_several_packets() {
    let id = noise(16);
    let ask = join(&[&[1, 0, 3], &id, &noise(30)]);
    let answer = join(&[&[2, 0, 3], &id, &noise(20)]);
    assert_eq!(datagrams(8801, &[(true, &ask), (true, &ask), (false, &answer)]), Some("zoom"));
    assert_eq!(datagrams(9801, &[(true, &ask), (false, &answer)]), None);
    let packet =
        |number: u16| join(&[&[0x80, 0x60], &number.to_be_bytes(), &noise(4), &[1, 2, 3, 4], &noise(30)]);
    let run: Vec<Vec<u8>> = (0..4).map(|i| packet(65534_u16.wrapping_add(i))).collect();
    let said: Vec<(bool, &[u8])> = run.iter().map(|p| (true, p.as_slice())).collect();
    assert_eq!(datagrams(40002, &said), Some("rtp"));
    assert_eq!(datagrams(40002, &[said[0], said[2], said[3], said[1]]), None, "not in a row");
    let report = join(&[&[0x80, 201, 0, 1, 1, 2, 3, 4]]);
    assert_eq!(datagrams(40003, &[(true, &report), (true, &report)]), Some("rtcp"));
    assert_eq!(datagrams(40003, &[(true, &report)]), None);
}

#[test]
fn lines_of_common_protocols_are_met_and_lookalikes_not() {
    assert_eq!(stream(2222, false, b"SSH-2.0-OpenSSH_9.9\r\n"), Some("ssh"));
    assert_eq!(stream(25, false, b"220 mx.example ESMTP ready\r\n"), Some("smtp"));
    assert_eq!(stream(2525, true, b"EHLO client.example\r\n"), Some("smtp"));
    assert_eq!(stream(21, false, b"220 ProFTPD Server\r\n"), Some("ftp"));
    assert_eq!(stream(21, false, b"220 welcome\r\n"), None, "no word of its own");
    assert_eq!(stream(143, false, b"* OK [CAPABILITY IMAP4rev1] ready\r\n"), Some("imap"));
    assert_eq!(stream(110, false, b"+OK POP3 ready\r\n"), Some("pop3"));
    assert_eq!(stream(5060, true, b"REGISTER sip:a.example SIP/2.0\r\n"), Some("sip"));
    assert_eq!(stream(554, true, b"DESCRIBE rtsp://a.example/ RTSP/1.0\r\n"), Some("rtsp"));
    let xmpp = b"<?xml version='1.0'?><stream:stream to='a.example'>";
    assert_eq!(stream(5222, true, xmpp), Some("xmpp"));
    assert_eq!(stream(6346, true, b"GNUTELLA CONNECT/0.6\r\n"), Some("gnutella"));
    assert_eq!(datagrams(5060, &[(true, b"OPTIONS sip:a.example SIP/2.0\r\n")]), Some("sip"));
    assert_eq!(datagrams(514, &[(true, b"<13>Jan  1 00:00:00 host tag: text")]), Some("syslog"));
    assert_eq!(datagrams(514, &[(true, b"<999>Jan  1")]), None);
    assert_eq!(datagrams(515, &[(true, b"<13>Jan  1")]), None);
}

#[test]
fn headers_of_common_protocols_are_met_and_lookalikes_not() {
    let rdp = b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x0b\0\0\0";
    assert_eq!(stream(3389, true, rdp), Some("rdp"));
    assert_eq!(
        stream(102, true, b"\x03\0\0\x16\x11\xe0\0\0\0\x01\0\xc0\x01\x0a\xc1\x02\x01\0\xc2\x02\x01\x02"),
        None,
        "S7"
    );
    assert_eq!(stream(445, true, b"\0\0\0\x54\xfeSMB\x40\0"), Some("smb"));
    assert_eq!(stream(6881, true, b"\x13BitTorrent protocol\0\0"), Some("bittorrent"));
    assert_eq!(stream(1883, true, b"\x10\x14\0\x04MQTT\x04\x02\0\x3c\0\x08abcdefgh"), Some("mqtt"));
    assert_eq!(stream(1883, true, b"\x10\x9a\x02\0\x06MQIsdp\x03\x02"), Some("mqtt"));
    assert_eq!(stream(1883, true, b"\x10\xff\xff\xff\xff\x01\0\x04MQTT"), None, "no such length");
    let reset = join(&[&[0x38], &noise(8), &[0; 5]]);
    let answer = join(&[&[0x40], &noise(20)[9..17], &[1, 0, 0, 0, 0], &noise(8), &[0; 4]]);
    assert_eq!(datagrams(1194, &[(true, &reset), (false, &answer)]), Some("openvpn"));
    assert_eq!(datagrams(1194, &[(true, &reset), (false, &reset)]), None);
    assert_eq!(stream(1194, true, &join(&[&[0, 14], &reset])), Some("openvpn"));
    let first = join(&[&[1, 0, 0, 0], &noise(128), &[0; 16]]);
    assert_eq!(datagrams(51820, &[(true, &first)]), Some("wireguard"));
    let full = join(&[&[1, 0, 0, 0, 9, 8, 7, 6], &noise(140)]);
    let second = join(&[&[2, 0, 0, 0, 1, 1, 1, 1, 9, 8, 7, 6], &noise(80)]);
    assert_eq!(datagrams(51820, &[(true, &full), (false, &second)]), Some("wireguard"));
    assert_eq!(datagrams(51820, &[(true, &full)]), None);
    assert_eq!(datagrams(123, &[(true, &join(&[&[0x23], &[0; 47]]))]), Some("ntp"));
    assert_eq!(datagrams(124, &[(true, &join(&[&[0x23], &[0; 47]]))]), None);
    let dhcp = join(&[&[1, 1, 6, 0], &[0; 232], &[0x63, 0x82, 0x53, 0x63], &[53, 1, 1, 255]]);
    assert_eq!(datagrams(67, &[(true, &dhcp)]), Some("dhcp"));
    assert_eq!(datagrams(161, &[(true, b"\x30\x0b\x02\x01\x01\x04\x06public")]), Some("snmp"));
    assert_eq!(datagrams(161, &[(true, b"\x30\x0c\x02\x01\x01\x04\x06public")]), None);
    let name = join(&[&[0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0x20], &[b'C'; 32], &[0, 0, 0x20, 0, 1]]);
    assert_eq!(datagrams(137, &[(true, &name)]), Some("netbios"));
    let ask = b"\x42\x01\x12\x34\xaa\xbb\xb1a";
    assert_eq!(datagrams(5683, &[(true, ask), (false, b"\x62\x45\x12\x34\xaa\xbb\xff!")]), Some("coap"));
    assert_eq!(datagrams(5683, &[(true, ask), (false, b"\x62\x45\x12\x35\xaa\xbb\xff!")]), None);
    assert_eq!(datagrams(6881, &[(true, b"d1:ad2:id20:abcdefghijabcdefghij")]), Some("bittorrent"));
    let syn = join(&[&[0x41, 0, 1, 2], &[0; 12], &[0x23, 0xc6, 0, 0]]);
    let state = join(&[&[0x21, 0, 1, 2], &[0; 12], &[9, 9, 0x23, 0xc6]]);
    assert_eq!(datagrams(33333, &[(true, &syn), (false, &state)]), Some("bittorrent"));
    assert_eq!(datagrams(33333, &[(true, &syn), (false, &syn)]), None);
    let ike = join(&[&noise(16), &[0x21, 0x20, 0x22, 8, 0, 0, 0, 0, 0, 0, 0, 40], &noise(12)]);
    assert_eq!(datagrams(500, &[(true, &ike)]), Some("ike"));
    assert_eq!(datagrams(5351, &[(true, &[0, 0])]), Some("nat_pmp"));
    assert_eq!(datagrams(27015, &[(true, b"\xff\xff\xff\xffTSource Engine Query\0")]), Some("source_engine"));
}

#[test]
fn what_is_strong_has_the_bits_for_it_and_every_line_says_what_it_rests_on() {
    for fingerprint in FINGERPRINTS {
        let Fingerprint { name, owner, bits, speaker, source, guard, .. } = fingerprint;
        assert!(!source.is_empty() && !guard.is_empty() && !speaker.is_empty(), "{name}");
        assert!(*owner != Owner::App(ProtocolProof::Strong) || *bits >= 32, "{name}: {bits} bits");
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'), "{name}");
    }
}

#[test]
fn a_shape_alone_is_no_protocol_of_the_flow() {
    let mut flow = Flow::new(Protocol::UDP, "10.0.0.1:4000", "192.0.2.1:20610");
    let line = join(&[&[0xdb, 0x64, 0, 0xb9, 6, 2], &noise(100)]);
    flow.put(true, None, &line);
    flow.put(false, None, &line);
    assert_eq!(flow.facts.app_protocol_proof, ProtocolProof::Weak);
    assert_eq!(flow.facts.protocol, None);
}

#[test]
fn a_flow_without_an_answer_is_let_go() {
    let mut flow = Flow::new(Protocol::UDP, "10.0.0.1:4000", "192.0.2.1:1194");
    let reset = join(&[&[0x38], &noise(30)]);
    let mut fed = 0;
    while flow.state.is_some() {
        flow.put(true, None, &reset);
        fed += 1;
        assert!(fed < 64, "held for ever");
    }
}

proptest! {
    #[test]
    fn no_datagrams_break_a_fingerprint(
        port in prop_oneof![Just(123_u16), Just(8000), Just(5683), Just(8801), Just(514), Just(137), Just(6445), Just(56700), any::<u16>()],
        said in proptest::collection::vec((any::<bool>(), 0_usize..12, proptest::collection::vec(any::<u8>(), 0..200)), 1..9),
    ) {
        let starts: [&[u8]; 12] = [
            b"", b"\x02\x3b\x0b", b"\x21\x31", b"\0\0\x55\xaa\0\0\0\0\0\0\0\0\0\0", b"\x80\x60", b"\x30\x82", b"\x41\0", b"\0\0\x66\x99",
            b"\0\0\0\0", b"\x32\xab\x98\x64", b"\xff\xff\xff\xff\x21\x4c\x5f\xa0", b"\x5a\x5a\x01",
        ];
        let parts: Vec<(bool, Vec<u8>)> = said.into_iter().map(|(c, s, b)| (c, join(&[starts[s], &b]))).collect();
        let said: Vec<(bool, &[u8])> = parts.iter().map(|(c, b)| (*c, b.as_slice())).collect();
        datagrams(port, &said);
    }

    #[test]
    fn no_stream_breaks_a_fingerprint(
        port in prop_oneof![Just(4244_u16), Just(9999), Just(8000), Just(443), any::<u16>()],
        client in any::<bool>(),
        start in 0_usize..14,
        bytes in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        let starts: [&[u8]; 14] = [
            b"", b"\x16\xf1\x04", b"\x17\xf1\x04\0\x02", b"ED\0\x01", b"WA", b"\x10\xff", b"\x03\0", b"POST /mmtls/", b"\0\0\x55\xaa", b"\xef",
            b"\x17\x24", b"HI e1", b"HELLO 2.9", b"\x80\x01\0",
        ];
        stream(port, client, &join(&[starts[start], &bytes]));
    }

    #[test]
    fn a_stream_cut_anywhere_is_met_the_same(cut in 1_usize..166) {
        let hello = mmtls_hello(0x16);
        let mut flow = Flow::tcp();
        flow.put(true, Some(1), b"");
        flow.put(true, Some(1), &hello[..cut]);
        flow.put(true, Some(1 + u32::try_from(cut).unwrap()), &hello[cut..]);
        prop_assert_eq!(flow.facts.app_protocol, Some("mmtls"));
        prop_assert!(flow.state.is_none());
    }
}
