//! The catalogue's plain types: an application and the facts by which it is known.

use std::fmt;
use std::sync::Arc;

use ipnet::IpNet;
use serde::Deserialize;

use crate::model::{AppRef, Protocol};

/// What kind of thing an entry is. Decides who wins when names of two entries stand in one flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AppRole {
    /// Something a person uses.
    #[default]
    App,
    /// A vendor's shared services, used by several of its applications.
    Platform,
    /// A library inside other people's applications (analytics, push, advertising).
    Sdk,
    /// Machines or front doors rented to anybody (cloud, CDN). Never outranks another entry.
    Infrastructure,
}

impl AppRole {
    /// The lower-case word used in files and output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Platform => "platform",
            Self::Sdk => "sdk",
            Self::Infrastructure => "infrastructure",
        }
    }
}

/// Where the catalogue has a fact from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactSource {
    /// The key in the files (`v2fly`).
    pub key: Arc<str>,
    /// The source's name.
    pub name: Arc<str>,
    /// The day of its version, `YYYY-MM-DD`.
    pub date: Arc<str>,
    /// Its licence, or `fact` where single facts were looked up.
    pub licence: Arc<str>,
    /// Where to find it.
    pub url: Option<Arc<str>>,
    /// Name and date as shown beside a match.
    pub label: Arc<str>,
}

/// How much a fact can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// Supports other evidence; never names an application.
    Low,
    /// Names the application.
    #[default]
    Good,
}

/// How a name is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DomainKind {
    /// The name itself and nothing else.
    Full,
    /// The name and everything below it, at whole labels.
    Suffix,
    /// The name alone, where `*` stands for exactly one label.
    Pattern,
}

impl DomainKind {
    /// The lower-case word used in files and output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Suffix => "suffix",
            Self::Pattern => "pattern",
        }
    }
}

/// A domain of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainFact {
    /// The domain, lower case.
    pub domain: Arc<str>,
    /// How it is compared.
    pub kind: DomainKind,
    /// How much it can carry.
    pub confidence: Confidence,
    /// Where it is from.
    pub source: Arc<FactSource>,
    /// The fact as shown beside a match (`suffix weixin.qq.com`).
    pub label: Arc<str>,
}

/// Whose machines a network is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AsRole {
    /// The vendor's own services only.
    Own,
    /// The vendor's, but rented to anybody.
    VendorCloud,
    /// Somebody else's where the vendor rents.
    Hosting,
    /// A content delivery network in front of it.
    Cdn,
}

impl AsRole {
    /// The lower-case word used in files and output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Own => "own",
            Self::VendorCloud => "vendor-cloud",
            Self::Hosting => "hosting",
            Self::Cdn => "cdn",
        }
    }
}

/// An address prefix of an application's vendor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrefixFact {
    /// The prefix, host bits zero.
    pub prefix: IpNet,
    /// Whether nothing but this application is served from it: only then an address names it.
    pub own_service: bool,
    /// Where it is from.
    pub source: Arc<FactSource>,
    /// The fact as shown beside a match (`prefix 91.108.4.0/22`).
    pub label: Arc<str>,
}

/// An AS number that carries an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsnFact {
    /// The AS number.
    pub asn: u32,
    /// Whose machines it is for.
    pub role: AsRole,
    /// Whether nothing but this application is served from the network: only then it names it.
    pub own_service: bool,
    /// Where it is from.
    pub source: Arc<FactSource>,
    /// The fact as shown beside a match (`as 62041 own`).
    pub label: Arc<str>,
}

/// A port that an application is known to use. Only ever supports other evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortFact {
    /// TCP or UDP.
    pub protocol: Protocol,
    /// First port.
    pub first: u16,
    /// Last port.
    pub last: u16,
    /// Where it is from.
    pub source: Arc<FactSource>,
    /// The fact as shown beside a match (`port udp/8801-8810`).
    pub label: Arc<str>,
}

/// A protocol that only this application speaks, as `inspect` names it (`mmtls`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProtocolFact {
    /// The word that `Facts::app_protocol` carries.
    pub name: Arc<str>,
    /// Where it is from.
    pub source: Arc<FactSource>,
    /// The fact as shown beside a match (`protocol mmtls`).
    pub label: Arc<str>,
}

/// An operating system, where the form of a name depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Os {
    /// Android.
    Android,
    /// iOS and iPadOS.
    Ios,
    /// macOS.
    Macos,
    /// Windows.
    Windows,
    /// Linux desktops and servers.
    Linux,
}

impl Os {
    /// The lower-case word used in files and output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Android => "android",
            Self::Ios => "ios",
            Self::Macos => "macos",
            Self::Windows => "windows",
            Self::Linux => "linux",
        }
    }
}

/// What [`OwnerFact::name`] names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OwnerKind {
    /// A package or bundle id (`com.tencent.mm`): unique by the rules of its store.
    Package,
    /// A name for people, as phones show it (`WeChat`). Nothing keeps others from using it.
    Label,
    /// The file name of an executable (`WeChat.exe`).
    Process,
}

impl OwnerKind {
    /// The lower-case word used in output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Package => "package",
            Self::Label => "label",
            Self::Process => "process",
        }
    }
}

/// A name by which a phone or host tells whose socket it is. Compared without regard to case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerFact {
    /// What kind of name.
    pub kind: OwnerKind,
    /// The system it is of, where the file says.
    pub os: Option<Os>,
    /// The name as written.
    pub name: Arc<str>,
    /// Whether it is not written as a label, but the application's own name: nobody's where two applications have it.
    pub implied: bool,
    /// How much it can carry.
    pub confidence: Confidence,
    /// Where it is from.
    pub source: Arc<FactSource>,
    /// The fact as shown beside a match (`package com.tencent.mm`).
    pub label: Arc<str>,
}

/// A finding of the lint that is right as it stands; no fact, so it has no part in the catalogue's version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The finding's kind (`below_other`).
    pub kind: Arc<str>,
    /// What it is about, the first thing that its message names.
    pub about: Arc<str>,
    /// Why it is right.
    pub reason: Arc<str>,
}

/// One entry of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Application {
    /// What later stages carry along.
    pub app: Arc<AppRef>,
    /// What kind of thing it is.
    pub role: AppRole,
    /// Its domains.
    pub domains: Vec<DomainFact>,
    /// Its address prefixes.
    pub prefixes: Vec<PrefixFact>,
    /// AS numbers that carry it.
    pub asns: Vec<AsnFact>,
    /// Ports it is known to use.
    pub ports: Vec<PortFact>,
    /// Protocols of its own.
    pub protocols: Vec<ProtocolFact>,
    /// Packages and executables of its own.
    pub owners: Vec<OwnerFact>,
    /// Names that stand in a ClientHello in place of the real one (`public_name` of RFC 9849).
    pub outer_names: Vec<DomainFact>,
    /// Findings of the lint that are right as they stand.
    pub accepted: Vec<Accepted>,
    /// A word for people.
    pub note: Option<Arc<str>>,
    /// The file it stands in.
    pub file: Arc<str>,
    /// The line of its id in that file.
    pub line: usize,
}

impl fmt::Display for AppRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
