//! Protocols that turn to TLS on a connection of their own (STARTTLS and its like): where TLS begins behind them.
//!
//! SMTP (RFC 3207), IMAP and POP3 (RFC 2595), FTP (RFC 4217), XMPP (RFC 6120 §5), LDAP (RFC 4511 §4.14), PostgreSQL and MySQL
//! (their protocol documentation), RDP (MS-RDPBCGR 5.4.5). Each direction is read by itself: the client's hello counts only
//! behind a command that asks for it, the server's where a record of TLS begins. Nothing of what stands before is kept, and
//! a client that logs in or sends mail in clear is let go at once.
//!
//! Leaves alone how these protocols are known (`text`, `binary`). Limits: a beginning of 4 KiB; no TLS inside the messages of another protocol (SQL Server).

use super::binary::POSTGRESQL_TLS;
use super::fingerprint::be16;

/// What a client says before it asks, or a server offers, is shorter.
const MAX_TEXT: usize = 4096;
/// Octets of MySQL's request for TLS: header, abilities, longest packet, character set, 23 zeroes.
const MYSQL: usize = 36;

/// How a direction goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// TLS begins behind so many bytes.
    To(usize),
    /// It may yet come.
    Later,
    /// It does not come.
    Never,
}

/// What becomes of a direction that begins with this protocol.
pub(super) fn turn(protocol: &str, bytes: &[u8]) -> Turn {
    match protocol {
        "smtp" | "imap" | "pop3" | "ftp" | "xmpp" => text(bytes),
        "postgresql" => behind(bytes, Some(if bytes.starts_with(b"S") { 1 } else { POSTGRESQL_TLS.len() })),
        "rdp" => behind(bytes, be16(bytes, 2).map(usize::from)),
        "ldap" => behind(bytes, bytes.get(1).map(|length| usize::from(*length) + 2)),
        "mysql" => behind(bytes, mysql_length(bytes)),
        _ => Turn::Never,
    }
}

/// TLS right behind one message.
fn behind(bytes: &[u8], length: Option<usize>) -> Turn {
    let Some(length) = length else { return Turn::Later };
    match bytes.get(length..).map_or(Some(0), record) {
        Some(0) => Turn::Later,
        Some(_) => Turn::To(length),
        None => Turn::Never,
    }
}

/// The type of the handshake message in the record of TLS that these bytes begin with: 1 or 2; 0 while it is not there yet.
fn record(bytes: &[u8]) -> Option<u8> {
    match *bytes {
        [] | [22] | [22, 3] => Some(0),
        [22, 3, minor, ref rest @ ..] if minor <= 4 => match *rest {
            [_, _, kind @ (1 | 2), ..] => Some(kind),
            [_, _, _, ..] => None,
            _ => Some(0),
        },
        _ => None,
    }
}

/// Lines (of XMPP: elements), and TLS behind one of them.
fn text(bytes: &[u8]) -> Turn {
    let text = bytes.iter().position(|b| b.is_ascii_control() && !b"\r\n\t".contains(b));
    let Some(end) = text else {
        return if bytes.len() > MAX_TEXT || goes_on_in_clear(bytes) { Turn::Never } else { Turn::Later };
    };
    let (before, rest) = bytes.split_at(end);
    if !before.ends_with(b"\n") && !before.ends_with(b">") {
        return Turn::Never;
    }
    match record(rest) {
        Some(1) if asks(before) => Turn::To(end),
        Some(2) => Turn::To(end),
        Some(0) => Turn::Later,
        _ => Turn::Never,
    }
}

/// Whether the last line, or element, asks for TLS.
fn asks(before: &[u8]) -> bool {
    let line = before.trim_ascii_end();
    let line = line.iter().rposition(|b| *b == b'\n').and_then(|at| line.get(at + 1..)).unwrap_or(line);
    let upper = line.to_ascii_uppercase();
    let is = |word: &[u8]| upper.windows(word.len()).any(|part| part == word);
    upper.starts_with(b"STLS")
        || upper.starts_with(b"AUTH TLS")
        || upper.starts_with(b"AUTH SSL")
        || is(b"STARTTLS")
}

