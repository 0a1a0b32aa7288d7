//! Wrappings of a proxy around another protocol: SOCKS 4, 4a (de facto) and 5 (RFC 1928, RFC 1929), and the PROXY
//! protocol, versions 1 and 2 (HAProxy, "The PROXY protocol"). The name asked for is kept, and detection begins anew
//! behind the wrapping, of the server's side behind the proxy's answer. User names and passwords are stepped over and never kept.

#[cfg(test)]
mod tests;

use crate::model::{HostName, NameFact, NameOrigin};

use super::contract::{Claim, Context, Look, Signature, State, Step};
use super::reader::Reader;

/// The inspector of SOCKS.
pub(super) static STREAM: Signature = Signature { name: "socks", probe: probe_socks, feed: feed_socks };
/// The inspector of a SOCKS proxy's answers.
pub(super) static ANSWER: Signature =
    Signature { name: "socks, answer", probe: probe_answer, feed: feed_answer };
/// The inspector of the PROXY protocol.
pub(super) static PROXY: Signature = Signature { name: "proxy", probe: probe_proxy, feed: feed_proxy };

/// Longest user id of SOCKS 4, longest name of 4a.
const MAX_TEXT: usize = 255;
/// The longest line of version 1 (§2.1).
const MAX_PROXY_LINE: usize = 107;
const PROXY_1: &[u8] = b"PROXY ";
/// The mark of version 2 (§2.2).
const PROXY_2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// A request read to its end.
enum Request<'a> {
    /// So many bytes, and the name in it if it has one.
    Whole(usize, Option<&'a [u8]>),
    Partial,
    No,
}

fn probe_socks(look: &Look<'_>) -> Claim {
    match socks(look.bytes) {
        Request::Whole(..) => Claim::Certain,
        Request::Partial => Claim::Unsure,
        Request::No => Claim::No,
    }
}

fn feed_socks(look: &Look<'_>, _: &mut State, context: &mut Context<'_>) -> Step {
    let Request::Whole(length, name) = socks(look.bytes) else { return Step::No };
    context.facts.protocol = Some("socks");
    if let Some(name) = name.and_then(HostName::from_wire) {
        context.facts.add_name(NameFact { name, origin: NameOrigin::Socks, at: look.at });
    }
    Step::Inner(length)
}

fn socks(bytes: &[u8]) -> Request<'_> {
    let mut reader = Reader::new(bytes);
    let sound = match bytes.first() {
        Some(4) => socks4(&mut reader),
        Some(5) => socks5(&mut reader),
        _ => return Request::No,
    };
    match sound {
        Some(Ok(name)) => Request::Whole(bytes.len() - reader.rest().len(), name),
        Some(Err(())) => Request::No,
        None => Request::Partial,
    }
}

/// Version, command, port, address, user id; 4a: a name behind an address `0.0.0.x`. `None`: it is not whole.
fn socks4<'a>(reader: &mut Reader<'a>) -> Option<Result<Option<&'a [u8]>, ()>> {
    reader.u8()?;
    if !matches!(reader.u8()?, 1 | 2) {
        return Some(Err(()));
    }
    let port = reader.u16()?;
    let address = reader.u32()?;
    if port == 0 || address == 0 {
        return Some(Err(()));
    }
    let user = match terminated(reader)? {
        Ok(user) if user.iter().all(u8::is_ascii_graphic) => user,
        _ => return Some(Err(())),
    };
    let _ = user;
    if address > 255 {
        return Some(Ok(None));
    }
    Some(match terminated(reader)? {
        Ok(name) if !name.is_empty() && name.iter().all(u8::is_ascii_graphic) => Ok(Some(name)),
        _ => Err(()),
    })
}

/// Bytes up to a zero, which is taken too.
fn terminated<'a>(reader: &mut Reader<'a>) -> Option<Result<&'a [u8], ()>> {
    match reader.rest().iter().take(MAX_TEXT + 1).position(|b| *b == 0) {
        Some(length) => {
            let text = reader.take(length)?;
            reader.u8()?;
            Some(Ok(text))
        }
        None if reader.rest().len() > MAX_TEXT => Some(Err(())),
        None => None,
    }
}

