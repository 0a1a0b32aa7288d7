//! The systemd journal, by its native protocol: one datagram of fields.
//!
//! Every value is written with its length, so that no text can begin a field of its own. See systemd's
//! `docs/JOURNAL_NATIVE_PROTOCOL.md`.

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;

use crate::deliver::format::{Document, Format};
use crate::model::Timestamp;
use crate::store::Event;

use super::config::SinkConfig;
use super::{Assurance, Attempt, Sink};

/// Larger documents are left out (the alert's line stays): beyond it the kernel refuses datagrams.
const MAX_DOCUMENT: usize = 96 << 10;

/// Writes to the journal.
pub(super) struct Journal {
    path: PathBuf,
    format: Format,
}

impl Journal {
    /// Makes ready; the journal may start later.
    pub(super) fn open(config: &SinkConfig) -> Self {
        let path = config.path.clone().unwrap_or_else(|| "/run/systemd/journal/socket".into());
        Self { path, format: config.format() }
    }
}

impl Sink for Journal {
    fn assurance(&self) -> Assurance {
        Assurance::Sent
    }

    fn deliver(&mut self, events: &[Event], _: Timestamp) -> Attempt {
        let socket = UnixDatagram::unbound()
            .and_then(|socket| socket.set_write_timeout(Some(Duration::from_secs(5))).map(|()| socket))
            .and_then(|socket| socket.connect(&self.path).map(|()| socket));
        let socket = match socket {
            Ok(socket) => socket,
            Err(error) => return Attempt::later(0, error.to_string()),
        };
        for (done, event) in events.iter().enumerate() {
            if let Err(error) = socket.send(&fields(event, self.format)) {
                return Attempt::later(done, error.to_string());
            }
        }
        Attempt::all(events.len())
    }
}

fn fields(event: &Event, format: Format) -> Vec<u8> {
    let document = Document::read(&event.document);
    let priority = match event.severity.number() {
        5 => "2",
        4 => "3",
        3 => "4",
        2 => "5",
        _ => "6",
    };
    let mut out = Vec::new();
    let mut add = |name: &str, value: &[u8]| {
        out.extend_from_slice(name.as_bytes());
        out.push(b'\n');
        out.extend_from_slice(&u64::try_from(value.len()).unwrap_or(u64::MAX).to_le_bytes());
        out.extend_from_slice(value);
        out.push(b'\n');
    };
    let message = format.render(&event.document);
    let long = message.len() > MAX_DOCUMENT;
    add("MESSAGE", if long { b"an alert with a long document" } else { &message });
    add("PRIORITY", priority.as_bytes());
    add("SYSLOG_IDENTIFIER", b"whither");
    add("WHITHER_ALERT", event.alert.as_bytes());
    add("WHITHER_SEQUENCE", event.seq.to_string().as_bytes());
    add("WHITHER_ACTION", event.action.as_bytes());
    add("WHITHER_SEVERITY", event.severity.word().as_bytes());
    add("WHITHER_RULE", document.text("/rule/id").as_bytes());
    if event.document.len() <= MAX_DOCUMENT && !format.is_json() {
        add("WHITHER_DOCUMENT", event.document.trim_ascii_end());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Severity, Timestamp};

    #[test]
    fn the_journal_gets_counted_fields_that_no_text_can_forge() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let server = UnixDatagram::bind(&path).unwrap();
        let event = Event {
            seq: 7,
            alert: "aa11".into(),
            action: "alert-opened".into(),
            severity: Severity::High,
            at: Timestamp::EPOCH,
            document: br#"{"message":"x\nPRIORITY=0\ny","rule":{"id":"r\n_UID=0"},"event":{"id":"aa11"}}"#
                .to_vec(),
        };
        let mut sink = Journal { path, format: Format::Text };
        assert_eq!(sink.deliver(&[event], Timestamp::EPOCH), Attempt::all(1));
        let mut bytes = vec![0; 1 << 16];
        let got = server.recv(&mut bytes).unwrap();
        let (mut rest, mut names) = (&bytes[..got], Vec::new());
        while !rest.is_empty() {
            let end = rest.iter().position(|b| *b == b'\n').unwrap();
            names.push(String::from_utf8(rest[..end].to_vec()).unwrap());
            let length =
                usize::try_from(u64::from_le_bytes(rest[end + 1..end + 9].try_into().unwrap())).unwrap();
            rest = &rest[end + 9 + length + 1..];
        }
        assert_eq!(names[..3], ["MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER"]);
        assert!(!names.iter().any(|n| n.contains("UID")), "{names:?}");
    }

    #[test]
    fn a_journal_that_is_not_there_is_tried_again() {
        let mut sink = Journal { path: "/nowhere/socket".into(), format: Format::Text };
        let event = Event {
            seq: 1,
            alert: String::new(),
            action: String::new(),
            severity: Severity::Info,
            at: Timestamp::EPOCH,
            document: Vec::new(),
        };
        let attempt = sink.deliver(&[event], Timestamp::EPOCH);
        assert!(attempt.done == 0 && attempt.stopped.is_some());
    }
}
