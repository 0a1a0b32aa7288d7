//! Tunnels: MPLS, GRE and what it carries, and the ones over UDP, which are guesses by port that the inner headers
//! must bear out. A guess that fails falls back to the outer packet (see `walk`).

use crate::capture::LinkType;
use crate::model::Tunnel;

use super::link;
use super::reason::Reason;
use super::walk::{Next, Walk};

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
        return match walk.byte(0).map(|b| b >> 4) {
            Some(4 | 6) => Ok(Next::Ip),
            // A control word (RFC 4385) begins with a zero nibble; so may a MAC address, but rarely twice.
            Some(0) if walk.rest.first_chunk::<4>().is_some_and(|w| w[1] == 0) => {
                walk.skip(4);
                Ok(Next::Ethernet)
            }
            Some(_) => Ok(Next::Ethernet),
            None => Err(Reason::Malformed("truncated_mpls")),
        };
    }
    Err(Reason::Malformed("mpls_stack_too_deep"))
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
    walk.tunnel = match walk.rest.get(key_at..).and_then(|r| r.first_chunk::<4>()) {
        Some(bytes) if key => Tunnel::GreKey(u32::from_be_bytes(*bytes)),
        _ => Tunnel::None,
    };
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
            let flags = *walk.peek::<12>("truncated_erspan")?;
            walk.skip(if flags[11] & 1 == 0 { 12 } else { 20 });
            Ok(Next::Ethernet)
        }
        // WCCP redirects over GRE carry plain IP, in its second version behind four bytes.
        0x883e => {
            if walk.byte(0).is_some_and(|b| b >> 4 != 4) {
                walk.skip(4);
            }
            Ok(Next::Ip)
        }
        other => link::ether_type(walk, other),
    }
}

/// Tunnels over UDP, by either port.
pub(super) fn over_udp(walk: &mut Walk<'_>, source: u16, destination: u16) -> Result<Next, Reason> {
    let is = |port: u16| source == port || destination == port;
    // The well-known ports of VXLAN and GENEVE are destinations; sources are hashes of the inner flow.
    match destination {
        4789 | 8472 => return vxlan(walk),
        4790 => return vxlan_gpe(walk),
        6081 => return geneve(walk),
        _ => {}
    }
    match () {
        () if is(2152) => gtp(walk),
        () if is(3544) => teredo(walk),
        () if is(1701) => l2tp(walk),
        () if is(5247) => capwap(walk),
        () => Ok(Next::Done),
    }
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
    link::ether_type(walk, u16::from_be_bytes([p0, p1]))
}

/// GTP-U (3GPP TS 29.281 §5): only a G-PDU (type 255) carries a packet. TEIDs differ by direction, so no tunnel id.
fn gtp(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    let header = *walk.peek::<8>("no_tunnel")?;
    if header[0] & 0xf0 != 0x30 || header[1] != 0xff {
        return Err(NOT_THIS);
    }
    walk.tunnel = Tunnel::None;
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
    if walk.byte(0).is_some_and(|b| b >> 4 == 6) { Ok(Next::Ip) } else { Err(NOT_THIS) }
}

/// L2TPv2 data messages (RFC 2661 §3.1), which carry PPP. Ids differ by direction, so no tunnel id.
fn l2tp(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    let flags = walk.word(0).ok_or(NOT_THIS)?;
    if flags & 0x800f != 2 {
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
    walk.tunnel = Tunnel::None;
    walk.skip(length);
    Ok(Next::Ppp)
}

/// CAPWAP data (RFC 5415 §4.3): a header of up to 124 bytes, then an 802.3 or 802.11 frame; fragments stay outside.
fn capwap(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    let [preamble, b1, _, b3] = *walk.peek::<4>("no_tunnel")?;
    let (native, fragment) = (b1_native(walk), b3 & 0x80 != 0);
    let words = usize::from(b1 >> 3);
    if preamble != 0 || fragment || words < 2 {
        return Err(NOT_THIS);
    }
    walk.skip(words * 4);
    Ok(if native { Next::Link(LinkType::IEEE802_11) } else { Next::Ethernet })
}

/// CAPWAP's T bit: the payload is in the native format of its wireless binding.
fn b1_native(walk: &Walk<'_>) -> bool {
    walk.byte(2).is_some_and(|b| b & 1 != 0)
}
