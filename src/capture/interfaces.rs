//! The inventory of interfaces, by pnet.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::model::MacAddr;

/// One interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceInfo {
    /// Its name.
    pub name: String,
    /// The kernel's number.
    pub index: u32,
    /// MAC address, where it has one.
    pub mac: Option<MacAddr>,
    /// Addresses with their networks.
    pub addresses: Vec<IpNet>,
    /// Switched on.
    pub up: bool,
    /// Connected (a cable, a peer).
    pub running: bool,
    /// The host's own loopback.
    pub loopback: bool,
    /// A tunnel or a dial-up line.
    pub point_to_point: bool,
}

impl InterfaceInfo {
    /// What watching it is good for, in a few words.
    pub fn good_for(&self) -> &'static str {
        let global = |net: &IpNet| crate::model::is_special_address(net.addr()).is_none();
        match () {
            () if !self.up => "nothing while it is down",
            () if self.loopback => "this host talking to itself",
            () if !self.running => "nothing while it is not connected",
            () if self.point_to_point => "traffic of a tunnel or dial-up line",
            () if self.addresses.is_empty() => "mirrored or bridged traffic (it has no address)",
            () if self.addresses.iter().any(|net| global(net) && net.addr().is_ipv4()) => {
                "traffic with the Internet (devices behind NAT are not told apart here)"
            }
            () => "traffic of the devices in its network",
        }
    }
}

/// All interfaces of this host, by the kernel's number.
pub fn interfaces() -> Vec<InterfaceInfo> {
    let mut list: Vec<InterfaceInfo> = pnet::datalink::interfaces()
        .into_iter()
        .map(|interface| InterfaceInfo {
            index: interface.index,
            mac: interface.mac.map(|m| MacAddr(m.octets())).filter(|m| !m.is_zero()),
            addresses: interface.ips.iter().filter_map(|net| network(net.ip(), net.prefix())).collect(),
            up: interface.is_up(),
            running: interface.is_running(),
            loopback: interface.is_loopback(),
            point_to_point: interface.is_point_to_point(),
            name: interface.name,
        })
        .collect();
    list.sort_by_key(|interface| interface.index);
    list
}

fn network(addr: IpAddr, prefix: u8) -> Option<IpNet> {
    IpNet::new(addr, prefix).ok()
}

/// The names of all interfaces, for error messages.
pub(super) fn known() -> String {
    let names: Vec<String> = interfaces().into_iter().map(|i| i.name).collect();
    names.join(", ")
}
