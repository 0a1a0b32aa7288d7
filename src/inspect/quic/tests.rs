//! The vectors of RFC 9001 appendix A and RFC 9369 appendix A, and hellos cut over packets.

use super::*;
use crate::inspect::Progress;
use crate::inspect::tests::{Flow, client_hello, hex};
use crate::model::Protocol;

/// The CRYPTO frame of RFC 9001 §A.2.
const RFC_FRAME: &str = "
    060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c000004130113
    02010000c000000010000e00000b6578616d706c652e636f6dff01000100000a00080006001d001700180010000700050
    4616c706e000500050100000000003300260024001d00209370b2c9caa47fbabaf4559fedba753de171fa71f50f1ce15d
    43e994ec74d748002b0003020304000d0010000e0403050306030203080408050806002d00020101001c000240010039
    00320408ffffffffffffffff05048000ffff07048000ffff0801100104800075300901100f088394c8f03e5157080604
    8000ffff";
const ID: [u8; 8] = [0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08];

/// An Initial of `version` with these frames, padded to 1162 bytes of payload.
fn initial(version: u32, keys_of: &[u8], id: &[u8], number: u32, frames: &[u8]) -> Vec<u8> {
    let known = Version::known(version).unwrap();
    let mut plain = frames.to_vec();
    plain.resize(1162.max(frames.len()), 0);
    let length = u16::try_from(4 + plain.len() + 16).unwrap() | 0x4000;
    let first = if known.second { 0xd3 } else { 0xc3 };
    let header = [
        &[first][..],
        &version.to_be_bytes(),
        &[u8::try_from(id.len()).unwrap()],
        id,
        &[0, 0],
        &length.to_be_bytes(),
        &number.to_be_bytes(),
    ]
    .concat();
    InitialKeys::derive(known, keys_of).unwrap().seal(&header, &plain)
}

fn crypto_frame(offset: usize, bytes: &[u8]) -> Vec<u8> {
    let varint = |n: usize| (u16::try_from(n).unwrap() | 0x4000).to_be_bytes();
    [&[6][..], &varint(offset), &varint(bytes.len()), bytes].concat()
}

fn udp() -> Flow {
    Flow::new(Protocol::UDP, "10.0.0.1:40000", "192.0.2.1:4433")
}

#[test]
fn the_packets_of_both_rfcs_come_out_and_are_read() {
    for (version, begin, end) in [
        (
            1,
            "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11d242b123dc9bd8bab936b47d92ec356c",
            "e221af44860018ab0856972e194cd934",
        ),
        (0x6b33_43cf, "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485dd04de806071", ""),
    ] {
        let packet = initial(version, &ID, &ID, 2, &hex(RFC_FRAME));
        assert!(packet.starts_with(&hex(begin)) && packet.ends_with(&hex(end)), "{packet:02x?}");
        let mut flow = udp();
        assert_eq!(flow.put(true, None, &packet), Progress::Wanted);
        assert_eq!(flow.put(false, None, &server_initial(version, b"id")), Progress::Settled);
        assert_eq!(flow.names(), [("example.com", NameOrigin::QuicSni)]);
        assert_eq!(flow.facts.quic_version, Some(version));
        assert_eq!(flow.facts.protocol, Some("quic"));
        assert!(flow.facts.ja4.as_deref().unwrap().starts_with("q13d0211"), "{:?}", flow.facts.ja4);
    }
}

#[test]
fn a_hello_cut_and_mixed_over_packets_is_whole_again() {
    let hello = client_hello("mixed.example", 1500);
    let parts: Vec<Vec<u8>> = hello.chunks(300).enumerate().map(|(i, c)| crypto_frame(i * 300, c)).collect();
    let mut flow = udp();
    let late: Vec<u8> = parts[2..].iter().rev().flat_map(|p| [&[1, 0, 0][..], p].concat()).collect();
    assert_eq!(flow.put(true, None, &initial(1, &ID, &ID, 1, &late)), Progress::Wanted);
    // The second comes behind another packet and to the id that the server chose.
    let early = [&parts[1][..], &parts[0], &parts[1]].concat();
    let both = [initial(1, &ID, &[9; 8], 2, &[1]), initial(1, &ID, &[9; 8], 3, &early)].concat();
    assert_eq!(flow.put(true, None, &both), Progress::Wanted);
    assert_eq!(flow.names(), [("mixed.example", NameOrigin::QuicSni)]);
}

