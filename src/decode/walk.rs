//! The walk inwards: a loop over layers, never a recursion.
//!
//! The state is what has been learned so far; each layer consumes its header and says what comes next. An IP
//! packet becomes the candidate answer as soon as it is sound; tunnels are only entered on top of such a candidate
//! (or of a link header), so a wrong guess costs nothing.

use crate::capture::{Frame, LinkType};
use crate::model::{MacAddr, Tunnel, VlanTags};

use super::packet::Packet;
use super::reason::Reason;
use super::{ether, ip, link, ppp, tunnel, wifi};

/// Layers in one frame, link headers and tags included. Real stacks have fewer than ten.
const MAX_LAYERS: u8 = 32;
/// IP packets inside IP packets.
const MAX_DEPTH: u8 = 16;

/// What the remaining bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// A frame of a link type.
    Link(LinkType),
    /// An Ethernet frame inside something else.
    Ethernet,
    /// The payload of that EtherType.
    EtherType(u16),
    /// An IEEE 802.2 LLC header.
    Llc,
    /// An IP packet of either version.
    Ip,
    /// A PPP frame, perhaps with HDLC address and control.
    Ppp,
    /// An MPLS label stack.
    Mpls,
    /// An IEEE 802.11 frame.
    Wifi,
    /// A GRE header.
    Gre,
    /// Nothing further in: the candidate is the answer.
    Done,
}

/// What is known of the frame so far.
pub(super) struct Walk<'f> {
    pub(super) frame: Frame<'f>,
    /// Bytes not consumed yet.
    pub(super) rest: &'f [u8],
    /// Bytes not consumed yet, as they were on the wire.
    pub(super) wire: u32,
    pub(super) source_mac: Option<MacAddr>,
    pub(super) destination_mac: Option<MacAddr>,
    pub(super) vlan: VlanTags,
    pub(super) tunnel: Tunnel,
    /// IP packets found so far.
    pub(super) depth: u8,
    /// The innermost sound IP packet so far.
    pub(super) candidate: Option<Packet<'f>>,
    /// There was more inside than the limits let be looked at.
    pub(super) too_deep: bool,
}

impl<'f> Walk<'f> {
    pub(super) fn new(frame: &Frame<'f>) -> Self {
        Self {
            frame: *frame,
            rest: frame.bytes,
            wire: frame.wire_len.max(u32::try_from(frame.bytes.len()).unwrap_or(u32::MAX)),
            source_mac: None,
            destination_mac: None,
            vlan: VlanTags::default(),
            tunnel: Tunnel::None,
            depth: 0,
            candidate: None,
            too_deep: false,
        }
    }

    /// Walks to the innermost packet.
    pub(super) fn run(&mut self) -> Result<Packet<'f>, Reason> {
        let mut next = Next::Link(self.frame.link_type);
        for _ in 0..MAX_LAYERS {
            if self.depth >= MAX_DEPTH {
                break;
            }
            next = match self.layer(next) {
                Ok(Next::Done) => return self.candidate.ok_or(Reason::Malformed("empty_frame")),
                Ok(next) => next,
                Err(reason) => return self.candidate.ok_or(reason),
            };
        }
        self.too_deep = true;
        self.candidate.ok_or(Reason::Malformed("too_many_layers"))
    }

    fn layer(&mut self, next: Next) -> Result<Next, Reason> {
        match next {
            Next::Link(kind) => link::enter(self, kind),
            Next::Ethernet => ether::ethernet(self),
            Next::EtherType(kind) => ether::ether_type(self, kind),
            Next::Llc => ether::llc(self),
            Next::Ip => ip::enter(self),
            Next::Ppp => ppp::enter(self),
            Next::Mpls => tunnel::mpls(self),
            Next::Wifi => wifi::enter(self),
            Next::Gre => tunnel::gre(self),
            Next::Done => Ok(Next::Done),
        }
    }

    /// The next `N` bytes, without consuming them.
    pub(super) fn peek<const N: usize>(&self, reason: &'static str) -> Result<&'f [u8; N], Reason> {
        self.rest.first_chunk::<N>().ok_or(Reason::Malformed(reason))
    }

    /// Consumes `count` bytes, captured or cut.
    pub(super) fn skip(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or_default();
        self.wire = self.wire.saturating_sub(u32::try_from(count).unwrap_or(u32::MAX));
    }

    /// The byte at `index`, if it was captured.
    pub(super) fn byte(&self, index: usize) -> Option<u8> {
        self.rest.get(index).copied()
    }

    /// The big-endian number at `index`, if it was captured.
    pub(super) fn word(&self, index: usize) -> Option<u16> {
        self.rest.get(index..index.checked_add(2)?)?.first_chunk::<2>().map(|b| u16::from_be_bytes(*b))
    }

    /// The MAC address at `index`, if it was captured.
    pub(super) fn mac(&self, index: usize) -> Option<MacAddr> {
        self.rest.get(index..)?.first_chunk::<6>().map(|bytes| MacAddr(*bytes))
    }
}
