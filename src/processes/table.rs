//! Sockets seen, with their makers and the time in which they were there; kept for a while after they are gone.
//!
//! A socket is known by its cookie. Polls and births tell of the same sockets: what a birth says of the maker stands,
//! for it saw the process act; a poll only sees who holds the socket now.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use super::sockets::{Closed, Socket};
use crate::model::{Endpoint, ProcessRef, Protocol, Timestamp};

/// Sockets remembered of one pair of ends: ports that are used again and again.
const MAX_OF_ENDS: usize = 8;
/// Addressees remembered of one socket: what scans must not push out the others.
const MAX_OF_SOCKET: u16 = 1024;
/// How often a socket without a holder is looked for again: its process may be between opening and being seen.
const MAX_TRIES: u8 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Ends {
    protocol: Protocol,
    local: Endpoint,
    remote: Option<Endpoint>,
}

/// A socket.
#[derive(Debug)]
struct Seen {
    first: Timestamp,
    last: Timestamp,
    /// `None`: nobody was found, or several programs share it.
    maker: Option<Arc<ProcessRef>>,
    /// Whether it is settled whose it is.
    settled: bool,
    tries: u8,
    /// Ends that it has had.
    ends: u16,
    both_versions: bool,
    /// Of this process's network namespace.
    here: bool,
    /// What it speaks, where its birth told.
    protocol: Option<Protocol>,
}

/// A socket whose birth was seen.
#[derive(Debug, Clone)]
pub(super) struct Born {
    pub(super) cookie: u64,
    pub(super) protocol: Protocol,
    pub(super) maker: Arc<ProcessRef>,
    /// Of this process's network namespace.
    pub(super) here: bool,
}

/// What the table says of a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// Its maker.
    Maker(Arc<ProcessRef>),
    /// There was a socket, but not one maker of it.
    Ambiguous,
    /// No socket was seen.
    Unseen,
}

/// What a flow is looked up by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted {
    pub(super) protocol: Protocol,
    pub(super) local: Endpoint,
    pub(super) remote: Endpoint,
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    /// Whether sockets that are not connected to one address may be its own.
    pub(super) unconnected: bool,
    /// Whether the local end was asked: who listens there may be its maker.
    pub(super) asked: bool,
}

/// The table.
#[derive(Debug)]
pub(super) struct Table {
    sockets: HashMap<u64, Seen>,
    /// Cookies of the sockets with these ends, oldest first.
    ends: HashMap<Ends, Vec<u64>>,
    /// Cookies in `ends`.
    count: usize,
    most: usize,
    keep: Duration,
    /// How far a flow's packets may lie outside the time in which its socket was seen.
    slack: Duration,
    forgotten: u64,
    /// Sockets that closed without having been seen.
    missed: u64,
}

impl Table {
    pub(super) fn new(most: usize, keep: Duration, interval: Duration) -> Self {
        Self {
            sockets: HashMap::new(),
            ends: HashMap::new(),
            count: 0,
            most,
            keep,
            slack: interval.saturating_mul(2).saturating_add(Duration::from_secs(1)),
            forgotten: 0,
            missed: 0,
        }
    }

    /// Takes in what one poll found; gives the inodes of sockets whose maker is not known yet.
    pub(super) fn seen(&mut self, sockets: &[Socket], now: Timestamp) -> HashSet<u32> {
        let mut unknown = HashSet::new();
        for socket in sockets {
            let seen = self.sockets.entry(socket.cookie).or_insert_with(|| Seen::at(now));
            seen.last = now;
            seen.both_versions = socket.both_versions;
            if !seen.settled && seen.tries < MAX_TRIES {
                seen.tries += 1;
                unknown.insert(socket.inode);
            }
            self.join(
                socket.cookie,
                Ends { protocol: socket.protocol, local: socket.local, remote: socket.remote },
            );
        }
        unknown
    }

    /// Says whose a socket is; `maker` without a process id where only its user is known.
    pub(super) fn settle(&mut self, cookie: u64, maker: Option<Arc<ProcessRef>>, sure: bool) {
        if let Some(seen) = self.sockets.get_mut(&cookie).filter(|seen| !seen.settled) {
            seen.maker = maker;
            seen.settled = sure;
        }
    }

