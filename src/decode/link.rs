//! Link layers: what stands in front of the first IP header, by link type, EtherType, LLC and PPP protocol.

use etherparse::Ethernet2HeaderSlice;

use crate::capture::LinkType;
use crate::model::{MacAddr, VlanTags};

use super::reason::Reason;
use super::walk::{Next, Walk};

/// PPP with HDLC-like framing (LINKTYPE_PPP_HDLC).
const PPP_HDLC: LinkType = LinkType(50);
/// PPPoE without an Ethernet header (LINKTYPE_PPP_ETHER).
const PPP_ETHER: LinkType = LinkType(51);
/// PPP with a direction byte (LINKTYPE_PPP_WITH_DIR).
const PPP_WITH_DIR: LinkType = LinkType(204);
/// Cisco HDLC (LINKTYPE_C_HDLC).
const C_HDLC: LinkType = LinkType(104);
/// Apple PKTAP under its DLT number on Darwin (DLT_USER2).
const PKTAP_USER2: LinkType = LinkType(149);

/// EtherTypes of VLAN tags: 802.1Q, 802.1ad, and two older vendors' QinQ.
const VLAN_TYPES: [u16; 4] = [0x8100, 0x88a8, 0x9100, 0x9200];

pub(super) fn enter(walk: &mut Walk<'_>, kind: LinkType) -> Result<Next, Reason> {
    match kind {
        LinkType::ETHERNET => ethernet(walk),
        LinkType::RAW | LinkType::IPV4 | LinkType::IPV6 | LinkType(12 | 14) => Ok(Next::Ip),
        LinkType::NULL | LinkType::LOOP => loopback(walk),
        LinkType::LINUX_SLL => cooked(walk),
        LinkType::LINUX_SLL2 => cooked2(walk),
        LinkType::PPP | PPP_HDLC => Ok(Next::Ppp),
        PPP_WITH_DIR => {
            walk.skip(1);
            Ok(Next::Ppp)
        }
        PPP_ETHER => pppoe(walk),
        C_HDLC => {
            let header = walk.peek::<4>("truncated_chdlc")?;
            let protocol = u16::from_be_bytes([header[2], header[3]]);
            walk.skip(4);
            Ok(Next::EtherType(protocol))
        }
        LinkType::IEEE802_11 => Ok(Next::Wifi),
        LinkType::IEEE802_11_RADIOTAP => super::wifi::radiotap(walk),
        LinkType::NFLOG => nflog(walk),
        LinkType::PKTAP | PKTAP_USER2 => pktap(walk),
        other => Err(Reason::UnsupportedNumber("unsupported_link_type", other.0)),
    }
}

pub(super) fn ethernet(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    let header =
        Ethernet2HeaderSlice::from_slice(walk.rest).map_err(|_| Reason::Malformed("truncated_ethernet"))?;
    if walk.depth == 0 && walk.source_mac.is_none() {
        walk.source_mac = Some(MacAddr(header.source()));
        walk.destination_mac = Some(MacAddr(header.destination()));
    }
    walk.vlan = VlanTags::default();
    let kind = header.ether_type().0;
    walk.skip(14);
    Ok(Next::EtherType(kind))
}

pub(super) fn ether_type(walk: &mut Walk<'_>, kind: u16) -> Result<Next, Reason> {
    match kind {
        0x0800 | 0x86dd => Ok(Next::Ip),
        kind if VLAN_TYPES.contains(&kind) => vlan(walk),
        0x8847 | 0x8848 => Ok(Next::Mpls),
        0x8864 => pppoe(walk),
        0x880b => Ok(Next::Ppp),
        0x6558 => Ok(Next::Ethernet),
        0x0806 => Err(Reason::Unsupported("arp")),
        0x8035 => Err(Reason::Unsupported("rarp")),
        0x8863 => Err(Reason::Unsupported("pppoe_discovery")),
        0x888e => Err(Reason::Unsupported("eapol")),
        0x88cc => Err(Reason::Unsupported("lldp")),
        0x88e5 => Err(Reason::Unsupported("macsec")),
        0x9000 => Err(Reason::Unsupported("ethernet_loopback_test")),
        // Up to 1500 it is a length, and an LLC header follows (IEEE 802.3 §3.2.6).
        0..=1500 => Ok(Next::Llc),
        other => Err(Reason::UnsupportedHex("ethertype", other)),
    }
}

/// A VLAN tag; the two nearest to the IP header are kept, for the outer ones are only transport.
fn vlan(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    let tag = walk.peek::<4>("truncated_vlan")?;
    let id = u16::from_be_bytes([tag[0], tag[1]]) & 0x0fff;
    let kind = u16::from_be_bytes([tag[2], tag[3]]);
    walk.vlan = match walk.vlan {
        VlanTags { outer: 0, .. } => VlanTags { outer: id, inner: 0 },
        VlanTags { outer, inner: 0 } => VlanTags { outer, inner: id },
        VlanTags { inner, .. } => VlanTags { outer: inner, inner: id },
    };
    walk.skip(4);
    Ok(Next::EtherType(kind))
}

