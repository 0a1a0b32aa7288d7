//! QUIC: the ClientHello in the client's first packets, which anybody on the path can decrypt (RFC 9001 §5.2).
//!
//! Takes QUIC v1, v2, the drafts and Facebook's mvfst, and Google's versions where a ClientHello (or its forerunner,
//! CHLO) can be read. Packets may be coalesced, CRYPTO frames in any order and over several datagrams, connection
//! ids may change and a Retry may come in between. After that QUIC is opaque, and nothing more is looked at.

mod gquic;
mod keys;
mod packet;
#[cfg(test)]
mod tests;
mod version;

use super::contract::{Claim, Context, Held, Look, Signature, State, Step};
use super::thread::Limit;
use crate::model::{HostName, NameFact, NameOrigin, Timestamp};

use super::stream::{Pushed, Stream};
use super::tls::{Transport, read_client_hello};
use keys::InitialKeys;
use packet::Packets;
use version::Version;

/// Datagrams of one flow that are looked at; a ClientHello takes two or three.
const MAX_DATAGRAMS: u8 = 24;
/// Bytes of handshake put together.
const MAX_CRYPTO: usize = 64 << 10;
/// Connection ids whose keys are kept: the first, and one after a Retry or a change of version.
const MAX_KEYS: usize = 3;

/// One flow's QUIC handshake.
#[derive(Debug)]
pub(super) struct QuicInspection {
    keys: Vec<InitialKeys>,
    crypto: Stream,
    datagrams: u8,
}

/// The inspector.
pub(super) static DATAGRAMS: Signature = Signature { name: "quic", probe, feed };

fn probe(look: &Look<'_>) -> Claim {
    if recognise(look.bytes) { Claim::Certain } else { Claim::No }
}

fn feed(look: &Look<'_>, state: &mut State, context: &mut Context<'_>) -> Step {
    if !matches!(state.held, Held::Quic(_)) {
        state.held = Held::Quic(Box::new(QuicInspection::new()));
    }
    let Held::Quic(quic) = &mut state.held else { return Step::No };
    quic.take(look, context)
}

/// Whether a datagram looks like QUIC with a long header and a version that is known.
fn recognise(datagram: &[u8]) -> bool {
    packet::version_of(datagram).is_some_and(|v| Version::known(v).is_some()) || gquic::recognise(datagram)
}

impl QuicInspection {
    fn new() -> Self {
        Self { keys: Vec::new(), crypto: Stream::anchored(), datagrams: 0 }
    }

    /// Takes one datagram of either side; only the client's can be read.
    fn take(&mut self, look: &Look<'_>, context: &mut Context<'_>) -> Step {
        self.datagrams += 1;
        if self.datagrams > MAX_DATAGRAMS {
            context.thread.hit(Limit::Quic);
            return Step::Settled;
        }
        if let Some(chlo) = gquic::client_hello(look.bytes) {
            context.facts.protocol = Some("quic");
            context.facts.quic_version = context.facts.quic_version.or(Some(chlo.version));
            add_name(chlo.server_name, look.at, context);
            return Step::Settled;
        }
        for packet in Packets::new(look.bytes) {
            context.facts.protocol = Some("quic");
            context.facts.quic_version = context.facts.quic_version.or(Some(packet.version.number));
            let Some(payload) = self.decrypt(&packet) else { continue };
            for (offset, bytes) in packet::crypto_frames(&payload) {
                if self.crypto.push(offset, bytes, MAX_CRYPTO) == Pushed::Full {
                    context.thread.hit(Limit::Quic);
                    return Step::Settled;
                }
            }
            if self.read(packet.version, look.at, context) {
                return Step::Settled;
            }
        }
        Step::More
    }

    /// Tries the keys known, then those of the packet's own connection id (a first packet, or one after a Retry).
    fn decrypt(&mut self, packet: &packet::Initial<'_>) -> Option<Vec<u8>> {
        let known =
            self.keys.iter().filter(|k| k.version() == packet.version.number).find_map(|k| k.open(packet));
        if known.is_some() {
            return known;
        }
        let keys = InitialKeys::derive(packet.version, packet.destination_id)?;
        let payload = keys.open(packet)?;
        if self.keys.len() < MAX_KEYS {
            self.keys.push(keys);
            // After a Retry or a change of version the client sends its hello anew, and it may be another.
            self.crypto = Stream::anchored();
        }
        Some(payload)
    }

    /// Reads the handshake put together so far; `true` when all that can be read was.
    fn read(&self, version: Version, at: Timestamp, context: &mut Context<'_>) -> bool {
        let front = self.crypto.front();
        if version.google_crypto {
            let Some(name) = gquic::parse_chlo(front) else { return false };
            add_name(name, at, context);
            return true;
        }
        let [1, a, b, c, body @ ..] = front else {
            // Nothing yet, or no ClientHello at all.
            return !front.is_empty() && front.first() != Some(&1);
        };
        let length = usize::try_from(u32::from_be_bytes([0, *a, *b, *c])).unwrap_or(usize::MAX);
        let whole = body.get(..length);
        read_client_hello(whole.unwrap_or(body), whole.is_some(), Transport::Quic, at, context);
        whole.is_some()
    }
}

fn add_name(name: Option<HostName>, at: Timestamp, context: &mut Context<'_>) {
    if let Some(name) = name {
        context.facts.add_name(NameFact { name, origin: NameOrigin::QuicSni, at });
    }
}
