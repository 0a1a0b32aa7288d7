//! The outermost layer, by the link type that the capture gives (the tcpdump.org LINKTYPE registry).

use crate::capture::LinkType;

use super::reason::Reason;
use super::walk::{Next, Walk};
use super::{capture_header, cooked, ether, ppp, wifi};

/// FDDI.
const FDDI: LinkType = LinkType(10);
/// LLC over ATM (RFC 1483).
const ATM_RFC1483: LinkType = LinkType(100);
/// IPsec as BSD's enc devices see it.
const ENC: LinkType = LinkType(109);
/// BSD's packet filter log.
const PFLOG: LinkType = LinkType(117);
/// IP over FireWire.
const IP_OVER_1394: LinkType = LinkType(138);
/// PPP with HDLC-like framing, or Cisco HDLC in its place.
const PPP_HDLC: LinkType = LinkType(50);
/// PPPoE without an Ethernet header.
const PPP_ETHER: LinkType = LinkType(51);
/// Cisco HDLC.
const C_HDLC: LinkType = LinkType(104);
/// Frame Relay.
const FRELAY: LinkType = LinkType(107);
/// 802.11 with a Prism header.
const PRISM: LinkType = LinkType(119);
/// Apple PKTAP under its DLT number on Darwin (DLT_USER2).
const PKTAP_USER2: LinkType = LinkType(149);
/// 802.11 with an AVS header.
const AVS: LinkType = LinkType(163);
/// PPP with a direction byte.
const PPP_WITH_DIR: LinkType = LinkType(204);
/// Per-packet information.
const PPI: LinkType = LinkType(192);
/// Ethernet with a switch chip's tag behind the addresses, before the addresses, and of Marvell's two kinds.
const DSA_TAG_BRCM: LinkType = LinkType(281);
const DSA_TAG_BRCM_PREPEND: LinkType = LinkType(282);
const DSA_TAG_DSA: LinkType = LinkType(283);
const DSA_TAG_EDSA: LinkType = LinkType(284);

pub(super) fn enter(walk: &mut Walk<'_>, kind: LinkType) -> Result<Next, Reason> {
    match kind {
        LinkType::ETHERNET => ether::ethernet(walk),
        LinkType::RAW | LinkType::IPV4 | LinkType::IPV6 | LinkType(12 | 14) => Ok(Next::Ip),
        LinkType::NULL | LinkType::LOOP => loopback(walk),
        LinkType::LINUX_SLL => cooked::version1(walk),
        LinkType::LINUX_SLL2 => cooked::version2(walk),
        LinkType::PPP => Ok(Next::Ppp),
        PPP_HDLC | C_HDLC => hdlc(walk),
        PPP_WITH_DIR => {
            walk.skip(1);
            Ok(Next::Ppp)
        }
        PPP_ETHER => ppp::over_ethernet(walk),
        FRELAY => frame_relay(walk),
        ATM_RFC1483 => Ok(Next::Llc),
        // Frame control and two addresses in another bit order than Ethernet's.
        FDDI => {
            walk.skip(13);
            Ok(Next::Llc)
        }
        // Address family, SPI, flags: a version nibble follows that says as much.
        ENC => {
            walk.skip(12);
            Ok(Next::Ip)
        }
        // The header gives its length, without the padding to four bytes.
        PFLOG => {
            let length = walk.byte(0).ok_or(Reason::Malformed("truncated_pflog"))?;
            walk.skip(usize::from(length).next_multiple_of(4));
            Ok(Next::Ip)
        }
        IP_OVER_1394 => {
            let kind = walk.word(16).ok_or(Reason::Malformed("truncated_1394"))?;
            walk.skip(18);
            Ok(Next::EtherType(kind))
        }
        LinkType::IEEE802_11 => Ok(Next::Wifi),
        LinkType::IEEE802_11_RADIOTAP => wifi::radiotap(walk),
        PRISM | AVS => wifi::prism(walk),
        LinkType::NFLOG => capture_header::nflog(walk),
        LinkType::PKTAP | PKTAP_USER2 => capture_header::pktap(walk),
        PPI => capture_header::ppi(walk),
        DSA_TAG_BRCM | DSA_TAG_DSA => ether::tagged(walk, 4),
        DSA_TAG_EDSA => ether::tagged(walk, 8),
        DSA_TAG_BRCM_PREPEND => {
            walk.skip(4);
            Ok(Next::Ethernet)
        }
        other => Err(Reason::UnsupportedNumber("unsupported_link_type", other.0)),
    }
}

/// BSD loopback: four bytes of address family in either byte order (the capturing machine's). Some devices under
/// this link type give an HDLC header of the same length instead.
fn loopback(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    let family = *walk.peek::<4>("truncated_loopback")?;
    if matches!(family, [0x0f | 0x8f, 0, ..] | [0xff, 3, ..]) {
        return hdlc(walk);
    }
    walk.skip(4);
    let value = u32::from_be_bytes(family);
    let family = if value > 0xffff { value.swap_bytes() } else { value };
    match u16::try_from(family) {
        // AF_INET, and AF_INET6 of Linux, NetBSD, FreeBSD, Darwin.
        Ok(2 | 10 | 24 | 28 | 30) => Ok(Next::Ip),
        // No family has such a number: an EtherType.
        Ok(kind @ 0x600..) => Ok(Next::EtherType(kind)),
        Ok(other) => Err(Reason::UnsupportedNumber("loopback_family", other)),
        Err(_) => Err(Reason::Malformed("bad_loopback_family")),
    }
}

/// PPP in HDLC-like framing (RFC 1662), or Cisco HDLC with its EtherTypes, told apart by the address byte.
fn hdlc(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    let [address, _, high, low] = *walk.peek::<4>("truncated_hdlc")?;
    if !matches!(address, 0x0f | 0x8f) {
        return Ok(Next::Ppp);
    }
    walk.skip(4);
    match u16::from_be_bytes([high, low]) {
        0x8035 => Err(Reason::Unsupported("slarp")),
        kind => Ok(Next::EtherType(kind)),
    }
}

/// Frame Relay: an address of two to four bytes whose last one is odd (ITU-T Q.922), then an NLPID (RFC 2427) or, as
/// Cisco does, an EtherType.
fn frame_relay(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    let address = *walk.peek::<4>("truncated_frame_relay")?;
    let last = address.iter().position(|byte| byte & 1 == 1);
    let Some(last @ 1..) = last else { return Err(Reason::Unsupported("frame_relay_address")) };
    walk.skip(last + 1);
    let [first, second] = *walk.peek::<2>("truncated_frame_relay")?;
    walk.skip(2);
    match (first, second) {
        (3, 0xcc | 0x8e) => Ok(Next::Ip),
        // Padding, then SNAP.
        (3, 0) if walk.byte(0) == Some(0x80) => {
            let [_, a, b, c, high, low] = *walk.peek::<6>("truncated_snap")?;
            walk.skip(6);
            ether::snap([a, b, c], u16::from_be_bytes([high, low]))
        }
        (3, other) => Err(Reason::UnsupportedHex("nlpid", u16::from(other))),
        (high, low) => Ok(Next::EtherType(u16::from_be_bytes([high, low]))),
    }
}
