//! Capture files: pcap (both byte orders, micro- and nanoseconds), pcapng, and wrappers around them.

use super::{be16, be32};

/// LINKTYPE_ETHERNET, LINKTYPE_RAW.
pub(crate) const ETHERNET: u32 = 1;
pub(crate) const RAW: u32 = 101;

/// A captured frame.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    /// Nanoseconds since 1970.
    pub(crate) time: i64,
    pub(crate) bytes: Vec<u8>,
}

/// A pcap file with microseconds, little-endian: what tcpdump writes on most machines.
pub(crate) fn pcap(frames: &[Frame]) -> Vec<u8> {
    write_pcap(frames, ETHERNET, u32::to_le_bytes, false)
}

/// The same with nanoseconds.
pub(crate) fn pcap_nanos(frames: &[Frame]) -> Vec<u8> {
    write_pcap(frames, ETHERNET, u32::to_le_bytes, true)
}

/// Big-endian, as a router would write it.
pub(crate) fn pcap_big_endian(frames: &[Frame]) -> Vec<u8> {
    write_pcap(frames, ETHERNET, u32::to_be_bytes, false)
}

/// Of bare IP packets.
pub(crate) fn pcap_raw(frames: &[Frame]) -> Vec<u8> {
    write_pcap(frames, RAW, u32::to_le_bytes, false)
}

fn write_pcap(frames: &[Frame], link: u32, put: fn(u32) -> [u8; 4], nanos: bool) -> Vec<u8> {
    let magic: u32 = if nanos { 0xa1b2_3c4d } else { 0xa1b2_c3d4 };
    // Versions 2.4 are two numbers of 16 bits, so their place depends on the order.
    let version: u32 = if put(1) == [0, 0, 0, 1] { 0x0002_0004 } else { 0x0004_0002 };
    let mut out: Vec<u8> = [magic, version, 0, 0, 262_144, link].into_iter().flat_map(put).collect();
    for frame in frames {
        let seconds = u32::try_from(frame.time.div_euclid(1_000_000_000)).unwrap();
        let below = u32::try_from(frame.time.rem_euclid(1_000_000_000)).unwrap();
        let length = u32::try_from(frame.bytes.len()).unwrap();
        let below = if nanos { below } else { below / 1000 };
        out.extend([seconds, below, length, length].into_iter().flat_map(put));
        out.extend(&frame.bytes);
    }
    out
}

/// A pcapng block (draft-ietf-opsawg-pcapng §3.1), little-endian.
pub(crate) fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let mut padded = body.to_vec();
    padded.resize(body.len().next_multiple_of(4), 0);
    let length = u32::try_from(padded.len() + 12).unwrap().to_le_bytes();
    [&kind.to_le_bytes()[..], &length, &padded, &length].concat()
}

/// An option of a block (§3.5).
pub(crate) fn option(code: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap();
    let mut out = [&code.to_le_bytes()[..], &length.to_le_bytes(), value].concat();
    out.resize(out.len().next_multiple_of(4), 0);
    out
}

/// A pcapng section: interfaces by name, frames with the number of theirs. Interfaces tell time in nanoseconds.
pub(crate) fn pcapng_section(interfaces: &[&str], frames: &[(u32, &Frame)]) -> Vec<u8> {
    let head = [&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat();
    let mut out = block(0x0a0d_0d0a, &head);
    for name in interfaces {
        let fixed = [&[1, 0, 0, 0][..], &262_144_u32.to_le_bytes()].concat();
        let options = [option(2, name.as_bytes()), option(9, &[9]), option(0, b"")].concat();
        out.extend(block(1, &[fixed, options].concat()));
    }
    for (interface, frame) in frames {
        let time = u64::try_from(frame.time).unwrap();
        let length = u32::try_from(frame.bytes.len()).unwrap();
        let halves = [u32::try_from(time >> 32).unwrap(), u32::try_from(time & 0xffff_ffff).unwrap()];
        let fixed: Vec<u8> = [*interface, halves[0], halves[1], length, length]
            .into_iter()
            .flat_map(u32::to_le_bytes)
            .collect();
        out.extend(block(6, &[&fixed[..], &frame.bytes].concat()));
    }
    out
}

/// A block of a kind that nobody knows.
pub(crate) fn unknown_block() -> Vec<u8> {
    block(0x0bad_cafe, b"skip me")
}

/// A gzip member with stored blocks (RFC 1951 §3.2.4, RFC 1952): valid, and the same bytes with every compressor.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let parts: Vec<&[u8]> = bytes.chunks(0xffff).collect();
    for (i, part) in parts.iter().enumerate() {
        let length = u16::try_from(part.len()).unwrap();
        out.push(u8::from(i + 1 == parts.len()));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(*part);
    }
    let mut size = be32(bytes.len());
    size.reverse();
    [&out[..], &crc32(bytes).to_le_bytes(), &size].concat()
}

/// CRC-32 of ISO 3309, as gzip has it.
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

/// A zstd frame of raw blocks (RFC 8878 §3.1.1).
pub(crate) fn zstd(bytes: &[u8]) -> Vec<u8> {
    // Single segment, four bytes of content size.
    let mut out = vec![0x28, 0xb5, 0x2f, 0xfd, 0xa0];
    out.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
    let parts: Vec<&[u8]> = bytes.chunks(0x1_0000).collect();
    for (i, part) in parts.iter().enumerate() {
        let header = u32::try_from(part.len()).unwrap() << 3 | u32::from(i + 1 == parts.len());
        out.extend(&header.to_le_bytes()[..3]);
        out.extend(*part);
    }
    out
}

/// Keeps the link-layer address out of the way: the same frames without their Ethernet header.
pub(crate) fn without_ethernet(frames: &[Frame]) -> Vec<Frame> {
    frames.iter().map(|f| Frame { time: f.time, bytes: f.bytes[14..].to_vec() }).collect()
}

/// The frame with only its first `keep` bytes, as a short snapshot length leaves it; the file says how long it was.
pub(crate) fn snapped(frames: &[Frame], keep: usize) -> Vec<u8> {
    let mut out = pcap(&[]);
    for frame in frames {
        let one = pcap(std::slice::from_ref(frame));
        let kept = frame.bytes.len().min(keep);
        let mut header = one[24..40].to_vec();
        let mut captured = be16(kept);
        captured.reverse();
        header[8..10].copy_from_slice(&captured);
        out.extend(header);
        out.extend(&frame.bytes[..kept]);
    }
    out
}