    /// A process connects a socket, or sends with it; what it did before with the same socket stands.
    pub(super) fn born(&mut self, born: &Born, now: Timestamp) {
        if self.size() > self.most.saturating_mul(2) {
            self.expire(now);
        }
        let seen = self.sockets.entry(born.cookie).or_insert_with(|| Seen::at(now));
        seen.last = now;
        seen.here = born.here;
        seen.protocol = Some(born.protocol);
        if !seen.settled {
            seen.maker = Some(Arc::clone(&born.maker));
            seen.settled = true;
        }
    }

    /// The ends of a socket whose birth was seen; of others nothing is kept.
    pub(super) fn ends(&mut self, cookie: u64, local: Endpoint, remote: Endpoint, now: Timestamp) {
        let Some(seen) = self.sockets.get_mut(&cookie) else { return };
        seen.last = seen.last.max(now);
        if let Some(protocol) = seen.protocol {
            self.join(cookie, Ends { protocol, local, remote: Some(remote) });
        }
    }

    fn join(&mut self, cookie: u64, ends: Ends) {
        let list = self.ends.entry(ends).or_default();
        if list.contains(&cookie) {
            return;
        }
        if let Some(seen) = self.sockets.get_mut(&cookie) {
            if seen.ends >= MAX_OF_SOCKET && ends.remote.is_some() {
                self.forgotten += 1;
                if list.is_empty() {
                    self.ends.remove(&ends);
                }
                return;
            }
            seen.ends = seen.ends.saturating_add(1);
        }
        if list.len() >= MAX_OF_ENDS {
            list.remove(0);
            self.count -= 1;
            self.forgotten += 1;
        }
        list.push(cookie);
        self.count += 1;
    }

    /// The kernel says that these sockets closed. One that no poll saw has its ends from here, where its birth was seen.
    pub(super) fn closed(&mut self, closed: &[Closed], now: Timestamp) {
        for Closed { cookie, local, remote } in closed {
            if self.sockets.contains_key(cookie) {
                self.ends(*cookie, *local, *remote, now);
            } else {
                self.missed += 1;
            }
        }
    }

    /// What the bound is on: sockets, or the ends that they have.
    pub(super) fn size(&self) -> usize {
        self.count.max(self.sockets.len())
    }

    /// Forgets what has been gone for long, and the oldest where there are too many.
    pub(super) fn expire(&mut self, now: Timestamp) {
        self.forget_before(now.minus(self.keep));
        let before = self.size();
        while self.size() > self.most {
            // A tenth more than needed, so that this is not done at every poll. A socket may have many ends, so what goes is
            // this share of the sockets, the oldest of them.
            let excess = self.size() - self.most + self.most / 10;
            let share = (self.sockets.len() * excess / self.size()).max(1);
            let mut oldest: Vec<(Timestamp, u64)> =
                self.sockets.iter().map(|(cookie, seen)| (seen.last, *cookie)).collect();
            oldest.sort_unstable();
            for (_, cookie) in oldest.into_iter().take(share) {
                self.sockets.remove(&cookie);
            }
            self.drop_ends();
        }
        self.forgotten += u64::try_from(before - self.size()).unwrap_or_default();
    }

    fn forget_before(&mut self, bar: Timestamp) {
        let before = self.sockets.len();
        self.sockets.retain(|_, seen| seen.last >= bar);
        if self.sockets.len() < before {
            self.drop_ends();
        }
    }

    /// Drops the ends of sockets that are forgotten.
    fn drop_ends(&mut self) {
        let (sockets, mut left) = (&self.sockets, 0);
        self.ends.retain(|_, list| {
            list.retain(|cookie| sockets.contains_key(cookie));
            left += list.len();
            !list.is_empty()
        });
        self.count = left;
    }

