//! Multicast DNS (RFC 6762, 6763) and LLMNR (RFC 4795): the sender's own name, model and services.
//!
//! Only responses count, and only for their sender: a name must come with the sender's own address. A response that gives
//! addresses and not the sender's is a proxy's or a repeater's, and is left alone as a whole.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Datagram, LLMNR, MAX_SERVICES, Refused};
use crate::inspect::dns::read_name;
use crate::inspect::reader::Reader;
use crate::model::{DeviceObservation, DeviceOrigin, DeviceText, HostName};

const A: u16 = 1;
const PTR: u16 = 12;
const TXT: u16 = 16;
const AAAA: u16 = 28;
/// Records and questions read of one message; a set-top box announces about fifty.
const MAX_RECORDS: usize = 128;
/// Strings read of one TXT record.
const MAX_STRINGS: usize = 32;
/// Keys of TXT records that name the model, in the order of trust: Apple's device-info, Google Cast and HomeKit, AirPlay,
/// printers.
const MODEL_KEYS: [&[u8]; 4] = [b"model=", b"md=", b"am=", b"ty="];
/// The browsing name under which all service types are listed (RFC 6763 §9).
const ALL_SERVICES: &str = "_services._dns-sd._udp.local";

/// What the records together say.
#[derive(Default)]
struct Said {
    own_name: Option<DeviceText>,
    foreign_addresses: bool,
    model: Option<(usize, DeviceText)>,
    services: Vec<DeviceText>,
}

pub(super) fn read(datagram: &Datagram<'_>) -> Result<DeviceObservation, Refused> {
    let message = datagram.payload;
    let mut reader = Reader::new(message);
    let mut word = || reader.u16().ok_or(Refused::Malformed);
    let (_id, flags) = (word()?, word()?);
    let [questions, answers, authorities, additionals] = [word()?, word()?, word()?, word()?];
    if flags & 0x8000 == 0 {
        return Err(Refused::Nothing);
    }
    if usize::from(questions) > MAX_RECORDS {
        return Err(Refused::Malformed);
    }
    for _ in 0..questions {
        read_name(message, &mut reader).ok_or(Refused::Malformed)?;
        reader.u32().ok_or(Refused::Malformed)?;
    }
    let mut said = Said::default();
    let total = [answers, authorities, additionals].map(usize::from).iter().sum::<usize>();
    for _ in 0..total.min(MAX_RECORDS) {
        // What was read before a broken record stands.
        if record(message, &mut reader, datagram.from.addr, &mut said).is_none() {
            break;
        }
    }
    if said.foreign_addresses && said.own_name.is_none() {
        return Err(Refused::Foreign);
    }
    let origin = if datagram.from.port == LLMNR { DeviceOrigin::Llmnr } else { DeviceOrigin::Mdns };
    let mut seen = DeviceObservation::new(origin, datagram.at);
    seen.mac = datagram.from_mac.filter(|m| !m.is_zero() && !m.is_group());
    seen.addr = Some(datagram.from.addr);
    seen.name = said.own_name;
    seen.model = said.model.map(|(_, model)| model);
    said.services.sort();
    seen.services = said.services;
    if seen.says_something() { Ok(seen) } else { Err(Refused::Nothing) }
}

fn record<'a>(message: &'a [u8], reader: &mut Reader<'a>, sender: IpAddr, said: &mut Said) -> Option<()> {
    let owner = read_name(message, reader)?;
    let (kind, _class, _ttl) = (reader.u16()?, reader.u16()?, reader.u32()?);
    let length = usize::from(reader.u16()?);
    let mut inside = *reader;
    let data = reader.take(length)?;
    let Some(owner) = owner else { return Some(()) };
    match kind {
        A | AAAA => {
            let addr = match data.len() {
                4 => data.first_chunk::<4>().map(|a| IpAddr::V4(Ipv4Addr::from(*a))),
                16 => data.first_chunk::<16>().map(|a| IpAddr::V6(Ipv6Addr::from(*a))),
                _ => None,
            };
            if addr == Some(sender) {
                said.own_name = said.own_name.take().or_else(|| host_label(&owner));
            } else if addr.is_some_and(|a| a.is_ipv4() == sender.is_ipv4()) {
                said.foreign_addresses = true;
            }
        }
        PTR => {
            let service = if owner.as_str() == ALL_SERVICES {
                read_name(message, &mut inside)?.as_ref().and_then(service)
            } else {
                service(&owner)
            };
            if let Some(service) = service
                && said.services.len() < MAX_SERVICES
                && !said.services.contains(&service)
            {
                said.services.push(service);
            }
        }
        TXT => text(data, said),
        _ => {}
    }
    Some(())
}

/// The host's own label: what stands before `.local`, or LLMNR's single label. Browsers hide addresses behind random
/// UUIDs (RFC 8828's mDNS candidates), which are nobody's name.
fn host_label(owner: &HostName) -> Option<DeviceText> {
    let label = owner.as_str().strip_suffix(".local").unwrap_or(owner.as_str());
    let uuid = label.len() == 36 && label.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    let plain = !label.is_empty() && !label.contains(['.', '\\']);
    (plain && !uuid).then(|| DeviceText::from_wire(label.as_bytes())).flatten()
}

/// `_ipp._tcp` of `_ipp._tcp.local`.
fn service(name: &HostName) -> Option<DeviceText> {
    let service = name.as_str().strip_suffix(".local")?;
    let (kind, transport) = service.split_once('.')?;
    (kind.starts_with('_') && matches!(transport, "_tcp" | "_udp"))
        .then(|| DeviceText::from_wire(service.as_bytes()))
        .flatten()
}

fn text(data: &[u8], said: &mut Said) {
    let mut strings = Reader::new(data);
    for _ in 0..MAX_STRINGS {
        let Some(string) = strings.vec8() else { break };
        let found = MODEL_KEYS
            .iter()
            .enumerate()
            .find_map(|(rank, key)| string.strip_prefix(*key).map(|value| (rank, value)))
            .filter(|(rank, _)| said.model.as_ref().is_none_or(|(before, _)| rank < before));
        if let Some((rank, value)) = found {
            said.model = DeviceText::from_wire(value).map(|model| (rank, model)).or(said.model.take());
        }
    }
}
