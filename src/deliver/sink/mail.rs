//! Mail (RFC 5321): one message for each event, or for each digest.
//!
//! The conversation is short and strict, over the same connection with one deadline that the other sinks use; a library
//! for it would bring three dozen crates (address parsing, internationalised names) for six commands. A 4xx answer is tried
//! again, a 5xx one is a refusal, and so it is counted.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::fmt::rfc2822::DateTimePrinter;
use rustls::ClientConfig;

use crate::deliver::format::{Document, Format, safe};
use crate::model::Timestamp;
use crate::store::Event;

use super::config::{MailSecurity, SinkConfig};
use super::net::{self, Deadline, Timed, Tls};
use super::secret::{Secret, SinkError};
use super::{Attempt, Sink, Trouble};

/// A server that says more in one answer is none.
const MAX_ANSWER: u64 = 64 << 10;
/// Octets of a text line before it is encoded; 76 characters after it (RFC 2045 §6.8).
const LINE: usize = 57;

/// Sends mail.
pub(super) struct Mail {
    address: String,
    security: MailSecurity,
    tls: Arc<ClientConfig>,
    from: String,
    to: Vec<String>,
    login: Option<(String, Secret)>,
    format: Format,
    deadline: Duration,
}

/// Why a message did not go.
enum Failure {
    Later(String),
    Refused(String),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Later(error.to_string())
    }
}

impl Mail {
    /// Reads its password; connects to nobody yet.
    pub(super) fn open(config: &SinkConfig) -> Result<Self, SinkError> {
        let login = match (&config.username, &config.password_file) {
            (Some(user), Some(path)) => Some((user.clone(), Secret::read(path)?)),
            _ => None,
        };
        Ok(Self {
            address: config.address.clone().ok_or(SinkError::Missing("address"))?,
            security: config.security.unwrap_or(MailSecurity::Tls),
            tls: net::tls_config(config.ca_file.as_deref())?,
            from: config.from.clone().ok_or(SinkError::Missing("from"))?,
            to: config.to.clone().unwrap_or_default(),
            login,
            format: config.format(),
            deadline: config.deadline(),
        })
    }

    fn send(&self, event: &Event) -> Result<(), Failure> {
        let plain = net::connect(&self.address, Deadline::after(self.deadline))?;
        let mut talk = match self.security {
            MailSecurity::Tls => Talk::new(Way::Tls(Box::new(net::secure(plain, &self.address, &self.tls)?))),
            MailSecurity::Starttls | MailSecurity::None => Talk::new(Way::Plain(plain)),
        };
        talk.expect(220)?;
        talk.say("EHLO whither.invalid", 250)?;
        if self.security == MailSecurity::Starttls {
            talk.say("STARTTLS", 220)?;
            talk = talk.secured(&self.address, &self.tls)?;
            talk.say("EHLO whither.invalid", 250)?;
        }
        if let Some((user, password)) = &self.login {
            let word = STANDARD.encode(format!("\0{user}\0{}", password.reveal()));
            talk.say(&format!("AUTH PLAIN {word}"), 235)?;
        }
        talk.say(&format!("MAIL FROM:<{}>", self.from), 250)?;
        for to in &self.to {
            talk.say(&format!("RCPT TO:<{to}>"), 250)?;
        }
        talk.say("DATA", 354)?;
        talk.write(&self.message(event))?;
        talk.say(".", 250)?;
        // Taken; whether the farewell is heard does not matter.
        let _heard = talk.say("QUIT", 221);
        Ok(())
    }

