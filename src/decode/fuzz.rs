//! Entries for fuzzing: each takes any bytes and must come back without a panic, in bounded time and memory. They check
//! besides that every frame is counted once, and that what is held of fragments stays within its limits and is given back.
//!
//! The targets under `fuzz/` call these, and so does `tests/it/fuzz_replay.rs`. No part of the public contract.

use crate::capture::{Frame, LinkType};
use crate::model::Timestamp;

use super::{DecodeConfig, Decoder};

/// A target's name and entry.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[("frames", frames), ("fragments", fragments)];

/// Link types by the first byte of a frame's input.
const LINKS: [LinkType; 12] = [
    LinkType::ETHERNET,
    LinkType::RAW,
    LinkType::NULL,
    LinkType::LOOP,
    LinkType::PPP,
    LinkType::LINUX_SLL,
    LinkType::LINUX_SLL2,
    LinkType::IEEE802_11,
    LinkType::IEEE802_11_RADIOTAP,
    LinkType::NFLOG,
    LinkType::PKTAP,
    LinkType::IPV6,
];
/// Largest payload of an IP packet, and so of what is put together.
const MAX_DATAGRAM: usize = 65_535;

/// Frames, each: a byte for the link type, two of length, the bytes.
fn frames(mut data: &[u8]) {
    let mut run = Run::new();
    while let [link, high, low, rest @ ..] = data {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
        let (bytes, after) = rest.split_at(length);
        data = after;
        run.take(LINKS.get(usize::from(*link) % LINKS.len()).copied().unwrap_or(LinkType::RAW), bytes);
    }
    run.end();
}

/// Pieces of datagrams with sound IP headers, each: a byte of flags (1: more follow, 2: IPv6, 4: TCP, 8 to 32: which
/// datagram, 64: 400 ms later, 128: the longest payload), two for where it belongs (in units of eight octets), one of length,
/// the payload.
fn fragments(mut data: &[u8]) {
    let mut run = Run::new();
    while let [flags, high, low, length, rest @ ..] = data {
        let (payload, after) = rest.split_at(usize::from(*length).min(rest.len()));
        data = after;
        if flags & 64 != 0 {
            run.millis += 400;
        }
        let payload = if flags & 128 != 0 { payload.repeat(250) } else { payload.to_vec() };
        let at = u16::from_be_bytes([*high, *low]) & 0x1fff;
        let piece = if flags & 2 == 0 { piece4(*flags, at, &payload) } else { piece6(*flags, at, &payload) };
        run.take(LinkType::RAW, &piece);
    }
    run.end();
}

/// UDP or TCP.
fn transport(flags: u8) -> u8 {
    if flags & 4 == 0 { 17 } else { 6 }
}

fn piece4(flags: u8, at: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(20 + payload.len()).unwrap_or(u16::MAX).to_be_bytes();
    let place = (at | u16::from(flags & 1) << 13).to_be_bytes();
    let head =
        [0x45, 0, length[0], length[1], 0, flags >> 3 & 7, place[0], place[1], 64, transport(flags), 0, 0];
    [&head[..], &[10, 0, 0, 1, 192, 0, 2, 1], payload].concat()
}

/// With a fragment header (RFC 8200 §4.5).
fn piece6(flags: u8, at: u16, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(8 + payload.len()).unwrap_or(u16::MAX).to_be_bytes();
    let place = (at << 3 | u16::from(flags & 1)).to_be_bytes();
    let head = [0x60, 0, 0, 0, length[0], length[1], 44, 64];
    let fragment = [transport(flags), 0, place[0], place[1], 0, 0, 0, flags >> 3 & 7];
    [&head[..], &[0xfd; 16], &[0x20; 16], &fragment, payload].concat()
}

/// A decoder, and how many packets came out of it.
struct Run {
    decoder: Decoder,
    millis: i64,
    packets: u64,
    out: Vec<super::Packet<'static>>,
}

impl Run {
    fn new() -> Self {
        Self { decoder: Decoder::new(&DecodeConfig::default()), millis: 0, packets: 0, out: Vec::new() }
    }

    fn take(&mut self, link_type: LinkType, bytes: &[u8]) {
        self.millis += 1;
        let frame = Frame {
            time: Timestamp::from_nanos(self.millis.saturating_mul(1_000_000)),
            bytes,
            wire_len: u32::try_from(bytes.len()).unwrap_or(u32::MAX),
            link_type,
            point: 0,
            origin: None,
            relayed: false,
        };
        self.packets += u64::from(self.decoder.decode(&frame).is_some());
        self.decoder.take_arp();
        self.collect();
        assert!(self.decoder.fragments.reassembly.is_within_limits(), "what is held of fragments is bounded");
    }

    fn collect(&mut self) {
        self.decoder.take_released(&mut self.out);
        for datagram in self.decoder.take_datagrams() {
            assert!(
                datagram.packet().payload.len() <= MAX_DATAGRAM,
                "a datagram is no longer than one can be"
            );
        }
    }

    /// Nothing is held at the end, and each frame was counted once.
    fn end(mut self) {
        self.decoder.finish(&mut self.out);
        self.collect();
        assert!(!self.decoder.fragments.reassembly.is_waiting(), "nothing is held at the end");
        let ledger = self.decoder.ledger();
        let refused: u64 = ledger.malformed.values().chain(ledger.unsupported.values()).sum();
        assert!(ledger.read == ledger.decoded + refused, "every frame is counted once");
        let released = u64::try_from(self.out.len()).unwrap_or(u64::MAX);
        assert!(ledger.decoded == self.packets + released, "every packet comes out once");
    }
}
