//! Fragments find their flow.

use std::time::Duration;

use super::frames::{bytes, decoder, frame, ipv6, piece4, udp};
use crate::decode::{DecodeConfig, Decoder, Fragment, Packet};
use crate::model::Timestamp;

pub(super) const MORE: u16 = 0x2000;

fn first(id: u16) -> Vec<u8> {
    piece4(17, id, MORE, &udp(4660, 53, &[7; 16]))
}

fn later(id: u16, at: u16) -> Vec<u8> {
    piece4(17, id, at, &[7; 24])
}

fn ports(packet: &Packet<'_>) -> (u16, u16) {
    (packet.source.port, packet.destination.port)
}

/// Decodes at a number of seconds.
pub(super) fn at<'f>(decoder: &mut Decoder, seconds: i64, bytes: &'f [u8]) -> Option<Packet<'f>> {
    let mut frame = frame(101, bytes);
    frame.time = Timestamp::from_parts(1_600_000_000 + seconds, 0);
    decoder.decode(&frame)
}

fn released(decoder: &mut Decoder) -> Vec<Packet<'static>> {
    let mut out = Vec::new();
    decoder.take_released(&mut out);
    out
}

#[test]
fn later_pieces_have_the_ports_of_the_first() {
    let mut decoder = decoder();
    let (one, two) = (first(1), later(1, 3));
    let packet = at(&mut decoder, 0, &one).unwrap();
    assert_eq!((packet.fragment, ports(&packet), packet.octets), (Fragment::First, (4660, 53), 44));
    let packet = at(&mut decoder, 0, &two).unwrap();
    assert_eq!((packet.fragment, ports(&packet), packet.octets), (Fragment::Later, (4660, 53), 44));
}

#[test]
fn a_piece_that_comes_too_early_waits_for_the_first() {
    let mut decoder = decoder();
    let (one, two, other) = (first(1), later(1, 3), later(2, 3));
    assert!(at(&mut decoder, 0, &two).is_none());
    assert!(at(&mut decoder, 0, &other).is_none());
    assert!(!decoder.has_released());
    assert!(at(&mut decoder, 1, &one).is_some());
    assert!(decoder.has_released());
    let out = released(&mut decoder);
    assert_eq!(out.len(), 1);
    assert_eq!((ports(&out[0]), out[0].octets, out[0].payload.len()), ((4660, 53), 44, 0));
    assert_eq!(out[0].time, Timestamp::from_parts(1_600_000_000, 0), "its own time");
    let mut out = Vec::new();
    decoder.finish(&mut out);
    assert_eq!(out.len(), 1);
    assert_eq!(ports(&out[0]), (0, 0));
    let ledger = decoder.ledger();
    assert_eq!((ledger.read, ledger.decoded), (3, 3));
    assert_eq!(decoder.limits().get("fragments_without_first"), Some(&1));
}

#[test]
fn waiting_ends_with_the_timeout() {
    let mut decoder = decoder();
    let (one, two) = (first(1), later(1, 3));
    assert!(at(&mut decoder, 0, &two).is_none());
    decoder.advance(Timestamp::from_parts(1_600_000_030, 0));
    assert!(!decoder.has_released());
    decoder.advance(Timestamp::from_parts(1_600_000_031, 0));
    assert_eq!(released(&mut decoder).len(), 1);
    // The first piece alone also goes after the timeout: the same id later is another datagram.
    assert!(at(&mut decoder, 40, &one).is_some());
    assert!(at(&mut decoder, 71, &two).is_none());
}

#[test]
fn an_id_used_again_counts_from_its_last_first_piece() {
    let mut decoder = decoder();
    let (one, two) = (first(1), later(1, 3));
    assert!(at(&mut decoder, 0, &one).is_some());
    assert!(at(&mut decoder, 29, &one).is_some());
    assert!(at(&mut decoder, 35, &two).is_some(), "35 s after the first use, 6 s after the second");
    assert!(at(&mut decoder, 60, &two).is_none());
}

#[test]
fn other_protocols_and_ids_are_other_datagrams() {
    let mut decoder = decoder();
    assert!(at(&mut decoder, 0, &first(1)).is_some());
    assert!(at(&mut decoder, 0, &later(2, 3)).is_none());
    assert!(at(&mut decoder, 0, &piece4(6, 1, 3, &[7; 24])).is_none());
}