    /// Headers and body. Everything that came from outside is base64, so that no line of it can be a header or a dot.
    fn message(&self, event: &Event) -> Vec<u8> {
        let document = Document::read(&event.document);
        let subject = format!(
            "[whither] {} {}: {}",
            event.severity.word(),
            safe(document.text("/rule/name")),
            safe(document.text("/message"))
        );
        let subject: String = subject.chars().take(200).collect();
        let mut out = String::new();
        let mut header = |name: &str, value: &str| {
            out.extend([name, ": ", value, "\r\n"]);
        };
        header("From", &self.from);
        header("To", &self.to.join(",\r\n "));
        header("Subject", &encoded_words(&subject));
        if let Ok(time) = jiff::Timestamp::from_nanosecond(i128::from(event.at.as_nanos())) {
            header("Date", &DateTimePrinter::new().timestamp_to_string(&time).unwrap_or_default());
        }
        // The same at every redelivery, so that a mail program can show it once.
        let id: String = event.alert.chars().filter(char::is_ascii_alphanumeric).collect();
        header("Message-ID", &format!("<{id}.{}@whither.invalid>", event.seq));
        header("Auto-Submitted", "auto-generated");
        header("MIME-Version", "1.0");
        header("Content-Type", "text/plain; charset=utf-8");
        header("Content-Transfer-Encoding", "base64");
        out.push_str("\r\n");
        for line in self.format.render(&event.document).chunks(LINE) {
            out.push_str(&STANDARD.encode(line));
            out.push_str("\r\n");
        }
        out.into_bytes()
    }
}

impl Sink for Mail {
    fn deliver(&mut self, events: &[Event], _: Timestamp) -> Attempt {
        for (done, event) in events.iter().enumerate() {
            match self.send(event) {
                Ok(()) => {}
                Err(Failure::Later(why)) => {
                    return Attempt { done, stopped: Some(Trouble::Later { why, after: None }) };
                }
                Err(Failure::Refused(why)) => return Attempt::refused(done, why),
            }
        }
        Attempt::all(events.len())
    }
}

/// RFC 2047: words of at most 75 characters, each whole UTF-8.
fn encoded_words(text: &str) -> String {
    let (mut words, mut part) = (Vec::new(), String::new());
    for c in text.chars() {
        if part.len() + c.len_utf8() > 42 {
            words.push(std::mem::take(&mut part));
        }
        part.push(c);
    }
    words.push(part);
    words.iter().map(|w| format!("=?utf-8?B?{}?=", STANDARD.encode(w))).collect::<Vec<_>>().join("\r\n ")
}

enum Way {
    Plain(Timed),
    Tls(Box<Tls>),
}

impl Read for Way {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(into),
            Self::Tls(stream) => stream.read(into),
        }
    }
}

/// A conversation with a mail server.
struct Talk {
    way: BufReader<Way>,
}

impl Talk {
    fn new(way: Way) -> Self {
        Self { way: BufReader::new(way) }
    }

    /// Goes on under TLS. What came in clear after the answer is thrown away: it may be forged (CVE-2011-0411).
    fn secured(self, address: &str, tls: &Arc<ClientConfig>) -> Result<Self, Failure> {
        match self.way.into_inner() {
            Way::Plain(stream) => Ok(Self::new(Way::Tls(Box::new(net::secure(stream, address, tls)?)))),
            secured @ Way::Tls(_) => Ok(Self::new(secured)),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.way.get_mut() {
            Way::Plain(stream) => stream.write_all(bytes),
            Way::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }

    fn say(&mut self, line: &str, wanted: u16) -> Result<(), Failure> {
        self.write(format!("{line}\r\n").as_bytes())?;
        self.expect(wanted)
    }

    /// Reads one answer; its last line has a space after the code.
    fn expect(&mut self, wanted: u16) -> Result<(), Failure> {
        let mut left = MAX_ANSWER;
        loop {
            let mut line = Vec::new();
            let got = self.way.by_ref().take(left).read_until(b'\n', &mut line)?;
            left = left.saturating_sub(got as u64);
            let text = String::from_utf8_lossy(&line);
            let code = text.get(..3).and_then(|code| code.parse::<u16>().ok());
            let (Some(code), true) = (code, line.ends_with(b"\n")) else {
                return Err(Failure::Later("the server does not speak SMTP".into()));
            };
            if text.get(3..4) == Some("-") {
                continue;
            }
            let why = || format!("the server answered {}", safe(text.trim_end()));
            return match code {
                _ if code == wanted || (wanted == 250 && code == 251) => Ok(()),
                // A wrong password is mended by the admin, and no reason to give alerts up.
                530 | 534 | 535 | 538 => Err(Failure::Later(why())),
                500..=599 => Err(Failure::Refused(why())),
                _ => Err(Failure::Later(why())),
            };
        }
    }
}

#[cfg(test)]
mod tests;
