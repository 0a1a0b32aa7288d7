//! Headers that the capturing side put in front of a frame: NFLOG, PKTAP, PPI.

use crate::capture::LinkType;

use super::reason::Reason;
use super::walk::{Next, Walk};

/// Linux netfilter log: a header and TLVs in the capturing host's byte order; the packet is TLV 9.
pub(super) fn nflog(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    let header = walk.peek::<4>("truncated_nflog")?;
    let family = header[0];
    walk.skip(4);
    // The number of TLVs is bounded by the frame: each takes at least four bytes.
    while let Some([l0, l1, t0, t1]) = walk.rest.first_chunk::<4>().copied() {
        // Types are below 256, so the byte that is zero gives the byte order away.
        let little = t1 == 0 || t1 == 0x80;
        let number =
            |bytes: [u8; 2]| if little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) };
        let (length, kind) = (number([l0, l1]), number([t0, t1]));
        if length < 4 {
            return Err(Reason::Malformed("bad_nflog_tlv"));
        }
        if kind & 0x7fff == 9 {
            walk.skip(4);
            return match family {
                2 | 10 => Ok(Next::Ip),
                other => Err(Reason::UnsupportedNumber("nflog_family", u16::from(other))),
            };
        }
        walk.skip(usize::from(length).next_multiple_of(4));
    }
    Err(Reason::Unsupported("nflog_without_packet"))
}

/// Apple PKTAP: a little-endian header that gives its own length and the link type inside.
pub(super) fn pktap(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    let header = walk.peek::<12>("truncated_pktap")?;
    let length = u32::from_le_bytes([header[0], header[1], header[2], header[3]]);
    let inner = u32::from_le_bytes([header[8], header[9], header[10], header[11]]);
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if !(12..=4096).contains(&length) {
        return Err(Reason::Malformed("bad_pktap_length"));
    }
    walk.skip(length);
    link_inside(inner, "bad_pktap_link_type")
}

/// Per-packet information: version, flags, own length, and the link type inside, little-endian.
pub(super) fn ppi(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    let [version, _, l0, l1, d0, d1, d2, d3] = *walk.peek::<8>("truncated_ppi")?;
    let length = usize::from(u16::from_le_bytes([l0, l1]));
    if version != 0 || length < 8 {
        return Err(Reason::Malformed("bad_ppi_header"));
    }
    walk.skip(length);
    link_inside(u32::from_le_bytes([d0, d1, d2, d3]), "bad_ppi_link_type")
}

/// The link type inside; never such a header again, so that they cannot nest.
fn link_inside(kind: u32, reason: &'static str) -> Result<Next, Reason> {
    match u16::try_from(kind) {
        Ok(kind) if ![LinkType::PKTAP.0, 149, 192].contains(&kind) => Ok(Next::Link(LinkType(kind))),
        _ => Err(Reason::Malformed(reason)),
    }
}