/// Greeting, user name and password if they come, and the request.
fn socks5<'a>(reader: &mut Reader<'a>) -> Option<Result<Option<&'a [u8]>, ()>> {
    reader.u8()?;
    let methods = reader.vec8()?;
    // Methods: none, GSSAPI, password, the IANA registry's others, private ones.
    if methods.is_empty() || methods.iter().any(|m| (10..0x80).contains(m) || *m == 0xff) {
        return Some(Err(()));
    }
    if reader.rest().first() == Some(&1) {
        reader.u8()?;
        reader.vec8()?;
        reader.vec8()?;
    }
    if reader.u8()? != 5 || !matches!(reader.u8()?, 1..=3) || reader.u8()? != 0 {
        return Some(Err(()));
    }
    let name = match reader.u8()? {
        1 => {
            reader.take(4)?;
            None
        }
        3 => {
            let name = reader.vec8()?;
            // A client may write an address as if it were a name.
            if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
                return Some(Err(()));
            }
            Some(name)
        }
        4 => {
            reader.take(16)?;
            None
        }
        _ => return Some(Err(())),
    };
    reader.u16()?;
    Some(Ok(name))
}

fn probe_answer(look: &Look<'_>) -> Claim {
    match answer(look.bytes) {
        _ if look.forward => Claim::No,
        Request::Whole(..) => Claim::Certain,
        Request::Partial => Claim::Unsure,
        Request::No => Claim::No,
    }
}

/// Takes a proxy's yes off; what the inner server says begins behind it.
fn feed_answer(look: &Look<'_>, _: &mut State, context: &mut Context<'_>) -> Step {
    match answer(look.bytes) {
        // By its bytes alone it could be another protocol's: the request must have been read.
        Request::Whole(length, _) if context.facts.protocol == Some("socks") => Step::Inner(length),
        _ => Step::No,
    }
}

/// All that a proxy says before the inner server speaks: of version 4 its reply, of 5 the method, the outcome of a login if
/// there is one, and the reply. A refusal is none: nothing comes behind it.
fn answer(bytes: &[u8]) -> Request<'_> {
    let mut reader = Reader::new(bytes);
    let granted = match bytes.first() {
        Some(0) => answer4(&mut reader),
        Some(5) => answer5(&mut reader),
        _ => return Request::No,
    };
    match granted {
        Some(true) => Request::Whole(bytes.len() - reader.rest().len(), None),
        Some(false) => Request::No,
        None => Request::Partial,
    }
}

/// Zero, code 90 for granted, and six bytes.
fn answer4(reader: &mut Reader<'_>) -> Option<bool> {
    reader.u8()?;
    if reader.u8()? != 90 {
        return Some(false);
    }
    reader.take(6)?;
    Some(true)
}

/// The method (RFC 1928 §3), the outcome of a login (RFC 1929 §2), the reply (RFC 1928 §6).
fn answer5(reader: &mut Reader<'_>) -> Option<bool> {
    reader.u8()?;
    reader.u8()?;
    if reader.rest().first() == Some(&1) {
        reader.u8()?;
        if reader.u8()? != 0 {
            return Some(false);
        }
    }
    if reader.u8()? != 5 || reader.u8()? != 0 || reader.u8()? != 0 {
        return Some(false);
    }
    match reader.u8()? {
        1 => reader.take(4)?,
        3 => reader.vec8()?,
        4 => reader.take(16)?,
        _ => return Some(false),
    };
    reader.u16()?;
    Some(true)
}

fn probe_proxy(look: &Look<'_>) -> Claim {
    match proxy(look.bytes) {
        Request::Whole(..) => Claim::Certain,
        Request::Partial => Claim::Unsure,
        Request::No => Claim::No,
    }
}

fn feed_proxy(look: &Look<'_>, _: &mut State, _: &mut Context<'_>) -> Step {
    match proxy(look.bytes) {
        Request::Whole(length, _) => Step::Inner(length),
        _ => Step::No,
    }
}

fn proxy(bytes: &[u8]) -> Request<'_> {
    if bytes.is_empty() || PROXY_1.starts_with(bytes) || PROXY_2.starts_with(bytes) {
        return Request::Partial;
    }
    if bytes.starts_with(PROXY_1) {
        let line = bytes.get(..MAX_PROXY_LINE).unwrap_or(bytes);
        let known = [&b"PROXY TCP4 "[..], b"PROXY TCP6 ", b"PROXY UNKNOWN"];
        if !known.iter().any(|k| line.starts_with(k) || k.starts_with(line)) {
            return Request::No;
        }
        return match line.windows(2).position(|w| w == b"\r\n") {
            Some(end) => Request::Whole(end + 2, None),
            None if bytes.len() < MAX_PROXY_LINE => Request::Partial,
            None => Request::No,
        };
    }
    let Some(rest) = bytes.strip_prefix(PROXY_2) else { return Request::No };
    let [command, family, high, low, body @ ..] = rest else { return Request::Partial };
    if command >> 4 != 2 || family >> 4 > 3 {
        return Request::No;
    }
    let length = usize::from(u16::from_be_bytes([*high, *low]));
    if body.len() < length { Request::Partial } else { Request::Whole(PROXY_2.len() + 4 + length, None) }
}
