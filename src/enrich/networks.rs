//! This side of the wire: which addresses are local, what their network is called, and which device an address is.
//!
//! A device's id is its configured name; else its MAC address, when that is its own; else its address. A MAC address
//! that carries many local addresses is a router's: from the moment that is noticed (more than `router-threshold`
//! IPv4 addresses or IPv6 /64 networks; a host's many privacy addresses share one /64) devices behind it are known by
//! address. What was said before stays said; reading the same file gives the same ids.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use ipnet::IpNet;

use super::EnrichConfig;
use crate::model::{DeviceAbout, DeviceContext, MacAddr};

/// MAC addresses of which the addresses are counted. Beyond that (made-up ones, a flood) devices are known by address.
const MAX_MACS: usize = 4096;

/// Local networks and devices.
#[derive(Debug)]
pub struct Networks {
    local: Arc<[IpNet]>,
    /// Longest prefix first.
    named: Vec<(IpNet, Arc<str>)>,
    by_addr: HashMap<IpAddr, Arc<str>>,
    by_mac: HashMap<MacAddr, Arc<str>>,
    router_threshold: usize,
    behind: Mutex<Behind>,
}

/// Which addresses were seen behind which MAC address.
#[derive(Debug, Default)]
struct Behind {
    macs: HashMap<MacAddr, BTreeSet<IpAddr>>,
    routers: u64,
    macs_not_counted: u64,
}

impl Networks {
    /// Takes the networks and devices of the configuration; parts that do not parse are left out (validation names them).
    pub fn new(config: &EnrichConfig) -> Self {
        let mut named: Vec<(IpNet, Arc<str>)> = Vec::new();
        for network in &config.networks {
            let name: Arc<str> = network.name.as_str().into();
            named.extend(network.prefixes.iter().map(|p| (*p, Arc::clone(&name))));
        }
        named.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.prefix_len()));
        let (mut by_addr, mut by_mac) = (HashMap::new(), HashMap::new());
        for device in &config.devices {
            let name: Arc<str> = device.name.as_str().into();
            for addr in &device.addresses {
                by_addr.entry(addr.to_canonical()).or_insert_with(|| Arc::clone(&name));
            }
            if let Some(mac) = device.mac.as_deref().and_then(parse_mac) {
                by_mac.entry(mac).or_insert(name);
            }
        }
        Self {
            local: config.local_networks.as_slice().into(),
            named,
            by_addr,
            by_mac,
            router_threshold: config.router_threshold.max(1),
            behind: Mutex::default(),
        }
    }

    /// The local networks, for others who need them.
    pub fn local(&self) -> Arc<[IpNet]> {
        Arc::clone(&self.local)
    }

    /// Whether an address is on this side.
    pub fn is_local(&self, addr: IpAddr) -> bool {
        let addr = addr.to_canonical();
        self.local.iter().any(|n| n.contains(&addr))
    }

    /// Whether an address can only be used on this link: local, or not assigned yet (a DHCP client's first message).
    pub(super) fn is_near(&self, addr: IpAddr) -> bool {
        addr.is_unspecified() || self.is_local(addr)
    }

    /// The device that has `addr`, seen with the link address `mac`; if that is not its own, `holder` is the card that is
    /// known to hold the address.
    pub fn device(&self, addr: IpAddr, mac: Option<MacAddr>, holder: Option<MacAddr>) -> DeviceContext {
        let addr = addr.to_canonical();
        let card = |mac: Option<MacAddr>| {
            mac.filter(|m| !m.is_group() && !m.is_zero()).filter(|m| self.is_own(*m, addr))
        };
        let mac = card(mac.filter(|m| self.is_near(addr) || holder == Some(*m)));
        let mac = mac.or_else(|| card(holder));
        let name = self.by_addr.get(&addr).or_else(|| mac.and_then(|m| self.by_mac.get(&m))).cloned();
        let id = match (&name, mac) {
            (Some(name), _) => Arc::clone(name),
            (None, Some(mac)) => mac.to_string().into(),
            (None, None) => addr.to_string().into(),
        };
        let network = self.named.iter().find(|(p, _)| p.contains(&addr)).map(|(_, name)| Arc::clone(name));
        let about = DeviceAbout { name_source: name.as_ref().map(|_| "config"), ..DeviceAbout::default() };
        DeviceContext { id, name, addr, mac, network, about }
    }

    /// Whether `mac` is the address's own and not a router's; remembers that it was seen.
    fn is_own(&self, mac: MacAddr, addr: IpAddr) -> bool {
        let counts = !addr.is_unspecified();
        let place = match addr {
            IpAddr::V6(a) => IpAddr::V6((a.to_bits() >> 64 << 64).into()),
            v4 @ IpAddr::V4(_) => v4,
        };
        let mut behind = self.behind.lock().unwrap_or_else(PoisonError::into_inner);
        let full = behind.macs.len() >= MAX_MACS;
        let Behind { macs, routers, macs_not_counted } = &mut *behind;
        let Some(places) = (if full { macs.get_mut(&mac) } else { Some(macs.entry(mac).or_default()) })
        else {
            *macs_not_counted += 1;
            return false;
        };
        // Once it is known as a router there is nothing more to remember.
        if counts
            && places.len() <= self.router_threshold
            && places.insert(place)
            && places.len() > self.router_threshold
        {
            *routers += 1;
        }
        places.len() <= self.router_threshold
    }

    /// Counters of what was given up, by name.
    pub fn limits(&self, out: &mut BTreeMap<String, u64>) {
        let behind = self.behind.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, count) in
            [("device_router_macs", behind.routers), ("device_macs_not_counted", behind.macs_not_counted)]
        {
            if count > 0 {
                *out.entry(name.to_owned()).or_default() += count;
            }
        }
    }
}

