//! IEEE 802.11 data frames, with or without a radiotap header (radiotap.org).
//!
//! Of an A-MSDU only the first subframe is taken, for one frame gives one packet; encrypted frames are counted.

use super::reason::Reason;
use super::walk::{Next, Walk};

/// Skips a radiotap header; honours its "padding between header and payload" flag.
pub(super) fn radiotap(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    let header = *walk.peek::<8>("truncated_radiotap")?;
    if header[0] != 0 {
        return Err(Reason::Malformed("bad_radiotap_version"));
    }
    let length = usize::from(u16::from_le_bytes([header[2], header[3]]));
    if length < 8 {
        return Err(Reason::Malformed("bad_radiotap_length"));
    }
    let padded = radiotap_flags(walk, header).is_some_and(|flags| flags & 0x20 != 0);
    walk.skip(length);
    frame(walk, padded)
}

/// Skips a Prism or AVS header: the one says its length little-endian, the other, known by its magic, big-endian.
pub(super) fn prism(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    let [m0, m1, m2, _, l0, l1, l2, l3] = *walk.peek::<8>("truncated_prism")?;
    let avs = [m0, m1, m2] == [0x80, 0x21, 0x10];
    let length = [l0, l1, l2, l3];
    let length = if avs { u32::from_be_bytes(length) } else { u32::from_le_bytes(length) };
    match usize::try_from(length) {
        Ok(length @ 8..=4096) => walk.skip(length),
        _ => return Err(Reason::Malformed("bad_prism_length")),
    }
    Ok(Next::Wifi)
}

/// The "flags" field: bit 1 of the present word, after the 8-byte TSFT of bit 0 (aligned) if that is there.
fn radiotap_flags(walk: &Walk<'_>, header: [u8; 8]) -> Option<u8> {
    let present = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
    let mut word = present;
    let mut offset: usize = 8;
    // Further present words follow while bit 31 is set; bounded by the bytes there are.
    while word & 0x8000_0000 != 0 {
        let bytes = walk.rest.get(offset..)?.first_chunk::<4>()?;
        word = u32::from_le_bytes(*bytes);
        offset = offset.checked_add(4)?;
    }
    if present & 2 == 0 {
        return None;
    }
    let flags_at = if present & 1 == 0 { offset } else { offset.next_multiple_of(8).checked_add(8)? };
    walk.byte(flags_at)
}

/// An 802.11 frame without padding.
pub(super) fn enter(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    frame(walk, false)
}

fn frame(walk: &mut Walk<'_>, padded: bool) -> Result<Next, Reason> {
    let mut header = *walk.peek::<2>("truncated_wifi")?;
    // Some access points send frame control with its bytes swapped through their tunnels. As the first byte of such a
    // header is 0x08 or 0x88 for data of version 0, the order shows.
    if walk.depth > 0 && header[0] & 15 != 8 && header[1] & 15 == 8 {
        header.reverse();
    }
    let (kind, subtype) = (header[0] >> 2 & 3, header[0] >> 4);
    match kind {
        0 => return Err(Reason::Unsupported("wifi_management")),
        1 => return Err(Reason::Unsupported("wifi_control")),
        2 => {}
        _ => return Err(Reason::Unsupported("wifi_extension")),
    }
    if subtype & 4 != 0 {
        return Err(Reason::Unsupported("wifi_no_data"));
    }
    if header[1] & 0x40 != 0 {
        return Err(Reason::Unsupported("wifi_encrypted"));
    }
    addresses(walk, header[1])?;
    let (to_ds, from_ds, order) = (header[1] & 1 != 0, header[1] & 2 != 0, header[1] & 0x80 != 0);
    let qos = subtype & 8 != 0;
    let mut length: usize = 24;
    if to_ds && from_ds {
        length += 6;
    }
    let aggregate = qos && walk.byte(length).is_some_and(|control| control & 0x80 != 0);
    if qos {
        length += if order { 6 } else { 2 };
    }
    walk.skip(if padded { length.next_multiple_of(4) } else { length });
    if aggregate {
        // A-MSDU subframe header: destination, source, length.
        walk.skip(14);
    }
    Ok(Next::Llc)
}

/// Sender and receiver by the DS bits (IEEE 802.11 §9.3.2.1, table 9-26).
fn addresses(walk: &mut Walk<'_>, flags: u8) -> Result<(), Reason> {
    walk.peek::<24>("truncated_wifi")?;
    let (destination, source) = match flags & 3 {
        0 => (walk.mac(4), walk.mac(10)),
        1 => (walk.mac(16), walk.mac(10)),
        2 => (walk.mac(4), walk.mac(16)),
        _ => (walk.mac(16), walk.mac(24)),
    };
    if walk.depth == 0 {
        walk.destination_mac = destination;
        walk.source_mac = source;
    }
    Ok(())
}
