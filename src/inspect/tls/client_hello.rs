//! The ClientHello (RFC 8446 §4.1.2; the same layout since TLS 1.0, and in QUIC and DTLS): names, offers, fingerprint.
//!
//! A cut one still gives the server name if that was whole, for it is evidence; the fingerprint needs all of it.

use crate::inspect::contract::Context;
use crate::inspect::reader::{Reader, printable};
use crate::model::{Ech, HostName, NameFact, NameOrigin, Timestamp};

use super::{ja4, own};

/// What carries the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::inspect) enum Transport {
    /// TCP.
    Tcp,
    /// QUIC.
    Quic,
    /// DTLS: a cookie stands after the session id.
    Datagram,
}

impl Transport {
    fn origin(self) -> NameOrigin {
        match self {
            Self::Tcp => NameOrigin::TlsSni,
            Self::Quic => NameOrigin::QuicSni,
            Self::Datagram => NameOrigin::DtlsSni,
        }
    }

    fn letter(self) -> char {
        match self {
            Self::Tcp => 't',
            Self::Quic => 'q',
            Self::Datagram => 'd',
        }
    }
}

const SERVER_NAME: u16 = 0;
const SIGNATURE_ALGORITHMS: u16 = 13;
const ALPN: u16 = 16;
const SUPPORTED_VERSIONS: u16 = 43;
/// RFC 9849.
const ENCRYPTED_CLIENT_HELLO: u16 = 0xfe0d;
/// Its forerunner, ESNI (draft-ietf-tls-esni-02).
const ENCRYPTED_SERVER_NAME: u16 = 0xffce;

/// More than any client sends; a hello of 64 KiB of empty extensions must stay cheap.
const MAX_EXTENSIONS: usize = 256;
/// ALPN offers kept; clients of early HTTP/3 offered two dozen drafts before it.
const MAX_ALPN: usize = 32;

/// What the fingerprint is made of.
#[derive(Debug, Default)]
pub(super) struct Hello<'a> {
    pub(super) legacy_version: u16,
    pub(super) ciphers: Vec<u16>,
    pub(super) extensions: Vec<u16>,
    pub(super) signature_algorithms: Vec<u16>,
    pub(super) supported_versions: Vec<u16>,
    pub(super) alpn: Vec<&'a [u8]>,
    pub(super) server_name: Option<&'a [u8]>,
    /// The extension of Encrypted Client Hello is there.
    pub(super) ech: bool,
    /// That of its forerunner is.
    pub(super) esni: bool,
}

/// Whether a value is one that clients send to keep servers flexible (RFC 8701).
pub(super) fn is_grease(value: u16) -> bool {
    let [a, b] = value.to_be_bytes();
    a == b && a & 0x0f == 0x0a
}

/// Reads a ClientHello's body into facts. `whole`: nothing is missing at its end. Says whether it was sound.
pub(in crate::inspect) fn read_client_hello(
    body: &[u8],
    whole: bool,
    transport: Transport,
    at: Timestamp,
    context: &mut Context<'_>,
) -> bool {
    let (facts, covers) = (&mut *context.facts, &context.thread.covers);
    let mut hello = Hello::default();
    let sound = parse(body, transport, &mut hello).is_some();
    // RFC 6066 forbids addresses there; one that stands there all the same is evidence, though no host name.
    let visible = hello.server_name.and_then(HostName::from_wire);
    if let Some(name) = visible.clone() {
        facts.add_name(NameFact { name, origin: transport.origin(), at });
    }
    if !whole || !sound {
        return false;
    }
    own::by_protocols(&hello.alpn, facts);
    facts.alpn = hello.alpn.iter().take(MAX_ALPN).map(|a| printable(a)).collect();
    let offered =
        hello.supported_versions.iter().copied().filter(|v| !is_grease(*v)).max_by_key(|v| newness(*v));
    facts.tls_version = Some(offered.unwrap_or(hello.legacy_version));
    facts.ja4 = Some(ja4::fingerprint(&hello, transport.letter()).into());
    facts.ech = match &visible {
        _ if !hello.ech && !hello.esni => Ech::Absent,
        Some(name) if hello.ech && covers.contains(name, at) => Ech::Real,
        _ => Ech::Present,
    };
    true
}

/// Orders versions by age: DTLS counts downwards from 0xfeff.
pub(super) fn newness(version: u16) -> u16 {
    match version {
        0xfeff => 0x0302,
        0xfefd => 0x0303,
        0xfefc => 0x0304,
        other => other,
    }
}

/// Fills `hello` as far as the bytes go; `None` when they end early or lie.
fn parse<'a>(body: &'a [u8], transport: Transport, hello: &mut Hello<'a>) -> Option<()> {
    let mut reader = Reader::new(body);
    hello.legacy_version = reader.u16()?;
    reader.take(32)?;
    reader.vec8()?;
    if transport == Transport::Datagram {
        reader.vec8()?;
    }
    hello.ciphers = numbers(reader.vec16()?);
    reader.vec8()?;
    if reader.is_empty() {
        // TLS before extensions.
        return Some(());
    }
    let length = usize::from(reader.u16()?);
    let mut extensions = Reader::new(reader.take_up_to(length));
    let cut = extensions.rest().len() < length;
    for _ in 0..MAX_EXTENSIONS {
        if extensions.is_empty() {
            return if cut { None } else { Some(()) };
        }
        let kind = extensions.u16()?;
        let value = extensions.vec16()?;
        hello.extensions.push(kind);
        extension(kind, value, hello);
    }
    None
}

/// One extension; a broken one only loses its own facts.
fn extension<'a>(kind: u16, value: &'a [u8], hello: &mut Hello<'a>) {
    let mut reader = Reader::new(value);
    match kind {
        SERVER_NAME => hello.server_name = hello.server_name.or_else(|| host_name(value)),
        SIGNATURE_ALGORITHMS => hello.signature_algorithms = reader.vec16().map(numbers).unwrap_or_default(),
        SUPPORTED_VERSIONS => hello.supported_versions = reader.vec8().map(numbers).unwrap_or_default(),
        ALPN => {
            let mut list = Reader::new(reader.vec16().unwrap_or_default());
            while let Some(protocol) = list.vec8() {
                hello.alpn.push(protocol);
            }
        }
        ENCRYPTED_CLIENT_HELLO => hello.ech = true,
        ENCRYPTED_SERVER_NAME => hello.esni = true,
        _ => {}
    }
}

/// The first host_name of a server_name list (RFC 6066 §3).
fn host_name(value: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader::new(value);
    let mut list = Reader::new(reader.vec16()?);
    while let Some(kind) = list.u8() {
        let name = list.vec16()?;
        if kind == 0 {
            return Some(name);
        }
    }
    None
}

fn numbers(bytes: &[u8]) -> Vec<u16> {
    let (pairs, _) = bytes.as_chunks::<2>();
    pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect()
}
