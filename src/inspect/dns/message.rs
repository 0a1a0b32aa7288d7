//! DNS messages (RFC 1035 §4, RFC 9460), read with bounds on everything: names, pointers, records.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::inspect::reader::Reader;
use crate::model::HostName;

/// Questions read; unicast messages have one, mDNS asks for dozens at once.
const MAX_QUESTIONS: usize = 64;
/// Records read in all sections.
const MAX_RECORDS: usize = 256;
/// Labels and pointers in one name: 127 labels of one byte, and as many pointers would be an attack.
const MAX_STEPS: usize = 160;

const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;
const DNAME: u16 = 39;
const SVCB: u16 = 64;
const HTTPS: u16 = 65;
const INTERNET: u16 = 1;
const IPV4_HINT: u16 = 4;
const ECH: u16 = 5;
const ECH_VERSION: u16 = 0xfe0d;
/// Configurations in one list.
const MAX_CONFIGS: usize = 8;
const IPV6_HINT: u16 = 6;

/// What a record says, as far as it leads to addresses.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Data {
    /// A or AAAA.
    Address(IpAddr),
    /// CNAME.
    Alias(HostName),
    /// SVCB or HTTPS: another name (`None`: the owner itself), address hints, and the public name of its ECH configuration.
    Service { target: Option<HostName>, hints: Vec<IpAddr>, public_name: Option<HostName> },
}

#[derive(Debug)]
pub(super) struct Record {
    pub(super) name: HostName,
    pub(super) ttl: u32,
    pub(super) data: Data,
}

#[derive(Debug)]
pub(super) struct Message {
    pub(super) id: u16,
    pub(super) response: bool,
    pub(super) truncated: bool,
    pub(super) questions: Vec<(HostName, u16)>,
    /// Answers, and additional records (the addresses of service targets).
    pub(super) records: Vec<Record>,
}

/// Reads a message. `None`: it is none. Records behind a broken one are left out.
pub(super) fn parse(bytes: &[u8]) -> Option<Message> {
    let mut reader = Reader::new(bytes);
    let id = reader.u16()?;
    let flags = reader.u16()?;
    let opcode = flags >> 11 & 15;
    let counts = [reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?];
    let [questions, answers, authorities, additionals] = counts.map(usize::from);
    // Opcodes of the IANA registry (query to stateful operations); the reserved bit is zero (RFC 1035 §4.1.1).
    if !matches!(opcode, 0..=2 | 4..=6) || flags & 0x40 != 0 {
        return None;
    }
    let mut message = Message {
        id,
        response: flags & 0x8000 != 0,
        truncated: flags & 0x0200 != 0,
        questions: Vec::new(),
        records: Vec::new(),
    };
    for _ in 0..questions.min(MAX_QUESTIONS) {
        let name = read_name(bytes, &mut reader)?;
        let kind = reader.u16()?;
        reader.u16()?;
        if let Some(name) = name {
            message.questions.push((name, kind));
        }
    }
    if questions > MAX_QUESTIONS {
        return None;
    }
    let total = (answers + authorities + additionals).min(MAX_RECORDS);
    for number in 0..total {
        // What was read before a broken record stands.
        let Some(record) = read_record(bytes, &mut reader) else { break };
        let authority = (answers..answers + authorities).contains(&number);
        if let Some(record) = record.filter(|_| !authority) {
            message.records.push(record);
        }
    }
    Some(message)
}

/// One record; `Some(None)` for a sound one of a kind that does not lead to addresses.
#[allow(clippy::option_option, reason = "not readable, readable but of no use, and of use are three answers")]
fn read_record<'a>(message: &'a [u8], reader: &mut Reader<'a>) -> Option<Option<Record>> {
    let name = read_name(message, reader)?;
    let (kind, class, ttl) = (reader.u16()?, reader.u16()?, reader.u32()?);
    let length = usize::from(reader.u16()?);
    let before = *reader;
    let data = reader.take(length)?;
    // The top bit of the class is mDNS's cache-flush flag.
    if class & 0x7fff != INTERNET {
        return Some(None);
    }
    let data = match kind {
        A => data.first_chunk::<4>().map(|a| Data::Address(Ipv4Addr::from(*a).into())),
        AAAA => data.first_chunk::<16>().map(|a| Data::Address(Ipv6Addr::from(*a).into())),
        CNAME | DNAME => read_name(message, &mut before.clone())?.map(Data::Alias),
        SVCB | HTTPS => service(message, before, data),
        _ => None,
    };
    Some(name.zip(data).map(|(name, data)| Record { name, ttl, data }))
}

/// SVCB data: priority, target, parameters (RFC 9460 §2.2).
fn service<'a>(message: &'a [u8], mut at: Reader<'a>, data: &'a [u8]) -> Option<Data> {
    at.u16()?;
    let before = at.rest().len();
    let target = read_name(message, &mut at)?;
    let used = 2 + before - at.rest().len();
    let mut parameters = Reader::new(data.get(used..)?);
    let mut hints = Vec::new();
    let mut public_name = None;
    while let (Some(key), Some(value)) = (parameters.u16(), parameters.vec16()) {
        match key {
            IPV4_HINT => hints.extend(value.as_chunks::<4>().0.iter().map(|a| IpAddr::from(*a))),
            IPV6_HINT => hints.extend(value.as_chunks::<16>().0.iter().map(|a| IpAddr::from(*a))),
            ECH => public_name = ech_public_name(value),
            _ => {}
        }
    }
    Some(Data::Service { target, hints, public_name })
}

/// The public name of the first configuration of a known version (RFC 9849 §4).
fn ech_public_name(list: &[u8]) -> Option<HostName> {
    let mut list = Reader::new(Reader::new(list).vec16()?);
    for _ in 0..MAX_CONFIGS {
        let (version, contents) = (list.u16()?, list.vec16()?);
        if version != ECH_VERSION {
            continue;
        }
        let mut contents = Reader::new(contents);
        // Configuration id, KEM, key, cipher suites, longest name.
        contents.take(3)?;
        contents.vec16()?;
        contents.vec16()?;
        contents.take(1)?;
        return HostName::from_wire(contents.vec8()?).filter(HostName::is_valid);
    }
    None
}

/// A name at the reader, which moves behind it; `Some(None)` is the root. Pointers must point backwards.
#[allow(clippy::option_option, reason = "not readable, readable but of no use, and of use are three answers")]
pub(in crate::inspect) fn read_name<'a>(
    message: &'a [u8],
    reader: &mut Reader<'a>,
) -> Option<Option<HostName>> {
    let mut labels: Vec<&[u8]> = Vec::with_capacity(6);
    let mut length = 0;
    let mut at = *reader;
    let mut jumped = false;
    let mut floor = message.len().saturating_sub(at.rest().len());
    for _ in 0..MAX_STEPS {
        let size = at.u8()?;
        match size >> 6 {
            0 if size == 0 => {
                if !jumped {
                    *reader = at;
                }
                return Some(HostName::from_labels(labels));
            }
            0 => {
                let label = at.take(usize::from(size))?;
                length += label.len() + 1;
                if length > HostName::MAX_WIRE_LEN {
                    return None;
                }
                labels.push(label);
            }
            3 => {
                let low = at.u8()?;
                let target = usize::from(u16::from_be_bytes([size & 0x3f, low]));
                if !jumped {
                    *reader = at;
                    jumped = true;
                }
                // Each pointer must lead further back than the one before: no loop is possible.
                if target >= floor {
                    return None;
                }
                floor = target;
                at = Reader::new(message.get(target..)?);
            }
            _ => return None,
        }
    }
    None
}
