//! ctnetlink messages (linux/netfilter/nfnetlink_conntrack.h), read with bounds on everything.
//!
//! Own code: the crate that exists (netlink-packet-netfilter 0.4) reads neither zones nor counters, and the rest is small.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Accounted, Connection, Tuple, canonical, has_ports};
use crate::model::{Endpoint, Protocol};

/// Subsystem and message: new (or changed, or part of a dump), and gone.
const NEW: u16 = 0x0100;
const DELETE: u16 = 0x0102;
const GET: u16 = 0x0101;
const ERROR: u16 = 2;
const DONE: u16 = 3;
const REQUEST_DUMP: u16 = 0x301;

const TUPLE_ORIG: u16 = 1;
const TUPLE_REPLY: u16 = 2;
const MARK: u16 = 8;
const COUNTERS_ORIG: u16 = 9;
const COUNTERS_REPLY: u16 = 10;
const ID: u16 = 12;
const ZONE: u16 = 18;
const TIMESTAMP: u16 = 20;
/// Nested, and network byte order: marks on an attribute's type.
const TYPE: u16 = 0x3fff;

/// What one message says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Message {
    /// A connection that is there.
    There(Connection),
    /// A connection that ended.
    Gone(Connection),
    /// The dump is complete.
    Done,
    /// The kernel refuses: an error number.
    Refused(i32),
    /// A connection that cannot be joined with flows (ICMP), or another subsystem's message.
    Other,
    /// Cut or lying.
    Malformed,
}

/// The request for all connections of all families.
pub(super) fn dump_request(sequence: u32) -> [u8; 20] {
    let mut request = [0; 20];
    request[..4].copy_from_slice(&20_u32.to_ne_bytes());
    request[4..6].copy_from_slice(&GET.to_ne_bytes());
    request[6..8].copy_from_slice(&REQUEST_DUMP.to_ne_bytes());
    request[8..12].copy_from_slice(&sequence.to_ne_bytes());
    request
}

/// The messages in a datagram; after a broken one nothing more is read.
pub(super) fn messages(bytes: &[u8]) -> impl Iterator<Item = Message> + '_ {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let head = rest.first_chunk::<16>()?;
        let length = usize::try_from(u32::from_ne_bytes([head[0], head[1], head[2], head[3]])).ok()?;
        let kind = u16::from_ne_bytes([head[4], head[5]]);
        let Some(body) = rest.get(16..length) else {
            rest = &[];
            return Some(Message::Malformed);
        };
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some(match kind {
            NEW => connection(body).map_or(Message::Malformed, |c| c.map_or(Message::Other, Message::There)),
            DELETE => {
                connection(body).map_or(Message::Malformed, |c| c.map_or(Message::Other, Message::Gone))
            }
            DONE => Message::Done,
            ERROR => match body.first_chunk::<4>().map(|code| i32::from_ne_bytes(*code)) {
                Some(0) => Message::Other,
                Some(code) => Message::Refused(code.saturating_neg()),
                None => Message::Malformed,
            },
            _ => Message::Other,
        })
    })
}

/// The attributes in `bytes`; ends at the first broken one.
fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let head = bytes.first_chunk::<4>()?;
        let length = usize::from(u16::from_ne_bytes([head[0], head[1]]));
        let kind = u16::from_ne_bytes([head[2], head[3]]) & TYPE;
        let value = bytes.get(4..length)?;
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// `Some(None)`: sound, but of a protocol without ports.
#[allow(clippy::option_option, reason = "broken, of no use, and of use are three answers")]
fn connection(body: &[u8]) -> Option<Option<Connection>> {
    let (mut original, mut reply) = (None, None);
    let (mut id, mut zone, mut mark, mut began) = (0, 0, 0, None);
    let (mut up, mut down) = (None, None);
    // A generic netfilter header stands before the attributes: family, version, resource.
    for (kind, value) in attributes(body.get(4..)?) {
        match kind {
            TUPLE_ORIG => original = tuple(value),
            TUPLE_REPLY => reply = tuple(value),
            MARK => mark = number(value)?,
            ID => id = number(value)?,
            ZONE => zone = u16::from_be_bytes(*value.first_chunk()?),
            COUNTERS_ORIG => up = counters(value),
            COUNTERS_REPLY => down = counters(value),
            TIMESTAMP => began = attributes(value).find(|(k, _)| *k == 1).and_then(|(_, v)| long(v)),
            _ => {}
        }
    }
    let (original, reply) = original.zip(reply)?;
    if !has_ports(original.protocol) || original.protocol != reply.protocol {
        return Some(None);
    }
    let began = began.and_then(|b| i64::try_from(b).ok()).filter(|b| *b > 0);
    Some(Some(Connection { id, original, reply, zone, mark, counted: up.zip(down), began }))
}

fn tuple(bytes: &[u8]) -> Option<Tuple> {
    let (mut from, mut to) = (None, None);
    let (mut protocol, mut source_port, mut destination_port) = (None, 0, 0);
    for (kind, value) in attributes(bytes) {
        match kind {
            1 => {
                for (kind, value) in attributes(value) {
                    match kind {
                        1 | 3 => from = address(value),
                        2 | 4 => to = address(value),
                        _ => {}
                    }
                }
            }
            2 => {
                for (kind, value) in attributes(value) {
                    match kind {
                        1 => protocol = value.first().map(|p| Protocol(*p)),
                        2 => source_port = u16::from_be_bytes(*value.first_chunk()?),
                        3 => destination_port = u16::from_be_bytes(*value.first_chunk()?),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    Some(Tuple {
        source: Endpoint::new(from?, source_port),
        destination: Endpoint::new(to?, destination_port),
        protocol: protocol?,
    })
}

fn address(value: &[u8]) -> Option<IpAddr> {
    match value.len() {
        4 => value.first_chunk::<4>().map(|a| IpAddr::V4(Ipv4Addr::from(*a))),
        16 => value.first_chunk::<16>().map(|a| canonical(IpAddr::V6(Ipv6Addr::from(*a)))),
        _ => None,
    }
}

fn counters(bytes: &[u8]) -> Option<Accounted> {
    let mut counted = Accounted::default();
    for (kind, value) in attributes(bytes) {
        match kind {
            1 => counted.packets = long(value)?,
            2 => counted.octets = long(value)?,
            _ => {}
        }
    }
    Some(counted)
}

fn number(value: &[u8]) -> Option<u32> {
    value.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

fn long(value: &[u8]) -> Option<u64> {
    value.first_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}
