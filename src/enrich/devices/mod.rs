//! What is known of the devices on this side: names, makers, kinds, and which card holds which address.
//!
//! A device is its card (MAC address) where one is known, else its address. Names are believed in this order: the
//! configuration, the DHCP server's leases, DHCP, multicast DNS, LLMNR, NetBIOS; where nothing is said, the maker and the end
//! of the MAC address. A name that another device already bears (or the configuration gives away) is told apart by the end
//! of the MAC address, so that nobody can slip under another's name.
//!
//! Limits: [`MAX_CARDS`] devices and [`MAX_HOLDERS`] addresses; beyond them those not seen for longest are forgotten, and counted.

mod card;
mod classes;
mod generations;
mod leases;
mod neighbours;
mod oui;
pub(super) mod tables;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::model::{DeviceAbout, DeviceObservation, DeviceOrigin, MacAddr, Timestamp};
use card::Card;
use classes::Classes;
use generations::Generations;

/// Devices kept. More than a site has; phones that change their MAC address every day fill it only in years.
const MAX_CARDS: usize = 16_384;
/// Addresses kept: several for each device, for IPv6 gives each a few and changes them.
const MAX_HOLDERS: usize = 65_536;
/// How long an address is believed to be a card's after it was last seen, where no lease says it: ARP caches forget sooner,
/// but addresses of DHCP stay for days.
const BELIEVED: Duration = Duration::from_secs(24 * 3600);
/// dnsmasq writes only when a lease ends; one that ends later than this after a packet need not have begun before it.
const LONGEST_LEASE: Duration = Duration::from_secs(7 * 24 * 3600);

/// Who something is said of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Who {
    Mac(MacAddr),
    Addr(IpAddr),
}

/// Which card an address belongs to, and for what time that is known.
#[derive(Debug, Clone, Copy)]
struct Holder {
    mac: MacAddr,
    seen: Timestamp,
    until: Option<Timestamp>,
    /// From a table of now rather than from the wire.
    listed: bool,
}

impl Holder {
    fn holds(&self, at: Timestamp) -> bool {
        match self.until {
            Some(until) if self.listed => until >= at && until.since(at) <= LONGEST_LEASE,
            Some(until) => until >= at,
            // A lease without an end.
            None if self.listed => true,
            None => at.since(self.seen) <= BELIEVED,
        }
    }
}

/// The devices.
#[derive(Debug)]
pub struct Devices {
    cards: Generations<Who, Card>,
    holders: Generations<IpAddr, Holder>,
    /// Who bears a name, in lower case.
    bearers: Generations<Arc<str>, Who>,
    /// Names that the configuration gives away, in lower case.
    taken: BTreeSet<String>,
    classes: Arc<Classes>,
    /// Packets and lines that taught something.
    learned: u64,
    lines_malformed: u64,
}

impl Devices {
    /// No devices yet; `taken` are the configured names.
    pub(super) fn new(taken: impl IntoIterator<Item = String>) -> Self {
        Self {
            cards: Generations::new(MAX_CARDS),
            holders: Generations::new(MAX_HOLDERS),
            bearers: Generations::new(MAX_CARDS),
            taken: taken.into_iter().map(|n| n.to_lowercase()).collect(),
            classes: Classes::embedded(),
            learned: 0,
            lines_malformed: 0,
        }
    }

    /// Takes over what another has learned, as when configuration is reloaded; the configured names are this one's.
    pub(super) fn inherit(&mut self, old: &mut Self) {
        std::mem::swap(&mut self.cards, &mut old.cards);
        std::mem::swap(&mut self.holders, &mut old.holders);
        std::mem::swap(&mut self.bearers, &mut old.bearers);
        (self.learned, self.lines_malformed) = (old.learned, old.lines_malformed);
    }

    /// Counts lines of tables that could not be read.
    pub(super) fn count_malformed(&mut self, lines: u64) {
        self.lines_malformed += lines;
    }

