//! What the inspectors read from a flow's first bytes: names and fingerprints, each with its origin.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::word::Word;
use super::{HostName, Timestamp};

/// Where in the traffic a name stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum NameOrigin {
    /// server_name of a TLS ClientHello over TCP (RFC 6066 §3).
    TlsSni,
    /// server_name of a ClientHello in a QUIC Initial (RFC 9001).
    QuicSni,
    /// server_name of a DTLS ClientHello (RFC 6347, 9147).
    DtlsSni,
    /// Host header of an HTTP/1 request (RFC 9110 §7.2).
    HttpHost,
    /// Authority of an absolute-form HTTP/1 request target (RFC 9112 §3.2.2).
    HttpTarget,
    /// Authority of an HTTP CONNECT request: the inner destination (RFC 9110 §9.3.6).
    HttpConnect,
    /// `:authority` of a clear-text HTTP/2 request (RFC 9113 §8.3.1).
    Http2Authority,
    /// Destination name in a SOCKS request (RFC 1928).
    Socks,
    /// Subject or alternative name of a TLS server certificate (RFC 5280).
    Certificate,
    /// The name asked for in this flow's own DNS question (the flow *is* a DNS lookup).
    DnsQuestion,
    /// A name from an application's own protocol.
    AppProtocol,
}

impl NameOrigin {
    /// The lower-case word used in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::TlsSni => "tls_sni",
            Self::QuicSni => "quic_sni",
            Self::DtlsSni => "dtls_sni",
            Self::HttpHost => "http_host",
            Self::HttpTarget => "http_target",
            Self::HttpConnect => "http_connect",
            Self::Http2Authority => "http2_authority",
            Self::Socks => "socks",
            Self::Certificate => "certificate",
            Self::DnsQuestion => "dns_question",
            Self::AppProtocol => "app_protocol",
        }
    }
}

/// A name seen in a flow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameFact {
    /// The name.
    pub name: HostName,
    /// Where it stood.
    pub origin: NameOrigin,
    /// When the packet that completed it was seen.
    pub at: Timestamp,
}

/// What a ClientHello says of Encrypted Client Hello (RFC 9849).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Ech {
    /// No such extension.
    #[default]
    Absent,
    /// The extension is there; it may be GREASE, or real with the visible name being a cover.
    Present,
}

/// How much the recognition of an application's own protocol can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ProtocolProof {
    /// At least 32 bits are fixed by the protocol and were met, or both sides agreed on as many.
    #[default]
    Strong,
    /// Fewer, or a shape alone: only together with the application's own address or name does it name anything.
    Weak,
}

/// A name lookup of an application around the DNS (HTTPDNS). The request's own identifiers are never kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Httpdns {
    /// The service, by its id in `httpdns.toml`.
    pub service: Arc<str>,
    /// Names asked for, at most [`Httpdns::MAX_NAMES`]; empty where the request hides them.
    pub names: Vec<HostName>,
    /// Requests seen in this flow.
    pub lookups: u32,
    /// Responses out of which addresses were learned.
    pub answers: u32,
}

impl Httpdns {
    /// More names than one connection asks for; services take up to five per request.
    pub const MAX_NAMES: usize = 16;
}

/// Everything read from one flow's payload.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// Names in the order they were seen, at most [`Facts::MAX_NAMES`].
    pub names: Vec<NameFact>,
    /// Application protocol by content: `dns`, `http`, `tls`, `quic`, … (ECS `network.protocol`).
    #[serde(with = "super::word::optional")]
    pub protocol: Option<Word>,
    /// A protocol of one application, found by its content (`mmtls`, `mtproto`, …).
    #[serde(with = "super::word::optional")]
    pub app_protocol: Option<Word>,
    /// How much that can carry; without meaning where `app_protocol` is empty.
    pub app_protocol_proof: ProtocolProof,
    /// A name lookup around the DNS.
    pub httpdns: Option<Httpdns>,
    /// Application-Layer Protocol Negotiation offers (RFC 7301), printable.
    pub alpn: Vec<Arc<str>>,
    /// Highest TLS version offered, as on the wire (0x0304 = 1.3).
    pub tls_version: Option<u16>,
    /// JA4 client fingerprint (the BSD-licensed one).
    pub ja4: Option<Arc<str>>,
    /// Encrypted Client Hello.
    pub ech: Ech,
    /// QUIC version of the first Initial, as on the wire.
    pub quic_version: Option<u32>,
    /// HTTP User-Agent, printable, cut at 256 bytes.
    pub user_agent: Option<Arc<str>>,
}

impl Facts {
    /// More names than a flow needs; a long-lived proxy connection could otherwise collect without end.
    pub const MAX_NAMES: usize = 16;

    /// Adds a name unless it is there already with the same origin, or the list is full. Says whether it was added.
    pub fn add_name(&mut self, fact: NameFact) -> bool {
        let known = self.names.iter().any(|n| n.name == fact.name && n.origin == fact.origin);
        if known || self.names.len() >= Self::MAX_NAMES {
            return false;
        }
        self.names.push(fact);
        true
    }

    /// Whether nothing was read.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The name by which a reader knows the far end: the first that is neither a DNS question nor an address.
    pub fn host(&self) -> Option<&NameFact> {
        let address = |n: &NameFact| n.name.as_str().parse::<std::net::IpAddr>().is_ok();
        self.names.iter().find(|n| n.origin != NameOrigin::DnsQuestion && !address(n))
    }
}
