//! Why a source cannot be opened or read.

use std::io;

/// Why frames cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// A file cannot be opened.
    #[error("{path}: cannot open: {error}")]
    Open {
        /// The file.
        path: String,
        /// Why.
        error: io::Error,
    },
    /// A file is no capture.
    #[error("{path}: is not a capture file: {found}; expected pcap or pcapng, plain, gzip or zstd")]
    NotACapture {
        /// The file.
        path: String,
        /// What stands there instead.
        found: String,
    },
    /// A filter cannot be compiled.
    #[error("filter `{filter}`: {message}; see pcap-filter(7)")]
    Filter {
        /// The filter.
        filter: String,
        /// libpcap's words.
        message: String,
    },
    /// An interface is not there.
    #[error("interface `{name}` does not exist; there are: {known}")]
    NoInterface {
        /// The name.
        name: String,
        /// Those that exist.
        known: String,
    },
    /// An interface cannot be opened.
    #[error("interface `{name}`: {message}")]
    Interface {
        /// The name.
        name: String,
        /// Why, and what to do.
        message: String,
    },
    /// An interface failed while it was watched.
    #[error("interface `{name}` failed: {message}")]
    Lost {
        /// The name.
        name: String,
        /// Why.
        message: String,
    },
    /// A defect of this program.
    #[error("defect: {0}; please report it")]
    Defect(&'static str),
}

impl CaptureError {
    /// Whether the user asked for something that cannot be (as opposed to something that failed).
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::Filter { .. } | Self::NoInterface { .. })
    }
}
