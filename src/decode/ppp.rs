//! PPP and its carriers: PPPoE sessions and HDLC-like framing.

use super::reason::Reason;
use super::walk::{Next, Walk};

/// PPPoE session header (RFC 2516 §4), then a PPP protocol number.
pub(super) fn over_ethernet(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    let header = walk.peek::<6>("truncated_pppoe")?;
    if header[0] != 0x11 {
        return Err(Reason::Malformed("bad_pppoe_version"));
    }
    if header[1] != 0 {
        return Err(Reason::Unsupported("pppoe_discovery"));
    }
    walk.skip(6);
    Ok(Next::Ppp)
}

/// A PPP frame (RFC 1661): optional address and control, protocol of one or two bytes.
pub(super) fn enter(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    if let Some([0xff, 0x03]) = walk.rest.first_chunk::<2>() {
        walk.skip(2);
    }
    let first = walk.byte(0).ok_or(Reason::Malformed("truncated_ppp"))?;
    let protocol = if first & 1 == 1 {
        walk.skip(1);
        u16::from(first)
    } else {
        let [high, low] = *walk.peek::<2>("truncated_ppp")?;
        walk.skip(2);
        u16::from_be_bytes([high, low])
    };
    match protocol {
        0x0021 | 0x0057 => Ok(Next::Ip),
        0x0281 | 0x0283 => Ok(Next::Mpls),
        0x0031 => ether_bridged(walk),
        0x003d => multilink(walk),
        0xc021 => Err(Reason::Unsupported("ppp_lcp")),
        0x8021 => Err(Reason::Unsupported("ppp_ipcp")),
        0xc023 => Err(Reason::Unsupported("ppp_pap")),
        0xc223 => Err(Reason::Unsupported("ppp_chap")),
        0x00fd | 0x00fb => Err(Reason::Unsupported("ppp_compressed")),
        other => Err(Reason::UnsupportedHex("ppp_protocol", other)),
    }
}

/// Bridged frames (RFC 3518): flags, MAC type, then Ethernet.
fn ether_bridged(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    let [_, kind] = *walk.peek::<2>("truncated_ppp")?;
    walk.skip(2);
    if kind == 1 { Ok(Next::Ethernet) } else { Err(Reason::UnsupportedHex("ppp_bridged", u16::from(kind))) }
}

/// Multilink with its long header (RFC 1990 §3): only a whole packet, which begins and ends here, can be read.
fn multilink(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    let [flags, ..] = *walk.peek::<4>("truncated_ppp")?;
    walk.skip(4);
    if flags & 0xc0 == 0xc0 { Ok(Next::Ppp) } else { Err(Reason::Unsupported("ppp_multilink_fragment")) }
}
