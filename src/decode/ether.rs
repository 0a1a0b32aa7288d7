//! Ethernet and what it carries: EtherTypes, tags of every kind, IEEE 802.2 LLC and SNAP.

use etherparse::Ethernet2HeaderSlice;

use crate::model::{MacAddr, VlanTags};

use super::ppp;
use super::reason::Reason;
use super::walk::{Next, Walk};

/// EtherTypes of VLAN tags: 802.1Q, 802.1ad, and two older vendors' QinQ.
const VLAN_TYPES: [u16; 4] = [0x8100, 0x88a8, 0x9100, 0x9200];

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
        0x8864 => ppp::over_ethernet(walk),
        0x880b => Ok(Next::Ppp),
        0x6558 => Ok(Next::Ethernet),
        0x0806 => Err(Reason::Unsupported("arp")),
        0x8035 => Err(Reason::Unsupported("rarp")),
        0x8863 => Err(Reason::Unsupported("pppoe_discovery")),
        0x888e => Err(Reason::Unsupported("eapol")),
        0x88cc => Err(Reason::Unsupported("lldp")),
        0x88e5 => macsec(walk),
        // VN-Tag: four bytes of ports, then the next EtherType.
        0x8926 => tag(walk, 4),
        // 802.1BR E-Tag and Cisco Metadata: six bytes.
        0x893f | 0x8909 => tag(walk, 6),
        // Provider backbone (802.1ah): the I-Tag, then the customer's frame.
        0x88e7 => {
            walk.skip(4);
            Ok(Next::Ethernet)
        }
        // Cisco FabricPath: a forwarding tag, then the frame.
        0x8903 => {
            walk.skip(2);
            Ok(Next::Ethernet)
        }
        0x894f => service_header(walk),
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
        // SNAP (RFC 1042).
        [0xaa, 0xaa, 0x03] => {
            let [_, _, _, a, b, c, high, low] = *walk.peek::<8>("truncated_snap")?;
            walk.skip(8);
            snap([a, b, c], u16::from_be_bytes([high, low]))
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

/// SNAP's protocol, by the organisation that gave its number out.
pub(super) fn snap(organisation: [u8; 3], kind: u16) -> Result<Next, Reason> {
    match organisation {
        // EtherTypes, as they are and through bridges.
        [0, 0, 0 | 0xf8] => Ok(Next::EtherType(kind)),
        // Bridged Ethernet with and without its checksum (RFC 2427).
        [0, 0x80, 0xc2] if matches!(kind, 1 | 7) => Ok(Next::Ethernet),
        [0, 0, 0x0c] => Err(Reason::UnsupportedHex("cisco_snap", kind)),
        _ => Err(Reason::UnsupportedHex("snap", kind)),
    }
}

/// A switch chip's tag of `length` bytes between the addresses and the EtherType.
pub(super) fn tagged(walk: &mut Walk<'_>, length: usize) -> Result<Next, Reason> {
    walk.peek::<12>("truncated_ethernet")?;
    walk.destination_mac = walk.mac(0);
    walk.source_mac = walk.mac(6);
    walk.skip(12);
    tag(walk, length)
}

/// A tag that says nothing about the flow, and the EtherType behind it.
fn tag(walk: &mut Walk<'_>, length: usize) -> Result<Next, Reason> {
    let kind = walk.word(length).ok_or(Reason::Malformed("truncated_tag"))?;
    walk.skip(length + 2);
    Ok(Next::EtherType(kind))
}

/// MACsec (IEEE 802.1AE §9.3): what is only authenticated is in the clear behind the tag.
fn macsec(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    let control = walk.byte(0).ok_or(Reason::Malformed("truncated_macsec"))?;
    if control & 0x8c != 0 {
        return Err(Reason::Unsupported("macsec"));
    }
    // The SC bit adds an eight-byte channel identifier.
    tag(walk, if control & 0x20 == 0 { 6 } else { 14 })
}

/// Network Service Header (RFC 8300 §2.2): its length in words of four bytes, and what follows.
pub(super) fn service_header(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    let [_, length, _, next] = *walk.peek::<4>("truncated_nsh")?;
    let words = usize::from(length & 0x3f);
    if words < 2 {
        return Err(Reason::Malformed("bad_nsh_length"));
    }
    walk.skip(words * 4);
    match next {
        1 | 2 => Ok(Next::Ip),
        3 => Ok(Next::Ethernet),
        5 => Ok(Next::Mpls),
        other => Err(Reason::UnsupportedHex("nsh", u16::from(other))),
    }
}