#[test]
fn after_a_retry_the_new_id_makes_the_keys() {
    let hello = client_hello("retry.example", 0);
    let mut flow = udp();
    flow.put(true, None, &initial(1, &ID, &ID, 0, &crypto_frame(0, &hello[..40])));
    let retry = [&[0xf0, 0, 0, 0, 1, 0, 4, 1, 2, 3, 4][..], &[0; 40]].concat();
    assert_eq!(flow.put(false, None, &retry), Progress::Wanted);
    let again = initial(1, &[1, 2, 3, 4], &[1, 2, 3, 4], 1, &crypto_frame(0, &hello));
    assert_eq!(flow.put(true, None, &again), Progress::Wanted);
    assert_eq!(flow.names(), [("retry.example", NameOrigin::QuicSni)]);
}

#[test]
fn initials_that_cannot_be_opened_end_by_the_limit() {
    let mut flow = udp();
    let mut packet = initial(1, &ID, &ID, 0, &crypto_frame(0, b"\x01"));
    packet[100] ^= 1;
    let fed = (0..100).take_while(|_| flow.put(true, None, &packet) == Progress::Wanted).count();
    assert_eq!(fed, 24);
    assert_eq!(flow.inspector.limits()["quic_limit"], 1);
}

/// A CHLO in the clear, in a packet with a public header.
pub(in crate::inspect) fn google_hello() -> Vec<u8> {
    let values = b"q.examplehttp-agent";
    let table = [&b"SNI\0"[..], &9u32.to_le_bytes(), b"UAID", &19u32.to_le_bytes()].concat();
    let chlo = [&b"CHLO\x02\0\0\0"[..], &table, values].concat();
    [&b"\x0d12345678Q043\x01"[..], &[0; 12], &[0xa0, 1, 0, 4], &chlo].concat()
}

#[test]
fn the_clear_hello_of_google_quic_is_read_and_its_connection_known_again() {
    let mut flow = udp();
    assert_eq!(flow.put(true, None, &google_hello()), Progress::Settled);
    assert_eq!(flow.names(), [("q.example", NameOrigin::QuicSni)]);
    let mut next = Flow::new(Protocol::UDP, "10.0.0.1:40001", "192.0.2.1:4433");
    next.inspector = flow.inspector;
    next.put(true, None, &[&b"\x0c12345678"[..], &[1; 30]].concat());
    assert_eq!(next.names(), [("q.example", NameOrigin::QuicMigration)]);
}

/// Initials of a hello that is cut over two of them, out of order.
pub(in crate::inspect) fn cut_initials() -> Vec<Vec<u8>> {
    let hello = client_hello("seed.example", 1300);
    let (front, back) = hello.split_at(700);
    let (front, back) = (crypto_frame(0, front), crypto_frame(700, back));
    vec![initial(1, &ID, &ID, 0, &back), initial(1, &ID, &ID, 1, &front)]
}

/// Frames as a client mixes them: out of order, overlapping, with PING, ACK and padding between.
pub(in crate::inspect) fn mixed_frames() -> Vec<u8> {
    let hello = client_hello("seed.example", 100);
    let ack = [3, 0x40, 9, 0, 1, 0, 2, 1, 1, 1, 1];
    [&crypto_frame(90, &hello[90..])[..], &[1, 0, 0, 0], &ack, &crypto_frame(0, &hello[..100])].concat()
}

/// A packet with a short header that carries `id`.
fn short(id: &[u8]) -> Vec<u8> {
    [&[0x43][..], id, &[0x5a; 30]].concat()
}

/// The server's first packet: it calls itself `id`.
fn server_initial(version: u32, id: &[u8]) -> Vec<u8> {
    let first = if version == 1 { 0xc1 } else { 0xd1 };
    let lengths = [0, u8::try_from(id.len()).unwrap()];
    [&[first][..], &version.to_be_bytes(), &lengths, id, &[0, 0x40, 40], &[7; 40]].concat()
}

