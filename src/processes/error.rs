//! Why the host's sockets cannot be looked at.

/// Why there is no answer to "which process?".
#[derive(Debug, thiserror::Error)]
pub enum ProcessesError {
    /// The kernel has no `sock_diag`, or does not let this program use it.
    #[error("the kernel's socket table cannot be opened (sock_diag): {0}")]
    Open(std::io::Error),
    /// A request failed.
    #[error("asking for the socket table failed: {0}")]
    Ask(std::io::Error),
}
