//! Entries for fuzzing: each takes any bytes and must come back without a panic, in bounded time and memory. They check
//! besides what a reader promises: the same frames however few are asked for at once, none longer than the limit.
//!
//! The targets under `fuzz/` call these, and so does `tests/it/fuzz_replay.rs`. No part of the public contract.

use super::files::CaptureFiles;
use super::origin::{Brought, Origins};
use super::{LinkType, MAX_FRAME, PacketSource, Pump};

/// A target's name and entry.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[("capture", file), ("origin", origin)];

/// Frames of a file that are compared; the fuzzer's inputs have fewer.
const MOST_COMPARED: usize = 10_000;

/// A capture file of any format, compressed or not.
fn file(data: &[u8]) {
    assert!(frames(data, 1) == frames(data, 1000), "a file gives the same frames however few are asked for");
}

/// Time, link type, wire length and bytes of the frames of a file, and whether they have a maker.
type Seen = (i64, u16, u32, Vec<u8>, bool);

fn frames(data: &[u8], budget: usize) -> Option<Vec<Seen>> {
    let mut source = CaptureFiles::of_bytes(data.to_vec()).ok()?;
    let mut seen = Vec::new();
    while source
        .pump(budget, &mut |frame| {
            assert!(frame.bytes.len() <= MAX_FRAME, "frames are bounded");
            if seen.len() < MOST_COMPARED {
                let (time, link) = (frame.time.as_nanos(), frame.link_type.0);
                seen.push((time, link, frame.wire_len, frame.bytes.to_vec(), frame.origin.is_some()));
            }
        })
        .is_ok_and(|pump| pump == Pump::More)
    {
        source.take_names();
    }
    source.take_gaps();
    source.captures();
    Some(seen)
}

/// Link types whose frames may name their maker.
const LINKS: [LinkType; 6] = [
    LinkType::ETHERNET,
    LinkType::RAW,
    LinkType::PKTAP,
    LinkType::NFLOG,
    // PKTAP under its number on Darwin.
    LinkType(149),
    LinkType::IPV6,
];

/// Frames of one file, each: a byte of flags (the link type; 128: the last four octets become the checksum of a trailer,
/// which no fuzzer would hit), two bytes of length, the frame.
fn origin(mut data: &[u8]) {
    let (mut origins, mut brought) = (Origins::default(), Brought::default());
    while let [flags, high, low, rest @ ..] = data {
        let length = usize::from(u16::from_be_bytes([*high, *low])).min(rest.len());
        let (frame, after) = rest.split_at(length);
        data = after;
        let mut frame = frame.to_vec();
        if flags & 0x80 != 0 {
            sum_up(&mut frame);
        }
        let link = LINKS.get(usize::from(flags & 7)).copied().unwrap_or(LinkType::ETHERNET);
        let wire = u32::try_from(frame.len()).unwrap_or(u32::MAX);
        let bare = origins.read(&mut brought, link, &frame, wire);
        assert!(
            bare.bytes.len() <= frame.len() && bare.wire <= wire,
            "a frame only loses what was added to it"
        );
        assert!(frame.starts_with(bare.bytes), "and it loses that at its end");
        if let Some(maker) = bare.origin {
            brought.note(maker);
        }
    }
}

/// Puts the checksum of a PCAPdroid trailer at the end of a frame.
fn sum_up(frame: &mut [u8]) {
    if let Some((checked, sum)) = frame.split_last_chunk_mut::<4>() {
        let mut crc = flate2::Crc::new();
        crc.update(checked);
        *sum = crc.sum().to_le_bytes();
    }
}
