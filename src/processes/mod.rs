//! Which process of this host a flow belongs to: the kernel's socket table (`sock_diag`) joined with `/proc`.
//!
//! Two ways beside each other. Births (`bpf`): programs on the kernel's hooks tell each connection and each addressee of a
//! datagram with the process that made it, in whatever network namespace. Polled: every so often all sockets of this
//! namespace are asked for, with the inode that `/proc/<pid>/fd` shows; so sockets are found that were there before, those
//! that listen, and all of them where the kernel takes no programs. What is seen is kept for a while after it is gone, for
//! records come later than packets. The kernel's own messages of closed sockets say which ones nobody saw. Leaves alone:
//! flows that this host only forwards, ICMP (no owner), and what a process means (`appid`).
//!
//! It reads no clock: the time of a poll is an argument. Limits: `max-sockets` sockets; `procfs::MAX_PROCESSES`
//! processes and `procfs::MAX_DESCRIPTORS` descriptors looked at in one poll. Without privilege it sees the user of
//! every socket, but the process only of its own user's.

mod births;
mod bpf;
mod cgroups;
mod config;
mod error;
mod host;
mod procfs;
mod sockets;
mod table;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use births::BirthWatcher;
pub use config::ProcessesConfig;
pub use error::ProcessesError;
pub use host::{HostProcesses, Poller};

/// What looks at this host's sockets.
#[derive(Debug)]
pub struct Watchers {
    /// Looks at all of them every so often.
    pub poller: Poller,
    /// Hears of each at its birth, where the kernel lets it.
    pub births: Option<BirthWatcher>,
    /// What is in use, and what is not and why, in words.
    pub backend: String,
    /// What the flow stage asks.
    pub shared: Arc<HostProcesses>,
}

impl Watchers {
    /// Opens the kernel's socket table, and loads the programs that tell of births where that can be.
    pub fn open(config: &ProcessesConfig) -> Result<Self, ProcessesError> {
        let shared = Arc::new(HostProcesses::new(config));
        let births = if config.births {
            BirthWatcher::open(&shared)
        } else {
            Err("`processes.births` is off".to_owned())
        };
        let poller = Poller::open(&shared)?;
        let heard = births
            .as_ref()
            .map_or_else(|why| format!("no BPF ({why}): sockets as polled"), BirthWatcher::backend);
        let backend = format!("{}; {heard}", poller.backend());
        Ok(Self { poller, births: births.ok(), backend, shared })
    }
}
