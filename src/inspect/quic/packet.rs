//! Long-header packets of one datagram (RFC 9000 §17.2, §12.2) and the CRYPTO frames in their payload (§19.6).

use crate::inspect::reader::Reader;

use super::connections::MAX_ID;
use super::version::Version;

/// Versions that a server offers.
const MAX_OFFERED: usize = 64;
/// Packets in one datagram.
const MAX_PACKETS: usize = 8;
/// Frames in one packet; chaos protection makes dozens.
const MAX_FRAMES: usize = 1024;

/// An Initial packet, still protected.
#[derive(Debug)]
pub(super) struct Initial<'a> {
    pub(super) version: Version,
    pub(super) destination_id: &'a [u8],
    pub(super) source_id: &'a [u8],
    /// The packet from its first byte to its end.
    pub(super) bytes: &'a [u8],
    /// Where the packet number begins.
    pub(super) number_at: usize,
}

/// The version of a long-header packet.
pub(super) fn version_of(datagram: &[u8]) -> Option<u32> {
    let [first, a, b, c, d, ..] = *datagram else { return None };
    (first & 0x80 != 0).then(|| u32::from_be_bytes([a, b, c, d]))
}

/// Whether a datagram is QUIC of a version that cannot be read: a server's offer of versions (RFC 8999 §6), or a client's
/// try with a number that stands for none (RFC 9000 §15) or for a later draft.
pub(super) fn is_unknown_version(datagram: &[u8]) -> bool {
    let Some(version) = version_of(datagram) else { return false };
    let mut reader = Reader::new(datagram.get(5..).unwrap_or_default());
    let ids = [reader.vec8(), reader.vec8()];
    if !ids.iter().all(|id| id.is_some_and(|id| id.len() <= MAX_ID)) {
        return false;
    }
    let offered = reader.rest().len();
    if version == 0 {
        let named = ids.iter().flatten().any(|id| !id.is_empty());
        return named && offered > 0 && offered.is_multiple_of(4) && offered <= MAX_OFFERED * 4;
    }
    let reserved = version & 0x0f0f_0f0f == 0x0a0a_0a0a;
    let draft = version >> 8 == 0x00ff_0000 && version & 0xff >= 0x23;
    // A client's first datagram has at least 1200 bytes (RFC 9000 §14.1).
    (reserved || draft) && datagram.len() >= 1200
}

/// The Initial packets of a datagram; others are stepped over.
pub(super) struct Packets<'a> {
    rest: &'a [u8],
    left: usize,
}

impl<'a> Packets<'a> {
    pub(super) fn new(datagram: &'a [u8]) -> Self {
        Self { rest: datagram, left: MAX_PACKETS }
    }
}

impl<'a> Iterator for Packets<'a> {
    type Item = Initial<'a>;

    fn next(&mut self) -> Option<Initial<'a>> {
        while self.left > 0 {
            self.left -= 1;
            let (initial, rest) = split(self.rest)?;
            self.rest = rest;
            if initial.is_some() {
                return initial;
            }
        }
        None
    }
}

/// The first packet (if it is an Initial) and what follows it. `None`: nothing more can be told apart.
fn split(datagram: &[u8]) -> Option<(Option<Initial<'_>>, &[u8])> {
    let version = Version::known(version_of(datagram)?)?;
    let mut reader = Reader::new(datagram);
    let first = reader.u8()?;
    reader.u32()?;
    let destination_id = reader.vec8().filter(|id| id.len() <= MAX_ID)?;
    let source_id = reader.vec8().filter(|id| id.len() <= MAX_ID)?;
    let kind = first >> 4 & 3;
    let initial = kind == version.initial_type();
    // A Retry has no length: it is the last packet. Its type is 3, in version 2 it is 0.
    if kind == (version.initial_type() + 3) % 4 {
        return Some((None, &[]));
    }
    if initial {
        let token = usize::try_from(reader.varint()?).ok()?;
        reader.take(token)?;
    }
    let length = usize::try_from(reader.varint()?).ok()?;
    let number_at = datagram.len() - reader.rest().len();
    // A packet cut by the capture's snap length cannot be opened, but is one.
    let end = number_at.checked_add(length)?.min(datagram.len());
    let (bytes, rest) = datagram.split_at_checked(end)?;
    let packet = Initial { version, destination_id, source_id, bytes, number_at };
    Some((initial.then_some(packet), rest))
}

/// Offsets and bytes of the CRYPTO frames in a payload; ends at the first frame that does not belong there.
pub(super) fn crypto_frames(payload: &[u8]) -> Vec<(u32, &[u8])> {
    let mut reader = Reader::new(payload);
    let mut frames = Vec::new();
    for _ in 0..MAX_FRAMES {
        // Padding comes by the hundreds, so it is not counted byte by byte.
        let padding = reader.rest().iter().take_while(|b| **b == 0).count();
        reader.take(padding);
        if next_frame(&mut reader, &mut frames).is_none() {
            break;
        }
    }
    frames
}

fn next_frame<'a>(reader: &mut Reader<'a>, frames: &mut Vec<(u32, &'a [u8])>) -> Option<()> {
    match reader.varint()? {
        // PING.
        1 => {}
        // ACK: largest, delay, ranges, first range; with ECN counts behind.
        kind @ (2 | 3) => {
            reader.varint()?;
            reader.varint()?;
            let ranges = reader.varint()?;
            reader.varint()?;
            for _ in 0..ranges.min(256) {
                reader.varint()?;
                reader.varint()?;
            }
            for _ in 0..if kind == 3 { 3 } else { 0 } {
                reader.varint()?;
            }
        }
        // 8 is what Google's first TLS versions (T050) called it; any other version has no such frame in an Initial.
        6 | 8 => {
            let offset = u32::try_from(reader.varint()?).ok()?;
            let length = usize::try_from(reader.varint()?).ok()?;
            frames.push((offset, reader.take(length)?));
        }
        _ => return None,
    }
    Some(())
}