/// Whether a line shows that the client logs in, or sends mail, without TLS; or that the server lets it.
fn goes_on_in_clear(bytes: &[u8]) -> bool {
    let commands: &[&[u8]] = &[
        b"MAIL FROM",
        b"RCPT ",
        b"DATA\r",
        b"AUTH PLAIN",
        b"AUTH LOGIN",
        b"AUTH CRAM",
        b"USER ",
        b"PASS ",
        b"APOP ",
        b"<AUTH ",
        b"<IQ ",
        b"331 ",
        b"230 ",
        b"235 ",
        b"354 ",
    ];
    bytes.split(|b| *b == b'\n').any(|line| {
        let head = line.get(..line.len().min(64)).unwrap_or(line).to_ascii_uppercase();
        // A tag stands before IMAP's commands.
        let tagged =
            head.split(|b| *b == b' ').nth(1).is_some_and(|w| matches!(w, b"LOGIN" | b"AUTHENTICATE"));
        tagged || commands.iter().any(|command| head.starts_with(command))
    })
}

fn mysql_length(bytes: &[u8]) -> Option<usize> {
    bytes.first().map(|length| if *length == 32 { MYSQL } else { usize::from(*length) + 4 })
}

#[cfg(test)]
mod tests {
    use crate::inspect::Progress;
    use crate::inspect::tests::{Flow, client_hello, records, server_hello};

    fn hello() -> Vec<u8> {
        records(&client_hello("inner.example", 0), &[])
    }

    fn answer() -> Vec<u8> {
        records(&server_hello(false), &[])
    }

