//! What devices on this side say of themselves: DHCP, multicast DNS, LLMNR, NetBIOS names, UPnP, ARP, neighbour discovery.
//!
//! A packet speaks for its sender alone: a name counts only with the sender's own address, a link address only when the
//! frame came from it. So nobody can name or move another device without forging its MAC address, which the names that the
//! admin configured still survive. It concludes nothing: what a device *is* is `enrich`'s business.
//!
//! Limits: [`MAX_REQUESTS`] DHCP exchanges waited for, [`MAX_SERVICES`] services of one message, and what a device repeats
//! within [`REPEAT`] is told once, so that a chatty or hostile network does not fill the queue.

mod dhcp;
mod dhcp6;
mod mdns;
mod nbns;
mod neighbour;
mod repeats;
mod ssdp;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::{DeviceObservation, Endpoint, MacAddr, Timestamp};
use dhcp::Requests;
use repeats::Repeats;

/// DHCP exchanges whose answer is awaited; a site boots fewer devices at once.
const MAX_REQUESTS: usize = 1024;
/// Services kept of one message; a device that offers more is a bridge for others.
const MAX_SERVICES: usize = 16;
/// The same words of the same device within this time are told once.
const REPEAT: Duration = Duration::from_secs(60);

const DHCP: [u16; 2] = [67, 68];
const DHCP6: [u16; 2] = [546, 547];
const NBNS: u16 = 137;
const SSDP: u16 = 1900;
const MDNS: u16 = 5353;
const LLMNR: u16 = 5355;

/// A datagram on the local link.
#[derive(Debug, Clone, Copy)]
pub struct Datagram<'a> {
    /// When.
    pub at: Timestamp,
    /// Sender.
    pub from: Endpoint,
    /// Receiver.
    pub to: Endpoint,
    /// The sender's link address, where the frame has one.
    pub from_mac: Option<MacAddr>,
    /// The receiver's.
    pub to_mac: Option<MacAddr>,
    /// What it carries.
    pub payload: &'a [u8],
}

/// Reads what devices say of themselves.
#[derive(Debug)]
pub struct DeviceWatch {
    requests: Requests,
    repeats: Repeats,
    malformed: u64,
    /// Packets that speak for a MAC address other than the one that they came from.
    foreign: u64,
}

/// Why a message gave nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    /// Not what its port says, or cut.
    Malformed,
    /// It speaks for another.
    Foreign,
    /// Sound, and of no use here.
    Nothing,
}

impl Default for DeviceWatch {
    fn default() -> Self {
        Self {
            requests: Requests::new(MAX_REQUESTS),
            repeats: Repeats::new(REPEAT),
            malformed: 0,
            foreign: 0,
        }
    }
}

impl DeviceWatch {
    /// Whether a UDP datagram between these ports may be of use; the first and cheap question to each packet.
    pub const fn wants(from: u16, to: u16) -> bool {
        Self::is_ours(from) || Self::is_ours(to)
    }

    const fn is_ours(port: u16) -> bool {
        matches!(port, 67 | 68 | NBNS | 546 | 547 | SSDP | MDNS | LLMNR)
    }

    /// Whether an ICMPv6 type is neighbour discovery's.
    pub const fn wants_icmp6(kind: u8) -> bool {
        matches!(kind, neighbour::SOLICITATION | neighbour::ADVERTISEMENT)
    }

    /// Takes a UDP datagram.
    pub fn datagram(&mut self, datagram: &Datagram<'_>, out: &mut Vec<DeviceObservation>) {
        let (from, to) = (datagram.from.port, datagram.to.port);
        let either = |ports: &[u16]| ports.contains(&from) && ports.contains(&to);
        let read = if either(&DHCP) {
            dhcp::read(datagram, &mut self.requests)
        } else if either(&DHCP6) {
            dhcp6::read(datagram, &mut self.requests)
        } else if from == MDNS || from == LLMNR {
            mdns::read(datagram)
        } else if from == NBNS {
            nbns::read(datagram)
        } else if from == SSDP || to == SSDP {
            ssdp::read(datagram)
        } else {
            Err(Refused::Nothing)
        };
        self.settle(read, out);
    }

    /// Takes a neighbour solicitation or advertisement: `payload` begins behind the ICMPv6 type, code and checksum.
    pub fn neighbour(&mut self, kind: u8, datagram: &Datagram<'_>, out: &mut Vec<DeviceObservation>) {
        self.settle(neighbour::read(kind, datagram), out);
    }

    /// Takes an ARP packet, which came from `from_mac`.
    pub fn arp(
        &mut self,
        bytes: &[u8],
        from_mac: Option<MacAddr>,
        at: Timestamp,
        out: &mut Vec<DeviceObservation>,
    ) {
        self.settle(neighbour::arp(bytes, from_mac, at), out);
    }

    /// Limits that were hit, and what was refused, by name.
    pub fn limits(&self) -> BTreeMap<String, u64> {
        [
            ("device_malformed", self.malformed),
            ("device_foreign", self.foreign),
            ("device_requests_full", self.requests.thrown_out()),
        ]
        .into_iter()
        .map(|(name, n)| (name.to_owned(), n))
        .collect()
    }

    fn settle(&mut self, read: Result<DeviceObservation, Refused>, out: &mut Vec<DeviceObservation>) {
        match read {
            Ok(seen) if self.repeats.is_new(&seen) => out.push(seen),
            Ok(_) | Err(Refused::Nothing) => {}
            Err(Refused::Malformed) => self.malformed += 1,
            Err(Refused::Foreign) => self.foreign += 1,
        }
    }
}

/// The link address that a message speaks for: `claimed`, if the frame came from it or has none.
fn own(claimed: MacAddr, from: Option<MacAddr>) -> Result<MacAddr, Refused> {
    if claimed.is_zero() || claimed.is_group() {
        return Err(Refused::Malformed);
    }
    match from {
        Some(from) if from != claimed && !from.is_zero() => Err(Refused::Foreign),
        _ => Ok(claimed),
    }
}
