//! Syslog: RFC 5424 messages (3164 where asked) as datagrams, as counted octets over TCP or TLS, or to this host's own.
//!
//! Syslog has no acknowledgement. Over TCP and TLS a batch is one connection: it is sent, our side is closed, and it counts
//! as delivered when the receiver, having read that end, closes its side (`confirm`; rsyslog and syslog-ng do). Without
//! it, and with datagrams, delivered means handed over: what a receiver then loses, nobody hears of.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;

use crate::deliver::format::{Document, Format, push_safe};
use crate::model::Timestamp;
use crate::store::Event;

use super::config::{SinkConfig, Transport};
use super::net::{self, Deadline, Reach};
use super::secret::SinkError;
use super::{Assurance, Attempt, Sink, Trouble};

/// Sends events to a syslog receiver.
pub(super) struct Syslog {
    way: Way,
    deadline: Duration,
    confirm: bool,
    style: Style,
}

enum Way {
    Udp(String),
    Tcp(String),
    Tls(String, Arc<ClientConfig>),
    Local(PathBuf),
}

/// How messages are written.
#[derive(Debug, Clone)]
struct Style {
    format: Format,
    facility: u8,
    old: bool,
    host: String,
    pid: u32,
}

impl Syslog {
    /// Makes ready; connects to nobody yet.
    pub(super) fn open(config: &SinkConfig) -> Result<Self, SinkError> {
        let address = || config.address.clone().ok_or(SinkError::Missing("address"));
        let way = match config.transport.unwrap_or(Transport::Local) {
            Transport::Udp => Way::Udp(address()?),
            Transport::Tcp => Way::Tcp(address()?),
            Transport::Tls => Way::Tls(address()?, net::tls_config(config.ca_file.as_deref())?),
            Transport::Local => Way::Local(config.path.clone().unwrap_or_else(|| "/dev/log".into())),
        };
        let style = Style {
            format: config.format(),
            facility: config.facility.unwrap_or(16),
            // A local socket is the old format's home; its readers take no other for granted.
            old: config.rfc.map_or(matches!(way, Way::Local(_)), |rfc| rfc == 3164),
            host: host_name(),
            pid: std::process::id(),
        };
        Ok(Self { way, deadline: config.deadline(), confirm: config.confirm.unwrap_or(true), style })
    }

    fn datagrams(&self, events: &[Event], send: impl Fn(&[u8]) -> io::Result<usize>) -> Attempt {
        for (done, event) in events.iter().enumerate() {
            match send(&self.style.message(event)) {
                Ok(_) => {}
                Err(error) if too_long(&error) => {
                    return Attempt::refused(done, "the message is longer than a datagram");
                }
                Err(error) => return Attempt::later(done, error.to_string()),
            }
        }
        Attempt::all(events.len())
    }

    fn udp(&self, address: &str, events: &[Event]) -> io::Result<Attempt> {
        let mut deadline = Deadline::after(self.deadline);
        let to = net::resolve(address, Reach::Private, &mut deadline)?;
        let Some(to) = to.first() else { return Err(ErrorKind::NotFound.into()) };
        let any = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(any)?;
        socket.connect(to)?;
        socket.set_write_timeout(Some(self.deadline))?;
        Ok(self.datagrams(events, |message| socket.send(message)))
    }

    fn local(&self, path: &PathBuf, events: &[Event]) -> io::Result<Attempt> {
        let socket = UnixDatagram::unbound()?;
        socket.connect(path)?;
        socket.set_write_timeout(Some(self.deadline))?;
        Ok(self.datagrams(events, |message| socket.send(message)))
    }

    /// All events over one connection: all are delivered, or none is known to be.
    fn stream(&self, address: &str, tls: Option<&Arc<ClientConfig>>, events: &[Event]) -> io::Result<()> {
        let mut bytes = Vec::new();
        for event in events {
            let message = self.style.message(event);
            bytes.extend_from_slice(format!("{} ", message.len()).as_bytes());
            bytes.extend_from_slice(&message);
        }
        let mut plain = net::connect(address, Deadline::after(self.deadline))?;
        match tls {
            None => {
                plain.write_all(&bytes)?;
                plain.stream.shutdown(Shutdown::Write)?;
                self.wait_for_end(&mut plain)
            }
            Some(config) => {
                let mut stream = net::secure(plain, address, config)?;
                stream.write_all(&bytes)?;
                stream.flush()?;
                stream.conn.send_close_notify();
                stream.conn.complete_io(&mut stream.sock)?;
                stream.sock.stream.shutdown(Shutdown::Write)?;
                self.wait_for_end(&mut stream.sock)
            }
        }
    }