/// A MAC address as people write it: six pairs of hex digits with `:` or `-` between.
pub(crate) fn parse_mac(text: &str) -> Option<MacAddr> {
    let mut parts = text.split([':', '-']);
    let mut bytes = [0_u8; 6];
    for byte in &mut bytes {
        let part = parts.next().filter(|p| p.len() == 2 && p.bytes().all(|b| b.is_ascii_hexdigit()))?;
        *byte = u8::from_str_radix(part, 16).ok()?;
    }
    parts.next().is_none().then_some(MacAddr(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enrich::config::{NamedDevice, NamedNetwork};

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    const MAC: MacAddr = MacAddr([0, 1, 2, 3, 4, 5]);

    #[test]
    fn a_device_is_its_name_else_its_mac_else_its_address() {
        let config = EnrichConfig {
            devices: vec![NamedDevice {
                name: "tv".into(),
                mac: Some("00-01-02-03-04-05".into()),
                addresses: vec![],
            }],
            networks: vec![
                NamedNetwork { name: "lan".into(), prefixes: vec!["192.168.0.0/16".parse().unwrap()] },
                NamedNetwork { name: "iot".into(), prefixes: vec!["192.168.7.0/24".parse().unwrap()] },
            ],
            ..EnrichConfig::default()
        };
        let networks = Networks::new(&config);
        let tv = networks.device(ip("192.168.7.2"), Some(MAC), None);
        assert_eq!((&*tv.id, tv.network.as_deref()), ("tv", Some("iot")));
        let other = networks.device(ip("192.168.1.2"), Some(MacAddr([2, 0, 0, 0, 0, 1])), None);
        assert_eq!((&*other.id, other.network.as_deref()), ("02:00:00:00:00:01", Some("lan")));
        for none in [None, Some(MacAddr([0; 6])), Some(MacAddr([0xff; 6]))] {
            assert_eq!(&*networks.device(ip("192.168.1.3"), none, None).id, "192.168.1.3");
        }
        assert_eq!(
            &*networks.device(ip("8.8.8.8"), Some(MAC), None).id,
            "8.8.8.8",
            "a MAC says nothing of a far address"
        );
    }

    #[test]
    fn many_addresses_behind_one_mac_make_it_a_router_but_privacy_addresses_do_not() {
        let networks = Networks::new(&EnrichConfig::default());
        for i in 1..=50_u8 {
            let device = networks.device(ip(&format!("fd00::{i:x}")), Some(MAC), None);
            assert_eq!(device.mac, Some(MAC), "{i}");
        }
        for i in 1..=7_u8 {
            assert_eq!(networks.device(ip(&format!("10.0.0.{i}")), Some(MAC), None).mac, Some(MAC), "{i}");
        }
        let behind = networks.device(ip("10.0.0.8"), Some(MAC), None);
        assert_eq!((&*behind.id, behind.mac), ("10.0.0.8", None));
        let mut limits = BTreeMap::new();
        networks.limits(&mut limits);
        assert_eq!(limits["device_router_macs"], 1);
    }

    #[test]
    fn local_addresses_are_local_in_either_writing() {
        let networks = Networks::new(&EnrichConfig::default());
        for local in ["10.1.1.1", "::ffff:192.168.0.1", "fe80::1", "100.64.3.4", "::1"] {
            assert!(networks.is_local(ip(local)), "{local}");
        }
        assert!(!networks.is_local(ip("8.8.8.8")));
    }
}
