//! HTTP/1 request heads (RFC 9112): the authority that the client asks for.

use super::contract::{Claim, Context, Look, Signature, State, Step};
use super::reader::printable;
use crate::model::{Facts, HostName, NameFact, NameOrigin, Timestamp};

/// Headers in one head; more than any client sends.
const MAX_HEADERS: usize = 96;
/// A head longer than this is given up; servers refuse them too.
const MAX_HEAD: usize = 16 << 10;
/// Bytes of a User-Agent kept.
const MAX_USER_AGENT: usize = 256;

/// Methods with their space, by which a request is known (RFC 9110 §9, WebDAV, UPnP).
const METHODS: [&[u8]; 17] = [
    b"GET ",
    b"POST ",
    b"HEAD ",
    b"PUT ",
    b"DELETE ",
    b"CONNECT ",
    b"OPTIONS ",
    b"PATCH ",
    b"TRACE ",
    b"PROPFIND ",
    b"PROPPATCH ",
    b"MKCOL ",
    b"REPORT ",
    b"SUBSCRIBE ",
    b"UNSUBSCRIBE ",
    b"NOTIFY ",
    b"M-SEARCH ",
];

/// The inspector of HTTP over TCP, on any port.
pub(super) static STREAM: Signature = Signature { name: "http", probe, feed };
/// UPnP's discovery speaks HTTP in datagrams (SSDP).
pub(super) static DATAGRAMS: Signature = Signature { name: "ssdp", probe, feed: feed_datagram };

fn probe(look: &Look<'_>) -> Claim {
    let bytes = look.bytes;
    if bytes.starts_with(b"HTTP/1.") || METHODS.iter().any(|m| bytes.starts_with(m)) {
        Claim::Certain
    } else if METHODS.iter().any(|m| m.starts_with(bytes)) || b"HTTP/1.".starts_with(bytes) {
        Claim::Unsure
    } else {
        Claim::No
    }
}

fn feed(look: &Look<'_>, _: &mut State, context: &mut Context<'_>) -> Step {
    match read_request(look.bytes, look.at, context.facts) {
        Request::Read => Step::Settled,
        Request::NeedMore => Step::More,
        Request::Response => {
            context.facts.protocol = context.facts.protocol.or(Some("http"));
            let asked = context.facts.names.iter().any(|n| n.origin == NameOrigin::HttpConnect);
            if asked && !look.forward { open_tunnel(look.bytes) } else { Step::No }
        }
        Request::No => Step::No,
        Request::Tunnel(head) => Step::Inner(head),
    }
}

fn feed_datagram(look: &Look<'_>, _: &mut State, context: &mut Context<'_>) -> Step {
    if read_request(look.bytes, look.at, context.facts) == Request::Read {
        context.facts.protocol = Some("ssdp");
        return Step::Settled;
    }
    Step::No
}

/// What the beginning of a stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Request {
    /// No HTTP/1 request.
    No,
    /// A server's response.
    Response,
    /// A request whose head is not whole.
    NeedMore,
    /// A request; facts were taken from it.
    Read,
    /// A CONNECT: what follows the head, from this byte on, is another stream.
    Tunnel(usize),
}

/// Reads a request head at the beginning of a stream.
pub(super) fn read_request(stream: &[u8], at: Timestamp, facts: &mut Facts) -> Request {
    if stream.starts_with(b"HTTP/1.") {
        return Request::Response;
    }
    if !METHODS.iter().any(|m| stream.starts_with(m)) {
        let may_become = METHODS.iter().any(|m| m.starts_with(stream)) || b"HTTP/1.".starts_with(stream);
        return if may_become { Request::NeedMore } else { Request::No };
    }
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(stream) {
        Ok(httparse::Status::Complete(length)) => {
            let host = request.headers.iter().find(|h| h.name.eq_ignore_ascii_case("host")).map(|h| h.value);
            let agent =
                request.headers.iter().find(|h| h.name.eq_ignore_ascii_case("user-agent")).map(|h| h.value);
            let connect = request.method == Some("CONNECT");
            take(request.path.unwrap_or_default().as_bytes(), host, agent, connect, at, facts);
            if connect { Request::Tunnel(length) } else { Request::Read }
        }
        Ok(httparse::Status::Partial) if stream.len() < MAX_HEAD => Request::NeedMore,
        // Not quite HTTP, or too long: the lines still say whom it is for.
        _ => read_loosely(stream, at, facts),
    }
}

