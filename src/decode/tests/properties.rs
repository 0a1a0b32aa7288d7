//! Whatever the bytes: no panic, and `read = decoded + malformed + unsupported`.

use proptest::prelude::*;

use super::frames::{all, cut_frame, decoder, frame};
use crate::capture::{Frame, LinkType};
use crate::decode::{Decoder, Packet};
use crate::model::Timestamp;

/// Every link type that is known, and some that are not.
const LINK_TYPES: &[u16] = &[
    0, 1, 8, 9, 10, 12, 14, 50, 51, 100, 101, 104, 105, 107, 108, 109, 113, 117, 119, 127, 138, 147, 149,
    163, 192, 204, 228, 229, 239, 258, 276, 281, 282, 283, 284, 65_535,
];

/// What is true of any packet.
fn sound(packet: &Packet<'_>, frame: &Frame<'_>) {
    assert!(packet.payload.len() <= frame.bytes.len());
    assert!(u32::try_from(packet.payload.len()).unwrap() <= packet.payload_len, "{packet:?}");
    assert!(packet.payload_len <= packet.octets, "{packet:?}");
    assert!(packet.octets >= 20);
    assert!(packet.tunnel_depth < 16);
}

/// Ends a decoder: what was handed out and what it says must agree.
fn settle(mut decoder: Decoder, mut handed: u64) {
    let mut out = Vec::new();
    decoder.finish(&mut out);
    handed += u64::try_from(out.len()).unwrap();
    let ledger = decoder.ledger();
    assert!(ledger.balances(), "{ledger:?}");
    assert_eq!(ledger.decoded, handed);
}

fn run<'f>(frames: impl IntoIterator<Item = Frame<'f>>) {
    let mut decoder = decoder();
    let mut handed = 0;
    for frame in frames {
        if let Some(packet) = decoder.decode(&frame) {
            sound(&packet, &frame);
            handed += 1;
        }
    }
    settle(decoder, handed);
}

#[test]
fn every_cut_of_every_frame_is_accounted_for() {
    for (_, link, bytes) in all() {
        // Cut by the capture, and short on the wire.
        run((0..=bytes.len()).map(|n| cut_frame(link, &bytes[..n], bytes.len())));
        run((0..=bytes.len()).map(|n| frame(link, &bytes[..n])));
        // Under every other link type.
        run(LINK_TYPES.iter().map(|other| frame(*other, &bytes)));
    }
}

#[test]
fn every_byte_of_every_frame_may_lie() {
    for (_, link, bytes) in all() {
        for value in [0x00, 0x0f, 0x45, 0x60, 0x80, 0xff] {
            let changed: Vec<Vec<u8>> = (0..bytes.len())
                .map(|at| {
                    let mut copy = bytes.clone();
                    copy[at] = value;
                    copy
                })
                .collect();
            run(changed.iter().map(|bytes| frame(link, bytes)));
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_of_any_link_type_are_accounted_for(
        frames in prop::collection::vec(
            (prop::sample::select(LINK_TYPES), prop::collection::vec(any::<u8>(), 0..200), 0_u32..2000, 0_i64..200),
            1..20,
        ),
    ) {
        run(frames.iter().map(|(link, bytes, more, seconds)| Frame {
            time: Timestamp::from_parts(*seconds, 0),
            bytes,
            wire_len: u32::try_from(bytes.len()).unwrap() + more,
            link_type: LinkType(*link),
            point: 0,
            origin: None,
            relayed: false,
        }));
    }

    #[test]
    fn several_lies_in_known_frames_are_accounted_for(
        which in any::<prop::sample::Index>(),
        lies in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<prop::sample::Index>(),
    ) {
        let frames = all();
        let (_, link, mut bytes) = frames[which.index(frames.len())].clone();
        for (at, value) in lies {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let kept = cut.index(bytes.len() + 1);
        run([frame(link, &bytes), cut_frame(link, &bytes[..kept], bytes.len()), frame(link, &bytes[..kept])]);
    }
}
