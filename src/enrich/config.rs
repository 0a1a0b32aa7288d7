//! The `[enrich]` section of the configuration.

use std::net::IpAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::SiteConfig;
use super::update::UpdateConfig;
use crate::model::{HumanDuration, HumanSize, Problem};

/// Geo databases, operators, networks, devices and remembered names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct EnrichConfig {
    /// Your own MMDB files (MaxMind, DB-IP, IPinfo, IP2Location, IPLocate schemas). For each fact the first file that
    /// knows it wins, the embedded database comes last; what all others say is still shown.
    pub databases: Vec<PathBuf>,
    /// Whether the database embedded in the program is asked too.
    pub embedded_database: bool,
    /// The largest database file that is read into memory.
    pub max_database_size: HumanSize,
    /// How often `whither run` looks whether a file of `databases` changed, and takes it over if it is sound; `0s`: only on
    /// SIGHUP.
    pub look_every: HumanDuration,
    /// Where `whither geoip update` gets databases from.
    pub update: UpdateConfig,
    /// Your own operator tables (same form as geoip/operators.toml); their rows go before the embedded ones.
    pub operators: Vec<PathBuf>,
    /// Networks on this side. Their addresses are devices, and are never geolocated.
    pub local_networks: Vec<IpNet>,
    /// Names for parts of the local networks (`iot`, `guests`), for rules and output.
    pub networks: Vec<NamedNetwork>,
    /// Names for devices.
    pub devices: Vec<NamedDevice>,
    /// Where else devices are known from.
    pub devices_from: DevicesFrom,
    /// Address translation on this gateway.
    pub conntrack: ConntrackConfig,
    /// More local IPv4 addresses or IPv6 /64 networks than this behind one MAC address: it is a router, and its devices are known by address.
    pub router_threshold: usize,
    /// How many addresses' answers are remembered, so that each is worked out once.
    pub cache_entries: usize,
    /// How many (client, address) pairs are kept in the table of names seen in DNS.
    pub max_names: usize,
    /// How long after its time to live a name still counts: apps hold on to addresses.
    pub name_grace: HumanDuration,
    /// Where the sensor stands: `{ country = "CZ" }` or `{ latitude = 50.1, longitude = 14.4 }`. With it, countries that the
    /// round trip to a remote leaves no time for are refuted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<SiteConfig>,
}

/// A part of the local networks with a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NamedNetwork {
    /// Its name.
    pub name: String,
    /// Its prefixes; of several that hold an address the longest wins.
    pub prefixes: Vec<IpNet>,
}

/// A device with a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NamedDevice {
    /// Its name, which is its id too.
    pub name: String,
    /// Its MAC address (`00:11:22:33:44:55`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// Its addresses. An address decides before a MAC address.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addresses: Vec<IpAddr>,
}

/// The kernel's connection tracking, for `whither run` on the gateway that translates addresses. Needs CAP_NET_ADMIN.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ConntrackConfig {
    /// Whether it is listened to.
    pub enabled: bool,
    /// Connections kept at once, ended ones that flow records may still need among them.
    pub max_connections: usize,
}

impl Default for ConntrackConfig {
    fn default() -> Self {
        Self { enabled: false, max_connections: 65_536 }
    }
}

/// Tables that say which card holds which address, and what it is called. Read at the start, on SIGHUP, and by `whither run`
/// when they change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct DevicesFrom {
    /// Lease files of dnsmasq.
    pub dnsmasq_leases: Vec<PathBuf>,
    /// Lease files of Kea (memfile CSV, DHCPv4 and DHCPv6).
    pub kea_leases: Vec<PathBuf>,
    /// Lease files of ISC dhcpd.
    pub isc_leases: Vec<PathBuf>,
    /// Whether `whither run` reads this host's neighbour table.
    pub neighbours: bool,
    /// How often `whither run` looks whether a lease file changed, and reads the neighbour table.
    pub look_every: HumanDuration,
}

impl Default for DevicesFrom {
    fn default() -> Self {
        Self {
            dnsmasq_leases: Vec::new(),
            kea_leases: Vec::new(),
            isc_leases: Vec::new(),
            neighbours: true,
            look_every: HumanDuration::from_secs(30),
        }
    }
}

/// RFC 1918, shared address space (RFC 6598: what a phone or home line gets behind a carrier's NAT), link-local, loopback and
/// unique local addresses.
const LOCAL: [&str; 10] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "100.64.0.0/10",
    "169.254.0.0/16",
    "127.0.0.0/8",
    "::1/128",
    "fe80::/10",
    "fc00::/7",
    "fec0::/10",
];

