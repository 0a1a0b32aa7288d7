//! Which process of this host a flow belongs to: the kernel's socket table (`sock_diag`) joined with `/proc`.
//!
//! Polled: every so often all sockets are asked for, with the inode that `/proc/<pid>/fd` shows, and kept for a while
//! after they are gone, for records come later than packets. Between two polls the kernel's own messages of closed
//! sockets say which ones were never seen. Leaves alone: other network namespaces (their sockets are not in this
//! table), flows that this host only forwards, ICMP (no owner), and what a process means (`appid`).
//!
//! It reads no clock: the time of a poll is an argument. Limits: `max-sockets` sockets; `procfs::MAX_PROCESSES`
//! processes and `procfs::MAX_DESCRIPTORS` descriptors looked at in one poll. Without privilege it sees the user of
//! every socket, but the process only of its own user's.

mod config;
mod error;
mod host;
mod procfs;
mod sockets;
mod table;
#[cfg(test)]
mod tests;

pub use config::ProcessesConfig;
pub use error::ProcessesError;
pub use host::{HostProcesses, Poller};