/// A proxy's answer to CONNECT: behind a head that says yes, the inner server speaks (RFC 9110 §9.3.6).
fn open_tunnel(stream: &[u8]) -> Step {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut headers);
    match response.parse(stream) {
        Ok(httparse::Status::Complete(length)) if matches!(response.code, Some(200..=299)) => {
            Step::Inner(length)
        }
        Ok(httparse::Status::Partial) if stream.len() < MAX_HEAD => Step::More,
        _ => Step::No,
    }
}

/// Takes request target and Host out of a head that a strict parser refuses.
fn read_loosely(stream: &[u8], at: Timestamp, facts: &mut Facts) -> Request {
    let mut lines = stream.split(|b| *b == b'\n').map(<[u8]>::trim_ascii_end);
    let target = lines.next().and_then(|line| line.split(|b| *b == b' ').nth(1)).unwrap_or_default();
    let header = |line: &[u8], name: &[u8]| -> Option<Vec<u8>> {
        let (head, value) = line.split_at_checked(name.len())?;
        head.eq_ignore_ascii_case(name).then(|| value.trim_ascii().to_vec())
    };
    let head: Vec<&[u8]> = lines.take_while(|line| !line.is_empty()).take(MAX_HEADERS).collect();
    let host = head.iter().find_map(|line| header(line, b"host:"));
    let agent = head.iter().find_map(|line| header(line, b"user-agent:"));
    take(target, host.as_deref(), agent.as_deref(), false, at, facts);
    Request::Read
}

fn take(
    target: &[u8],
    host: Option<&[u8]>,
    agent: Option<&[u8]>,
    connect: bool,
    at: Timestamp,
    facts: &mut Facts,
) {
    facts.protocol = Some("http");
    let mut add = |authority: &[u8], origin| {
        if let Some(name) = authority_name(authority) {
            facts.add_name(NameFact { name, origin, at });
        }
    };
    if connect {
        add(target, NameOrigin::HttpConnect);
    } else if let Some(authority) = absolute_form(target) {
        add(authority, NameOrigin::HttpTarget);
    }
    if let Some(host) = host.filter(|_| !connect) {
        add(host, NameOrigin::HttpHost);
    }
    if let Some(agent) = agent.filter(|a| !a.is_empty()) {
        facts.user_agent = Some(user_agent(agent));
    }
}

/// A User-Agent safe to print, cut.
pub(super) fn user_agent(agent: &[u8]) -> std::sync::Arc<str> {
    printable(agent.get(..MAX_USER_AGENT).unwrap_or(agent))
}

/// The authority of an absolute-form target (RFC 9112 §3.2.2).
fn absolute_form(target: &[u8]) -> Option<&[u8]> {
    let scheme = target.windows(3).take(12).position(|w| w == b"://")?;
    let rest = target.get(scheme + 3..)?;
    let end = rest.iter().position(|b| matches!(b, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let authority = rest.get(..end)?;
    // Userinfo is not part of the name (RFC 3986 §3.2.1).
    authority.rsplit(|b| *b == b'@').next()
}

/// The host in `host[:port]`. An address is kept too, as evidence of what was asked for; it is no valid host name, so it
/// is never matched against the catalogue.
pub(super) fn authority_name(authority: &[u8]) -> Option<HostName> {
    let authority = authority.trim_ascii();
    if let [b'[', rest @ ..] = authority {
        return HostName::from_wire(rest.split(|b| *b == b']').next()?);
    }
    let host = match authority.iter().rposition(|b| *b == b':') {
        Some(colon) if authority.get(colon + 1..)?.iter().all(u8::is_ascii_digit) => {
            authority.get(..colon)?
        }
        _ => authority,
    };
    HostName::from_wire(host)
}