#[test]
fn pieces_behind_other_headers_find_their_protocol() {
    // IPv6: later pieces name the destination options that only the first piece has.
    let head =
        |offset_more: u16| [vec![60, 0], offset_more.to_be_bytes().to_vec(), vec![0, 0, 0, 9]].concat();
    let one = ipv6(44, &[head(1), bytes("11 00 010400000000"), udp(4660, 53, &[7; 8])].concat());
    let two = ipv6(44, &[head(24 << 3 >> 3 << 3), vec![7; 24]].concat());
    let mut six = decoder();
    let packet = at(&mut six, 0, &one).unwrap();
    assert_eq!((packet.protocol.0, ports(&packet), packet.fragment), (17, (4660, 53), Fragment::First));
    let packet = at(&mut six, 0, &two).unwrap();
    assert_eq!((packet.protocol.0, ports(&packet), packet.fragment), (17, (4660, 53), Fragment::Later));
    // IPv4: AH stands in front of the first piece's UDP only.
    let ah = bytes("11 04 0000 00000001 00000001 000000000000000000000000");
    let mut four = decoder();
    assert!(at(&mut four, 0, &piece4(51, 1, 6, &[7; 24])).is_none(), "before the first");
    let one = piece4(51, 1, MORE, &[ah, udp(4660, 53, &[7; 16])].concat());
    assert_eq!(at(&mut four, 0, &one).unwrap().protocol.0, 17);
    let out = released(&mut four);
    assert_eq!((out[0].protocol.0, ports(&out[0])), (17, (4660, 53)));
}

#[test]
fn pieces_of_a_tunnel_stay_with_the_tunnel() {
    let mut decoder = decoder();
    let inner =
        [bytes("08000000 00007b00 020000000004 020000000003 0800"), bytes(super::frames::TCP4)].concat();
    let one = piece4(17, 1, MORE, &udp(4660, 4789, &inner));
    let packet = at(&mut decoder, 0, &one).unwrap();
    assert_eq!((ports(&packet), packet.tunnel_depth), ((4660, 4789), 0));
    let packet = at(&mut decoder, 0, &piece4(17, 1, 9, &[7; 24])).map(|p| ports(&p));
    assert_eq!(packet, Some((4660, 4789)));
}

#[test]
fn a_full_table_gives_up_the_oldest() {
    let mut decoder = Decoder::new(&DecodeConfig { max_datagrams: 16, ..DecodeConfig::default() });
    for id in 0..17 {
        assert!(at(&mut decoder, 0, &later(id, 3)).is_none());
    }
    assert_eq!(released(&mut decoder).len(), 1);
    assert_eq!(decoder.limits().get("fragment_table_full"), Some(&1));
    assert!(at(&mut decoder, 0, &first(0)).is_some());
    assert_eq!(released(&mut decoder).len(), 1, "that of id 1, not of id 0");
}

#[test]
fn pieces_beyond_the_limit_pass_without_ports() {
    let mut decoder = decoder();
    let piece = later(1, 3);
    let passed = (0..70).filter(|_| at(&mut decoder, 0, &piece).is_some()).count();
    assert_eq!(passed, 6);
    assert_eq!(decoder.limits().get("fragments_held_limit"), Some(&6));
    for id in 2..600 {
        for _ in 0..64 {
            let piece = later(id, 3);
            at(&mut decoder, 0, &piece);
        }
    }
    let mut out = Vec::new();
    decoder.finish(&mut out);
    assert_eq!(out.len(), 16_384);
    assert!(decoder.ledger().balances());
}

#[test]
fn room_for_pieces_comes_back_when_they_are_set_free() {
    let mut decoder = decoder();
    for id in 0..1000 {
        for _ in 0..64 {
            assert!(at(&mut decoder, 0, &later(id, 3)).is_none(), "{id}");
        }
        // One half by its first piece, the other by the timeout.
        if id % 2 == 0 {
            assert!(at(&mut decoder, 0, &first(id)).is_some());
        } else {
            decoder.advance(Timestamp::from_parts(1_600_000_040, 0));
        }
        assert_eq!(released(&mut decoder).len(), 64, "{id}");
    }
}

#[test]
fn a_clock_that_steps_back_does_not_stop_the_table() {
    let mut decoder = decoder();
    assert!(at(&mut decoder, 1_000_000, &later(1, 3)).is_none());
    assert!(at(&mut decoder, 0, &later(2, 3)).is_none());
    assert!(at(&mut decoder, 0, &first(2)).is_some());
    assert_eq!(released(&mut decoder).len(), 1);
    decoder.advance(Timestamp::from_parts(1_600_000_000, 0).plus(Duration::from_secs(2_000_000)));
    assert_eq!(released(&mut decoder).len(), 1);
}
