//! STUN (RFC 8489) and TURN (RFC 8656), on any port: what the server is, and whether the far end is another user.
//!
//! A Binding request with a user name and attributes of ICE (RFC 8445) tests a path between two agents: the far end is
//! then a peer, another user's device, unless it listens on a port of STUN servers. A media server with a port of its own
//! passes for a peer by this; that errs to the safe side, for a peer is never taken for an application's server.
//! USERNAME is looked at and never kept.

#[cfg(test)]
pub(super) mod tests;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use crate::model::{Endpoint, StunFact};

use super::contract::{Claim, Context, Look, Signature, State, Step};
use super::reader::{Reader, printable};

/// The inspector for datagrams; media and DTLS share the flow (RFC 7983), so that it takes only what is STUN.
pub(super) static DATAGRAMS: Signature = Signature { name: "stun", probe, feed };
/// The inspector for streams, with and without the framing of RFC 4571.
pub(super) static STREAM: Signature = Signature { name: "stun", probe: probe_stream, feed: feed_stream };

const COOKIE: u32 = 0x2112_a442;
const HEADER: usize = 20;
/// Attributes of one message; real ones have about a dozen.
const MAX_ATTRIBUTES: usize = 64;
/// Messages of one flow that are looked at; ICE repeats its tests for as long as the call lasts.
const MAX_MESSAGES: u8 = 64;
/// Bytes kept of a text (RFC 8489 allows 763, nobody sends more than a line).
const MAX_TEXT: usize = 128;
/// Ports on which STUN and TURN servers listen (RFC 8489 §18.6, RFC 8656 §19), and Google's.
const SERVER_PORTS: [u16; 11] = [3478, 3479, 5349, 5350, 19302, 19303, 19304, 19305, 19306, 19307, 19309];

const MAPPED: u16 = 0x0001;
const USERNAME: u16 = 0x0006;
const XOR_PEER: u16 = 0x0012;
const REALM: u16 = 0x0014;
const XOR_RELAYED: u16 = 0x0016;
const XOR_MAPPED: u16 = 0x0020;
const PRIORITY: u16 = 0x0024;
const USE_CANDIDATE: u16 = 0x0025;
const SOFTWARE: u16 = 0x8022;
const ICE_CONTROLLED: u16 = 0x8029;
const ICE_CONTROLLING: u16 = 0x802a;

/// A whole message at the beginning of `bytes`, by cookie and length: its type, attributes, transaction id.
fn message(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let mut reader = Reader::new(bytes);
    let kind = reader.u16()?;
    let length = usize::from(reader.u16()?);
    // Two zero bits (RFC 8489 §5), and attributes are padded to four bytes.
    if kind & 0xc000 != 0 || length % 4 != 0 || reader.u32()? != COOKIE {
        return None;
    }
    let id = reader.take(12)?;
    Some((kind, reader.take(length)?, id))
}

fn probe(look: &Look<'_>) -> Claim {
    if message(look.bytes).is_some() { Claim::Certain } else { Claim::No }
}

fn feed(look: &Look<'_>, state: &mut State, context: &mut Context<'_>) -> Step {
    let Some(message) = message(look.bytes) else { return Step::No };
    take(message, look, context);
    let [seen, ..] = &mut state.note;
    *seen = seen.saturating_add(1);
    if *seen >= MAX_MESSAGES { Step::Settled } else { Step::More }
}

/// Behind a two-byte length or not.
fn unframed(bytes: &[u8]) -> &[u8] {
    match bytes {
        [0 | 1, _, _, _, 0x21, 0x12, ..] => bytes,
        [_, _, rest @ ..] => rest,
        _ => bytes,
    }
}

/// Whether a message begins here, whole or not.
fn begins(bytes: &[u8]) -> bool {
    matches!(bytes, [0 | 1, _, _, _, rest @ ..] if rest.starts_with(&COOKIE.to_be_bytes()))
}

fn probe_stream(look: &Look<'_>) -> Claim {
    let bytes = unframed(look.bytes);
    if message(bytes).is_some() {
        Claim::Certain
    } else if begins(bytes) || (look.bytes.len() < 10 && matches!(look.bytes, [0..=3, ..])) {
        Claim::Unsure
    } else {
        Claim::No
    }
}

