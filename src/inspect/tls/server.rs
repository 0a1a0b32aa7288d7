//! The server's first flight: the version it chose, whether it took up an earlier session, and up to TLS 1.2, where they go
//! in clear, the application protocol it chose and its certificate.

use std::sync::Arc;

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

use super::own;
use crate::inspect::contract::{Context, Look, Step};
use crate::inspect::reader::{Reader, printable};
use crate::model::{CertificateFact, HostName, NameFact, NameOrigin};

/// Names of one certificate that are kept; hosting companies put a hundred into one, and they say little of this flow.
const MAX_NAMES: usize = 8;
/// Names that are counted.
const MAX_COUNTED: usize = 1000;
/// Bytes of one certificate; real ones have 1 to 4 KiB.
const MAX_CERTIFICATE: usize = 16 << 10;
/// Handshake messages before the certificate.
const MAX_MESSAGES: usize = 8;
const SERVER_HELLO: u8 = 2;
const NEW_SESSION_TICKET: u8 = 4;
const CERTIFICATE: u8 = 11;
/// Content type of the record that says "from here on as agreed".
pub(super) const CHANGE_CIPHER_SPEC: u8 = 20;
const APPLICATION_PROTOCOL: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;
const PRE_SHARED_KEY: u16 = 41;
/// The random of a ServerHello that asks for another ClientHello (HelloRetryRequest, RFC 8446 §4.1.3).
const ASKS_AGAIN: [u8; 32] = *b"\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2\xc8\xa8\x33\x9c";

/// Whether the first message asks for another ClientHello: the ServerHello that counts comes later.
pub(super) fn asks_again(messages: &[u8]) -> bool {
    // Type, length, version.
    messages.first() == Some(&SERVER_HELLO)
        && messages.get(6..).is_some_and(|rest| rest.starts_with(&ASKS_AGAIN))
}

/// Reads the handshake messages that the server has sent so far. `next`: the type of the record behind them, if one
/// follows, so that there are no more.
pub(super) fn read(messages: &[u8], next: Option<u8>, look: &Look<'_>, context: &mut Context<'_>) -> Step {
    let mut reader = Reader::new(messages);
    let (mut greeted, mut only_greeted) = (false, true);
    for _ in 0..MAX_MESSAGES {
        let Some((kind, body)) = message(&mut reader) else {
            // With an earlier session the server has nothing to show or to agree on: a ticket at most, and it is done.
            context.facts.tls_resumed |= greeted && only_greeted && next == Some(CHANGE_CIPHER_SPEC);
            return if next.is_some() { Step::Done } else { Step::More };
        };
        only_greeted &= matches!(kind, SERVER_HELLO | NEW_SESSION_TICKET);
        match kind {
            SERVER_HELLO => {
                let hello = server_hello(body);
                let selected = hello.as_ref().map(|h| h.version);
                context.facts.tls_selected = context.facts.tls_selected.or(selected);
                let Some(hello) = hello else { return Step::Done };
                if hello.asks_again {
                    continue;
                }
                if hello.version >= 0x0304 {
                    context.facts.tls_resumed |= hello.took_key;
                    return Step::Done;
                }
                greeted = true;
                if let Some(protocol) = hello.protocol {
                    context.facts.alpn_selected = Some(printable(protocol));
                }
            }
            CERTIFICATE => {
                take(body, look, context);
                return Step::Done;
            }
            _ => {}
        }
    }
    Step::Done
}

/// Type and body of a whole message (RFC 5246 §7.4).
fn message<'a>(reader: &mut Reader<'a>) -> Option<(u8, &'a [u8])> {
    let kind = reader.u8()?;
    let length = usize::try_from(reader.u24()?).ok()?;
    Some((kind, reader.take(length)?))
}

/// What a ServerHello chose.
struct Chosen<'a> {
    version: u16,
    protocol: Option<&'a [u8]>,
    /// A key that both had before: nearly always that of an earlier session (RFC 8446 §2.2).
    took_key: bool,
    asks_again: bool,
}

