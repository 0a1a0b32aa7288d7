//! Linux "cooked" captures: the kernel's own header in place of the device's (tcpdump.org, LINKTYPE_LINUX_SLL, _SLL2).

use crate::capture::LinkType;

use super::reason::Reason;
use super::walk::{Next, Walk};

/// Linux "cooked" captures, version 1 (LINKTYPE_LINUX_SLL).
pub(super) fn version1(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    let header = walk.peek::<16>("truncated_sll")?;
    let hardware = u16::from_be_bytes([header[2], header[3]]);
    let address_len = u16::from_be_bytes([header[4], header[5]]);
    let protocol = u16::from_be_bytes([header[14], header[15]]);
    if address_len == 6 {
        walk.source_mac = walk.mac(6);
    }
    walk.skip(16);
    payload(hardware, protocol)
}

/// Linux "cooked" captures, version 2 (LINKTYPE_LINUX_SLL2).
pub(super) fn version2(walk: &mut Walk<'_>) -> Result<Next, Reason> {
    let header = walk.peek::<20>("truncated_sll2")?;
    let protocol = u16::from_be_bytes([header[0], header[1]]);
    let hardware = u16::from_be_bytes([header[8], header[9]]);
    if header[11] == 6 {
        walk.source_mac = walk.mac(12);
    }
    walk.skip(20);
    payload(hardware, protocol)
}

/// What follows a cooked header depends on the device's type (ARPHRD) first, then on the protocol.
fn payload(hardware: u16, protocol: u16) -> Result<Next, Reason> {
    match (hardware, protocol) {
        (824, _) => Err(Reason::Unsupported("netlink")),
        (801, _) => Ok(Next::Wifi),
        (802, _) => Ok(Next::Link(LinkType(119))),
        (803, _) => Ok(Next::Link(LinkType::IEEE802_11_RADIOTAP)),
        // A PPP device gives PPP protocol numbers where the kernel had no EtherType.
        (512, 0x0021 | 0x0057) => Ok(Next::Ip),
        // Below 1536 they are Linux's own: Novell's raw 802.3, any Ethernet, 802.2, PPP over HDLC.
        (_, 0x0001) => Err(Reason::Unsupported("ipx")),
        (_, 0x0003) => Ok(Next::Ethernet),
        (_, 0x0004) => Ok(Next::Llc),
        (_, 0x0007 | 0x0008) => Ok(Next::Ppp),
        (_, 0x000c | 0x000d) => Err(Reason::Unsupported("can")),
        (_, protocol @ ..0x0600) => Err(Reason::UnsupportedHex("sll_protocol", protocol)),
        (_, protocol) => Ok(Next::EtherType(protocol)),
    }
}