    /// Whose a flow of this host is.
    pub(super) fn find(&self, wanted: &Wanted) -> Answer {
        let Wanted { protocol, local, remote, .. } = *wanted;
        let connected = self.among(Ends { protocol, local, remote: Some(remote) }, wanted, false);
        if connected != Answer::Unseen {
            return connected;
        }
        match protocol {
            // A sender whose own address the kernel chose for each datagram: both ports and the addressee are its own.
            Protocol::UDP => self.at_port(local, Some(remote), wanted),
            Protocol::TCP if wanted.asked => return self.listener(local, wanted),
            _ => return Answer::Unseen,
        }
        .or(|| if wanted.unconnected { self.bound(local, wanted) } else { Answer::Unseen })
    }

    /// Whose a flow between other addresses is: a socket of another network namespace, a container's say.
    pub(super) fn find_elsewhere(&self, wanted: &Wanted) -> Answer {
        let Wanted { protocol, local, remote, .. } = *wanted;
        self.in_namespace(Ends { protocol, local, remote: Some(remote) }, wanted, false, false)
    }

    /// Who accepts connections at this end. The first process listens for services that it starts, so it is nobody here.
    fn listener(&self, local: Endpoint, wanted: &Wanted) -> Answer {
        match self.bound(local, wanted) {
            Answer::Maker(maker) if maker.pid == Some(1) => Answer::Unseen,
            answer => answer,
        }
    }

    /// Sockets that are not connected, at this end or at its port on all addresses.
    fn bound(&self, local: Endpoint, wanted: &Wanted) -> Answer {
        let own = self.among(Ends { protocol: wanted.protocol, local, remote: None }, wanted, false);
        own.or(|| self.at_port(local, None, wanted))
    }

    /// Sockets at this port on all addresses.
    fn at_port(&self, local: Endpoint, remote: Option<Endpoint>, wanted: &Wanted) -> Answer {
        let (any4, any6) = (IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED));
        let open = |addr| Ends { protocol: wanted.protocol, local: Endpoint::new(addr, local.port), remote };
        if local.addr.is_ipv4() {
            self.among(open(any4), wanted, false).or(|| self.among(open(any6), wanted, remote.is_none()))
        } else {
            self.among(open(any6), wanted, false)
        }
    }

    fn among(&self, ends: Ends, wanted: &Wanted, both_versions: bool) -> Answer {
        self.in_namespace(ends, wanted, both_versions, true)
    }

    /// The maker of those of these sockets that were there in the flow's time; one that several makers used has none.
    fn in_namespace(&self, ends: Ends, wanted: &Wanted, both_versions: bool, here: bool) -> Answer {
        let in_time = |seen: &&Seen| {
            seen.here == here
                && seen.first.minus(self.slack) <= wanted.end
                && seen.last.plus(self.slack) >= wanted.start
        };
        let list = self.ends.get(&ends).map(Vec::as_slice).unwrap_or_default();
        let sockets = list.iter().filter_map(|cookie| self.sockets.get(cookie));
        let mut there = sockets.filter(in_time).filter(|seen| !both_versions || seen.both_versions);
        let Some(first) = there.next() else { return Answer::Unseen };
        match &first.maker {
            Some(maker) if there.all(|other| other.maker.as_ref() == Some(maker)) => {
                Answer::Maker(Arc::clone(maker))
            }
            _ => Answer::Ambiguous,
        }
    }

    /// Adds what was counted.
    pub(super) fn add_limits(&self, limits: &mut BTreeMap<String, u64>) {
        for (name, count) in [("sockets_missed", self.missed), ("sockets_forgotten", self.forgotten)] {
            if count > 0 {
                limits.insert(name.to_owned(), count);
            }
        }
    }
}

impl Answer {
    /// This answer, or another where no socket was seen.
    fn or(self, other: impl FnOnce() -> Self) -> Self {
        if self == Self::Unseen { other() } else { self }
    }
}

impl Seen {
    fn at(now: Timestamp) -> Self {
        Self {
            first: now,
            last: now,
            maker: None,
            settled: false,
            tries: 0,
            ends: 0,
            both_versions: false,
            here: true,
            protocol: None,
        }
    }
}