    /// Who speaks (the client?), and what.
    type Said<'a> = (bool, &'a [u8]);

    /// Server and client by turns, the server first; gives the flow when both are done.
    fn talk(turns: &[Said<'_>]) -> Flow {
        let mut flow = Flow::tcp();
        let mut next = [1_u32, 1];
        flow.put(true, Some(1), b"");
        flow.put(false, Some(1), b"");
        for (client, bytes) in turns {
            let seq = &mut next[usize::from(*client)];
            flow.put(*client, Some(*seq), bytes);
            *seq += u32::try_from(bytes.len()).unwrap();
        }
        flow
    }

    fn names(flow: &Flow) -> Vec<String> {
        flow.names().into_iter().map(|(name, _)| name.to_owned()).collect()
    }

    #[test]
    fn the_hello_behind_each_protocols_request_is_read_and_the_servers_too() {
        let xmpp = b"<?xml version='1.0'?><stream:stream to='a.example'>";
        let mut greeting = vec![74, 0, 0, 0, 10];
        greeting.extend(b"8.0.36\0");
        greeting.resize(78, 1);
        let mut request = vec![32, 0, 0, 1, 0x85, 0xae, 0xff, 0x19, 0, 0, 0, 1, 45];
        request.resize(36, 0);
        let ldap =
            [&b"\x30\x1d\x02\x01\x01\x77\x18\x80\x16"[..], crate::inspect::app::binary::LDAP_START_TLS]
                .concat();
        let cases: &[(&str, &[Said<'_>])] = &[
            (
                "smtp",
                &[
                    (false, b"220 mx.example ESMTP\r\n"),
                    (true, b"EHLO me\r\n"),
                    (false, b"250-mx.example\r\n250 STARTTLS\r\n"),
                    (true, b"starttls\r\n"),
                    (false, b"220 go\r\n"),
                ],
            ),
            (
                "imap",
                &[
                    (false, b"* OK IMAP4rev1 ready\r\n"),
                    (true, b"a1 CAPABILITY\r\n"),
                    (false, b"* CAPABILITY IMAP4rev1 STARTTLS\r\na1 OK\r\n"),
                    (true, b"a2 STARTTLS\r\n"),
                    (false, b"a2 OK begin\r\n"),
                ],
            ),
            ("pop3", &[(false, b"+OK POP3 ready\r\n"), (true, b"STLS\r\n"), (false, b"+OK begin\r\n")]),
            ("ftp", &[(false, b"220 an FTP server\r\n"), (true, b"AUTH TLS\r\n"), (false, b"234 go\r\n")]),
            (
                "xmpp",
                &[
                    (true, xmpp),
                    (false, xmpp),
                    (true, b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
                    (false, b"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"),
                ],
            ),
            ("postgresql", &[(true, super::POSTGRESQL_TLS), (false, b"S")]),
            ("mysql", &[(false, &greeting), (true, &request)]),
            ("ldap", &[(true, &ldap), (false, b"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\0\x04\0\x04\0")]),
            (
                "rdp",
                &[
                    (true, b"\x03\0\0\x13\x0e\xe0\0\0\0\0\0\x01\0\x08\0\x0b\0\0\0"),
                    (false, b"\x03\0\0\x13\x0e\xd0\0\0\0\0\0\x02\0\x08\0\x01\0\0\0"),
                ],
            ),
        ];
        for (protocol, turns) in cases {
            let before = talk(turns);
            assert!(names(&before).is_empty(), "{protocol}");
            assert!(before.state.is_some(), "{protocol}: still looked at");
            let (hello, answer) = (hello(), answer());
            let turns: Vec<Said<'_>> =
                turns.iter().copied().chain([(true, &hello[..]), (false, &answer[..])]).collect();
            let flow = talk(&turns);
            assert_eq!(names(&flow), ["inner.example"], "{protocol}");
            assert!(flow.facts.tls_selected.is_some(), "{protocol}: the server's side");
        }
    }

    #[test]
    fn cut_anywhere_it_is_the_same() {
        let client = [&b"EHLO me\r\nSTARTTLS\r\n"[..], &hello()].concat();
        for cut in 1..client.len() {
            let (first, second) = client.split_at(cut);
            let flow = talk(&[(false, b"220 mx ESMTP\r\n"), (true, first), (true, second)]);
            assert_eq!(names(&flow), ["inner.example"], "cut at {cut}");
        }
    }

    #[test]
    fn a_hello_that_nobody_asked_for_is_a_text_of_the_mail() {
        let mail = [&b"EHLO me\r\nMAIL FROM:<a@a.example>\r\nDATA\r\n\r\n"[..], &hello()].concat();
        assert!(names(&talk(&[(false, b"220 mx ESMTP\r\n"), (true, &mail)])).is_empty());
        let unasked = [&b"EHLO me\r\nNOOP\r\n"[..], &hello()].concat();
        assert!(names(&talk(&[(false, b"220 mx ESMTP\r\n"), (true, &unasked)])).is_empty());
    }

    #[test]
    fn who_goes_on_in_clear_is_let_go() {
        let in_clear: &[&[Said<'_>]] = &[
            &[(false, b"220 mx ESMTP\r\n"), (true, b"EHLO me\r\n"), (true, b"MAIL FROM:<a@a.example>\r\n")],
            &[
                (false, b"* OK IMAP4 ready\r\n"),
                (true, b"a1 CAPABILITY\r\n"),
                (true, b"a2 LOGIN me secret\r\n"),
            ],
            &[(false, b"220 FTP\r\n"), (true, b"FEAT\r\n"), (false, b"331 password\r\n")],
        ];
        for turns in in_clear {
            assert!(talk(turns).state.is_none(), "{turns:?}");
        }
        let mut flow = Flow::tcp();
        flow.put(false, Some(1), b"220 mx ESMTP\r\n");
        let endless = [b'x'; 1000];
        let ends =
            (0..6).map(|i| flow.put(false, Some(15 + 1000 * i), &endless)).any(|p| p == Progress::Settled);
        assert!(ends, "its room is bounded");
    }
}
