//! What the meter hands to the inspectors, and what they hand back.

use crate::model::{Endpoint, Protocol, Timestamp};

/// One packet's transport payload on its way through the inspectors.
#[derive(Debug, Clone, Copy)]
pub struct Segment<'a> {
    /// When it was captured.
    pub time: Timestamp,
    /// IP protocol.
    pub protocol: Protocol,
    /// Sender of this packet.
    pub from: Endpoint,
    /// Receiver of this packet.
    pub to: Endpoint,
    /// Whether the flow's source (initiator) sent it.
    pub forward: bool,
    /// TCP sequence number of the first payload byte (a SYN's own octet already counted), for TCP.
    pub seq: Option<u32>,
    /// Payload as captured.
    pub payload: &'a [u8],
    /// Payload length on the wire.
    pub payload_len: u32,
}

/// Whether the inspectors want more of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// More packets may bring more facts.
    Wanted,
    /// The question is settled: free the state, feed no more.
    Settled,
}