#[test]
fn a_connection_that_goes_on_from_another_port_keeps_its_name() {
    let mut flow = udp();
    let hello = client_hello("moving.example", 0);
    assert_eq!(flow.put(true, None, &initial(1, &ID, &ID, 0, &crypto_frame(0, &hello))), Progress::Wanted);
    assert_eq!(flow.put(false, None, &server_initial(1, b"server-id")), Progress::Settled);
    let mut go_on = |client: &str, server: &str, id: &[u8]| {
        let mut next = Flow::new(Protocol::UDP, client, server);
        std::mem::swap(&mut next.inspector, &mut flow.inspector);
        let progress = next.put(true, None, &short(id));
        std::mem::swap(&mut next.inspector, &mut flow.inspector);
        let names = next.names().into_iter().map(|(n, o)| (n.to_owned(), o)).collect::<Vec<_>>();
        (progress, names)
    };
    let kept = ("moving.example".to_owned(), NameOrigin::QuicMigration);
    assert_eq!(go_on("10.0.0.1:50001", "192.0.2.1:4433", b"server-id"), (Progress::Settled, vec![kept]));
    assert_eq!(go_on("10.0.0.1:50002", "192.0.2.1:4433", b"another-id"), (Progress::Wanted, vec![]));
    assert_eq!(go_on("10.0.0.1:50003", "192.0.2.99:4433", b"server-id"), (Progress::Wanted, vec![]));
}

#[test]
fn a_version_that_both_agree_on_makes_its_keys_of_the_first_id() {
    let hello = client_hello("both.example", 800);
    let mut flow = udp();
    flow.put(true, None, &initial(1, &ID, &ID, 0, &crypto_frame(0, &hello[..400])));
    let rest = initial(0x6b33_43cf, &ID, &[9; 8], 1, &crypto_frame(400, &hello[400..]));
    flow.put(true, None, &rest);
    assert_eq!(flow.names(), [("both.example", NameOrigin::QuicSni)]);
    assert!(flow.facts.ja4.is_some());
}

#[test]
fn an_offer_of_versions_and_a_try_with_a_reserved_one_are_quic_and_do_no_harm() {
    let mut flow = udp();
    let mut tried = [&[0xc0, 0x1a, 0x2a, 0x3a, 0x4a, 8][..], &ID, &[0]].concat();
    tried.resize(1199, 0);
    assert_eq!(flow.put(true, None, &tried), Progress::Wanted);
    assert_eq!(flow.facts.protocol, None, "a client's first datagram is larger");
    tried.resize(1200, 0);
    assert_eq!(flow.put(true, None, &tried), Progress::Wanted);
    assert_eq!(flow.facts.protocol, Some("quic"));
    let offer = [&[0x80, 0, 0, 0, 0, 0, 8][..], &ID, &[0, 0, 0, 1, 0x6b, 0x33, 0x43, 0xcf]].concat();
    assert_eq!(flow.put(false, None, &offer), Progress::Wanted);
    let hello = client_hello("then.example", 0);
    flow.put(true, None, &initial(1, &ID, &ID, 0, &crypto_frame(0, &hello)));
    assert_eq!(flow.names(), [("then.example", NameOrigin::QuicSni)]);
}

#[test]
fn lengths_that_lie_are_harmless() {
    let start = [&[0xc3, 0, 0, 0, 1, 8][..], &ID, &[0]].concat();
    let huge = [0xff; 8];
    for lie in [&huge[..], &[0x7f, 0xff], &[0, 0xff], &[0xbf, 0xff, 0xff, 0xff], &[0, 0x44]] {
        let mut packet = [&start, lie].concat();
        for size in [packet.len(), 60, 1200] {
            packet.resize(size.max(packet.len()), 0xff);
            let mut flow = udp();
            flow.put(true, None, &packet);
            assert!(flow.names().is_empty());
        }
    }
    for frames in [&[6, 0xff][..], &[6, 0, 0xff, 0xff], &[2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]]
    {
        assert!(packet::crypto_frames(frames).is_empty());
    }
}
