//! The file format of the catalogue as serde reads it; [`super::parse`] makes checked types out of it.
//!
//! Facts come in groups that share a source, so that a file stays readable with hundreds of domains.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;

use super::application::{AppRole, AsRole, Confidence, Os};

/// One file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawFile {
    /// Sources by key; known to all files read after it.
    #[serde(default)]
    pub(super) sources: BTreeMap<String, RawSource>,
    /// What each tag means; known to all files.
    #[serde(default)]
    pub(super) tags: BTreeMap<String, String>,
    #[serde(default)]
    pub(super) application: Vec<RawApplication>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawSource {
    pub(super) name: String,
    pub(super) date: String,
    pub(super) licence: String,
    pub(super) url: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawApplication {
    pub(super) id: Spanned<String>,
    pub(super) name: String,
    pub(super) vendor: String,
    pub(super) vendor_country: Option<Spanned<String>>,
    pub(super) vendor_country_source: Option<String>,
    #[serde(default)]
    pub(super) role: AppRole,
    #[serde(default)]
    pub(super) tags: Vec<String>,
    pub(super) note: Option<String>,
    #[serde(default)]
    pub(super) domains: Vec<RawDomains>,
    #[serde(default)]
    pub(super) prefixes: Vec<RawPrefixes>,
    #[serde(default)]
    pub(super) asns: Vec<RawAsns>,
    #[serde(default)]
    pub(super) ports: Vec<RawPorts>,
    #[serde(default)]
    pub(super) protocols: Vec<RawProtocols>,
    #[serde(default)]
    pub(super) packages: Vec<RawPackages>,
    #[serde(default)]
    pub(super) processes: Vec<RawProcesses>,
    #[serde(default)]
    pub(super) outer_names: Vec<RawOuterNames>,
    #[serde(default)]
    pub(super) accepted: Vec<RawAccepted>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawDomains {
    #[serde(default)]
    pub(super) suffix: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) full: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) pattern: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) confidence: Confidence,
    pub(super) source: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawPrefixes {
    pub(super) prefix: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) own_service: bool,
    pub(super) source: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawAsns {
    pub(super) asn: Vec<u32>,
    pub(super) role: AsRole,
    #[serde(default)]
    pub(super) own_service: bool,
    pub(super) source: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawPorts {
    /// `udp/8801-8810`.
    pub(super) port: Vec<Spanned<String>>,
    pub(super) source: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawProtocols {
    pub(super) protocol: Vec<Spanned<String>>,
    pub(super) source: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawPackages {
    pub(super) os: Option<Os>,
    /// Package or bundle ids: `com.tencent.mm`.
    #[serde(default)]
    pub(super) id: Vec<Spanned<String>>,
    /// Names for people: `WeChat`.
    #[serde(default)]
    pub(super) label: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) confidence: Confidence,
    pub(super) source: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawProcesses {
    pub(super) os: Option<Os>,
    /// File names of executables: `WeChat.exe`.
    pub(super) name: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) confidence: Confidence,
    pub(super) source: Spanned<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawOuterNames {
    pub(super) full: Vec<Spanned<String>>,
    pub(super) source: Spanned<String>,
}

/// A finding of the lint that is right as it stands.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawAccepted {
    /// The finding's kind: `below_other`.
    pub(super) finding: String,
    /// What it is about, the first thing that it names: `reddit.app.link`.
    pub(super) about: Vec<String>,
    /// Why it is right.
    pub(super) reason: Spanned<String>,
}
