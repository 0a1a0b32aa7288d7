//! Protocols of lines: SSH, mail, FTP, SIP, RTSP, XMPP, Gnutella, syslog. They belong to nobody.

use super::fingerprint::{Answer, Front, any, contains, has, has_one};
use super::trace::Trace;

/// Longest banner that is looked at.
const BANNER: usize = 255;

/// The first line, once it is whole or as long as any banner.
fn line(bytes: &[u8]) -> Option<&[u8]> {
    match bytes.iter().position(|b| *b == b'\n') {
        Some(end) => bytes.get(..end),
        None => bytes.get(..BANNER),
    }
}

/// SSH's identification (RFC 4253 §4.2).
pub(super) fn ssh(front: &Front<'_>) -> Answer {
    has_one(front.bytes, &[b"SSH-2.0-", b"SSH-1.99-", b"SSH-1.5-"])
}

/// A server's greeting with this code, and one of these words in its first line.
fn greeting(bytes: &[u8], code: &[u8], words: &[&[u8]]) -> Answer {
    if !has(bytes, 0, code)? {
        return Some(false);
    }
    let line = line(bytes)?;
    Some(words.iter().any(|word| contains(line, word)))
}

/// SMTP (RFC 5321): a client's greeting, or a server's that names the protocol.
pub(super) fn smtp(front: &Front<'_>) -> Answer {
    let bytes = front.bytes;
    any([
        has_one(bytes, &[b"EHLO ", b"HELO ", b"ehlo ", b"helo "]),
        any([greeting(bytes, b"220 ", &[b"SMTP"]), greeting(bytes, b"220-", &[b"SMTP"])]),
    ])
}

/// FTP (RFC 959): a server's greeting that names the protocol or its servers.
pub(super) fn ftp(front: &Front<'_>) -> Answer {
    let words: &[&[u8]] = &[b"FTP"];
    any([greeting(front.bytes, b"220 ", words), greeting(front.bytes, b"220-", words)])
}

/// IMAP (RFC 9051): a server's greeting.
pub(super) fn imap(front: &Front<'_>) -> Answer {
    let words: &[&[u8]] = &[b"IMAP", b"CAPABILITY"];
    any([greeting(front.bytes, b"* OK ", words), greeting(front.bytes, b"* OK[", words)])
}

/// POP3 (RFC 1939): a server's greeting.
pub(super) fn pop3(front: &Front<'_>) -> Answer {
    greeting(front.bytes, b"+OK ", &[b"POP", b"Dovecot ready"])
}

/// IMAP's client: a tag and one of the commands that it begins with.
pub(super) fn imap_client(front: &Front<'_>) -> Answer {
    let bytes = front.bytes;
    let tag = bytes.iter().take(17).position(|b| !b.is_ascii_alphanumeric() && *b != b'.');
    let Some(tag) = tag else { return (bytes.len() > 16).then_some(false) };
    if tag == 0 {
        return Some(false);
    }
    let rest = bytes.get(tag..).unwrap_or_default();
    let rest = rest.get(..rest.len().min(16)).unwrap_or(rest).to_ascii_uppercase();
    has_one(&rest, &[b" CAPABILITY\r\n", b" STARTTLS\r\n"])
}

/// POP3's client where it asks what there is, or for TLS.
pub(super) fn pop3_client(front: &Front<'_>) -> Answer {
    has_one(front.bytes, &[b"CAPA\r\n", b"STLS\r\n", b"capa\r\n", b"stls\r\n"])
}

/// FTP's client where it asks for TLS before it logs in.
pub(super) fn ftp_client(front: &Front<'_>) -> Answer {
    has_one(front.bytes, &[b"AUTH TLS\r\n", b"AUTH SSL\r\n", b"AUTH TLS-C\r\n", b"FEAT\r\n"])
}

const SIP: [&[u8]; 8] = [
    b"INVITE sip:",
    b"REGISTER sip:",
    b"OPTIONS sip:",
    b"SUBSCRIBE sip:",
    b"NOTIFY sip:",
    b"MESSAGE sip:",
    b"PUBLISH sip:",
    b"SIP/2.0 ",
];

/// SIP over TCP (RFC 3261 §7).
pub(super) fn sip(front: &Front<'_>) -> Answer {
    has_one(front.bytes, &SIP)
}

/// SIP over UDP.
pub(super) fn sip_datagram(trace: &Trace<'_>) -> Answer {
    Some(has_one(trace.now, &SIP) == Some(true))
}

/// RTSP (RFC 7826 §20): a response, or a request whose target has its scheme.
pub(super) fn rtsp(front: &Front<'_>) -> Answer {
    has_one(
        front.bytes,
        &[b"RTSP/1.0 ", b"OPTIONS rtsp://", b"DESCRIBE rtsp://", b"SETUP rtsp://", b"ANNOUNCE rtsp://"],
    )
}

/// XMPP (RFC 6120 §4.7): the stream's opening.
pub(super) fn xmpp(front: &Front<'_>) -> Answer {
    let bytes = front.bytes;
    if has(bytes, 0, b"<stream:stream ")? {
        return Some(true);
    }
    if !has(bytes, 0, b"<?xml ")? {
        return Some(false);
    }
    let head = bytes.get(..BANNER).unwrap_or(bytes);
    if contains(head, b"<stream:stream ") {
        return Some(true);
    }
    (head.len() >= BANNER).then_some(false)
}

/// Gnutella 0.6: both sides open with their version.
pub(super) fn gnutella(front: &Front<'_>) -> Answer {
    has_one(front.bytes, &[b"GNUTELLA CONNECT/", b"GNUTELLA/0."])
}

/// Gnutella's datagrams (GND, GUESS pings): its own compression header.
pub(super) fn gnutella_datagram(trace: &Trace<'_>) -> Answer {
    Some(trace.now.starts_with(b"GND") && matches!(trace.now.get(3), Some(0..=3)) && trace.now.len() >= 8)
}

/// Syslog (RFC 5424, 3164): to its port, with a priority in range.
pub(super) fn syslog(trace: &Trace<'_>) -> Answer {
    let digits = trace.now.strip_prefix(b"<").unwrap_or_default();
    let end = digits.iter().take(4).position(|b| *b == b'>').unwrap_or(0);
    let priority =
        digits.get(..end).and_then(|d| std::str::from_utf8(d).ok()).and_then(|d| d.parse::<u8>().ok());
    Some(trace.port(&[514]) && priority.is_some_and(|priority| priority <= 191))
}
