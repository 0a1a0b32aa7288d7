//! One frame → one packet, or exactly why not.
//!
//! A [`Decoder`] walks a frame from its link header inwards, layer by layer, in a loop with a depth limit, and
//! returns the *innermost* IP packet. Whatever cannot be unwrapped does not lose a packet: the walk falls back to
//! the innermost IP packet that was sound. So a frame is refused only when it holds no sound IP header at all, and
//! then it is counted by its exact reason.
//!
//! It leaves alone: checksums (offload makes wrong ones normal) and everything above the transport header. Fragments learn
//! their ports and are packets of their own; for inspection their datagrams are put together beside that.

mod capture_header;
mod config;
mod cooked;
mod ether;
mod fragment;
#[doc(hidden)]
pub mod fuzz;
mod ip;
mod link;
mod packet;
mod ppp;
mod reason;
mod reassembly;
#[cfg(test)]
mod tests;
mod transport;
mod tunnel;
mod udp_tunnel;
mod walk;
mod wifi;

pub use config::DecodeConfig;
pub use packet::{Fragment, Packet, TcpSegment};
pub use reassembly::Datagram;

use std::collections::BTreeMap;

use crate::capture::Frame;
use crate::model::{MacAddr, PacketLedger, Timestamp};

use fragment::FragmentTable;
use reason::{Reason, Reasons};
use walk::Walk;

/// Turns frames into packets; keeps what fragments need to find their flow, and counts.
#[derive(Debug)]
pub struct Decoder {
    fragments: FragmentTable,
    reasons: Reasons,
    read: u64,
    decoded: u64,
    /// Packets inside which there was more than is looked at; without any packet it is a reason of its own.
    too_deep: u64,
    arp: Option<Arp>,
}

/// An ARP packet: it is not metered, but tells whose an address is.
#[derive(Debug, Clone, Copy)]
pub struct Arp {
    /// Its bytes (RFC 826, for Ethernet and IPv4).
    pub bytes: [u8; 28],
    /// The card that the frame came from.
    pub from: Option<MacAddr>,
    /// When.
    pub at: Timestamp,
}

impl Decoder {
    /// A decoder with empty tables.
    pub fn new(config: &DecodeConfig) -> Self {
        Self {
            fragments: FragmentTable::new(config),
            reasons: Reasons::default(),
            read: 0,
            decoded: 0,
            arp: None,
            too_deep: 0,
        }
    }

    /// Decodes one frame. `None`: it was counted by reason, or it is a fragment that came before its first piece
    /// and is held; held ones come back through [`Decoder::take_released`] and count as decoded now.
    pub fn decode<'f>(&mut self, frame: &Frame<'f>) -> Option<Packet<'f>> {
        self.read += 1;
        let mut walk = Walk::new(frame);
        let result = walk.run();
        self.too_deep += u64::from(walk.too_deep && result.is_ok());
        match result {
            Ok(packet) => {
                self.decoded += 1;
                if self.fragments.reassembly.is_waiting() {
                    self.fragments.reassembly.expire(packet.time);
                }
                self.fragments.assign(packet)
            }
            Err(reason) => {
                if reason == Reason::Unsupported("arp") {
                    self.arp = walk.rest.first_chunk().map(|bytes| Arp {
                        bytes: *bytes,
                        from: walk.source_mac,
                        at: frame.time,
                    });
                }
                self.reasons.count(reason);
                None
            }
        }
    }

    /// The ARP packet in the last frame, which was counted as `unsupported` all the same.
    pub fn take_arp(&mut self) -> Option<Arp> {
        self.arp.take()
    }

    /// Whether held fragments were set free by the last frame.
    pub fn has_released(&self) -> bool {
        self.fragments.has_released()
    }

    /// Moves the fragments set free to `out`; their payload is empty.
    pub fn take_released(&mut self, out: &mut Vec<Packet<'static>>) {
        self.fragments.take_released(out);
    }

    /// Whether datagrams were put together, or given up, by the last frame.
    pub fn has_datagrams(&self) -> bool {
        self.fragments.reassembly.has_ready()
    }

    /// Takes the datagrams put together out of fragments, and the beginnings of those that never became whole.
    pub fn take_datagrams(&mut self) -> Vec<Datagram> {
        self.fragments.reassembly.take_ready()
    }

    /// Gives up waiting for fragments older than the timeouts.
    pub fn advance(&mut self, now: Timestamp) {
        self.fragments.expire(now);
        self.fragments.reassembly.expire(now);
    }

    /// Gives up all held fragments: they become packets without ports.
    pub fn finish(&mut self, out: &mut Vec<Packet<'static>>) {
        self.fragments.release_all();
        self.fragments.take_released(out);
        self.fragments.reassembly.give_up_all();
    }

    /// How often a limit was hit, by name; only those that were.
    pub fn limits(&self) -> BTreeMap<String, u64> {
        let mut limits = self.fragments.limits();
        if self.too_deep > 0 {
            limits.insert("too_many_layers".to_owned(), self.too_deep);
        }
        limits
    }

    /// What was decoded and what was not (`read`, `decoded`, `malformed`, `unsupported`).
    pub fn ledger(&self) -> PacketLedger {
        PacketLedger {
            read: self.read,
            decoded: self.decoded,
            malformed: self.reasons.malformed(),
            unsupported: self.reasons.unsupported(),
            ..PacketLedger::default()
        }
    }
}
