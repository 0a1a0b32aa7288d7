//! What other flows of the same client to the same address were called: ground for flows that say nothing themselves
//! (resumed, joined in the middle, or of a protocol nobody reads).
//!
//! Only a name or protocol that stood in the flow itself is passed on; what was learned from a neighbour never is. A record
//! that is out is never written anew: a flow that still goes on may learn from a later neighbour, an ended one does not.
//! Bounded by two generations; what is forgotten is counted.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use crate::model::{FlowId, Generations, HostName, NameOrigin, Timestamp};

/// How far apart in time two flows are still neighbours.
pub(super) const WINDOW: Duration = Duration::from_secs(600);
/// Neighbours kept for one client and address. With more the address is busy with many names, and names nothing.
const MAX_NEIGHBOURS: usize = 8;
/// Pairs kept: about ten minutes of a site with a thousand devices.
const MAX_PAIRS: usize = 65_536;

/// What a flow was called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Called {
    /// By a name in it.
    Name(HostName, NameOrigin),
    /// By its application's own protocol.
    Protocol(&'static str),
}

/// One flow that says what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Neighbour {
    /// The flow.
    pub flow: FlowId,
    /// What it was called.
    pub called: Called,
    /// When that was seen.
    pub at: Timestamp,
    /// Its last packet so far.
    pub until: Timestamp,
}

#[derive(Debug, Default)]
struct Pair {
    /// Newest first, one for each thing called.
    list: Vec<Neighbour>,
    /// The last packet of one that did not fit.
    crowded: Option<Timestamp>,
}

/// Flows that say what they are, by client and address.
#[derive(Debug)]
pub struct Neighbours(Generations<(IpAddr, IpAddr), Pair>);

impl Default for Neighbours {
    fn default() -> Self {
        Self(Generations::new(MAX_PAIRS / 2))
    }
}

impl Neighbours {
    /// Remembers what a flow of `client` to `remote` was called; of several flows called the same the newest is kept.
    pub fn note(&mut self, client: IpAddr, remote: IpAddr, neighbour: Neighbour) {
        self.0.touch((client.to_canonical(), remote.to_canonical()), |pair| {
            pair.list.retain(|n| n.called != neighbour.called);
            pair.list.insert(0, neighbour);
            if pair.list.len() > MAX_NEIGHBOURS {
                pair.crowded = pair.list.pop().map(|n| n.until).max(pair.crowded);
            }
        });
    }

    /// The neighbours of a flow of `client` to `remote` that lasted from `start` to `end`, newest first; none where there
    /// were too many to keep.
    pub fn of(
        &self,
        client: IpAddr,
        remote: IpAddr,
        (start, end): (Timestamp, Timestamp),
        own: FlowId,
    ) -> Vec<Neighbour> {
        let Some(pair) = self.0.get(&(client.to_canonical(), remote.to_canonical())) else {
            return Vec::new();
        };
        if pair.crowded.is_some_and(|until| start.since(until) <= WINDOW) {
            return Vec::new();
        }
        // `since` is zero for what comes later, so one of the two is the gap between the flows.
        let near = |n: &&Neighbour| start.since(n.until) <= WINDOW && n.at.since(end) <= WINDOW;
        pair.list.iter().filter(|n| n.flow != own).filter(near).cloned().collect()
    }

    /// Counters of what was given up, by name.
    pub fn limits(&self, out: &mut BTreeMap<String, u64>) {
        if self.0.forgotten() > 0 {
            out.insert("neighbours_forgotten".to_owned(), self.0.forgotten());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_parts(seconds, 0)
    }

    fn named(flow: u64, name: &str, from: i64, until: i64) -> Neighbour {
        let name = HostName::from_wire(name.as_bytes()).unwrap();
        let called = Called::Name(name, NameOrigin::TlsSni);
        Neighbour { flow: FlowId(flow), called, at: at(from), until: at(until) }
    }

    fn of(table: &Neighbours, client: &str, start: i64, end: i64) -> Vec<u64> {
        let list = table.of(ip(client), ip("9.9.9.9"), (at(start), at(end)), FlowId(99));
        list.into_iter().map(|n| n.flow.0).collect()
    }

    #[test]
    fn neighbours_are_of_one_client_and_no_further_than_ten_minutes() {
        let mut table = Neighbours::default();
        table.note(ip("10.0.0.2"), ip("9.9.9.9"), named(1, "a.example", 1000, 1100));
        assert_eq!(of(&table, "10.0.0.2", 1050, 1060), [1], "at the same time");
        assert_eq!(of(&table, "10.0.0.2", 1700, 1800), [1], "ten minutes after its last packet");
        assert!(of(&table, "10.0.0.2", 1701, 1800).is_empty());
        assert_eq!(of(&table, "10.0.0.2", 300, 400), [1], "ten minutes before it was called");
        assert!(of(&table, "10.0.0.2", 300, 399).is_empty());
        assert!(of(&table, "10.0.0.3", 1050, 1060).is_empty(), "another client");
        assert_eq!(table.of(ip("10.0.0.2"), ip("9.9.9.9"), (at(1050), at(1060)), FlowId(1)), [], "itself");
    }

    #[test]
    fn an_address_with_too_many_names_has_no_neighbours_for_a_while() {
        let mut table = Neighbours::default();
        for i in 0..=8 {
            table.note(ip("10.0.0.2"), ip("9.9.9.9"), named(i, &format!("n{i}.example"), 1000, 1000));
        }
        assert!(of(&table, "10.0.0.2", 1000, 1001).is_empty());
        table.note(ip("10.0.0.2"), ip("9.9.9.9"), named(20, "n1.example", 1601, 1601));
        assert_eq!(of(&table, "10.0.0.2", 1601, 1602), [20], "the crowd is out of the window");
    }

    #[test]
    fn the_table_is_bounded_and_counts_what_it_forgets() {
        let mut table = Neighbours(Generations::new(4));
        for i in 0..100_u8 {
            table.note(ip("10.0.0.2"), IpAddr::from([9, 9, 9, i]), named(1, "a.example", 0, 0));
        }
        let mut limits = BTreeMap::new();
        table.limits(&mut limits);
        assert_eq!(limits["neighbours_forgotten"], 92);
    }
}
