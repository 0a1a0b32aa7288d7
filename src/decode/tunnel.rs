//! MPLS, and GRE with what it carries.

use crate::model::Tunnel;

use super::reason::Reason;
use super::walk::{Next, Walk};
use super::{ether, ip};

/// Labels in one stack; more is garbage.
const MAX_LABELS: usize = 16;

/// MPLS (RFC 3032): labels to the bottom of the stack, then IP, or a pseudowire with Ethernet (RFC 4448).
pub(super) fn mpls(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    for _ in 0..MAX_LABELS {
        let label = *walk.peek::<4>("truncated_mpls")?;
        walk.skip(4);
        if label[2] & 1 == 0 {
            continue;
        }
        return unlabelled(walk);
    }
    Err(Reason::Malformed("mpls_stack_too_deep"))
}

/// What a label stack carries is not said: IP by its first nibble, if its length bears that out, else a pseudowire
/// with or without a control word (RFC 4385, 4448), whichever puts an EtherType in its place.
fn unlabelled(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    let first = walk.byte(0).ok_or(Reason::Malformed("truncated_mpls"))?;
    let looks = |at: usize| {
        walk.word(at)
            .is_some_and(|kind| matches!(kind, 0x0800 | 0x0806 | 0x86dd | 0x8100 | 0x88a8 | 0x8847 | 0x8864))
    };
    match first >> 4 {
        4 | 6 if ip::plausible(walk) || !looks(12) => Ok(Next::Ip),
        0 if looks(16) || !looks(12) => {
            walk.skip(4);
            Ok(Next::Ethernet)
        }
        1 if !looks(12) => Err(Reason::Unsupported("mpls_associated_channel")),
        _ => Ok(Next::Ethernet),
    }
}

/// GRE (RFC 2784, 2890), PPTP's GRE (RFC 2637), ERSPAN I to III.
pub(super) fn gre(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    let header = *walk.peek::<4>("truncated_gre")?;
    let (flags, version) = (header[0], header[1] & 7);
    let protocol = u16::from_be_bytes([header[2], header[3]]);
    let (checksum, routing) = (flags & 0x80 != 0, flags & 0x40 != 0);
    let (key, sequence) = (flags & 0x20 != 0, flags & 0x10 != 0);
    let mut length = 4;
    if checksum || routing {
        length += 4;
    }
    let key_at = length;
    if key {
        length += 4;
    }
    if sequence {
        length += 4;
    }
    if version == 1 {
        if header[1] & 0x80 != 0 {
            length += 4;
        }
        walk.skip(length);
        return if protocol == 0x880b { Ok(Next::Ppp) } else { Err(Reason::Malformed("bad_pptp_gre")) };
    }
    if version != 0 || routing {
        return Err(Reason::Unsupported("gre_version"));
    }
    if let (true, Some(bytes)) = (key, walk.rest.get(key_at..).and_then(|r| r.first_chunk::<4>())) {
        walk.tunnel = Tunnel::GreKey(u32::from_be_bytes(*bytes));
    }
    walk.skip(length);
    match protocol {
        0x88be => {
            // Type I has no sequence number and no header of its own; type II has both.
            if sequence {
                walk.skip(8);
            }
            Ok(Next::Ethernet)
        }
        0x22eb => {
            let [.., kind, flags] = *walk.peek::<12>("truncated_erspan")?;
            walk.skip(if flags & 1 == 0 { 12 } else { 20 });
            // Frame type: Ethernet, or bare IP.
            Ok(if kind >> 2 & 0x1f == 2 { Next::Ip } else { Next::Ethernet })
        }
        // WCCP redirects over GRE carry plain IP, in its second version behind four bytes.
        0x883e => {
            if walk.byte(0).is_some_and(|b| b >> 4 != 4) {
                walk.skip(4);
            }
            Ok(Next::Ip)
        }
        // Aruba's access points tunnel 802.11 under a block of types of their own.
        0x8200..=0x83ff | 0x9000 => Ok(Next::Wifi),
        other => ether::ether_type(walk, other),
    }
}
