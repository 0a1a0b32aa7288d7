//! TLS over TCP: records put together to handshake messages (RFC 8446 §5.1, RFC 5246 §6.2), the ClientHello
//! read, and of the server the version it chose and its certificate.

mod client_hello;
mod ech;
mod ja4;
mod own;
mod server;
#[cfg(test)]
pub(super) mod tests;

pub(super) use client_hello::{Transport, read_client_hello};
pub(super) use ech::Covers;
#[cfg(test)]
pub(super) use own::words;

use super::contract::{Claim, Context, Look, Signature, State, Step};
use super::resolvers;

/// The inspector of TLS over TCP, on any port.
pub(super) static STREAM: Signature = Signature { name: "tls", probe, feed };

fn probe(look: &Look<'_>) -> Claim {
    match *look.bytes {
        [HANDSHAKE | 20 | 21 | 23, 3, minor, ..] if minor <= 4 => Claim::Certain,
        [HANDSHAKE] | [HANDSHAKE, 3] => Claim::Unsure,
        [length, _, CLIENT_HELLO, version, ..] if length & 0x80 != 0 && matches!(version, 0 | 2 | 3) => {
            Claim::Certain
        }
        _ => Claim::No,
    }
}

fn feed(look: &Look<'_>, _: &mut State, context: &mut Context<'_>) -> Step {
    match find_client_hello(look.bytes) {
        Hello::Whole(body) => {
            context.facts.protocol = Some("tls");
            read_client_hello(&body, true, Transport::Tcp, look.at, context);
            resolvers::mark(context.facts, look.to, false);
            // The server's side tells whether there is a certificate to read.
            Step::Done
        }
        Hello::Partial(body) => {
            context.facts.protocol = Some("tls");
            read_client_hello(&body, false, Transport::Tcp, look.at, context);
            Step::More
        }
        Hello::Ssl2 => {
            context.facts.protocol = context.facts.protocol.or(Some("tls"));
            Step::Done
        }
        Hello::Server => {
            context.facts.protocol = context.facts.protocol.or(Some("tls"));
            let (mut messages, mut next) = handshake_bytes(look.bytes, false);
            if server::asks_again(&messages) {
                // The true hello stands behind a record that means nothing (RFC 8446 §5).
                (messages, next) = handshake_bytes(look.bytes, true);
            }
            if messages.first() == Some(&SERVER_HELLO) {
                server::read(&messages, next, look, context)
            } else {
                Step::No
            }
        }
        Hello::NeedMore => Step::More,
        Hello::No => Step::No,
    }
}

/// What the beginning of a stream is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Hello {
    /// No TLS client.
    No,
    /// The server's side of TLS.
    Server,
    /// The beginning of a ClientHello; its body so far.
    Partial(Vec<u8>),
    /// A whole ClientHello's body.
    Whole(Vec<u8>),
    /// An SSL 2.0 ClientHello: TLS, without names.
    Ssl2,
    /// Too few bytes to say.
    NeedMore,
}

/// Handshake message types (RFC 8446 §4).
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
/// Content types of records.
const HANDSHAKE: u8 = 22;
/// Empty records before the message; a stream of them must not keep the inspector busy.
const MAX_RECORDS: usize = 4096;

/// Looks for a ClientHello at the beginning of a stream.
pub(super) fn find_client_hello(stream: &[u8]) -> Hello {
    match *stream {
        // Record header: type, version 3.x; then a message type.
        [HANDSHAKE, 3, minor, ..] if minor <= 4 => {}
        [] | [HANDSHAKE] | [HANDSHAKE, 3] => return Hello::NeedMore,
        // SSL 2.0: two-byte length with the high bit, message type 1, version (RFC 5246 appendix E.2).
        [length, _, CLIENT_HELLO, version, ..] if length & 0x80 != 0 && matches!(version, 0 | 2 | 3) => {
            return Hello::Ssl2;
        }
        [20 | 21 | 23, 3, minor, ..] if minor <= 4 => return Hello::Server,
        _ => return Hello::No,
    }
    let (message, _) = handshake_bytes(stream, false);
    match *message.as_slice() {
        [] | [CLIENT_HELLO] | [CLIENT_HELLO, _] | [CLIENT_HELLO, _, _] => Hello::NeedMore,
        [CLIENT_HELLO, a, b, c, ref body @ ..] => {
            let length = usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap_or(usize::MAX);
            match body.get(..length) {
                Some(body) => Hello::Whole(body.to_vec()),
                None => Hello::Partial(body.to_vec()),
            }
        }
        [..] => Hello::Server,
    }
}

/// The payloads of the handshake records at the beginning, joined; the last one may be cut. And the type of the other
/// record that follows, if one does. `over_changes`: records that change the cipher are stepped over.
fn handshake_bytes(mut stream: &[u8], over_changes: bool) -> (Vec<u8>, Option<u8>) {
    let mut message = Vec::with_capacity(stream.len());
    let stepped_over = |kind: u8| over_changes && kind == server::CHANGE_CIPHER_SPEC;
    for _ in 0..MAX_RECORDS {
        let [kind, 3, _, high, low, rest @ ..] = stream else { break };
        if *kind != HANDSHAKE && !stepped_over(*kind) {
            break;
        }
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let (payload, next) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        if *kind == HANDSHAKE {
            message.extend_from_slice(payload);
        }
        stream = next;
    }
    let next = stream.first().copied().filter(|kind| *kind != HANDSHAKE && !stepped_over(*kind));
    (message, next)
}

/// Fuzzing: a ClientHello's body for each transport.
pub(super) fn fuzz_client_hello(data: &[u8]) {
    fuzz_with(data, |look, context| {
        for transport in [Transport::Tcp, Transport::Quic, Transport::Datagram] {
            read_client_hello(look.bytes, true, transport, look.at, context);
        }
        Step::Done
    });
}

/// Fuzzing: a certificate in DER, as the only one of a Certificate message.
pub(super) fn fuzz_certificate(data: &[u8]) {
    let three = |n: usize| u32::try_from(n.min(0x00ff_fff0)).unwrap_or(0).to_be_bytes().into_iter().skip(1);
    let message: Vec<u8> = [11]
        .into_iter()
        .chain(three(data.len() + 6))
        .chain(three(data.len() + 3))
        .chain(three(data.len()))
        .chain(data.iter().copied())
        .collect();
    fuzz_with(&message, |look, context| server::read(look.bytes, Some(20), look, context));
}

fn fuzz_with(bytes: &[u8], read: impl Fn(&Look<'_>, &mut Context<'_>) -> Step) {
    let mut thread = super::thread::Thread::new(&super::InspectConfig::default());
    let (mut facts, mut dns) = (crate::model::Facts::default(), Vec::new());
    let end = crate::model::Endpoint::new(std::net::Ipv4Addr::LOCALHOST.into(), 443);
    let at = crate::model::Timestamp::from_parts(0, 0);
    let look = Look { bytes, anchored: true, forward: true, from: end, to: end, at };
    read(&look, &mut Context { facts: &mut facts, dns: &mut dns, thread: &mut thread });
}