    /// Takes what was seen of a device. `local` says whether an address is on this side.
    pub(super) fn learn(&mut self, seen: &DeviceObservation, local: impl Fn(IpAddr) -> bool) {
        let addr = seen.addr.map(|a| a.to_canonical());
        // Words come from the local link only, whatever their packet says.
        let near = addr.is_none_or(|a| local(a) || self.holders.peek(&a).is_some());
        let by_card = matches!(
            seen.origin,
            DeviceOrigin::Arp
                | DeviceOrigin::Ndp
                | DeviceOrigin::Dhcp
                | DeviceOrigin::Dhcp6
                | DeviceOrigin::Lease
                | DeviceOrigin::Neighbours
        );
        if let (Some(mac), Some(addr), true) = (seen.mac, addr, by_card) {
            self.learned += 1;
            let listed = matches!(seen.origin, DeviceOrigin::Lease);
            self.holders.put(addr, Holder { mac, seen: seen.at, until: seen.until, listed });
        }
        let who = match (seen.mac, addr) {
            (Some(mac), _) => Who::Mac(mac),
            (None, Some(addr)) => match self.holders.peek(&addr).filter(|h| h.holds(seen.at)) {
                Some(holder) => Who::Mac(holder.mac),
                None => Who::Addr(addr),
            },
            (None, None) => return,
        };
        if !seen.says_something() || !(near || by_card) {
            return;
        }
        self.learned += 1;
        let classes = Arc::clone(&self.classes);
        let card = self.cards.entry(who, || Card::new(mac_of(who)));
        card.learn(seen, &classes);
        if let Some((_, name)) = card.name() {
            let key: Arc<str> = name.as_str().to_lowercase().into();
            if self.bearers.peek(&key).is_none() {
                self.bearers.put(key, who);
            }
        }
    }

    /// The card that holds `addr` at `at`.
    pub(super) fn holder(&self, addr: IpAddr, at: Timestamp) -> Option<MacAddr> {
        self.holders.peek(&addr).filter(|h| h.holds(at)).map(|h| h.mac)
    }

    /// Name and the rest of what is known of a device by its card, else by its address.
    pub(super) fn about(&mut self, mac: Option<MacAddr>, addr: IpAddr) -> (Option<Arc<str>>, DeviceAbout) {
        let who = mac.map_or(Who::Addr(addr), Who::Mac);
        if self.cards.get(&who).is_none() {
            // A card that nobody spoke of yet has a maker all the same.
            let Some(mac) = mac else { return (None, DeviceAbout::default()) };
            let classes = Arc::clone(&self.classes);
            self.cards.entry(who, || {
                let mut card = Card::new(Some(mac));
                card.settle(&classes);
                card
            });
        }
        let Some(card) = self.cards.get(&who) else { return (None, DeviceAbout::default()) };
        let mut about = card.about();
        let Some((origin, name)) = card.name() else {
            let name = mac
                .zip(about.vendor.as_ref())
                .map(|(mac, vendor)| Arc::<str>::from(format!("{}-{}", short(vendor), end_of(mac))));
            about.name_source = name.as_ref().map(|_| "vendor");
            return (name, about);
        };
        about.name_source = Some(origin.word());
        let key: Arc<str> = name.as_str().to_lowercase().into();
        let first = self.bearers.get(&key).is_none_or(|bearer| *bearer == who);
        if first && !self.taken.contains(&*key) {
            return (Some(name.shared()), about);
        }
        let end = mac.map_or_else(|| addr.to_string(), end_of);
        (Some(format!("{name} ({end})").into()), about)
    }

    /// Counters, by name.
    pub(super) fn limits(&self, out: &mut BTreeMap<String, u64>) {
        for (name, count) in [
            ("devices_forgotten", self.cards.forgotten()),
            ("device_addresses_forgotten", self.holders.forgotten()),
            ("device_lines_malformed", self.lines_malformed),
        ] {
            if count > 0 {
                *out.entry(name.to_owned()).or_default() += count;
            }
        }
    }
}

fn mac_of(who: Who) -> Option<MacAddr> {
    match who {
        Who::Mac(mac) => Some(mac),
        Who::Addr(_) => None,
    }
}

/// A maker's first word, or two where the first is short (`Hon Hai`).
fn short(vendor: &str) -> &str {
    let mut ends = vendor.match_indices([' ', ',', '(']).map(|(at, _)| at).filter(|at| *at > 0);
    let end = ends.find(|at| *at > 3).unwrap_or(vendor.len());
    vendor.get(..end).unwrap_or(vendor)
}

/// The last three bytes: what a maker gives out.
fn end_of(mac: MacAddr) -> String {
    let [_, _, _, a, b, c] = mac.0;
    format!("{a:02x}{b:02x}{c:02x}")
}
