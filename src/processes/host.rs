//! Both ends of it: [`Poller`] asks the kernel on a thread of its own, [`HostProcesses`] answers the flow stage.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::procfs::Procfs;
use super::sockets::{Closed, SockDiag, Socket};
use super::table::{Answer, Table, Wanted};
use super::{ProcessesConfig, ProcessesError};
use crate::model::{Endpoint, FlowRecord, OriginSource, ProcessRef, Protocol, Timestamp, is_special_address};

/// What flows are looked up in; shared by the poller and the flow stage.
#[derive(Debug)]
pub struct HostProcesses {
    table: Mutex<Table>,
    here: Mutex<Here>,
    ambiguous: AtomicU64,
    unseen: AtomicU64,
    unowned: AtomicU64,
    forwarding: AtomicU64,
    hidden: AtomicU64,
    cut: AtomicU64,
    closings_lost: AtomicU64,
    pub(super) births_lost: AtomicU64,
    failed: AtomicU64,
}

/// What this host is.
#[derive(Debug, Default)]
struct Here {
    addresses: HashSet<IpAddr>,
    /// It forwards for others: a port on its address may be theirs.
    gateway: bool,
}

impl HostProcesses {
    /// An empty table.
    pub(super) fn new(config: &ProcessesConfig) -> Self {
        Self {
            table: Mutex::new(Table::new(config.max_sockets, config.keep.0, config.interval.0)),
            here: Mutex::default(),
            ambiguous: AtomicU64::default(),
            unseen: AtomicU64::default(),
            unowned: AtomicU64::default(),
            forwarding: AtomicU64::default(),
            hidden: AtomicU64::default(),
            cut: AtomicU64::default(),
            closings_lost: AtomicU64::default(),
            births_lost: AtomicU64::default(),
            failed: AtomicU64::default(),
        }
    }

    /// The process that made a flow, if one end of it is this host's and its socket was seen; or if it is that of a socket
    /// in another network namespace of this host. `inner` is who is behind this host's address translation, where that is
    /// known. Flows of this host without an answer are counted by reason at their last record.
    pub fn maker(&self, record: &FlowRecord, inner: Option<Endpoint>) -> Option<Arc<ProcessRef>> {
        let mut sides = self.sides(record);
        // This host's own flow, translated: its socket has the inner end.
        if let (Some(sides), Some(inner)) = (&mut sides, inner.filter(|inner| self.is_here(*inner))) {
            sides.local = plain(inner);
        } else if inner.is_some() {
            return self.elsewhere(record, sides, inner);
        }
        let Some(Sides { local, remote, unconnected, asked }) = sides else {
            return self.elsewhere(record, None, None);
        };
        let last = u64::from(record.is_final());
        if !matches!(record.protocol, Protocol::TCP | Protocol::UDP) {
            self.unowned.fetch_add(last, Ordering::Relaxed);
            return None;
        }
        let wanted = wanted(record, local, remote);
        let wanted = Wanted { unconnected, asked: asked && unconnected, ..wanted };
        match self.lock().find(&wanted) {
            Answer::Maker(maker) => return Some(maker),
            Answer::Ambiguous => &self.ambiguous,
            Answer::Unseen if !unconnected && record.protocol == Protocol::UDP => &self.forwarding,
            Answer::Unseen => &self.unseen,
        }
        .fetch_add(last, Ordering::Relaxed);
        None
    }

    /// The maker of a flow between other addresses than this host's: a container's, seen before or behind translation.
    /// Only sockets with exactly these ends count; where there is none the flow is a device's, and nothing is missed.
    fn elsewhere(
        &self,
        record: &FlowRecord,
        sides: Option<Sides>,
        inner: Option<Endpoint>,
    ) -> Option<Arc<ProcessRef>> {
        let pairs = match (inner, sides) {
            (Some(inner), Some(sides)) => vec![(inner, sides.remote)],
            _ => vec![(record.source, record.destination), (record.destination, record.source)],
        };
        let table = self.lock();
        pairs.into_iter().find_map(|(local, remote)| {
            match table.find_elsewhere(&wanted(record, plain(local), plain(remote))) {
                Answer::Maker(maker) => Some(maker),
                Answer::Ambiguous | Answer::Unseen => None,
            }
        })
    }

