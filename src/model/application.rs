//! Which application a flow belongs to, how sure that is, and on what evidence it rests.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::word::Word;
use super::{CountryCode, Timestamp};

/// The catalogue's id of an application: lower case, `[a-z0-9_-]`.
pub type AppId = Arc<str>;

/// What the catalogue says of an application, as far as later stages need it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppRef {
    /// The id (`wechat`).
    pub id: AppId,
    /// The name for people (`WeChat`).
    pub name: Arc<str>,
    /// Who makes it.
    pub vendor: Arc<str>,
    /// Where the vendor sits, where a source stands behind it.
    pub vendor_country: Option<CountryCode>,
    /// Source of `vendor_country`.
    pub vendor_source: Option<Arc<str>>,
    /// Its tags.
    pub tags: Vec<Arc<str>>,
}

/// How sure an identification is, best first. See docs/adr for what each may claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Tier {
    /// Certain: the process or package itself was seen.
    A,
    /// Strong: the client named the server in this flow, or the application's own protocol was seen.
    B,
    /// Good: one name from this client's own DNS answers, a certificate, or a neighbouring flow.
    C,
    /// A set: several candidate names of one application.
    D,
    /// The vendor only: its own network or device; or a prefix that is one application's own.
    E,
    /// Weak: says where it is hosted, never which application.
    F,
}

impl Tier {
    /// All tiers, best first.
    pub const ALL: [Self; 6] = [Self::A, Self::B, Self::C, Self::D, Self::E, Self::F];

    /// The letter.
    pub const fn letter(self) -> &'static str {
        match self {
            Self::A => "A",
            Self::B => "B",
            Self::C => "C",
            Self::D => "D",
            Self::E => "E",
            Self::F => "F",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.letter())
    }
}

/// What kind of fact a piece of evidence is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum EvidenceKind {
    /// A name in the flow itself; the word of its [`super::NameOrigin`].
    FlowName(#[serde(with = "super::word")] Word),
    /// A DNS answer to the same client.
    DnsAnswer,
    /// An answer to the same client from a lookup over HTTP, around the DNS.
    HttpdnsAnswer,
    /// A name that the capture file itself gives for the address (pcapng name resolution block).
    CaptureName,
    /// The application's own protocol by content.
    AppProtocol,
    /// A prefix that the catalogue gives as the application's own.
    AddressPrefix,
    /// The operator's AS number.
    AsNumber,
    /// A port of the catalogue.
    Port,
    /// The package (Android, Apple bundle) that the socket belonged to, as the capture or the host says.
    Package,
    /// The executable that the socket belonged to, as the capture or the host says.
    Process,
    /// What another flow of the same client to the same address named.
    Neighbour,
    /// The address serves names of several owners, or anybody's: lowers what rests on the address.
    SharedAddress,
    /// A name that this client resolved lately and that may stand behind a cover (Encrypted Client Hello).
    EchCandidate,
    /// The device is a thing with one purpose.
    Device,
}

impl EvidenceKind {
    /// The lower-case word used in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::FlowName(origin) => origin,
            Self::DnsAnswer => "dns_answer",
            Self::HttpdnsAnswer => "httpdns_answer",
            Self::CaptureName => "capture_name",
            Self::AppProtocol => "app_protocol",
            Self::AddressPrefix => "address_prefix",
            Self::AsNumber => "as_number",
            Self::Port => "port",
            Self::Device => "device",
            Self::Package => "package",
            Self::Process => "process",
            Self::Neighbour => "neighbour",
            Self::SharedAddress => "shared_address",
            Self::EchCandidate => "ech_candidate",
        }
    }
}

/// One observed fact that a conclusion rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// What kind of fact.
    pub kind: EvidenceKind,
    /// What was seen (a name, a prefix…), printable.
    pub value: Arc<str>,
    /// When; `None` where time has no part in it (a prefix).
    pub at: Option<Timestamp>,
    /// The catalogue's fact that it met (`suffix weixin.qq.com`), where it met one.
    pub matched: Option<Arc<str>>,
    /// Where the catalogue has that fact from.
    pub source: Option<Arc<str>>,
}

/// The application of a flow, or the candidates, or nothing; always with the evidence.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Identification {
    /// The application, where one can be named.
    pub app: Option<Arc<AppRef>>,
    /// How sure; `None` exactly when there is no evidence at all.
    pub tier: Option<Tier>,
    /// The kind of evidence that decided (`tls_sni`, `dns_answer`…).
    #[serde(with = "super::word::optional")]
    pub method: Option<Word>,
    /// What it rests on, deciding evidence first.
    pub evidence: Vec<Evidence>,
    /// Applications that it could be when no one of them can be chosen.
    pub candidates: Vec<AppId>,
    /// What the network alone says, where [`Identification::app`] comes from the maker of the flow (tier A): the two
    /// answer different questions, for an application also speaks to other people's services.
    pub network: Option<Box<Identification>>,
}
