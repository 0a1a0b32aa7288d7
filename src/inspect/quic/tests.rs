//! The vectors of RFC 9001 appendix A and RFC 9369 appendix A, and hellos cut over packets.

use super::*;
use crate::inspect::Progress;
use crate::inspect::tests::{Flow, client_hello};
use crate::model::Protocol;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|d| u8::from_str_radix(std::str::from_utf8(d).unwrap(), 16).unwrap()).collect()
}

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
        assert_eq!(flow.put(true, None, &packet), Progress::Settled);
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
    assert_eq!(flow.put(true, None, &both), Progress::Settled);
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
    assert_eq!(flow.put(true, None, &again), Progress::Settled);
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

#[test]
fn the_clear_hello_of_google_quic_is_read() {
    let values = b"q.examplehttp-agent";
    let table = [&b"SNI\0"[..], &9u32.to_le_bytes(), b"UAID", &19u32.to_le_bytes()].concat();
    let chlo = [&b"CHLO\x02\0\0\0"[..], &table, values].concat();
    let packet = [&b"\x0d12345678Q043\x01"[..], &[0; 12], &[0xa0, 1, 0, 4], &chlo].concat();
    let mut flow = udp();
    assert_eq!(flow.put(true, None, &packet), Progress::Settled);
    assert_eq!(flow.names(), [("q.example", NameOrigin::QuicSni)]);
}
