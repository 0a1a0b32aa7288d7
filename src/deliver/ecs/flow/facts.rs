//! What was read in a flow's first bytes: names, hellos, certificates, STUN, lookups around and beside the DNS.

use std::sync::Arc;

use serde::Serialize;

use crate::deliver::ecs::common::{Tls, TlsClient};
use crate::model::{
    CertificateFact, Ech, EncryptedDns, Endpoint, Facts, HostName, Httpdns, NameFact, NameOrigin, StunFact,
};

/// A name in the flow.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct SeenName<'a> {
    /// The name, harmful bytes as `\xNN`.
    name: &'a str,
    /// Where it stood: `tls_sni`, `http_host`, …
    origin: &'static str,
    /// When.
    at: String,
}

/// Name lookups around the DNS (HTTPDNS).
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Httpdns"))]
pub(super) struct AroundDns<'a> {
    /// The service, by its id in `httpdns.toml`.
    service: &'a str,
    /// Names asked for, where the request says them in clear.
    names: Vec<&'a str>,
    /// Requests seen.
    lookups: u32,
    /// Responses out of which addresses were learned.
    answers: u32,
}

/// What the client offered in its TLS or QUIC greeting.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Hello<'a> {
    /// Highest TLS version offered (`1.3`).
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    /// Application protocols offered.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    alpn: &'a [Arc<str>],
    /// Encrypted Client Hello was offered, in earnest or as noise: the visible name may be a cover.
    ech: bool,
    /// In earnest: the visible name is known as a cover.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    ech_cover: bool,
    /// TLS version that the server chose (`1.2`).
    #[serde(skip_serializing_if = "Option::is_none")]
    selected_version: Option<String>,
    /// Application protocol that the server chose, where it goes in clear (TLS up to 1.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    selected_alpn: Option<&'a str>,
    /// The server took up an earlier session, so that it shows no certificate.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    resumed: bool,
    /// QUIC version of the first Initial (`0x00000001`).
    #[serde(skip_serializing_if = "Option::is_none")]
    quic_version: Option<String>,
}

/// A server certificate as shown, texts safe to print.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Certificate<'a> {
    /// Common name of the subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    common_name: Option<&'a str>,
    /// Organisation of the subject.
    #[serde(skip_serializing_if = "Option::is_none")]
    organisation: Option<&'a str>,
    /// Common name of the issuer.
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<&'a str>,
    /// Organisation of the issuer.
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer_organisation: Option<&'a str>,
    /// Subject and issuer are the same.
    self_issued: bool,
    /// DNS names in it; the first ones stand in `names`.
    dns_names: u32,
}

/// STUN and TURN.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct Stun<'a> {
    /// SOFTWARE of either side.
    #[serde(skip_serializing_if = "Option::is_none")]
    software: Option<&'a str>,
    /// REALM of a TURN server.
    #[serde(skip_serializing_if = "Option::is_none")]
    realm: Option<&'a str>,
    /// The client's address as the server sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    mapped: Option<String>,
    /// Addresses at a relay.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    relayed: Vec<String>,
    /// Whom a relay is asked to reach.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    peers: Vec<String>,
    /// Attributes of ICE were there.
    ice: bool,
}

/// Hidden lookups.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "EncryptedDns"))]
pub(super) struct EncryptedDnsPart<'a> {
    /// `dot`, `doh` or `doq`.
    transport: &'static str,
    /// The resolver, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    resolver: Option<&'a str>,
}

pub(super) fn tls(facts: &Facts) -> Option<Tls<'_>> {
    let of_hello =
        |o: NameOrigin| matches!(o, NameOrigin::TlsSni | NameOrigin::QuicSni | NameOrigin::DtlsSni);
    let server_name = facts.names.iter().find(|n| of_hello(n.origin)).map(|n| n.name.as_str());
    let ja4 = facts.ja4.as_deref();
    (server_name.is_some() || ja4.is_some()).then_some(Tls { client: TlsClient { server_name, ja4 } })
}

pub(super) fn hello(facts: &Facts) -> Option<Hello<'_>> {
    let ech = facts.ech.is_offered();
    let any = ech
        || facts.tls_selected.is_some()
        || facts.tls_version.is_some()
        || facts.quic_version.is_some()
        || !facts.alpn.is_empty();
    any.then(|| Hello {
        version: facts.tls_version.map(version),
        alpn: &facts.alpn,
        ech,
        ech_cover: facts.ech == Ech::Real,
        selected_version: facts.tls_selected.map(version),
        selected_alpn: facts.alpn_selected.as_deref(),
        resumed: facts.tls_resumed,
        quic_version: facts.quic_version.map(|v| format!("{v:#010x}")),
    })
}

pub(super) fn certificate(fact: &CertificateFact) -> Certificate<'_> {
    Certificate {
        common_name: fact.common_name.as_deref(),
        organisation: fact.organisation.as_deref(),
        issuer: fact.issuer.as_deref(),
        issuer_organisation: fact.issuer_organisation.as_deref(),
        self_issued: fact.self_issued,
        dns_names: fact.dns_names,
    }
}

pub(super) fn stun(fact: &StunFact) -> Stun<'_> {
    let texts = |ends: &[Endpoint]| ends.iter().map(ToString::to_string).collect();
    Stun {
        software: fact.software.as_deref(),
        realm: fact.realm.as_deref(),
        mapped: fact.mapped.map(|end| end.to_string()),
        relayed: texts(&fact.relayed),
        peers: texts(&fact.peers),
        ice: fact.ice,
    }
}

/// TLS versions as people write them; others as on the wire.
fn version(wire: u16) -> String {
    match wire {
        0x0300 => "ssl3".to_owned(),
        0x0301..=0x0304 => format!("1.{}", wire - 0x0301),
        other => format!("{other:#06x}"),
    }
}

pub(super) fn seen_name(fact: &NameFact, digits: u8) -> SeenName<'_> {
    SeenName { name: fact.name.as_str(), origin: fact.origin.word(), at: fact.at.to_rfc3339(digits) }
}

pub(super) fn around_dns(seen: &Httpdns) -> AroundDns<'_> {
    AroundDns {
        service: &seen.service,
        names: seen.names.iter().map(HostName::as_str).collect(),
        lookups: seen.lookups,
        answers: seen.answers,
    }
}

pub(super) fn encrypted_dns(dns: &EncryptedDns) -> EncryptedDnsPart<'_> {
    EncryptedDnsPart { transport: dns.transport.word(), resolver: dns.resolver.as_deref() }
}
