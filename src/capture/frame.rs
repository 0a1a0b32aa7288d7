//! One captured frame, lent by its source.

use std::sync::Arc;

use crate::model::{ProcessRef, Timestamp};

/// A link type as in capture files (the tcpdump.org LINKTYPE registry; DLT values where they differ on reading
/// are mapped by the source).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback, host byte order.
    pub const NULL: Self = Self(0);
    /// Ethernet.
    pub const ETHERNET: Self = Self(1);
    /// PPP.
    pub const PPP: Self = Self(9);
    /// Raw IP.
    pub const RAW: Self = Self(101);
    /// IEEE 802.11.
    pub const IEEE802_11: Self = Self(105);
    /// OpenBSD loopback, network byte order.
    pub const LOOP: Self = Self(108);
    /// Linux cooked.
    pub const LINUX_SLL: Self = Self(113);
    /// 802.11 with a radiotap header.
    pub const IEEE802_11_RADIOTAP: Self = Self(127);
    /// Raw IPv4.
    pub const IPV4: Self = Self(228);
    /// Raw IPv6.
    pub const IPV6: Self = Self(229);
    /// Linux netfilter log.
    pub const NFLOG: Self = Self(239);
    /// Apple PKTAP.
    pub const PKTAP: Self = Self(258);
    /// Linux cooked, version 2.
    pub const LINUX_SLL2: Self = Self(276);
}

/// One frame, borrowed from its source; never leaves the thread that read it.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// When it was captured.
    pub time: Timestamp,
    /// The captured bytes (may be fewer than were on the wire).
    pub bytes: &'a [u8],
    /// Length on the wire in bytes, at least `bytes.len()`.
    pub wire_len: u32,
    /// How `bytes` begins.
    pub link_type: LinkType,
    /// Index of its observation point in the source's list.
    pub point: u16,
    /// Who made it, where the source says so; lent from the source's own list, so that it costs a frame nothing.
    pub origin: Option<&'a Arc<ProcessRef>>,
    /// Whether a relay on the device made it up: its time is not the network's.
    pub relayed: bool,
}
