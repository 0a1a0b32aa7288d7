//! The flow record: what was seen of one biflow (RFC 5103), with nothing concluded from it.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Endpoint, Facts, MacAddr, ProcessRef, Protocol, Timestamp};

/// Where packets were observed: one interface, or one capture file's interface (RFC 7011 §2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservationPoint {
    /// A small number, dense from 0 in one run.
    pub id: u16,
    /// The interface name or the file's path.
    pub name: Arc<str>,
    /// Digits of the second in its timestamps: 6 for microseconds, 9 for nanoseconds.
    pub time_digits: u8,
}

/// Identifies one flow within a run; stable when the same capture is read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FlowId(pub u64);

impl fmt::Display for FlowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Packets and IP-layer octets in one direction (RFC 7012 `packetDeltaCount`, `octetDeltaCount`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counters {
    /// Packets.
    pub packets: u64,
    /// Octets of the innermost IP packets, headers included.
    pub octets: u64,
}

impl Counters {
    /// Counts `packets` packets of `octets` octets in all.
    pub fn add(&mut self, packets: u64, octets: u64) {
        self.packets = self.packets.saturating_add(packets);
        self.octets = self.octets.saturating_add(octets);
    }

    /// The sum of two counters.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            packets: self.packets.saturating_add(other.packets),
            octets: self.octets.saturating_add(other.octets),
        }
    }

    /// What came on top of `earlier`.
    #[must_use]
    pub fn minus(self, earlier: Self) -> Self {
        Self {
            packets: self.packets.saturating_sub(earlier.packets),
            octets: self.octets.saturating_sub(earlier.octets),
        }
    }

    /// Whether nothing was counted.
    pub fn is_empty(self) -> bool {
        self.packets == 0 && self.octets == 0
    }
}

/// Why a flow ended (RFC 7012 `flowEndReason`, IE 136), and why a record was cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FlowEndReason {
    /// 1: no packet for the idle timeout.
    IdleTimeout,
    /// 2: the flow goes on, a record was cut at the active timeout (never an end).
    ActiveTimeout,
    /// 3: FIN or RST were seen, or the ports were used again.
    EndOfFlow,
    /// 4: the capture ended or the program stopped.
    ForcedEnd,
    /// 5: thrown out of a full table.
    LackOfResources,
}

impl FlowEndReason {
    /// The lower-case word used in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::IdleTimeout => "idle_timeout",
            Self::ActiveTimeout => "active_timeout",
            Self::EndOfFlow => "end_of_flow",
            Self::ForcedEnd => "forced_end",
            Self::LackOfResources => "lack_of_resources",
        }
    }
}

/// On what grounds the source (initiator) was told from the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SourceBasis {
    /// A SYN (or SYN-ACK) was seen: certain.
    Handshake,
    /// The protocol's own request/response mark (DNS query, ICMP echo request…): certain.
    Request,
    /// Guess: the other side has the well-known port.
    WellKnownPort,
    /// Guess: this side is in a local network, the other is not.
    LocalNetwork,
    /// Guess: it sent the first packet seen.
    FirstPacket,
}

impl SourceBasis {
    /// Whether the source is only a guess.
    pub const fn is_guess(self) -> bool {
        !matches!(self, Self::Handshake | Self::Request)
    }

    /// The lower-case word used in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Handshake => "handshake",
            Self::Request => "request",
            Self::WellKnownPort => "well_known_port",
            Self::LocalNetwork => "local_network",
            Self::FirstPacket => "first_packet",
        }
    }
}

/// The VLAN tags of a packet, outermost first; 0 means no tag (VID 0 is a priority tag, IEEE 802.1Q).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct VlanTags {
    /// Outer VID (1 to 4094), or 0.
    pub outer: u16,
    /// Inner VID of a double tag, or 0.
    pub inner: u16,
}

/// The innermost tunnel that a packet came out of, as far as its id separates address spaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum Tunnel {
    /// None, or one whose ids differ by direction (GTP-U, L2TP, MPLS…) and so cannot be part of a flow's key.
    #[default]
    None,
    /// GRE version 0 with a key (RFC 2890).
    GreKey(u32),
    /// VXLAN network identifier (RFC 7348).
    Vxlan(u32),
    /// GENEVE virtual network identifier (RFC 8926).
    Geneve(u32),
}

/// What the TCP handshake and close looked like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TcpSummary {
    /// Flags of all packets from the source, or-ed (RFC 9293 order, FIN = 1).
    pub forward_flags: u8,
    /// Flags of all packets from the destination, or-ed.
    pub reverse_flags: u8,
    /// Time from the last SYN before the answer to the SYN-ACK; absent when the SYN was retransmitted (Karn).
    pub handshake_rtt: Option<Duration>,
    /// Whether both sides completed the handshake.
    pub established: bool,
}

/// One record of one biflow. Counters are deltas since the record before of the same flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowRecord {
    /// The flow.
    pub id: FlowId,
    /// 0 for the flow's first record, then 1, 2, …
    pub sequence: u32,
    /// Where it was observed.
    pub point: Arc<ObservationPoint>,
    /// IP protocol.
    pub protocol: Protocol,
    /// The initiator.
    pub source: Endpoint,
    /// The other end.
    pub destination: Endpoint,
    /// How sure it is which end is the source.
    pub source_basis: SourceBasis,
    /// The source's MAC address on the observed link, where the link has one.
    pub source_mac: Option<MacAddr>,
    /// The destination's MAC address on the observed link.
    pub destination_mac: Option<MacAddr>,
    /// VLAN tags of the first packet.
    pub vlan: VlanTags,
    /// Innermost tunnel of the first packet.
    pub tunnel: Tunnel,
    /// Depth of encapsulation of the first packet (0 = none).
    pub tunnel_depth: u8,
    /// First packet of the flow (of the flow, not of this record).
    pub start: Timestamp,
    /// Last packet of the flow so far; never before `start`.
    pub end: Timestamp,
    /// Source to destination, since the record before.
    pub forward: Counters,
    /// Destination to source, since the record before.
    pub reverse: Counters,
    /// Source to destination, since `start`.
    pub forward_total: Counters,
    /// Destination to source, since `start`.
    pub reverse_total: Counters,
    /// TCP only.
    pub tcp: Option<TcpSummary>,
    /// UDP only: from the source's first datagram to the first answer. An upper bound of the round trip if the first one began
    /// the exchange, as a QUIC hello does.
    #[serde(default)]
    pub first_answer: Option<Duration>,
    /// What the inspectors read.
    pub facts: Arc<Facts>,
    /// The process or package that made it, where the capture or the host says so.
    pub origin: Option<Arc<ProcessRef>>,
    /// Whether packets of this flow named different makers; `origin` is the first.
    pub origin_conflict: bool,
    /// Whether its packets were made up by a relay on the device (a local VPN): then times, TTL and window are not the
    /// network's, and no round trip is given.
    pub relayed: bool,
    /// `None`: still open (an interim record).
    pub end_reason: Option<FlowEndReason>,
}

impl FlowRecord {
    /// Both addresses.
    pub fn addresses(&self) -> [IpAddr; 2] {
        [self.source.addr, self.destination.addr]
    }

    /// Whether this is the flow's last record.
    pub fn is_final(&self) -> bool {
        self.end_reason.is_some()
    }
}
