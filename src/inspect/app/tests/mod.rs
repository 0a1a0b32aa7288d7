//! Each fingerprint with its own bytes and with near misses; no bytes break one; what may name is what is strong.

mod messengers;
mod noise;
mod things;

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
        let hello = messengers::mmtls_hello(0x16);
        let mut flow = Flow::tcp();
        flow.put(true, Some(1), b"");
        flow.put(true, Some(1), &hello[..cut]);
        flow.put(true, Some(1 + u32::try_from(cut).unwrap()), &hello[cut..]);
        prop_assert_eq!(flow.facts.app_protocol, Some("mmtls"));
        prop_assert!(flow.state.is_none());
    }
}