    fn wait_for_end(&self, stream: &mut impl Read) -> io::Result<()> {
        if !self.confirm {
            return Ok(());
        }
        let mut waste = [0; 512];
        loop {
            match stream.read(&mut waste) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Sink for Syslog {
    fn assurance(&self) -> Assurance {
        match self.way {
            Way::Tcp(_) | Way::Tls(..) if self.confirm => Assurance::Confirmed,
            _ => Assurance::Sent,
        }
    }

    fn deliver(&mut self, events: &[Event], _: Timestamp) -> Attempt {
        let result = match &self.way {
            Way::Udp(address) => self.udp(address, events),
            Way::Local(path) => self.local(path, events),
            Way::Tcp(address) => self.stream(address, None, events).map(|()| Attempt::all(events.len())),
            Way::Tls(address, config) => {
                self.stream(address, Some(config), events).map(|()| Attempt::all(events.len()))
            }
        };
        result.unwrap_or_else(|error| Attempt {
            done: 0,
            stopped: Some(Trouble::Later { why: error.to_string(), after: None }),
        })
    }
}

impl Style {
    fn message(&self, event: &Event) -> Vec<u8> {
        let document = Document::read(&event.document);
        let severity = match event.severity.number() {
            5 => 2,
            4 => 3,
            3 => 4,
            2 => 5,
            _ => 6,
        };
        let priority = u16::from(self.facility) * 8 + severity;
        let mut head = if self.old {
            format!("<{priority}>{} {} whither[{}]: ", old_time(&document), self.host, self.pid)
        } else {
            let stamp = document.text("/@timestamp").parse::<jiff::Timestamp>();
            let stamp = stamp.map_or_else(|_| "-".to_owned(), |t| format!("{t:.6}"));
            format!(
                "<{priority}>1 {stamp} {} whither {} {} {} ",
                self.host,
                self.pid,
                word(&event.action, 32),
                structured(event, &document)
            )
        }
        .into_bytes();
        head.extend_from_slice(&self.format.render(&event.document));
        head
    }
}

/// Structured data (RFC 5424 §6.3) under the number that RFC 5612 keeps for examples: whither has none of its own.
fn structured(event: &Event, document: &Document) -> String {
    let mut out = "[whither@32473".to_owned();
    for (name, value) in [
        ("alert", event.alert.as_str()),
        ("sequence", &event.seq.to_string()),
        ("severity", event.severity.word()),
        ("rule", document.text("/rule/id")),
    ] {
        let mut harmless = String::new();
        push_safe(&mut harmless, value);
        out.extend([" ", name, "=\""]);
        for c in harmless.chars() {
            if matches!(c, '"' | '\\' | ']') {
                out.push('\\');
            }
            out.push(c);
        }
        out.push('"');
    }
    out.push(']');
    out
}

/// Printable ASCII without spaces, or `-`.
fn word(text: &str, longest: usize) -> String {
    let kept: String = text.chars().filter(char::is_ascii_graphic).take(longest).collect();
    if kept.is_empty() { "-".to_owned() } else { kept }
}

/// `Jan  2 03:04:05` (RFC 3164 §4.1.2), in UTC.
fn old_time(document: &Document) -> String {
    let time = document.text("/@timestamp").parse::<jiff::Timestamp>().unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let civil = jiff::tz::Offset::UTC.to_datetime(time);
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let month = usize::try_from(civil.month() - 1).ok().and_then(|m| months.get(m)).copied().unwrap_or("Jan");
    format!("{month} {:>2} {:02}:{:02}:{:02}", civil.day(), civil.hour(), civil.minute(), civil.second())
}

fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    word(&name, 255)
}

fn too_long(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::MSGSIZE.raw_os_error())
}

#[cfg(test)]
mod tests;