/// Reads a ServerHello (RFC 8446 §4.1.3; RFC 7301 §3.1: the protocol is a list of one).
fn server_hello(body: &[u8]) -> Option<Chosen<'_>> {
    let mut reader = Reader::new(body);
    let version = reader.u16()?;
    let asks_again = reader.take(32)? == ASKS_AGAIN;
    let mut chosen = Chosen { version, protocol: None, took_key: false, asks_again };
    reader.vec8()?;
    reader.take(3)?;
    let mut extensions = Reader::new(reader.vec16().unwrap_or_default());
    while let (Some(kind), Some(value)) = (extensions.u16(), extensions.vec16()) {
        match kind {
            PRE_SHARED_KEY => chosen.took_key = true,
            SUPPORTED_VERSIONS => chosen.version = Reader::new(value).u16()?,
            APPLICATION_PROTOCOL => {
                let list = Reader::new(value).vec16().unwrap_or_default();
                chosen.protocol = Reader::new(list).vec8().filter(|name| !name.is_empty());
            }
            _ => {}
        }
    }
    Some(chosen)
}

/// Takes the server's own certificate, the first of the list (RFC 5246 §7.4.2).
fn take(body: &[u8], look: &Look<'_>, context: &mut Context<'_>) -> Option<()> {
    let mut reader = Reader::new(body);
    reader.u24()?;
    let length = usize::try_from(reader.u24()?).ok()?;
    let der = reader.take(length).filter(|der| der.len() <= MAX_CERTIFICATE)?;
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let (subject, issuer) = (certificate.subject(), certificate.issuer());
    let common_name = common_name(subject);
    let mut names: Vec<HostName> = Vec::new();
    let mut dns_names = 0;
    if let Ok(Some(extension)) = certificate.subject_alternative_name() {
        for name in extension.value.general_names.iter().take(MAX_COUNTED) {
            if let GeneralName::DNSName(name) = name {
                dns_names += 1;
                names.extend(HostName::from_certificate(name.as_bytes()).filter(|n| !names.contains(n)));
                names.truncate(MAX_NAMES);
            }
        }
    }
    // The subject's name first, if it is one and stands for a host.
    if let Some(name) = common_name.and_then(|n| HostName::from_certificate(n.as_bytes()))
        && name.is_valid()
    {
        names.retain(|n| *n != name);
        names.insert(0, name);
        names.truncate(MAX_NAMES);
    }
    for name in names {
        context.facts.add_name(NameFact { name, origin: NameOrigin::Certificate, at: look.at });
    }
    let certificate = CertificateFact {
        common_name: common_name.and_then(text),
        organisation: organisation(subject).and_then(text),
        issuer: self::common_name(issuer).and_then(text),
        issuer_organisation: organisation(issuer).and_then(text),
        self_issued: subject.as_raw() == issuer.as_raw(),
        dns_names,
    };
    own::by_certificate(&certificate, context.facts);
    context.facts.certificate = Some(Arc::new(certificate));
    Some(())
}

fn common_name<'a>(name: &'a X509Name<'_>) -> Option<&'a str> {
    name.iter_common_name().next().and_then(|value| value.as_str().ok())
}

fn organisation<'a>(name: &'a X509Name<'_>) -> Option<&'a str> {
    name.iter_organization().next().and_then(|value| value.as_str().ok())
}

/// A text safe to print: control and direction marks are escaped, letters of any script stay.
fn text(value: &str) -> Option<Arc<str>> {
    let mut out = String::with_capacity(value.len().min(CertificateFact::MAX_TEXT));
    for c in value.trim().chars() {
        if out.len() >= CertificateFact::MAX_TEXT {
            break;
        }
        if c == '\\' || c.is_control() || !(c.is_alphanumeric() || c.is_ascii()) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    (!out.is_empty()).then(|| out.into())
}
