//! QUIC: the ClientHello in the client's first packets, which anybody on the path can decrypt (RFC 9001 §5.2).
//!
//! Takes QUIC v1, v2, the drafts and Facebook's mvfst, and Google's versions where a ClientHello (or its forerunner,
//! CHLO) can be read. Packets may be coalesced, CRYPTO frames in any order and over several datagrams, connection
//! ids may change, and a Retry or a negotiation of the version may come in between. After the hello only the id that the
//! server gives itself is awaited, by which the connection is known again from another address.

mod connections;
mod gquic;
mod keys;
mod packet;
#[cfg(test)]
pub(super) mod tests;
mod version;

pub(super) use connections::Connections;

use super::contract::{Claim, Context, Held, Look, Signature, State, Step};
use super::resolvers;
use super::stream::{Pushed, Stream};
use super::thread::Limit;
use super::tls::{Transport, read_client_hello};
use crate::model::{Endpoint, HostName, NameFact, NameOrigin, Timestamp};
use keys::InitialKeys;
use packet::Packets;
use version::Version;

/// Datagrams of one flow that are looked at; a ClientHello takes two or three.
const MAX_DATAGRAMS: u8 = 24;
/// Datagrams after the hello in which the server's id is awaited; early data may come first.
const MAX_AWAITED: u8 = 16;
/// Bytes of handshake put together.
const MAX_CRYPTO: usize = 64 << 10;
/// Connection ids whose keys are kept: the first, and one after a Retry or a change of version.
const MAX_KEYS: usize = 3;

/// One flow's QUIC handshake.
#[derive(Debug)]
pub(super) struct QuicInspection {
    keys: Vec<InitialKeys>,
    /// The client's first destination id: a version that both sides change to makes its keys of it (RFC 9369 §4.1).
    first_id: Vec<u8>,
    crypto: Stream,
    datagrams: u8,
    /// Who sent what could be opened.
    client: Option<Endpoint>,
    /// The hello is read.
    read: bool,
}

/// The inspector of handshakes.
pub(super) static DATAGRAMS: Signature = Signature { name: "quic", probe, feed };
/// The inspector of connections that go on from another address: a packet with a short header tells only its id.
pub(super) static GOES_ON: Signature =
    Signature { name: "quic, going on", probe: probe_short, feed: feed_short };

fn probe(look: &Look<'_>) -> Claim {
    let known = packet::version_of(look.bytes).is_some_and(|v| Version::known(v).is_some());
    if known || packet::is_unknown_version(look.bytes) || gquic::recognise(look.bytes) {
        Claim::Certain
    } else {
        Claim::No
    }
}

fn feed(look: &Look<'_>, state: &mut State, context: &mut Context<'_>) -> Step {
    if !matches!(state.held, Held::Quic(_)) {
        state.held = Held::Quic(Box::new(QuicInspection::new()));
    }
    let Held::Quic(quic) = &mut state.held else { return Step::No };
    quic.take(look, context)
}

/// The id of a packet with a short header (RFC 9000 §17.3.1; Google's public header with an 8-byte id), and what follows.
fn short(bytes: &[u8]) -> Option<&[u8]> {
    match bytes {
        // 21 bytes are the least that a packet may have (RFC 9000 §10.3).
        [first, rest @ ..] if (first & 0xc0 == 0x40 || first & 0xcb == 0x08) && rest.len() >= 20 => {
            Some(rest)
        }
        _ => None,
    }
}

fn probe_short(look: &Look<'_>) -> Claim {
    if short(look.bytes).is_some() { Claim::Certain } else { Claim::No }
}

fn feed_short(look: &Look<'_>, _: &mut State, context: &mut Context<'_>) -> Step {
    let connections = &context.thread.connections;
    match short(look.bytes) {
        Some(id) if !connections.is_empty() && connections.recall(look.to, id, look.at, context.facts) => {
            Step::Settled
        }
        _ => Step::No,
    }
}

impl QuicInspection {
    /// Bytes of memory held besides the structure itself.
    pub(super) fn held(&self) -> usize {
        self.keys.capacity() * size_of::<InitialKeys>() + self.first_id.capacity() + self.crypto.held()
    }

    fn new() -> Self {
        Self {
            keys: Vec::new(),
            first_id: Vec::new(),
            crypto: Stream::anchored(),
            datagrams: 0,
            client: None,
            read: false,
        }
    }

