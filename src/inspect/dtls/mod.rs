//! DTLS (RFC 6347, RFC 9147): the ClientHello, put together from fragments over several datagrams.
//!
//! A hello of DTLS 1.3 goes in the same records as the older ones. The rest of a connection is only recognised.

#[cfg(test)]
pub(super) mod tests;

use super::contract::{Claim, Context, Held, Look, Signature, State, Step};
use super::reader::Reader;
use super::stream::{Pushed, Stream};
use super::thread::Limit;
use super::tls::{Transport, read_client_hello};

/// Datagrams of one flow that are looked at; a hello takes up to a dozen, and comes again with a cookie.
const MAX_DATAGRAMS: u8 = 32;
/// Bytes of one ClientHello.
const MAX_HELLO: usize = 32 << 10;
/// Records in one datagram.
const MAX_RECORDS: usize = 16;

const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;

/// The inspector.
pub(super) static DATAGRAMS: Signature = Signature { name: "dtls", probe, feed };

/// One flow's handshake.
#[derive(Debug)]
pub(super) struct DtlsInspection {
    hello: Stream,
    /// Number and length of the message in hand.
    message: Option<(u16, u32)>,
    datagrams: u8,
}

impl DtlsInspection {
    /// Bytes of memory held besides the structure itself.
    pub(super) fn held(&self) -> usize {
        self.hello.held()
    }
}

/// One record: content type and payload (RFC 6347 §4.1).
fn record<'a>(reader: &mut Reader<'a>) -> Option<(u8, &'a [u8])> {
    let kind = reader.u8()?;
    let version = reader.u16()?;
    if !(20..=26).contains(&kind) || !matches!(version, 0xfeff | 0xfefd | 0xfefc) {
        return None;
    }
    let (_epoch, _sequence) = (reader.u16()?, reader.take(6)?);
    let length = usize::from(reader.u16()?);
    // The capture's snap length may have cut it.
    Some((kind, reader.take_up_to(length)))
}

fn probe(look: &Look<'_>) -> Claim {
    let mut reader = Reader::new(look.bytes);
    match record(&mut reader) {
        // What follows a record is another one; else the bytes only look like it.
        Some((_, payload)) if !payload.is_empty() && (reader.is_empty() || record(&mut reader).is_some()) => {
            Claim::Certain
        }
        _ => Claim::No,
    }
}

fn feed(look: &Look<'_>, state: &mut State, context: &mut Context<'_>) -> Step {
    if probe(look) == Claim::No {
        // SRTP and STUN share the flow (RFC 7983); the hello may still come.
        return if matches!(state.held, Held::Dtls(_)) { Step::More } else { Step::No };
    }
    context.facts.protocol = Some("dtls");
    if !matches!(state.held, Held::Dtls(_)) {
        let new = DtlsInspection { hello: Stream::anchored(), message: None, datagrams: 0 };
        state.held = Held::Dtls(Box::new(new));
    }
    let Held::Dtls(dtls) = &mut state.held else { return Step::No };
    dtls.datagrams += 1;
    let mut reader = Reader::new(look.bytes);
    let (mut encrypted, mut records) = (false, 0);
    while let Some((kind, payload)) = record(&mut reader).filter(|_| records < MAX_RECORDS) {
        records += 1;
        encrypted |= kind == 23;
        if kind == HANDSHAKE && dtls.take(payload, look, context) {
            return Step::Settled;
        }
    }
    if encrypted && look.forward {
        // The handshake is over, and its hello was not captured.
        return Step::Settled;
    }
    if dtls.datagrams >= MAX_DATAGRAMS {
        context.thread.hit(Limit::Dtls);
        return Step::Settled;
    }
    Step::More
}

impl DtlsInspection {
    /// Takes the handshake fragments of one record (RFC 6347 §4.2.2). Says whether the hello is whole and read.
    fn take(&mut self, payload: &[u8], look: &Look<'_>, context: &mut Context<'_>) -> bool {
        let mut reader = Reader::new(payload);
        let mut read = false;
        while let Some((kind, length, number, offset, bytes)) = fragment(&mut reader) {
            if kind != CLIENT_HELLO || length as usize > MAX_HELLO {
                continue;
            }
            if self.message != Some((number, length)) {
                // The hello that answers a cookie is another message.
                self.message = Some((number, length));
                self.hello = Stream::anchored();
            }
            let end = offset.saturating_add(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
            if end > length || self.hello.push(offset, bytes, MAX_HELLO) == Pushed::Full {
                continue;
            }
            let front = self.hello.front();
            let whole = u32::try_from(front.len()).is_ok_and(|have| have == length);
            read_client_hello(front, whole, Transport::Datagram, look.at, context);
            read |= whole;
        }
        read
    }
}

/// Type, length, number, offset and bytes of the next fragment.
fn fragment<'a>(reader: &mut Reader<'a>) -> Option<(u8, u32, u16, u32, &'a [u8])> {
    let kind = reader.u8()?;
    let length = reader.u24()?;
    let number = reader.u16()?;
    let offset = reader.u24()?;
    let size = usize::try_from(reader.u24()?).ok()?;
    Some((kind, length, number, offset, reader.take_up_to(size)))
}
