//! Everything that stops a capture from being opened or read. A break *inside* a capture file is no error but a
//! [`Gap`](crate::model::Gap).

use std::path::PathBuf;

/// Why frames cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The file cannot be opened or its first bytes cannot be read.
    #[error("cannot read capture `{path}`: {source}")]
    Unreadable {
        /// The file as it was named.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is something else than a capture.
    #[error(
        "`{path}` is no capture: expected pcap or pcapng (plain, gzip or zstd), found {found}; check that the \
         file is the right one"
    )]
    NotACapture {
        /// The file as it was named.
        path: PathBuf,
        /// What its first bytes are.
        found: String,
    },
    /// The file is a capture of a format version that nobody has defined.
    #[error(
        "`{path}` is a {format} file of version {major}.{minor}: expected {expected}; the header may be damaged"
    )]
    UnsupportedVersion {
        /// The file as it was named.
        path: PathBuf,
        /// `pcap` or `pcapng`.
        format: &'static str,
        /// Major version found.
        major: u16,
        /// Minor version found.
        minor: u16,
        /// What this program reads.
        expected: &'static str,
    },
    /// More files than are merged in one run.
    #[error("{count} capture files given: at most {limit} are read in one run; read them in several runs")]
    TooManyFiles {
        /// How many were named.
        count: usize,
        /// The limit.
        limit: usize,
    },
    /// The BPF filter does not compile.
    #[error("filter `{filter}` is not valid for {target}: {message}; see pcap-filter(7) for the syntax")]
    BadFilter {
        /// The expression.
        filter: String,
        /// The link type or interface for which it was compiled.
        target: String,
        /// libpcap's message.
        message: String,
    },
    /// The interface does not exist.
    #[error("no interface `{interface}`: expected one of {known}; `whither interfaces` lists them")]
    NoSuchInterface {
        /// The name that was asked for.
        interface: String,
        /// The names that exist.
        known: String,
    },
    /// The process may not capture.
    #[error(
        "may not capture on `{interface}`: {message}; it needs the capability CAP_NET_RAW (as root, or by \
         `setcap cap_net_raw+ep` on the program)"
    )]
    Permission {
        /// The interface.
        interface: String,
        /// What the system said.
        message: String,
    },
    /// The interface cannot be opened for another reason.
    #[error("cannot capture on `{interface}`: {message}")]
    Open {
        /// The interface.
        interface: String,
        /// What went wrong and what to do.
        message: String,
    },
    /// The interface went down or vanished while it was read.
    #[error("interface `{interface}` is lost: {message}; bring it up and open it again")]
    InterfaceLost {
        /// The interface.
        interface: String,
        /// What the system said.
        message: String,
    },
    /// A defect of this program.
    #[error("defect: {0}; please report it")]
    Defect(&'static str),
}

impl CaptureError {
    /// Whether something was asked for that cannot be (as opposed to something that failed).
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::BadFilter { .. } | Self::NoSuchInterface { .. } | Self::TooManyFiles { .. })
    }
}
