//! Tunnels over UDP: guesses by port that the inner headers must bear out. A guess that fails costs nothing: the
//! outer packet stands (see `walk`).

use crate::model::Tunnel;

use super::ether;
use super::reason::Reason;
use super::walk::{Next, Walk};

/// By either port: the port of a VXLAN or GENEVE source is a hash of the inner flow, but may be the well-known one.
pub(super) fn enter(walk: &mut Walk<'_>, source: u16, destination: u16) -> Result<Next, Reason> {
    match by_port(walk, destination) {
        Some(next) => next,
        None => by_port(walk, source).unwrap_or(Ok(Next::Done)),
    }
}

fn by_port(walk: &mut Walk<'_>, port: u16) -> Option<Result<Next, Reason>> {
    Some(match port {
        1701 => l2tp(walk),
        2152 => gtp(walk),
        3544 => teredo(walk),
        4789 | 8472 => vxlan(walk),
        4790 => vxlan_gpe(walk),
        5072 => ayiya(walk),
        5247 => capwap(walk),
        6081 => geneve(walk),
        6635 => Ok(Next::Mpls),
        37008 => tzsp(walk),
        _ => return None,
    })
}

/// Not that tunnel after all: the outer packet stands.
const NOT_THIS: Reason = Reason::Malformed("no_tunnel");

/// VXLAN (RFC 7348 §5): the I flag, reserved bits zero, a VNI.
fn vxlan(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    let [flags, .., a, b, c, reserved] = *walk.peek::<8>("no_tunnel")?;
    if flags & 0x08 == 0 || reserved != 0 {
        return Err(NOT_THIS);
    }
    walk.tunnel = Tunnel::Vxlan(u32::from_be_bytes([0, a, b, c]));
    walk.skip(8);
    Ok(Next::Ethernet)
}

/// VXLAN with a protocol field (draft-ietf-nvo3-vxlan-gpe).
fn vxlan_gpe(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    let [flags, _, _, protocol, a, b, c, _] = *walk.peek::<8>("no_tunnel")?;
    if flags & 0x08 == 0 {
        return Err(NOT_THIS);
    }
    walk.tunnel = Tunnel::Vxlan(u32::from_be_bytes([0, a, b, c]));
    walk.skip(8);
    match (flags & 0x04, protocol) {
        (0, _) | (_, 3) => Ok(Next::Ethernet),
        (_, 1 | 2) => Ok(Next::Ip),
        (_, 4) => ether::service_header(walk),
        _ => Err(NOT_THIS),
    }
}

/// GENEVE (RFC 8926 §3.4): version 0, options in words of four bytes, a VNI.
fn geneve(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    let [first, _, p0, p1, a, b, c, _] = *walk.peek::<8>("no_tunnel")?;
    if first >> 6 != 0 {
        return Err(NOT_THIS);
    }
    walk.tunnel = Tunnel::Geneve(u32::from_be_bytes([0, a, b, c]));
    walk.skip(8 + usize::from(first & 0x3f) * 4);
    ether::ether_type(walk, u16::from_be_bytes([p0, p1]))
}

/// GTP-U (3GPP TS 29.281 §5): only a G-PDU (type 255) carries a packet. TEIDs differ by direction, so no tunnel id.
fn gtp(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    let header = *walk.peek::<8>("no_tunnel")?;
    if header[0] & 0xf0 != 0x30 || header[1] != 0xff {
        return Err(NOT_THIS);
    }
    walk.skip(8);
    if header[0] & 7 != 0 {
        let mut next = walk.byte(3).ok_or(NOT_THIS)?;
        walk.skip(4);
        // Extension headers give their length in words of four bytes; zero would never end.
        while next != 0 {
            let words = usize::from(walk.byte(0).ok_or(NOT_THIS)?);
            if words == 0 {
                return Err(NOT_THIS);
            }
            next = walk.byte(words * 4 - 1).ok_or(NOT_THIS)?;
            walk.skip(words * 4);
        }
    }
    Ok(Next::Ip)
}

