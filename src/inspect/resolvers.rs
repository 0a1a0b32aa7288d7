//! Lookups that cannot be seen: DNS over TLS, HTTPS and QUIC recognised by port, ALPN and the table of resolvers.
//!
//! What they asked is not known; the summary counts them, so that a missing name can be put down to them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use serde::Deserialize;

use crate::model::{DnsTransport, EncryptedDns, Endpoint, Facts};

/// The table, built in; a test reads every row of it.
const TABLE: &str = include_str!("../../config/resolvers.toml");
/// DNS over TLS and QUIC (RFC 7858 §3.1, RFC 9250 §4.1.1).
const PORT: u16 = 853;
/// Ports of DNS over QUIC before it was a standard (drafts, AdGuard).
const DOQ_PORTS: [u16; 3] = [PORT, 784, 8853];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    resolver: Vec<Row>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: Arc<str>,
    hosts: Vec<String>,
    addresses: Vec<IpAddr>,
    #[cfg_attr(
        not(test),
        allow(dead_code, reason = "for readers of the table, and held to be there by a test")
    )]
    source: String,
    #[cfg_attr(
        not(test),
        allow(dead_code, reason = "for readers of the table, and held to be there by a test")
    )]
    date: String,
}

#[derive(Debug, Default)]
struct Table {
    hosts: HashMap<String, Arc<str>>,
    addresses: HashMap<IpAddr, Arc<str>>,
}

impl Table {
    fn read() -> Self {
        let mut table = Self::default();
        for row in toml::from_str::<File>(TABLE).map(|f| f.resolver).unwrap_or_default() {
            table.hosts.extend(row.hosts.into_iter().map(|host| (host, Arc::clone(&row.name))));
            table.addresses.extend(row.addresses.into_iter().map(|addr| (addr, Arc::clone(&row.name))));
        }
        table
    }

    /// The resolver of that name or of one above it.
    fn host(&self, name: &str) -> Option<&Arc<str>> {
        let mut rest = name;
        loop {
            if let Some(found) = self.hosts.get(rest) {
                return Some(found);
            }
            rest = rest.split_once('.')?.1;
        }
    }
}

fn table() -> &'static Table {
    static READ: OnceLock<Table> = OnceLock::new();
    READ.get_or_init(Table::read)
}

/// Marks a flow whose ClientHello was read, if it carries lookups. `quic`: it is one over QUIC.
pub(super) fn mark(facts: &mut Facts, server: Endpoint, quic: bool) {
    let offers = |wanted: fn(&str) -> bool| facts.alpn.iter().any(|a| wanted(a));
    let name = facts.host().map(|fact| &fact.name);
    let known = match name {
        // A name that is no resolver's speaks against the address, which may serve other things too.
        Some(name) => table().host(name.as_str()),
        None => table().addresses.get(&server.addr.to_canonical()),
    };
    let web = offers(|a| a == "h2" || a.starts_with("h3"));
    let transport = if offers(|a| a.starts_with("doq")) || (quic && DOQ_PORTS.contains(&server.port) && !web)
    {
        DnsTransport::Doq
    } else if offers(|a| a == "dot") || (!quic && server.port == PORT) {
        DnsTransport::Dot
    } else if web && known.is_some() {
        DnsTransport::Doh
    } else {
        return;
    };
    let resolver = known.cloned().or_else(|| name.map(|n| n.as_str().into()));
    facts.encrypted_dns = Some(EncryptedDns { transport, resolver });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{HostName, NameFact, NameOrigin, Timestamp};

    fn marked(name: Option<&str>, alpn: &[&str], server: &str, quic: bool) -> Option<(&'static str, String)> {
        let mut facts = Facts { alpn: alpn.iter().map(|a| (*a).into()).collect(), ..Facts::default() };
        if let Some(name) = name.and_then(|n| HostName::from_wire(n.as_bytes())) {
            let at = Timestamp::from_parts(0, 0);
            facts.add_name(NameFact { name, origin: NameOrigin::TlsSni, at });
        }
        mark(&mut facts, crate::inspect::tests::endpoint(server), quic);
        let found = facts.encrypted_dns?;
        Some((found.transport.word(), found.resolver.map(|r| r.to_string()).unwrap_or_default()))
    }

    #[test]
    fn each_transport_is_told_and_its_resolver_named() {
        let said = |word, name: &str| Some((word, name.to_owned()));
        assert_eq!(
            marked(Some("dns.google"), &["h2"], "8.8.8.8:443", false),
            said("doh", "Google Public DNS")
        );
        assert_eq!(
            marked(Some("mozilla.cloudflare-dns.com"), &["h3"], "192.0.2.1:443", true),
            said("doh", "Cloudflare")
        );
        assert_eq!(marked(None, &["h2", "http/1.1"], "1.1.1.1:443", false), said("doh", "Cloudflare"));
        assert_eq!(marked(None, &[], "9.9.9.9:853", false), said("dot", "Quad9"));
        assert_eq!(marked(Some("ns.example"), &["dot"], "192.0.2.1:443", false), said("dot", "ns.example"));
        assert_eq!(marked(None, &["doq-i00"], "192.0.2.1:4784", true), said("doq", ""));
        assert_eq!(marked(None, &[], "94.140.14.14:784", true), said("doq", "AdGuard DNS"));
    }

    #[test]
    fn other_names_at_a_resolvers_address_and_other_protocols_are_no_lookups() {
        assert_eq!(marked(Some("www.example.com"), &["h2"], "1.1.1.1:443", false), None);
        assert_eq!(marked(Some("notdns.google"), &["h2"], "8.8.8.8:443", false), None);
        assert_eq!(marked(Some("dns.google"), &[], "8.8.8.8:443", false), None);
        assert_eq!(marked(None, &["h3"], "192.0.2.1:443", true), None);
    }

    #[test]
    fn every_row_has_names_source_and_date_and_no_host_stands_twice() {
        let file: File = toml::from_str(TABLE).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for row in file.resolver {
            assert!(!row.hosts.is_empty() && !row.source.is_empty() && row.date.starts_with("20"), "{row:?}");
            for host in row.hosts {
                assert!(HostName::from_wire(host.as_bytes()).unwrap().is_valid(), "{host}");
                assert!(seen.insert(host.clone()), "{host} stands twice");
            }
        }
    }
}
