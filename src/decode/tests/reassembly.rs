//! Datagrams out of fragments, for inspection.

use proptest::prelude::*;

use super::fragments::{MORE, at};
use super::frames::{bytes, decoder, ipv6, piece4, udp};
use crate::decode::{Decoder, Fragment};
use crate::model::Timestamp;

/// What was put together so far: ports and payload.
fn told(decoder: &mut Decoder) -> Vec<(u16, u16, Vec<u8>)> {
    let all = decoder.take_datagrams();
    let one = |d: &crate::decode::Datagram| {
        let packet = d.packet();
        assert_eq!(packet.fragment, Fragment::No);
        (packet.source.port, packet.destination.port, packet.payload.to_vec())
    };
    all.iter().map(one).collect()
}

fn limit(decoder: &Decoder, name: &str) -> u64 {
    decoder.limits().get(name).copied().unwrap_or(0)
}

fn count(length: usize) -> Vec<u8> {
    (0..length).map(|n| u8::try_from(n % 251).unwrap()).collect()
}

/// `whole` (the octets behind the IPv4 header) in pieces that begin at these octets.
fn cut4(protocol: u8, id: u16, whole: &[u8], starts: &[usize]) -> Vec<Vec<u8>> {
    let ends = starts.iter().skip(1).copied().chain([whole.len()]);
    let piece = |(from, to): (usize, usize)| {
        let more = if to == whole.len() { 0 } else { MORE };
        piece4(protocol, id, u16::try_from(from / 8).unwrap() | more, &whole[from..to])
    };
    starts.iter().copied().zip(ends).map(piece).collect()
}

#[test]
fn a_datagram_is_whole_whatever_the_order_of_its_pieces() {
    let payload = count(100);
    let pieces = cut4(17, 1, &udp(4660, 53, &payload), &[0, 40, 80]);
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut decoder = decoder();
        for (number, piece) in order.into_iter().enumerate() {
            assert!(!decoder.has_datagrams(), "{order:?}: {number}");
            at(&mut decoder, 0, &pieces[piece]);
        }
        assert!(decoder.has_datagrams(), "{order:?}");
        assert_eq!(told(&mut decoder), [(4660, 53, payload.clone())], "{order:?}");
        at(&mut decoder, 0, &pieces[1]);
        decoder.advance(Timestamp::from_parts(1_600_000_100, 0));
        assert_eq!(told(&mut decoder), [], "{order:?}: told once");
        assert_eq!(limit(&decoder, "reassembly_incomplete"), 0);
    }
}

#[test]
fn where_pieces_overlap_the_first_wins_and_of_ipv6_nobody() {
    let whole = udp(4660, 53, &[1; 56]);
    let pieces = cut4(17, 1, &whole, &[0, 32]);
    let mut four = decoder();
    at(&mut four, 0, &pieces[1]);
    at(&mut four, 0, &pieces[1]);
    assert_eq!(limit(&four, "fragments_overlap"), 0, "a repetition is none");
    let rival = piece4(17, 1, 3 | MORE, &[2; 24]);
    at(&mut four, 0, &rival);
    at(&mut four, 0, &pieces[0]);
    let want = [vec![1; 16], vec![2; 8], vec![1; 32]].concat();
    assert_eq!(told(&mut four), [(4660, 53, want)]);
    assert_eq!(limit(&four, "fragments_overlap"), 2, "with the last piece, then with the first one");

    let head = |field: u16| [vec![17, 0], field.to_be_bytes().to_vec(), vec![0, 0, 0, 9]].concat();
    let six = |field: u16, bytes: &[u8]| ipv6(44, &[head(field), bytes.to_vec()].concat());
    let mut refused = decoder();
    at(&mut refused, 0, &six(1, &whole[..32]));
    at(&mut refused, 0, &six(0x18 | 1, &[2; 16]));
    at(&mut refused, 0, &six(32, &whole[32..]));
    refused.advance(Timestamp::from_parts(1_600_000_100, 0));
    assert_eq!((told(&mut refused), limit(&refused, "fragments_overlap")), (vec![], 1));
    let mut sound = decoder();
    at(&mut sound, 0, &six(1, &whole[..32]));
    at(&mut sound, 0, &six(32, &whole[32..]));
    assert_eq!(told(&mut sound), [(4660, 53, vec![1; 56])]);
}

#[test]
fn headers_between_are_no_payload() {
    let whole = udp(4660, 53, &count(48));
    let ah = bytes("11 04 0000 00000001 00000001 000000000000000000000000");
    let behind_ah = [ah, whole.clone()].concat();
    let mut four = decoder();
    for piece in cut4(51, 1, &behind_ah, &[0, 40]).iter().rev() {
        at(&mut four, 0, piece);
    }
    assert_eq!(told(&mut four), [(4660, 53, count(48))]);
    let options = [bytes("11 00 010400000000"), whole].concat();
    let head = |field: u16| [vec![60, 0], field.to_be_bytes().to_vec(), vec![0, 0, 0, 9]].concat();
    let mut six = decoder();
    at(&mut six, 0, &ipv6(44, &[head(32), options[32..].to_vec()].concat()));
    at(&mut six, 0, &ipv6(44, &[head(1), options[..32].to_vec()].concat()));
    assert_eq!(told(&mut six), [(4660, 53, count(48))]);
}

