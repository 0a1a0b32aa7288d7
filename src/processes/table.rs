//! Sockets seen, with their makers and the time in which they were there; kept for a while after they are gone.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use super::sockets::Socket;
use crate::model::{Endpoint, ProcessRef, Protocol, Timestamp};

/// Sockets remembered of one pair of ends: ports that are used again and again.
const MAX_OF_ENDS: usize = 8;
/// How often a socket without a holder is looked for again: its process may be between opening and being seen.
const MAX_TRIES: u8 = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Ends {
    protocol: Protocol,
    local: Endpoint,
    remote: Option<Endpoint>,
}

#[derive(Debug)]
struct Seen {
    cookie: u64,
    both_versions: bool,
    first: Timestamp,
    last: Timestamp,
    /// `None`: nobody was found, or several programs share it.
    maker: Option<Arc<ProcessRef>>,
    /// Whether it is settled whose it is.
    settled: bool,
    tries: u8,
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
    /// Whether sockets that are not connected may be its own.
    pub(super) unconnected: bool,
}

/// The table.
#[derive(Debug)]
pub(super) struct Table {
    sockets: HashMap<Ends, Vec<Seen>>,
    by_cookie: HashMap<u64, Ends>,
    /// Sockets in `sockets`.
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
            by_cookie: HashMap::new(),
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
            let ends = Ends { protocol: socket.protocol, local: socket.local, remote: socket.remote };
            let list = self.sockets.entry(ends).or_default();
            let at = list.iter().position(|seen| seen.cookie == socket.cookie).unwrap_or_else(|| {
                if list.len() >= MAX_OF_ENDS {
                    list.remove(0);
                    self.count -= 1;
                    self.forgotten += 1;
                }
                list.push(Seen {
                    cookie: socket.cookie,
                    both_versions: socket.both_versions,
                    first: now,
                    last: now,
                    maker: None,
                    settled: false,
                    tries: 0,
                });
                self.count += 1;
                self.by_cookie.insert(socket.cookie, ends);
                list.len() - 1
            });
            let Some(seen) = list.get_mut(at) else { continue };
            seen.last = now;
            if !seen.settled && seen.tries < MAX_TRIES {
                seen.tries += 1;
                unknown.insert(socket.inode);
            }
        }
        unknown
    }

    /// Says whose a socket is; `maker` without a process id where only its user is known.
    pub(super) fn settle(&mut self, socket: &Socket, maker: Option<Arc<ProcessRef>>, sure: bool) {
        let ends = Ends { protocol: socket.protocol, local: socket.local, remote: socket.remote };
        let list = self.sockets.get_mut(&ends).map(Vec::as_mut_slice).unwrap_or_default();
        if let Some(seen) = list.iter_mut().find(|seen| seen.cookie == socket.cookie && !seen.settled) {
            seen.maker = maker;
            seen.settled = sure;
        }
    }

    /// The kernel says that these sockets closed.
    pub(super) fn closed(&mut self, cookies: &[u64], now: Timestamp) {
        for cookie in cookies {
            let Some(ends) = self.by_cookie.get(cookie) else {
                self.missed += 1;
                continue;
            };
            let list = self.sockets.get_mut(ends).map(Vec::as_mut_slice).unwrap_or_default();
            if let Some(seen) = list.iter_mut().find(|seen| seen.cookie == *cookie) {
                seen.last = seen.last.max(now);
            }
        }
    }

    /// Forgets what has been gone for long, and the oldest where there are too many.
    pub(super) fn expire(&mut self, now: Timestamp) {
        self.forget_before(now.minus(self.keep));
        if self.count > self.most {
            let mut times: Vec<Timestamp> = self.sockets.values().flatten().map(|seen| seen.last).collect();
            times.sort_unstable();
            // A tenth more than needed, so that this is not done at every poll.
            let gone = (self.count - self.most + self.most / 10).min(times.len().saturating_sub(1));
            let before = self.count;
            if let Some(bar) = times.get(gone).copied() {
                self.forget_before(bar);
            }
            self.forgotten += u64::try_from(before - self.count).unwrap_or_default();
            // All of one poll: no time tells them apart.
            while self.count > self.most {
                let Some(ends) = self.sockets.keys().next().copied() else { break };
                let list = self.sockets.remove(&ends).unwrap_or_default();
                self.count -= list.len();
                self.forgotten += u64::try_from(list.len()).unwrap_or_default();
                for seen in list {
                    self.by_cookie.remove(&seen.cookie);
                }
            }
        }
    }

    fn forget_before(&mut self, bar: Timestamp) {
        let (by_cookie, count) = (&mut self.by_cookie, &mut self.count);
        self.sockets.retain(|ends, list| {
            list.retain(|seen| {
                let stays = seen.last >= bar;
                if !stays {
                    *count -= 1;
                    if by_cookie.get(&seen.cookie) == Some(ends) {
                        by_cookie.remove(&seen.cookie);
                    }
                }
                stays
            });
            !list.is_empty()
        });
    }

    /// Whose a flow is.
    pub(super) fn find(&self, wanted: &Wanted) -> Answer {
        let Wanted { protocol, local, remote, .. } = *wanted;
        let connected = self.among(Ends { protocol, local, remote: Some(remote) }, wanted, false);
        if connected != Answer::Unseen || protocol != Protocol::UDP || !wanted.unconnected {
            return connected;
        }
        let bound = self.among(Ends { protocol, local, remote: None }, wanted, false);
        if bound != Answer::Unseen {
            return bound;
        }
        let (any4, any6) = (IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED));
        let open = |addr| Ends { protocol, local: Endpoint::new(addr, local.port), remote: None };
        if local.addr.is_ipv4() {
            let own = self.among(open(any4), wanted, false);
            if own == Answer::Unseen { self.among(open(any6), wanted, true) } else { own }
        } else {
            self.among(open(any6), wanted, false)
        }
    }

    /// The maker of those of these sockets that were there in the flow's time; one that several makers used has none.
    fn among(&self, ends: Ends, wanted: &Wanted, both_versions: bool) -> Answer {
        let in_time = |seen: &&Seen| {
            seen.first.minus(self.slack) <= wanted.end && seen.last.plus(self.slack) >= wanted.start
        };
        let list = self.sockets.get(&ends).map(Vec::as_slice).unwrap_or_default();
        let mut there = list.iter().filter(in_time).filter(|seen| !both_versions || seen.both_versions);
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
