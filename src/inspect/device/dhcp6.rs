//! DHCP for IPv6 (RFC 8415), as far as it is simple: a client's name and vendor class, and the address in a reply to it.

use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use super::dhcp::Requests;
use super::{Datagram, Refused};
use crate::inspect::reader::Reader;
use crate::model::{DeviceObservation, DeviceOrigin, DeviceText};

/// Solicit, Request, Confirm, Renew, Rebind, Release, Information-request.
const OF_CLIENT: [u8; 7] = [1, 3, 4, 5, 6, 8, 11];
const REPLY: u8 = 7;
const IA_NA: u16 = 3;
const IA_ADDRESS: u16 = 5;
const VENDOR_CLASS: u16 = 16;
const CLIENT_FQDN: u16 = 39;
/// Options read of one message.
const MAX_OPTIONS: usize = 32;

pub(super) fn read(datagram: &Datagram<'_>, requests: &mut Requests) -> Result<DeviceObservation, Refused> {
    let mut reader = Reader::new(datagram.payload);
    let head = reader.u32().ok_or(Refused::Malformed)?;
    let [kind, ..] = head.to_be_bytes();
    let id = head & 0x00ff_ffff;
    let mut seen = DeviceObservation::new(DeviceOrigin::Dhcp6, datagram.at);
    if OF_CLIENT.contains(&kind) {
        // A relay speaks with a message type of its own (12), so this is the client's frame.
        let mac = datagram.from_mac.filter(|m| !m.is_zero() && !m.is_group()).ok_or(Refused::Nothing)?;
        requests.ask(id, mac);
        (seen.mac, seen.addr) = (Some(mac), Some(datagram.from.addr));
        for (code, value) in options(reader) {
            match code {
                // Flags, then labels (RFC 4704): the first one is the host's.
                CLIENT_FQDN => {
                    seen.name = value
                        .get(1..)
                        .and_then(|labels| Reader::new(labels).vec8())
                        .and_then(DeviceText::from_wire);
                }
                VENDOR_CLASS => {
                    seen.vendor_class = value
                        .get(4..)
                        .and_then(|data| Reader::new(data).vec16())
                        .and_then(DeviceText::from_wire);
                }
                _ => {}
            }
        }
        return Ok(seen);
    }
    if kind != REPLY {
        return Err(Refused::Nothing);
    }
    let mac = datagram.to_mac.filter(|m| !m.is_group()).ok_or(Refused::Nothing)?;
    if !requests.asked(id, mac) {
        return Err(Refused::Foreign);
    }
    // IAID, T1 and T2, then the address with its lifetimes.
    let identity = options(reader).find(|(code, _)| *code == IA_NA).ok_or(Refused::Nothing)?.1;
    let within = Reader::new(identity.get(12..).ok_or(Refused::Malformed)?);
    let address = options(within).find(|(code, _)| *code == IA_ADDRESS).ok_or(Refused::Nothing)?.1;
    let mut address = Reader::new(address);
    let bytes = address.take(16).and_then(|b| b.first_chunk::<16>()).ok_or(Refused::Malformed)?;
    let valid = address.u32().and_then(|_| address.u32()).ok_or(Refused::Malformed)?;
    seen.mac = Some(mac);
    seen.addr = Some(IpAddr::V6(Ipv6Addr::from(*bytes)));
    seen.until = Some(datagram.at.plus(Duration::from_secs(u64::from(valid))));
    Ok(seen)
}

fn options(mut reader: Reader<'_>) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || Some((reader.u16()?, reader.vec16()?))).take(MAX_OPTIONS)
}