    fn is_here(&self, end: Endpoint) -> bool {
        let here = self.here.lock().unwrap_or_else(PoisonError::into_inner);
        here.addresses.contains(&end.addr.to_canonical())
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This host's end and the other one, if there is one of this host's.
    fn sides(&self, record: &FlowRecord) -> Option<Sides> {
        let here = self.here.lock().unwrap_or_else(PoisonError::into_inner);
        let own = |end: Endpoint| here.addresses.contains(&end.addr.to_canonical());
        let (local, remote, asked) = if own(record.source) {
            (record.source, record.destination, false)
        } else if own(record.destination) {
            (record.destination, record.source, true)
        } else {
            return None;
        };
        let near = is_special_address(remote.addr).is_some();
        Some(Sides { local: plain(local), remote: plain(remote), unconnected: near || !here.gateway, asked })
    }

    /// What is not known, by name; only what occurred.
    pub fn limits(&self) -> BTreeMap<String, u64> {
        let count = |n: &AtomicU64| n.load(Ordering::Relaxed);
        let counts = [
            ("host_flows_socket_unseen", count(&self.unseen)),
            ("host_flows_socket_shared", count(&self.ambiguous)),
            ("host_flows_without_socket", count(&self.unowned)),
            ("host_flows_perhaps_forwarded", count(&self.forwarding)),
            ("processes_hidden", count(&self.hidden)),
            ("processes_cut", count(&self.cut)),
            ("socket_closings_lost", count(&self.closings_lost)),
            ("socket_births_lost", count(&self.births_lost)),
            ("socket_polls_failed", count(&self.failed)),
        ];
        let mut limits: BTreeMap<String, u64> =
            counts.into_iter().filter(|(_, n)| *n > 0).map(|(name, n)| (name.to_owned(), n)).collect();
        self.lock().add_limits(&mut limits);
        limits
    }
}

/// A flow's ends as seen from this host.
#[derive(Debug, Clone, Copy)]
struct Sides {
    local: Endpoint,
    remote: Endpoint,
    /// Whether a socket that is not connected may be the flow's. (Where the host forwards to the world, such a port may be
    /// that of a device behind it.)
    unconnected: bool,
    /// Whether the other end began.
    asked: bool,
}

fn plain(end: Endpoint) -> Endpoint {
    Endpoint::new(end.addr.to_canonical(), end.port)
}

fn wanted(record: &FlowRecord, local: Endpoint, remote: Endpoint) -> Wanted {
    let FlowRecord { protocol, start, end, .. } = *record;
    Wanted { protocol, local, remote, start, end, unconnected: false, asked: false }
}

/// Asks the kernel's socket table; owned by one thread.
#[derive(Debug)]
pub struct Poller {
    diag: SockDiag,
    procfs: Procfs,
    shared: Arc<HostProcesses>,
    closed: Vec<Closed>,
}

impl Poller {
    /// Opens the kernel's socket table for this table of sockets.
    pub(super) fn open(shared: &Arc<HostProcesses>) -> Result<Self, ProcessesError> {
        Ok(Self {
            diag: SockDiag::open()?,
            procfs: Procfs::new("/proc"),
            shared: Arc::clone(shared),
            closed: Vec::new(),
        })
    }

    /// What is in use, in words.
    pub(super) fn backend(&self) -> String {
        let closings = if self.diag.tells_closings() { "with closings" } else { "without closings" };
        let all = fs::read_dir("/proc/1/fd").is_ok();
        let rights = if all { "all processes" } else { "only this user's processes, of others the user id" };
        format!("sock_diag {closings}, /proc: {rights}")
    }

    /// One look. `addresses` are this host's.
    pub fn poll(
        &mut self,
        addresses: impl IntoIterator<Item = IpAddr>,
        now: Timestamp,
    ) -> Result<(), ProcessesError> {
        *self.shared.here.lock().unwrap_or_else(PoisonError::into_inner) = Here {
            addresses: addresses.into_iter().map(|a| a.to_canonical()).collect(),
            gateway: forwards(),
        };
        let sockets = self.diag.dump().inspect_err(|_| {
            self.shared.failed.fetch_add(1, Ordering::Relaxed);
        })?;
        let unknown = self.shared.lock().seen(&sockets, now);
        if !unknown.is_empty() {
            self.find_holders(&sockets, &unknown);
        }
        let mut closed = std::mem::take(&mut self.closed);
        if !self.diag.closed(&mut closed) {
            self.shared.closings_lost.fetch_add(1, Ordering::Relaxed);
        }
        let mut table = self.shared.lock();
        table.closed(&closed, now);
        table.expire(now);
        drop(table);
        closed.clear();
        self.closed = closed;
        Ok(())
    }

    /// Looks for the processes without holding the table: the flow stage must not wait for `/proc`.
    fn find_holders(&mut self, sockets: &[Socket], unknown: &HashSet<u32>) {
        let holders = self.procfs.holders(unknown);
        // The number of a moment, not a sum over polls.
        self.shared.hidden.store(holders.hidden, Ordering::Relaxed);
        self.shared.cut.fetch_add(u64::from(holders.cut), Ordering::Relaxed);
        let mut found = Vec::new();
        for socket in sockets.iter().filter(|socket| unknown.contains(&socket.inode)) {
            if let Some(pids) = holders.of.get(&socket.inode) {
                found.push((socket, self.procfs.maker(pids, socket.uid), true));
            } else {
                let user = ProcessRef { uid: Some(socket.uid), ..ProcessRef::unknown(OriginSource::Socket) };
                found.push((socket, Some(Arc::new(user)), false));
            }
        }
        let mut table = self.shared.lock();
        for (socket, maker, sure) in found {
            table.settle(socket.cookie, maker, sure);
        }
    }
}

/// Whether this host forwards packets of either version.
fn forwards() -> bool {
    ["/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding"]
        .iter()
        .any(|path| fs::read_to_string(path).is_ok_and(|text| text.trim() != "0"))
}
