//! Which service a request goes to, by the data file.

use std::sync::LazyLock;

use ipnet::IpNet;
use serde::Deserialize;

use crate::model::{Endpoint, HostName};

/// Bytes of a head in which the Host is looked for.
const MAX_HEAD: usize = 4096;
/// Names of one request; services take up to five.
const MAX_ASKED: usize = 8;

/// One service.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "name, source and date are for readers of the file and its test")
)]
pub(super) struct Service {
    /// Its id in outputs.
    pub(super) id: String,
    /// Its name for people.
    pub(super) name: String,
    /// Host names it answers to.
    #[serde(default)]
    pub(super) hosts: Vec<String>,
    /// Networks it answers in.
    #[serde(default)]
    pub(super) prefixes: Vec<IpNet>,
    /// Ends of its paths; any where there are none.
    #[serde(default)]
    pub(super) paths: Vec<String>,
    /// Parameters that hold names.
    #[serde(default)]
    names: Vec<String>,
    /// Where this is from.
    pub(super) source: String,
    /// As of when.
    pub(super) date: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    service: Vec<Service>,
}

/// The file as it was built in.
const TEXT: &str = include_str!("../../../config/httpdns.toml");
/// The services; a test reads the file, so it is never empty.
static SERVICES: LazyLock<Vec<Service>> = LazyLock::new(|| read(TEXT).unwrap_or_default());

fn read(text: &str) -> Option<Vec<Service>> {
    toml::from_str::<File>(text).ok().map(|file| file.service)
}

/// All services.
#[cfg(test)]
pub(super) fn all() -> &'static [Service] {
    &SERVICES
}

/// The target of a GET or POST, once its line is whole.
fn target(bytes: &[u8]) -> Option<&str> {
    let rest = bytes.strip_prefix(b"GET ").or_else(|| bytes.strip_prefix(b"POST "))?;
    let end = rest.iter().take(MAX_HEAD).position(|b| matches!(b, b' ' | b'\r' | b'\n'))?;
    std::str::from_utf8(rest.get(..end)?).ok()
}

/// The Host of a head, without its port.
fn host(bytes: &[u8]) -> Option<String> {
    let head = bytes.get(..MAX_HEAD).unwrap_or(bytes);
    let mut lines = head.split(|b| *b == b'\n').skip(1).take_while(|line| line.len() > 1);
    let value = lines.find_map(|line| {
        let (name, value) = line.split_at_checked(5)?;
        name.eq_ignore_ascii_case(b"host:").then_some(value)
    })?;
    let value = std::str::from_utf8(value).ok()?.trim();
    let name = value.split(':').next().unwrap_or(value);
    Some(name.trim_end_matches('.').to_ascii_lowercase())
}

/// The service that a request goes to.
pub(super) fn of_request(bytes: &[u8], to: Endpoint) -> Option<&'static Service> {
    let target = target(bytes)?;
    let path = target.split('?').next().unwrap_or(target);
    let (host, addr) = (host(bytes), to.addr.to_canonical());
    SERVICES.iter().find(|service| {
        let place = host.as_ref().is_some_and(|host| service.hosts.contains(host))
            || service.prefixes.iter().any(|prefix| prefix.contains(&addr));
        place && (service.paths.is_empty() || service.paths.iter().any(|end| path.ends_with(end.as_str())))
    })
}

impl Service {
    /// The names that a request asks for in clear. What is no host name (a sealed list, an id) is not read.
    pub(super) fn names_asked(&self, bytes: &[u8]) -> Vec<HostName> {
        let query = target(bytes).and_then(|target| target.split_once('?')).map_or("", |(_, query)| query);
        let values = query.split('&').filter_map(|pair| pair.split_once('='));
        values
            .filter(|(key, _)| self.names.iter().any(|name| name == key))
            .flat_map(|(_, value)| value.split([',', ';']).flat_map(|part| part.split("%2C")))
            .filter_map(|name| HostName::from_wire(name.as_bytes()))
            .filter(HostName::is_valid)
            .take(MAX_ASKED)
            .collect()
    }
}
