//! The network interfaces of this machine, as plain data: what `whither interfaces` lists and what a live source
//! checks before it opens. Read through `pnet`; none of its types leave this file.

use ipnet::IpNet;

use crate::model::MacAddr;

/// One network interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceInfo {
    /// Its name.
    pub name: String,
    /// The system's number for it.
    pub index: u32,
    /// What the system says of it; empty on Linux.
    pub description: String,
    /// Its hardware address, if it has one that is not zero.
    pub mac: Option<MacAddr>,
    /// Its addresses with their networks.
    pub addresses: Vec<IpNet>,
    /// Whether it is switched on.
    pub up: bool,
    /// Whether it has a link.
    pub running: bool,
    /// Whether it only reaches this machine.
    pub loopback: bool,
    /// Whether it is one end of a tunnel or a dialled line.
    pub point_to_point: bool,
    /// A sentence on what watching it shows.
    pub good_for: String,
}

/// All interfaces, by their number.
pub fn interfaces() -> Vec<InterfaceInfo> {
    let mut all: Vec<InterfaceInfo> = pnet::datalink::interfaces().into_iter().map(info).collect();
    all.sort_by(|a, b| (a.index, &a.name).cmp(&(b.index, &b.name)));
    all
}

fn info(interface: pnet::datalink::NetworkInterface) -> InterfaceInfo {
    let mac = interface.mac.map(|mac| MacAddr(mac.octets())).filter(|mac| mac.0 != [0; 6]);
    let addresses =
        interface.ips.iter().filter_map(|net| IpNet::new(net.ip(), net.prefix()).ok()).collect::<Vec<_>>();
    let mut found = InterfaceInfo {
        index: interface.index,
        mac,
        addresses,
        up: interface.is_up(),
        running: interface.is_running(),
        loopback: interface.is_loopback(),
        point_to_point: interface.is_point_to_point(),
        good_for: String::new(),
        name: interface.name,
        description: interface.description,
    };
    found.good_for = good_for(&found).to_owned();
    found
}

fn good_for(interface: &InterfaceInfo) -> &'static str {
    if !interface.up {
        "nothing until it is brought up"
    } else if interface.loopback {
        "traffic within this machine only; good for trials"
    } else if !interface.running {
        "nothing while it has no link"
    } else if interface.point_to_point {
        "what goes through this tunnel or line; device MAC addresses are not seen"
    } else if interface.addresses.is_empty() {
        "a mirror port, or a bridge member: traffic of others, if the switch sends it here"
    } else {
        "this machine's traffic, and that of the networks it routes for"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_is_found_with_its_address() {
        let all = interfaces();
        let Some(lo) = all.iter().find(|i| i.loopback) else {
            eprintln!("skipped: no loopback interface here");
            return;
        };
        assert!(lo.addresses.is_empty() || lo.addresses.iter().any(|net| net.addr().is_loopback()));
        assert_eq!(lo.mac, None);
        assert!(all.iter().all(|i| !i.good_for.is_empty()));
    }
}
