//! The server's first flight: the version it chose, and its certificate where that goes in clear (up to TLS 1.2).

use std::sync::Arc;

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::x509::X509Name;

use crate::inspect::contract::{Context, Look, Step};
use crate::inspect::reader::Reader;
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
const CERTIFICATE: u8 = 11;
const SUPPORTED_VERSIONS: u16 = 43;

/// Reads the handshake messages that the server has sent so far. `ended`: other records follow, so there are no more.
pub(super) fn read(messages: &[u8], ended: bool, look: &Look<'_>, context: &mut Context<'_>) -> Step {
    let mut reader = Reader::new(messages);
    for _ in 0..MAX_MESSAGES {
        let Some((kind, body)) = message(&mut reader) else {
            return if ended { Step::Done } else { Step::More };
        };
        match kind {
            SERVER_HELLO => {
                let selected = selected_version(body);
                context.facts.tls_selected = context.facts.tls_selected.or(selected);
                if selected.is_none_or(|version| version >= 0x0304) {
                    return Step::Done;
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

/// The version of a ServerHello (RFC 8446 §4.1.3).
fn selected_version(body: &[u8]) -> Option<u16> {
    let mut reader = Reader::new(body);
    let legacy = reader.u16()?;
    reader.take(32)?;
    reader.vec8()?;
    reader.take(3)?;
    let mut extensions = Reader::new(reader.vec16().unwrap_or_default());
    while let (Some(kind), Some(value)) = (extensions.u16(), extensions.vec16()) {
        if kind == SUPPORTED_VERSIONS {
            return Reader::new(value).u16();
        }
    }
    Some(legacy)
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
    context.facts.certificate = Some(Arc::new(CertificateFact {
        common_name: common_name.and_then(text),
        organisation: organisation(subject).and_then(text),
        issuer: self::common_name(issuer).and_then(text),
        issuer_organisation: organisation(issuer).and_then(text),
        self_issued: subject.as_raw() == issuer.as_raw(),
        dns_names,
    }));
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
