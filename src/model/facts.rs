//! What the inspectors read from a flow's first bytes: names and fingerprints, each with its origin.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::word::Word;
use super::{Endpoint, HostName, Timestamp};

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
    /// Carried over from another flow of the same QUIC connection, known by its connection id (RFC 9000 §9).
    QuicMigration,
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
            Self::QuicMigration => "quic_migration",
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
    /// In earnest: the visible name is a public name of an ECH configuration, so it is a cover, and the true one hidden.
    Real,
}

impl Ech {
    /// Whether the extension was there, in earnest or as noise.
    pub const fn is_offered(self) -> bool {
        !matches!(self, Self::Absent)
    }
}

/// What a TLS server certificate says (RFC 5280), where it goes in clear (TLS up to 1.2). Texts are safe to print, and
/// cut at [`CertificateFact::MAX_TEXT`] bytes. The certificate was not verified: it is what the far end showed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct CertificateFact {
    /// Common name of the subject.
    pub common_name: Option<Arc<str>>,
    /// Organisation of the subject.
    pub organisation: Option<Arc<str>>,
    /// Common name of the issuer.
    pub issuer: Option<Arc<str>>,
    /// Organisation of the issuer.
    pub issuer_organisation: Option<Arc<str>>,
    /// Subject and issuer are the same: nobody vouches for it.
    pub self_issued: bool,
    /// DNS names in it, also those that are not kept in [`Facts::names`].
    pub dns_names: u32,
}

impl CertificateFact {
    /// Bytes kept of one text.
    pub const MAX_TEXT: usize = 128;
}

/// What STUN and TURN messages said (RFC 8489, RFC 8656). Texts are safe to print.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StunFact {
    /// SOFTWARE of either side.
    pub software: Option<Arc<str>>,
    /// REALM, as a TURN server gives it.
    pub realm: Option<Arc<str>>,
    /// The client's address as the server sees it (XOR-MAPPED-ADDRESS).
    pub mapped: Option<Endpoint>,
    /// Addresses at a relay (XOR-RELAYED-ADDRESS), at most [`StunFact::MAX_ADDRESSES`].
    pub relayed: Vec<Endpoint>,
    /// Whom a relay is asked to reach: other users (XOR-PEER-ADDRESS), at most [`StunFact::MAX_ADDRESSES`].
    pub peers: Vec<Endpoint>,
    /// Attributes of ICE were there (RFC 8445): two agents test a path between them.
    pub ice: bool,
}

impl StunFact {
    /// Addresses kept of each kind.
    pub const MAX_ADDRESSES: usize = 8;
}

/// How lookups were hidden in a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum DnsTransport {
    /// DNS over TLS (RFC 7858).
    Dot,
    /// DNS over HTTPS (RFC 8484).
    Doh,
    /// DNS over QUIC (RFC 9250).
    Doq,
}

impl DnsTransport {
    /// The lower-case word used in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Dot => "dot",
            Self::Doh => "doh",
            Self::Doq => "doq",
        }
    }
}

/// A flow that carries lookups which cannot be seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncryptedDns {
    /// How.
    pub transport: DnsTransport,
    /// The resolver's name: of the table of resolvers, or as the client called it.
    pub resolver: Option<Arc<str>>,
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
    /// TLS version that the server chose, as on the wire.
    #[serde(default)]
    pub tls_selected: Option<u16>,
    /// Application protocol that the server chose, where its hello says so in clear (TLS up to 1.2), printable.
    #[serde(default)]
    pub alpn_selected: Option<Arc<str>>,
    /// The server took up an earlier session, so that it shows no certificate (RFC 5246 §7.3, RFC 5077). In TLS 1.3 that is
    /// seen by the key it took, which a client may, rarely, have from elsewhere (RFC 8446 §2.2).
    #[serde(default)]
    pub tls_resumed: bool,
    /// The server's certificate.
    #[serde(default)]
    pub certificate: Option<Arc<CertificateFact>>,
    /// STUN in this flow.
    #[serde(default)]
    pub stun: Option<Arc<StunFact>>,
    /// The far end is another user's device (WebRTC between peers), never a server of an application.
    #[serde(default)]
    pub peer: bool,
    /// The flow carries lookups that cannot be seen.
    #[serde(default)]
    pub encrypted_dns: Option<EncryptedDns>,
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

    /// The name by which a reader knows the far end: the first that the client called it by, and no address. Names of a
    /// certificate are left out: a server shows all the names it has, and which one was meant is not said.
    pub fn host(&self) -> Option<&NameFact> {
        let address = |n: &NameFact| n.name.as_str().parse::<std::net::IpAddr>().is_ok();
        let called = |n: &NameFact| !matches!(n.origin, NameOrigin::DnsQuestion | NameOrigin::Certificate);
        self.names.iter().find(|n| called(n) && !address(n))
    }
}