#[test]
fn a_beginning_without_the_rest_is_told_after_a_second() {
    let pieces = cut4(17, 1, &udp(4660, 53, &count(100)), &[0, 40, 80]);
    let mut decoder = decoder();
    at(&mut decoder, 0, &pieces[0]);
    at(&mut decoder, 0, &pieces[2]);
    at(&mut decoder, 1, &piece4(17, 2, 3, &[7; 24]));
    assert!(!decoder.has_datagrams());
    let whole = [&bytes("4500001c 0000 0000 40 11 0000 0a000001 0a000002")[..], &udp(1, 2, &[])].concat();
    at(&mut decoder, 2, &whole);
    assert_eq!(told(&mut decoder), [(4660, 53, count(32))], "any packet tells the time");
    at(&mut decoder, 2, &pieces[0]);
    decoder.finish(&mut Vec::new());
    assert_eq!(told(&mut decoder).len(), 1, "the end does too");
    assert_eq!(limit(&decoder, "reassembly_incomplete"), 3);
}

#[test]
fn a_tcp_header_in_pieces_and_other_protocols_are_left_alone() {
    let mut header = bytes("1234 01bb 00000001 00000002 5018 0000 0000 0000");
    header.extend(count(44));
    let told_of = |protocol: u8, starts: &[usize]| {
        let mut decoder = decoder();
        for piece in cut4(protocol, 1, &header, starts) {
            at(&mut decoder, 0, &piece);
        }
        decoder.finish(&mut Vec::new());
        told(&mut decoder)
    };
    assert_eq!(told_of(6, &[0, 32]), [(0x1234, 443, count(44))]);
    assert_eq!(told_of(6, &[0, 8, 32]), [], "RFC 3128");
    assert_eq!(told_of(6, &[0, 16, 32]), []);
    assert_eq!(told_of(1, &[0, 32]), []);
}

#[test]
fn a_flood_of_pieces_takes_no_more_than_its_room() {
    let mut flooded = decoder();
    let first = |id: u16| piece4(17, id, MORE, &udp(4660, 53, &[7; 1400]));
    let mut beginnings = 0;
    for id in 0..2000 {
        at(&mut flooded, 0, &first(id));
        beginnings += told(&mut flooded).len();
        assert!(flooded.fragments.reassembly.held() <= (256, 1 << 20), "{id}");
    }
    assert_eq!(beginnings, 2000 - 256, "none is lost: each is told as far as it goes");
    assert_eq!(limit(&flooded, "reassembly_full"), 2000 - 256);
    let mut large = decoder();
    for id in 0..40 {
        for part in 0..45_u16 {
            at(&mut large, 0, &piece4(17, id, (part * 181 + 1) | MORE, &[7; 1448]));
            assert!(large.fragments.reassembly.held().1 <= 1 << 20, "{id}");
        }
    }
    let mut crumbs = decoder();
    for part in 0..100_u16 {
        at(&mut crumbs, 0, &piece4(17, 1, (part * 2 + 1) | MORE, &[7; 8]));
    }
    assert!(crumbs.fragments.reassembly.held().1 <= 65 * 8);
    assert_eq!(limit(&crumbs, "reassembly_full"), 1);
}

proptest! {
    #[test]
    fn any_cuts_in_any_order_give_the_same_payload(
        length in 8_usize..2000,
        cuts in proptest::collection::btree_set(1_usize..250, 1..12),
        shuffle in any::<u64>(),
        twice in any::<bool>(),
    ) {
        let whole = udp(4660, 53, &count(length));
        let starts: Vec<usize> = [0].into_iter().chain(cuts.into_iter().map(|c| c * 8).filter(|c| *c < whole.len())).collect();
        let mut pieces = cut4(17, 1, &whole, &starts);
        prop_assume!(pieces.len() > 1);
        let mut order: Vec<usize> = (0..pieces.len()).collect();
        order.sort_by_key(|n| (*n as u64 + 1).wrapping_mul(shuffle | 1).rotate_left(17));
        if twice {
            let again = pieces[0].clone();
            pieces.push(again);
            order.insert(order.len() - 1, pieces.len() - 1);
        }
        let mut decoder = decoder();
        for piece in order {
            at(&mut decoder, 0, &pieces[piece]);
        }
        prop_assert_eq!(told(&mut decoder), [(4660, 53, count(length))]);
        prop_assert_eq!(limit(&decoder, "fragments_overlap"), 0);
        prop_assert!(decoder.ledger().balances());
    }
}