fn feed_stream(look: &Look<'_>, state: &mut State, context: &mut Context<'_>) -> Step {
    let bytes = unframed(look.bytes);
    let framing = look.bytes.len() - bytes.len();
    let Some(message) = message(bytes) else {
        return if begins(bytes) || look.bytes.len() < 10 { Step::More } else { Step::Done };
    };
    take(message, look, context);
    let [seen, ..] = &mut state.note;
    *seen = seen.saturating_add(1);
    if *seen >= MAX_MESSAGES { Step::Settled } else { Step::Consumed(framing + HEADER + message.1.len()) }
}

fn take((kind, attributes, id): (u16, &[u8], &[u8]), look: &Look<'_>, context: &mut Context<'_>) {
    let facts = &mut *context.facts;
    facts.protocol = facts.protocol.or(Some("stun"));
    let mut stun = facts.stun.take().map(Arc::unwrap_or_clone).unwrap_or_default();
    let mut reader = Reader::new(attributes);
    let (mut user, mut ice) = (false, false);
    for _ in 0..MAX_ATTRIBUTES {
        let (Some(name), Some(value)) = (reader.u16(), reader.vec16()) else { break };
        reader.take_up_to(value.len().wrapping_neg() % 4);
        match name {
            USERNAME => user = true,
            PRIORITY | USE_CANDIDATE | ICE_CONTROLLED | ICE_CONTROLLING => ice = true,
            SOFTWARE => stun.software = stun.software.take().or_else(|| text(value)),
            REALM => stun.realm = stun.realm.take().or_else(|| text(value)),
            XOR_MAPPED => stun.mapped = stun.mapped.or_else(|| address(value, Some(id))),
            MAPPED => stun.mapped = stun.mapped.or_else(|| address(value, None)),
            XOR_RELAYED => add(&mut stun.relayed, address(value, Some(id))),
            XOR_PEER => add(&mut stun.peers, address(value, Some(id))),
            _ => {}
        }
    }
    stun.ice |= ice;
    let server_port = SERVER_PORTS.iter().any(|port| look.port(*port));
    // A Binding request (method 1, class 0), not a refresh at a TURN server.
    if kind == 1 && user && ice && !server_port {
        facts.peer = true;
    }
    facts.stun = Some(Arc::new(stun));
}

/// A text safe to print.
fn text(value: &[u8]) -> Option<Arc<str>> {
    let value = value.trim_ascii_end();
    let value = value.strip_suffix(b"\0").unwrap_or(value);
    let cut = value.get(..MAX_TEXT).unwrap_or(value);
    (!cut.is_empty()).then(|| printable(cut))
}

/// An address attribute; xored with cookie and transaction id if that is given (RFC 8489 §14.2).
fn address(value: &[u8], id: Option<&[u8]>) -> Option<Endpoint> {
    let [_, family, high, low, rest @ ..] = value else { return None };
    let mut port = u16::from_be_bytes([*high, *low]);
    let cookie = COOKIE.to_be_bytes();
    let mut bytes = [0; 16];
    let length = match family {
        1 => 4,
        2 => 16,
        _ => return None,
    };
    bytes.get_mut(..length)?.copy_from_slice(rest.get(..length)?);
    if let Some(id) = id {
        port ^= 0x2112;
        for (byte, mask) in bytes.iter_mut().zip(cookie.iter().chain(id)) {
            *byte ^= mask;
        }
    }
    let addr: IpAddr = match bytes {
        [a, b, c, d, ..] if length == 4 => Ipv4Addr::new(a, b, c, d).into(),
        _ => Ipv6Addr::from(bytes).into(),
    };
    Some(Endpoint::new(addr, port))
}

fn add(list: &mut Vec<Endpoint>, address: Option<Endpoint>) {
    if let Some(address) = address.filter(|a| !list.contains(a) && list.len() < StunFact::MAX_ADDRESSES) {
        list.push(address);
    }
}
