//! What decoding makes of a frame: the innermost IP packet, as far as metering needs it.

use std::sync::Arc;

use crate::model::{Endpoint, MacAddr, ProcessRef, Protocol, Timestamp, Tunnel, VlanTags};

/// TCP header fields that metering and inspection need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TcpSegment {
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgement number.
    pub ack: u32,
    /// Flags: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128.
    pub flags: u8,
}

impl TcpSegment {
    /// FIN.
    pub const FIN: u8 = 1;
    /// SYN.
    pub const SYN: u8 = 2;
    /// RST.
    pub const RST: u8 = 4;
    /// ACK.
    pub const ACK: u8 = 16;
}

/// Whether a packet is a whole datagram or a piece of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fragment {
    /// Whole.
    No,
    /// First piece: has the ports.
    First,
    /// Later piece: ports and protocol come from the fragment table; `payload` is what it has of the datagram.
    Later,
}

/// The innermost IP packet of one frame.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a> {
    /// When it was captured.
    pub time: Timestamp,
    /// Index of its observation point in the source's list.
    pub point: u16,
    /// Sender.
    pub source: Endpoint,
    /// Receiver.
    pub destination: Endpoint,
    /// IP protocol (the upper-layer one, after IPv6 extension headers).
    pub protocol: Protocol,
    /// Octets of the IP packet by its own length field (by the wire length where that is 0, as with offload).
    pub octets: u32,
    /// MAC address of the sender on the outer link.
    pub source_mac: Option<MacAddr>,
    /// MAC address of the receiver on the outer link.
    pub destination_mac: Option<MacAddr>,
    /// VLAN tags next to the innermost IP packet.
    pub vlan: VlanTags,
    /// Innermost tunnel whose id separates address spaces.
    pub tunnel: Tunnel,
    /// Depth of encapsulation.
    pub tunnel_depth: u8,
    /// TCP header fields, where it is TCP and they were captured.
    pub tcp: Option<TcpSegment>,
    /// ICMP type, where it is ICMP.
    pub icmp_type: Option<u8>,
    /// Fragmentation.
    pub fragment: Fragment,
    /// What identifies the datagram that a fragment is a piece of, beside the addresses: IPv6's identification (RFC
    /// 8200 §4.5); IPv4's protocol field and, in the lower 16 bits, its identification (RFC 791 §3.2).
    pub fragment_id: u32,
    /// Of a fragment: at which octet of the datagram's part that was cut in pieces its `payload` begins.
    pub fragment_at: u16,
    /// Of a fragment: whether it is the datagram's last one.
    pub fragment_last: bool,
    /// Transport payload as far as it was captured (no link padding).
    pub payload: &'a [u8],
    /// Length of the transport payload on the wire (more than `payload.len()` when the capture cut it).
    pub payload_len: u32,
    /// Who made it, as the frame says; not kept for pieces that wait for their first one.
    pub origin: Option<&'a Arc<ProcessRef>>,
    /// Whether a relay on the device made it up.
    pub relayed: bool,
}

impl Packet<'_> {
    /// The same packet without its payload's bytes (their length stays), free of the frame.
    pub(super) fn without_payload(&self) -> Packet<'static> {
        Packet {
            time: self.time,
            point: self.point,
            source: self.source,
            destination: self.destination,
            protocol: self.protocol,
            octets: self.octets,
            source_mac: self.source_mac,
            destination_mac: self.destination_mac,
            vlan: self.vlan,
            tunnel: self.tunnel,
            tunnel_depth: self.tunnel_depth,
            tcp: self.tcp,
            icmp_type: self.icmp_type,
            fragment: self.fragment,
            fragment_id: self.fragment_id,
            fragment_at: self.fragment_at,
            fragment_last: self.fragment_last,
            payload: &[],
            payload_len: self.payload_len,
            origin: None,
            relayed: self.relayed,
        }
    }
}