    /// Takes one datagram of either side; only the client's can be read.
    fn take(&mut self, look: &Look<'_>, context: &mut Context<'_>) -> Step {
        self.datagrams += 1;
        if self.read {
            return self.wait_for_server(look, context);
        }
        if self.datagrams > MAX_DATAGRAMS {
            context.thread.hit(Limit::Quic);
            return Step::Settled;
        }
        context.facts.protocol = Some("quic");
        if let Some(chlo) = gquic::client_hello(look.bytes) {
            context.facts.quic_version = context.facts.quic_version.or(Some(chlo.version));
            add_name(chlo.server_name, look.at, context);
            context.thread.connections.learn(look.to, chlo.connection_id, context.facts);
            return Step::Settled;
        }
        for packet in Packets::new(look.bytes) {
            context.facts.quic_version = context.facts.quic_version.or(Some(packet.version.number));
            if self.client.is_some_and(|client| client != look.from) {
                continue;
            }
            let Some(payload) = self.decrypt(&packet) else { continue };
            self.client = Some(look.from);
            for (offset, bytes) in packet::crypto_frames(&payload) {
                if self.crypto.push(offset, bytes, MAX_CRYPTO) == Pushed::Full {
                    context.thread.hit(Limit::Quic);
                    return Step::Settled;
                }
            }
            if self.read_hello(packet.version, look, context) {
                return self.finish(context);
            }
        }
        Step::More
    }

    /// Frees what the hello needed; goes on if there is a name to remember the connection by.
    fn finish(&mut self, context: &Context<'_>) -> Step {
        if context.facts.names.is_empty() {
            return Step::Settled;
        }
        let client = self.client;
        *self = Self { client, read: true, ..Self::new() };
        Step::More
    }

    /// Waits for the server's first packet, which tells the id that the client's later ones will carry.
    fn wait_for_server(&mut self, look: &Look<'_>, context: &mut Context<'_>) -> Step {
        if self.client.is_some_and(|client| client != look.from)
            && let Some(packet) = Packets::new(look.bytes).next()
        {
            context.thread.connections.learn(look.from, packet.source_id, context.facts);
            return Step::Settled;
        }
        if self.datagrams >= MAX_AWAITED { Step::Settled } else { Step::More }
    }

    /// Tries the keys known, then those of the packet's own connection id (a first packet, or one after a Retry).
    fn decrypt(&mut self, packet: &packet::Initial<'_>) -> Option<Vec<u8>> {
        let known =
            self.keys.iter().filter(|k| k.version() == packet.version.number).find_map(|k| k.open(packet));
        if known.is_some() {
            return known;
        }
        let derived = |id: &[u8]| {
            let keys = InitialKeys::derive(packet.version, id)?;
            keys.open(packet).map(|payload| (keys, payload))
        };
        if let Some((keys, payload)) = derived(packet.destination_id) {
            if self.keys.is_empty() {
                self.first_id = packet.destination_id.to_vec();
            }
            if self.keys.len() < MAX_KEYS {
                self.keys.push(keys);
                // After a Retry or a change of version the client sends its hello anew, and it may be another.
                self.crypto = Stream::anchored();
            }
            return Some(payload);
        }
        // Another version, agreed on in the handshake that goes on.
        let changed = !self.keys.is_empty() && self.keys.iter().all(|k| k.version() != packet.version.number);
        let (keys, payload) = derived(&self.first_id).filter(|_| changed)?;
        if self.keys.len() < MAX_KEYS {
            self.keys.push(keys);
        }
        Some(payload)
    }

    /// Reads the handshake put together so far; `true` when all that can be read was.
    fn read_hello(&self, version: Version, look: &Look<'_>, context: &mut Context<'_>) -> bool {
        let front = self.crypto.front();
        if version.google_crypto {
            let Some(name) = gquic::parse_chlo(front) else { return false };
            add_name(name, look.at, context);
            return true;
        }
        let [1, a, b, c, body @ ..] = front else {
            // Nothing yet, or no ClientHello at all.
            return !front.is_empty() && front.first() != Some(&1);
        };
        let length = usize::try_from(u32::from_be_bytes([0, *a, *b, *c])).unwrap_or(usize::MAX);
        let whole = body.get(..length);
        read_client_hello(whole.unwrap_or(body), whole.is_some(), Transport::Quic, look.at, context);
        if whole.is_some() {
            resolvers::mark(context.facts, look.to, true);
        }
        whole.is_some()
    }
}

fn add_name(name: Option<HostName>, at: Timestamp, context: &mut Context<'_>) {
    if let Some(name) = name {
        context.facts.add_name(NameFact { name, origin: NameOrigin::QuicSni, at });
    }
}

/// Fuzzing: the payload of an opened packet, with its frames put together.
pub(super) fn fuzz_frames(data: &[u8]) {
    let mut crypto = Stream::anchored();
    for (offset, bytes) in packet::crypto_frames(data) {
        if crypto.push(offset, bytes, MAX_CRYPTO) == Pushed::Full {
            break;
        }
    }
    assert!(crypto.front().len() <= MAX_CRYPTO, "the handshake is bounded");
}
