//! NetBIOS names (RFC 1002 §4.2): a station that registers, refreshes or answers for its own name.

use std::net::{IpAddr, Ipv4Addr};

use super::{Datagram, Refused};
use crate::inspect::reader::Reader;
use crate::model::{DeviceObservation, DeviceOrigin, DeviceText};

const NB: u16 = 0x0020;
/// Length of an encoded name: two bytes for each of sixteen.
const ENCODED: usize = 32;
/// Last bytes of names that stand for the machine: workstation and file service.
const OF_MACHINES: [u8; 2] = [0x00, 0x20];

pub(super) fn read(datagram: &Datagram<'_>) -> Result<DeviceObservation, Refused> {
    let IpAddr::V4(sender) = datagram.from.addr else { return Err(Refused::Nothing) };
    let mut reader = Reader::new(datagram.payload);
    let mut word = || reader.u16().ok_or(Refused::Malformed);
    let (_id, _flags) = (word()?, word()?);
    let counts = [word()?, word()?, word()?, word()?];
    // A registration has a question and an additional record that points to it; an answer has one record.
    let [0 | 1, answers, 0, additionals] = counts else { return Err(Refused::Malformed) };
    if answers + additionals != 1 {
        return Err(Refused::Nothing);
    }
    let mut name = None;
    if counts.first() == Some(&1) {
        name = Some(encoded_name(&mut reader)?);
        reader.u32().ok_or(Refused::Malformed)?;
    }
    let owner = if reader.rest().first().is_some_and(|b| b & 0xc0 == 0xc0) {
        reader.u16().ok_or(Refused::Malformed)?;
        name
    } else {
        Some(encoded_name(&mut reader)?)
    };
    let (kind, _class) = (reader.u16(), reader.u16());
    let (_ttl, data) = (reader.u32(), reader.vec16().ok_or(Refused::Malformed)?);
    let (Some(owner), Some(NB), Some([flags, _, a, b, c, d])) = (owner, kind, data.first_chunk::<6>()) else {
        return Err(Refused::Nothing);
    };
    // The top bit marks a group's name.
    let (text, last) = owner.split_at_checked(15).ok_or(Refused::Malformed)?;
    if flags & 0x80 != 0 || last.first().is_none_or(|l| !OF_MACHINES.contains(l)) {
        return Err(Refused::Nothing);
    }
    if Ipv4Addr::new(*a, *b, *c, *d) != sender {
        return Err(Refused::Foreign);
    }
    let mut seen = DeviceObservation::new(DeviceOrigin::Nbns, datagram.at);
    seen.mac = datagram.from_mac.filter(|m| !m.is_zero() && !m.is_group());
    seen.addr = Some(datagram.from.addr);
    seen.name = DeviceText::from_wire(text);
    if seen.name.is_some() { Ok(seen) } else { Err(Refused::Nothing) }
}

/// First-level encoding (RFC 1001 §14.1): each half byte as a letter from `A` on.
fn encoded_name(reader: &mut Reader<'_>) -> Result<[u8; 16], Refused> {
    let label = reader.vec8().filter(|l| l.len() == ENCODED).ok_or(Refused::Malformed)?;
    let mut name = [0; 16];
    for (byte, [high, low]) in name.iter_mut().zip(label.as_chunks::<2>().0) {
        let nibble = |letter: u8| letter.checked_sub(b'A').filter(|n| *n < 16).ok_or(Refused::Malformed);
        *byte = nibble(*high)? << 4 | nibble(*low)?;
    }
    // The scope: labels until the empty one.
    for _ in 0..8 {
        if reader.vec8().ok_or(Refused::Malformed)?.is_empty() {
            return Ok(name);
        }
    }
    Err(Refused::Malformed)
}