pub(super) fn llc(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    let header = walk.peek::<3>("truncated_llc")?;
    match header {
        // SNAP (RFC 1042), with any organisation code that carries EtherTypes.
        [0xaa, 0xaa, 0x03] => {
            let snap = walk.peek::<8>("truncated_snap")?;
            let organisation = [snap[3], snap[4], snap[5]];
            let kind = u16::from_be_bytes([snap[6], snap[7]]);
            walk.skip(8);
            match organisation {
                [0, 0, 0] | [0, 0, 0xf8] => Ok(Next::EtherType(kind)),
                [0, 0, 0x0c] => Err(Reason::UnsupportedHex("cisco_snap", kind)),
                _ => Err(Reason::UnsupportedHex("snap", kind)),
            }
        }
        // IP directly over LLC (SAP 6).
        [0x06, 0x06, 0x03] => {
            walk.skip(3);
            Ok(Next::Ip)
        }
        [0x42, 0x42, _] => Err(Reason::Unsupported("stp")),
        [0xff, 0xff, _] | [0xe0, 0xe0, _] => Err(Reason::Unsupported("ipx")),
        [0xfe, 0xfe, _] => Err(Reason::Unsupported("osi")),
        [0xf0, 0xf0, _] => Err(Reason::Unsupported("netbios_llc")),
        [sap, ..] => Err(Reason::UnsupportedHex("llc", u16::from(*sap))),
    }
}

/// BSD loopback: four bytes of address family in either byte order (the capturing machine's).
fn loopback(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    let family = *walk.peek::<4>("truncated_loopback")?;
    walk.skip(4);
    let value = u32::from_be_bytes(family);
    let family = if value > 0xffff { value.swap_bytes() } else { value };
    match family {
        // AF_INET, and AF_INET6 of Linux, NetBSD, FreeBSD, Darwin.
        2 | 10 | 24 | 28 | 30 => Ok(Next::Ip),
        other => Err(Reason::UnsupportedNumber("loopback_family", u16::try_from(other).unwrap_or(u16::MAX))),
    }
}

/// Linux "cooked" captures, version 1 (LINKTYPE_LINUX_SLL).
fn cooked(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    let header = walk.peek::<16>("truncated_sll")?;
    let hardware = u16::from_be_bytes([header[2], header[3]]);
    let address_len = u16::from_be_bytes([header[4], header[5]]);
    let protocol = u16::from_be_bytes([header[14], header[15]]);
    if address_len == 6 {
        let [.., a, b, c, d, e, f, _, _, _, _] = *header;
        walk.source_mac = Some(MacAddr([a, b, c, d, e, f]));
    }
    walk.skip(16);
    cooked_payload(hardware, protocol)
}

/// Linux "cooked" captures, version 2 (LINKTYPE_LINUX_SLL2).
fn cooked2(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    let header = walk.peek::<20>("truncated_sll2")?;
    let protocol = u16::from_be_bytes([header[0], header[1]]);
    let hardware = u16::from_be_bytes([header[8], header[9]]);
    if header[11] == 6 {
        let [.., a, b, c, d, e, f, _, _] = *header;
        walk.source_mac = Some(MacAddr([a, b, c, d, e, f]));
    }
    walk.skip(20);
    cooked_payload(hardware, protocol)
}

/// What follows a cooked header depends on the device's type (ARPHRD) first, then on the protocol.
fn cooked_payload(hardware: u16, protocol: u16) -> Result<Next, Reason> {
    match (hardware, protocol) {
        (824, _) => Err(Reason::Unsupported("netlink")),
        (803, _) => Ok(Next::Link(LinkType::IEEE802_11_RADIOTAP)),
        // 802.3 frame, 802.2 LLC.
        (_, 0x0001) => Ok(Next::Ethernet),
        (_, 0x0004) => Ok(Next::Llc),
        // A PPP device gives PPP protocol numbers where the kernel had no EtherType.
        (512, 0x0021 | 0x0057) => Ok(Next::Ip),
        (_, protocol) => Ok(Next::EtherType(protocol)),
    }
}

/// PPPoE session header (RFC 2516 §4), then a PPP protocol number.
fn pppoe(walk: &mut Walk<'_>) -> Result<Next, Reason> {
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
pub(super) fn ppp(walk: &mut Walk<'_>) -> Result<Next, Reason> {
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
        0xc021 => Err(Reason::Unsupported("ppp_lcp")),
        0x8021 => Err(Reason::Unsupported("ppp_ipcp")),
        0xc023 => Err(Reason::Unsupported("ppp_pap")),
        0xc223 => Err(Reason::Unsupported("ppp_chap")),
        0x00fd | 0x00fb => Err(Reason::Unsupported("ppp_compressed")),
        other => Err(Reason::UnsupportedHex("ppp_protocol", other)),
    }
}

/// Linux netfilter log: a header and TLVs in the capturing host's byte order; the packet is TLV 9.
fn nflog(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    let header = walk.peek::<4>("truncated_nflog")?;
    let family = header[0];
    walk.skip(4);
    // The number of TLVs is bounded by the frame: each takes at least four bytes.
    while let Some([l0, l1, t0, t1]) = walk.rest.first_chunk::<4>().copied() {
        let (mut length, mut kind) = (u16::from_le_bytes([l0, l1]), u16::from_le_bytes([t0, t1]));
        if usize::from(length) > walk.rest.len() || length < 4 {
            (length, kind) = (u16::from_be_bytes([l0, l1]), u16::from_be_bytes([t0, t1]));
        }
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
fn pktap(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    let header = walk.peek::<12>("truncated_pktap")?;
    let length = u32::from_le_bytes([header[0], header[1], header[2], header[3]]);
    let inner = u32::from_le_bytes([header[8], header[9], header[10], header[11]]);
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if !(12..=4096).contains(&length) {
        return Err(Reason::Malformed("bad_pktap_length"));
    }
    walk.skip(length);
    match u16::try_from(inner) {
        Ok(inner) if ![LinkType::PKTAP.0, PKTAP_USER2.0].contains(&inner) => Ok(Next::Link(LinkType(inner))),
        _ => Err(Reason::Malformed("bad_pktap_link_type")),
    }
}