/// Teredo (RFC 4380 §5.1.1): optional authentication and origin indications, then IPv6.
fn teredo(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    if walk.rest.first_chunk::<2>() == Some(&[0, 1]) {
        let [_, _, id, auth] = *walk.peek::<4>("no_tunnel")?;
        walk.skip(4 + usize::from(id) + usize::from(auth) + 9);
    }
    if walk.rest.first_chunk::<2>() == Some(&[0, 0]) {
        walk.skip(8);
    }
    // One end has a Teredo address (in its first years 3ffe:831f::/32), or both are link-local in the set-up.
    let teredo = |at: usize| {
        let prefix = walk.rest.get(at..).and_then(|r| r.first_chunk::<4>());
        matches!(prefix, Some([0x20, 1, 0, 0] | [0x3f, 0xfe, 0x83, 0x1f] | [0xfe, 0x80, 0, 0]))
    };
    let ip6 = walk.byte(0).is_some_and(|b| b >> 4 == 6);
    if ip6 && (teredo(8) || teredo(24)) { Ok(Next::Ip) } else { Err(NOT_THIS) }
}

/// L2TPv2 data messages (RFC 2661 §3.1), which carry PPP. Ids differ by direction, so no tunnel id.
fn l2tp(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    let flags = walk.word(0).ok_or(NOT_THIS)?;
    // A data message of version 2, its reserved bits zero.
    if flags & 0xb4ff != 2 {
        return Err(NOT_THIS);
    }
    let mut length = 6;
    if flags & 0x4000 != 0 {
        length += 2;
    }
    if flags & 0x0800 != 0 {
        length += 4;
    }
    if flags & 0x0200 != 0 {
        let offset = walk.word(length).ok_or(NOT_THIS)?;
        length += 2 + usize::from(offset);
    }
    walk.skip(length);
    Ok(Next::Ppp)
}

/// CAPWAP data (RFC 5415 §4.3): a header of up to 124 bytes, then an 802.3 or 802.11 frame; fragments stay outside.
fn capwap(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    // Header length in words of four bytes; T: the payload is in the radio's own format; F: a fragment.
    let [preamble, b1, b2, b3] = *walk.peek::<4>("no_tunnel")?;
    let (words, native, fragment) = (usize::from(b1 >> 3), b2 & 1 != 0, b3 & 0x80 != 0);
    if preamble != 0 || fragment || words < 2 {
        return Err(NOT_THIS);
    }
    walk.skip(words * 4);
    Ok(if native { Next::Wifi } else { Next::Ethernet })
}

/// AYIYA (draft-massar-v6ops-ayiya-02): identity and signature of given lengths, then IPv6.
fn ayiya(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    let [identity, signature, operation, next, ..] = *walk.peek::<8>("no_tunnel")?;
    if operation & 15 != 1 || next != 41 {
        return Err(NOT_THIS);
    }
    walk.skip(8 + (1 << (identity >> 4)) + usize::from(signature >> 4) * 4);
    Ok(Next::Ip)
}

/// Tags in one TZSP header; known senders give fewer than ten.
const MAX_TZSP_TAGS: usize = 32;

/// TZSP, in which access points and routers stream what they sniff: version 1, a received packet, tags, the frame.
fn tzsp(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    let [version, kind, p0, p1] = *walk.peek::<4>("no_tunnel")?;
    if version != 1 || kind > 1 {
        return Err(NOT_THIS);
    }
    walk.skip(4);
    for _ in 0..MAX_TZSP_TAGS {
        match walk.byte(0).ok_or(NOT_THIS)? {
            0 => walk.skip(1),
            1 => {
                walk.skip(1);
                return match u16::from_be_bytes([p0, p1]) {
                    1 => Ok(Next::Ethernet),
                    18 => Ok(Next::Wifi),
                    _ => Err(NOT_THIS),
                };
            }
            _ => {
                let length = walk.byte(1).ok_or(NOT_THIS)?;
                walk.skip(usize::from(length) + 2);
            }
        }
    }
    Err(NOT_THIS)
}