impl Default for EnrichConfig {
    fn default() -> Self {
        Self {
            databases: Vec::new(),
            embedded_database: true,
            max_database_size: HumanSize(512 << 20),
            look_every: HumanDuration::from_secs(30),
            update: UpdateConfig::default(),
            operators: Vec::new(),
            local_networks: LOCAL.iter().filter_map(|n| n.parse().ok()).collect(),
            networks: Vec::new(),
            devices: Vec::new(),
            devices_from: DevicesFrom::default(),
            conntrack: ConntrackConfig::default(),
            router_threshold: 8,
            cache_entries: 8_192,
            max_names: 131_072,
            name_grace: HumanDuration::from_secs(3600),
            site: None,
        }
    }
}

impl EnrichConfig {
    /// Adds what is wrong with it to `problems`.
    pub fn validate(&self, problems: &mut Vec<Problem>) {
        if let Some(site) = &self.site {
            site.validate(problems);
        }
        self.update.validate(problems);
        let mut problem = |key: String, message: String| problems.push(Problem { key, message });
        for (key, value, least) in [
            ("router-threshold", self.router_threshold, 1),
            ("cache-entries", self.cache_entries, 2),
            ("max-names", self.max_names, 2),
            ("conntrack.max-connections", self.conntrack.max_connections, 16),
        ] {
            if value < least {
                problem(format!("enrich.{key}"), format!("is {value}: expected at least {least}"));
            }
        }
        if self.devices_from.look_every.0.as_secs() == 0 {
            problem(
                "enrich.devices-from.look-every".to_owned(),
                "is less than a second: expected a time like `30s`".to_owned(),
            );
        }
        if self.max_database_size.0 == 0 {
            problem(
                "enrich.max-database-size".to_owned(),
                "is 0: no database could be read; expected a size like `512MiB`".to_owned(),
            );
        }
        if self.local_networks.is_empty() {
            problem(
                "enrich.local-networks".to_owned(),
                "is empty: without it no end of a flow is a device; list your networks, or leave the key out"
                    .to_owned(),
            );
        }
        for (i, network) in self.networks.iter().enumerate() {
            if network.name.trim().is_empty() {
                problem(
                    format!("enrich.networks[{i}].name"),
                    "is empty: expected a word like `iot`".to_owned(),
                );
            }
            if network.prefixes.is_empty() {
                problem(
                    format!("enrich.networks[{i}].prefixes"),
                    "is empty: expected prefixes like `192.168.1.0/24`".to_owned(),
                );
            }
        }
        for (i, device) in self.devices.iter().enumerate() {
            if device.name.trim().is_empty() {
                problem(
                    format!("enrich.devices[{i}].name"),
                    "is empty: expected a name like `tv`".to_owned(),
                );
            }
            if device.mac.is_none() && device.addresses.is_empty() {
                problem(
                    format!("enrich.devices[{i}]"),
                    "has neither `mac` nor `addresses`: nothing could ever match it".to_owned(),
                );
            }
            if let Some(mac) = &device.mac
                && super::networks::parse_mac(mac).is_none()
            {
                problem(
                    format!("enrich.devices[{i}].mac"),
                    format!("`{mac}` is no MAC address: expected one like `00:11:22:33:44:55`"),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(config: &EnrichConfig) -> Vec<String> {
        let mut problems = Vec::new();
        config.validate(&mut problems);
        problems.into_iter().map(|p| p.to_string()).collect()
    }

    #[test]
    fn the_defaults_are_sound_and_survive_writing_and_reading() {
        let config = EnrichConfig::default();
        assert!(problems(&config).is_empty());
        assert_eq!(config.local_networks.len(), LOCAL.len(), "every default prefix parses");
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<EnrichConfig>(&text).unwrap(), config);
        assert!(toml::from_str::<EnrichConfig>("databses = []").is_err(), "a misspelt key is refused");
    }

    #[test]
    fn problems_name_the_whole_key() {
        let text = "local-networks = []\nrouter-threshold = 0\nmax-database-size = \"0\"\n[[networks]]\nname = \"\"\nprefixes = []\n\
                    [[devices]]\nname = \"tv\"\nmac = \"zz\"\n[[devices]]\nname = \"x\"\n";
        let found = problems(&toml::from_str(text).unwrap());
        for key in [
            "enrich.router-threshold",
            "enrich.max-database-size",
            "enrich.local-networks",
            "enrich.networks[0].name",
            "enrich.networks[0].prefixes",
            "enrich.devices[0].mac",
            "enrich.devices[1]",
        ] {
            assert!(found.iter().any(|p| p.starts_with(&format!("`{key}`"))), "{key}: {found:?}");
        }
    }
}
