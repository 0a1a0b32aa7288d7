//! Connections as the kernel's tracker knows them (ctnetlink): both sides of an address translation.
//!
//! On a gateway a flow is seen twice, before and behind its translation, and behind it every device looks like the gateway. The
//! tracker knows both tuples; joined with a flow record they give the device behind it, and which two records are one flow.
//!
//! It leaves alone: who may open the socket and when to look (`pipeline`), and what a device is called. Limits: the number of
//! connections is configured; those not asked for longest are forgotten, and counted.

mod message;
mod socket;
mod table;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use crate::model::{Endpoint, Protocol};

pub use socket::{ConntrackEvent, ConntrackSocket, Heard};
pub use table::{Connections, View};

/// One direction of a connection as the tracker keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tuple {
    /// Who sends in this direction.
    pub source: Endpoint,
    /// Who receives.
    pub destination: Endpoint,
    /// Transport protocol.
    pub protocol: Protocol,
}

impl Tuple {
    /// The same with its ends exchanged.
    fn turned(self) -> Self {
        Self { source: self.destination, destination: self.source, protocol: self.protocol }
    }
}

/// Packets and octets that the tracker counted (`nf_conntrack_acct`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Accounted {
    /// Packets.
    pub packets: u64,
    /// IP-layer octets.
    pub octets: u64,
}

/// A connection as a message gives it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connection {
    /// The kernel's id.
    pub id: u32,
    /// As the side that began sent it.
    pub original: Tuple,
    /// As answers come back; differs from the original turned round by what was translated.
    pub reply: Tuple,
    /// Tracking zone; 0 where none is used.
    pub zone: u16,
    /// The mark that rules gave it.
    pub mark: u32,
    /// What was counted in the original and the reply direction, where the kernel counts.
    pub counted: Option<(Accounted, Accounted)>,
    /// When it began, in nanoseconds of the epoch, where the kernel keeps it (`nf_conntrack_timestamp`).
    pub began: Option<i64>,
}

impl Connection {
    /// Who is behind the translation: the one that began, if its address was changed; else the one that it was forwarded to.
    /// `None`: nothing was translated.
    pub fn inner(&self) -> Option<Endpoint> {
        if self.reply.destination != self.original.source {
            Some(self.original.source)
        } else if self.reply.source != self.original.destination {
            Some(self.reply.source)
        } else {
            None
        }
    }

    /// What stands for it outside: the translated endpoint.
    pub fn outer(&self) -> Option<Endpoint> {
        if self.reply.destination != self.original.source {
            Some(self.reply.destination)
        } else if self.reply.source != self.original.destination {
            Some(self.original.destination)
        } else {
            None
        }
    }
}

/// Whether the protocol has ports, so that a tuple is one connection's.
fn has_ports(protocol: Protocol) -> bool {
    matches!(protocol.0, 6 | 17 | 33 | 132 | 136)
}

/// The address in canonical form.
fn canonical(addr: IpAddr) -> IpAddr {
    addr.to_canonical()
}
