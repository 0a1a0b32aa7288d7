//! The smallest handshake round trip to each address, and signs that it is not the address that answers.
//!
//! Kept by *class*: an observation point and a kind of service, for proxies that end connections often take only the web's ports.
//! A class whose answers come too fast to be from the Internet is never believed again.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::model::{Generations, Timestamp};

/// Addresses remembered, twice this at most; about 60 octets each.
const HALF: usize = 32_768;
/// Classes; observation points are few, this is for a run over thousands of files.
const MAX_CLASSES: usize = 16_384;
/// A measurement this old counts no more: addresses move.
const FORGET_AFTER: Duration = Duration::from_secs(30 * 86_400);
/// No host beyond the local network answers in less (30 km of fibre and two network cards).
const TOO_FAST: Duration = Duration::from_micros(300);
/// If all of at least [`MANY`] addresses answer within this, they are one near machine.
const NEAR: Duration = Duration::from_millis(3);
const MANY: u32 = 4;

/// What kind of service was asked: proxies are set up by port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Service {
    Http,
    Https,
    Other,
    Quic,
}

impl Service {
    const ALL: [Self; 4] = [Self::Http, Self::Https, Self::Other, Self::Quic];

    const fn of(port: u16, quic: bool) -> Self {
        match port {
            _ if quic => Self::Quic,
            80 | 8080 => Self::Http,
            443 => Self::Https,
            _ => Self::Other,
        }
    }
}

type Class = (u16, Service);

/// One measurement.
#[derive(Debug, Clone, Copy)]
pub struct RoundTrip {
    /// The observation point's id.
    pub point: u16,
    /// The remote.
    pub addr: IpAddr,
    /// The remote's port.
    pub port: u16,
    /// Measured on a QUIC handshake, not on TCP's.
    pub quic: bool,
    /// How long the answer took.
    pub took: Duration,
    /// When.
    pub at: Timestamp,
}

#[derive(Debug, Clone, Copy, Default)]
struct Smallest(Option<(Duration, Timestamp)>);

/// What is known of a class as a whole.
#[derive(Debug, Default)]
struct Seen {
    addresses: u32,
    far: bool,
    too_fast: bool,
}

impl Seen {
    /// Whether something near answers in the place of the Internet.
    const fn is_proxied(&self) -> bool {
        self.too_fast || (self.addresses >= MANY && !self.far)
    }
}

#[derive(Debug)]
pub(in crate::enrich) struct RoundTrips {
    smallest: Generations<(Class, IpAddr), Smallest>,
    classes: BTreeMap<Class, Seen>,
    classes_full: u64,
}

/// What is known of the way to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Unknown,
    /// Only measured where something near answers in its place.
    Proxied,
    Took(Duration),
}

impl RoundTrips {
    pub(super) fn new() -> Self {
        Self { smallest: Generations::new(HALF), classes: BTreeMap::new(), classes_full: 0 }
    }

    /// Takes in one measurement.
    pub(super) fn note(&mut self, trip: &RoundTrip) {
        let class = (trip.point, Service::of(trip.port, trip.quic));
        if self.classes.len() >= MAX_CLASSES && !self.classes.contains_key(&class) {
            self.classes_full += 1;
            return;
        }
        let mut first = false;
        self.smallest.touch((class, trip.addr), |kept| {
            first = kept.0.is_none();
            let stands = kept.0.filter(|(took, at)| *took <= trip.took && trip.at.since(*at) < FORGET_AFTER);
            kept.0 = stands.or(Some((trip.took, trip.at)));
        });
        let seen = self.classes.entry(class).or_default();
        seen.addresses = seen.addresses.saturating_add(u32::from(first));
        seen.far |= trip.took >= NEAR;
        seen.too_fast |= trip.took < TOO_FAST;
    }

    /// The smallest round trip to an address, over the classes of an observation point that can be believed.
    pub(super) fn way(&self, point: u16, addr: IpAddr) -> Way {
        let mut way = Way::Unknown;
        for service in Service::ALL {
            let class = (point, service);
            let Some((took, _)) = self.smallest.get(&(class, addr)).and_then(|s| s.0) else { continue };
            way = match way {
                _ if self.classes.get(&class).is_none_or(Seen::is_proxied) => way.or_proxied(),
                Way::Took(other) => Way::Took(took.min(other)),
                _ => Way::Took(took),
            };
        }
        way
    }

    pub(super) fn limits(&self, out: &mut BTreeMap<String, u64>) {
        out.insert("round_trips_forgotten".to_owned(), self.smallest.forgotten());
        out.insert("round_trip_classes_full".to_owned(), self.classes_full);
        let proxied = self.classes.values().filter(|seen| seen.is_proxied()).count();
        out.insert(super::PROXIED_CLASSES.to_owned(), u64::try_from(proxied).unwrap_or(u64::MAX));
    }
}

impl Way {
    fn or_proxied(self) -> Self {
        if self == Self::Unknown { Self::Proxied } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trip(last: u8, port: u16, micros: u64, second: i64) -> RoundTrip {
        RoundTrip {
            point: 0,
            addr: addr(last),
            port,
            quic: false,
            took: Duration::from_micros(micros),
            at: Timestamp::from_parts(second, 0),
        }
    }

    fn addr(last: u8) -> IpAddr {
        IpAddr::from([203, 0, 113, last])
    }

    fn way(trips: &RoundTrips, last: u8) -> Way {
        trips.way(0, addr(last))
    }

    #[test]
    fn the_smallest_counts_until_it_is_too_old() {
        let mut trips = RoundTrips::new();
        for (micros, second) in [(20_000, 0), (10_000, 5), (30_000, 9)] {
            trips.note(&trip(1, 443, micros, second));
        }
        assert_eq!(way(&trips, 1), Way::Took(Duration::from_millis(10)));
        trips.note(&trip(1, 80, 8_000, 9));
        assert_eq!(way(&trips, 1), Way::Took(Duration::from_millis(8)), "whichever service answered");
        trips.note(&trip(1, 80, 90_000, 40 * 86_400));
        trips.note(&trip(1, 443, 40_000, 40 * 86_400));
        assert_eq!(way(&trips, 1), Way::Took(Duration::from_millis(40)), "the address may have moved since");
        assert_eq!(way(&trips, 2), Way::Unknown);
        assert_eq!(trips.way(1, addr(1)), Way::Unknown, "seen from elsewhere");
    }

    #[test]
    fn one_answer_too_fast_for_the_internet_spoils_its_service_only() {
        let mut trips = RoundTrips::new();
        trips.note(&trip(1, 443, 5_000, 0));
        trips.note(&trip(2, 443, 200, 1));
        assert_eq!(way(&trips, 1), Way::Proxied);
        trips.note(&trip(1, 22, 7_000, 2));
        assert_eq!(way(&trips, 1), Way::Took(Duration::from_millis(7)), "that port is not the proxy's");
    }

    #[test]
    fn addresses_that_all_answer_alike_and_near_are_one_machine() {
        let mut trips = RoundTrips::new();
        for last in 1..4 {
            trips.note(&trip(last, 443, 1_000, 0));
        }
        assert_eq!(way(&trips, 1), Way::Took(Duration::from_millis(1)), "three may be three");
        trips.note(&trip(4, 443, 1_500, 0));
        assert_eq!(way(&trips, 1), Way::Proxied);
        trips.note(&trip(5, 443, 12_000, 0));
        assert_eq!(way(&trips, 1), Way::Took(Duration::from_millis(1)), "one is far: they are not");
    }
}
