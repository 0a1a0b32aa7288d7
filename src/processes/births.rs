//! Takes what the kernel tells of sockets at their birth, on a thread of its own: a process may be gone a moment later, and
//! `/proc` is all that says more of it than the kernel's event does.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::bpf::{Births, Doer, Event, Happened};
use super::cgroups::Cgroups;
use super::host::HostProcesses;
use super::procfs::Procfs;
use super::table::Born;
use crate::model::{Label, OriginSource, ProcessRef, Protocol, Timestamp};

/// How long what `/proc` said of a process holds, in nanoseconds: one that makes many sockets is looked at once for many.
const HOLDS: u64 = 250_000_000;
/// Processes so remembered.
const MOST_LATELY: usize = 1024;

/// Hears of sockets at their birth; owned by one thread.
#[derive(Debug)]
pub struct BirthWatcher {
    births: Births,
    cgroups: Cgroups,
    procfs: Procfs,
    shared: Arc<HostProcesses>,
    events: Vec<Event>,
    /// Processes looked at lately, and when.
    lately: HashMap<Lately, (u64, Arc<ProcessRef>)>,
}

/// Process, user, and what the thread calls itself: the process may have become another program.
type Lately = (u32, u32, Option<Label>);

impl BirthWatcher {
    /// Loads the programs; the error says why the kernel does not take them.
    pub(super) fn open(shared: &Arc<HostProcesses>) -> Result<Self, String> {
        let births = Births::open().map_err(|error| error.to_string())?;
        Ok(Self {
            cgroups: Cgroups::new(births.tree().to_owned()),
            births,
            procfs: Procfs::new("/proc"),
            shared: Arc::clone(shared),
            events: Vec::new(),
            lately: HashMap::new(),
        })
    }

    /// What is in use, in words.
    pub(super) fn backend(&self) -> String {
        format!("BPF at {}: sockets from their birth", self.births.tree().display())
    }

    /// Waits for a birth, no longer than this.
    pub fn wait(&self, longest: Duration) {
        self.births.wait(longest);
    }

    /// Takes in the births since the last call.
    pub fn take(&mut self, now: Timestamp) {
        let mut events = std::mem::take(&mut self.events);
        self.births.take(|event| events.push(event));
        self.shared.births_lost.store(self.births.lost(), Ordering::Relaxed);
        self.cgroups.may_look();
        for event in events.drain(..) {
            self.event(event, now);
        }
        self.events = events;
    }

    fn event(&mut self, Event { cookie, happened }: Event, now: Timestamp) {
        match happened {
            Happened::Connect { doer, protocol } => {
                let born = self.born(cookie, protocol, &doer);
                self.shared.lock().born(&born, now);
            }
            Happened::Send { doer, local, remote } => {
                let born = self.born(cookie, Protocol::UDP, &doer);
                let mut table = self.shared.lock();
                table.born(&born, now);
                // In another namespace a port alone, without the address, is anybody's.
                if born.here || !local.addr.is_unspecified() {
                    table.ends(cookie, local, remote, now);
                }
            }
            Happened::Opened { local, remote } => self.shared.lock().ends(cookie, local, remote, now),
        }
    }

    fn born(&mut self, cookie: u64, protocol: Protocol, doer: &Doer) -> Born {
        Born { cookie, protocol, maker: self.maker(doer), here: self.births.is_here(doer) }
    }

    /// Who that was; read from `/proc` without holding the table.
    fn maker(&mut self, doer: &Doer) -> Arc<ProcessRef> {
        let key = (doer.pid, doer.uid, doer.comm.clone());
        if let Some((at, maker)) = self.lately.get(&key)
            && doer.boot_time.abs_diff(*at) < HOLDS
        {
            return Arc::clone(maker);
        }
        let Some(maker) = self.procfs.doer(doer.pid, doer.uid, doer.boot_time) else {
            // It is gone; what the kernel told of it stays.
            return Arc::new(ProcessRef {
                name: doer.comm.clone(),
                pid: Some(doer.pid),
                uid: Some(doer.uid),
                container: self.cgroups.container(doer.cgroup),
                ..ProcessRef::unknown(OriginSource::Socket)
            });
        };
        if self.lately.len() >= MOST_LATELY {
            self.lately.clear();
        }
        self.lately.insert(key, (doer.boot_time, Arc::clone(&maker)));
        maker
    }
}
