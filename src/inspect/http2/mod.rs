//! HTTP/2 in clear with prior knowledge (RFC 9113 §3.3): the `:authority` of the first request.
//!
//! An upgrade from HTTP/1 (h2c) has its name in the Host header, and is read there.

mod hpack;
#[cfg(test)]
pub(super) mod tests;

use crate::model::{NameFact, NameOrigin};

use super::contract::{Claim, Context, Look, Signature, State, Step};
use super::http::{authority_name, user_agent};
use super::reader::Reader;
use hpack::Fields;

/// The inspector.
pub(super) static STREAM: Signature = Signature { name: "http2", probe, feed };

/// What a client sends first (RFC 9113 §3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Frames before the first request (SETTINGS, WINDOW_UPDATE, PRIORITY…).
const MAX_FRAMES: usize = 32;
/// Bytes of one header block.
const MAX_BLOCK: usize = 16 << 10;

const HEADERS: u8 = 1;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;
const PRIORITY: u8 = 32;

fn probe(look: &Look<'_>) -> Claim {
    if look.bytes.starts_with(PREFACE) {
        Claim::Certain
    } else if PREFACE.starts_with(look.bytes) {
        Claim::Unsure
    } else {
        Claim::No
    }
}

fn feed(look: &Look<'_>, _: &mut State, context: &mut Context<'_>) -> Step {
    context.facts.protocol = Some("http");
    let mut reader = Reader::new(look.bytes.get(PREFACE.len()..).unwrap_or_default());
    let mut block = Vec::new();
    let mut begun = false;
    for _ in 0..MAX_FRAMES {
        let Some((kind, flags, payload)) = frame(&mut reader) else { return Step::More };
        match kind {
            HEADERS if !begun => {
                begun = true;
                block.extend_from_slice(header_fragment(flags, payload).unwrap_or_default());
            }
            CONTINUATION if begun => block.extend_from_slice(payload),
            // Nothing may stand between the parts of a block (RFC 9113 §6.10).
            _ if begun => return Step::Settled,
            _ => continue,
        }
        if flags & END_HEADERS != 0 || block.len() > MAX_BLOCK {
            block.truncate(MAX_BLOCK);
            take(&block, look, context);
            return Step::Settled;
        }
    }
    Step::Settled
}

/// Type, flags and payload of a whole frame (RFC 9113 §4.1).
fn frame<'a>(reader: &mut Reader<'a>) -> Option<(u8, u8, &'a [u8])> {
    let length = usize::try_from(reader.u24()?).ok()?;
    let (kind, flags) = (reader.u8()?, reader.u8()?);
    reader.u32()?;
    Some((kind, flags, reader.take(length)?))
}

/// The header block's part in a HEADERS frame, without padding and priority.
fn header_fragment(flags: u8, payload: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader::new(payload);
    let padding = if flags & PADDED != 0 { usize::from(reader.u8()?) } else { 0 };
    if flags & PRIORITY != 0 {
        reader.take(5)?;
    }
    let rest = reader.rest();
    rest.get(..rest.len().checked_sub(padding)?)
}

fn take(block: &[u8], look: &Look<'_>, context: &mut Context<'_>) {
    let mut fields = Fields::default();
    hpack::read(block, &mut fields);
    let authority = fields.authority.or(fields.host);
    if let Some(name) = authority.as_deref().and_then(authority_name) {
        context.facts.add_name(NameFact { name, origin: NameOrigin::Http2Authority, at: look.at });
    }
    if let Some(agent) = fields.user_agent.filter(|a| !a.is_empty()) {
        context.facts.user_agent = Some(user_agent(&agent));
    }
}

/// Fuzzing: a header block.
pub(super) fn fuzz_block(data: &[u8]) {
    hpack::read(data, &mut Fields::default());
}
