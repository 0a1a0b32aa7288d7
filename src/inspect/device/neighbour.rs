//! Which address is whose card: ARP (RFC 826) and IPv6 neighbour discovery (RFC 4861 §4.3, §4.4).
//!
//! Only what a card says of itself counts. Probes for an address that is not held yet (RFC 5227 §2.1.1, RFC 4862 §5.4) say
//! nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Datagram, Refused, own};
use crate::inspect::reader::Reader;
use crate::model::{DeviceObservation, DeviceOrigin, MacAddr, Timestamp};

pub(super) const SOLICITATION: u8 = 135;
pub(super) const ADVERTISEMENT: u8 = 136;
/// Source and target link-layer address.
const OF_SOURCE: u8 = 1;
const OF_TARGET: u8 = 2;
/// Options read of one message.
const MAX_OPTIONS: usize = 8;

pub(super) fn arp(bytes: &[u8], from: Option<MacAddr>, at: Timestamp) -> Result<DeviceObservation, Refused> {
    let mut reader = Reader::new(bytes);
    // Ethernet (or IEEE 802) and IPv4; lengths 6 and 4; request or reply.
    let (hardware, protocol) = (reader.u16(), reader.u16());
    let (lengths, operation) = (reader.u16(), reader.u16());
    let (Some(1 | 6), Some(0x0800), Some(0x0604), Some(1 | 2)) = (hardware, protocol, lengths, operation)
    else {
        return Err(if operation.is_none() { Refused::Malformed } else { Refused::Nothing });
    };
    let card = reader.take(6).and_then(|b| b.first_chunk::<6>()).ok_or(Refused::Malformed)?;
    let addr = Ipv4Addr::from(reader.u32().ok_or(Refused::Malformed)?);
    bound(DeviceOrigin::Arp, own(MacAddr(*card), from)?, IpAddr::V4(addr), at)
}

pub(super) fn read(kind: u8, datagram: &Datagram<'_>) -> Result<DeviceObservation, Refused> {
    let mut reader = Reader::new(datagram.payload);
    reader.u32().ok_or(Refused::Malformed)?;
    let target = reader.take(16).and_then(|b| b.first_chunk::<16>()).ok_or(Refused::Malformed)?;
    let (addr, wanted) = if kind == ADVERTISEMENT {
        (IpAddr::V6(Ipv6Addr::from(*target)), OF_TARGET)
    } else {
        (datagram.from.addr, OF_SOURCE)
    };
    for _ in 0..MAX_OPTIONS {
        // Lengths count in units of eight bytes.
        let (Some(option), Some(units)) = (reader.u8(), reader.u8()) else { break };
        if units == 0 {
            return Err(Refused::Malformed);
        }
        let Some(value) = reader.take(usize::from(units) * 8 - 2) else { break };
        if option == wanted
            && let Some(card) = value.first_chunk::<6>()
        {
            return bound(DeviceOrigin::Ndp, own(MacAddr(*card), datagram.from_mac)?, addr, datagram.at);
        }
    }
    Err(Refused::Nothing)
}

fn bound(
    origin: DeviceOrigin,
    mac: MacAddr,
    addr: IpAddr,
    at: Timestamp,
) -> Result<DeviceObservation, Refused> {
    if addr.is_unspecified() || addr.is_multicast() || addr.is_loopback() {
        return Err(Refused::Nothing);
    }
    let mut seen = DeviceObservation::new(origin, at);
    (seen.mac, seen.addr) = (Some(mac), Some(addr));
    Ok(seen)
}
