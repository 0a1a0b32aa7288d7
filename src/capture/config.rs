//! `[capture]`.

use serde::{Deserialize, Serialize};

use crate::model::{HumanDuration, HumanSize, Problem};

/// How an interface is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Backend {
    /// libpcap: kernel time stamps, drop counters, filters.
    Pcap,
    /// Without libpcap: no kernel time stamps, no drop counters, no filter; VLAN tags may be missing.
    Pnet,
}

/// Interfaces and how to read them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct CaptureConfig {
    /// Interfaces to watch.
    pub interfaces: Vec<String>,
    /// `pcap` (libpcap) or `pnet` (without libpcap, lossy; see docs).
    pub backend: Backend,
    /// BPF filter in pcap-filter(7) syntax; empty lets everything through. Also used on files.
    pub filter: String,
    /// Bytes kept of each frame; names stand in the first packets, so cutting them loses names.
    pub snaplen: u32,
    /// The kernel's ring buffer for each interface.
    pub buffer_size: HumanSize,
    /// Whether to see frames that are for other hosts.
    pub promiscuous: bool,
    /// The longest wait for frames before idle time is counted.
    pub poll_interval: HumanDuration,
}

impl Default for CaptureConfig {
    fn default() -> Self {
        Self {
            interfaces: Vec::new(),
            backend: Backend::Pcap,
            filter: String::new(),
            snaplen: 65_535,
            buffer_size: HumanSize(64 << 20),
            promiscuous: true,
            poll_interval: HumanDuration(std::time::Duration::from_millis(100)),
        }
    }
}

impl CaptureConfig {
    /// Adds what is wrong with the values to `problems`.
    pub fn validate(&self, problems: &mut Vec<Problem>) {
        let mut add = |key: &str, message: String| problems.push(Problem { key: format!("capture.{key}"), message });
        if !(96..=262_144).contains(&self.snaplen) {
            add("snaplen", format!("{} is out of range; expected 96 to 262144 bytes", self.snaplen));
        }
        if !(1 << 20..=(1 << 31) - 1).contains(&self.buffer_size.0) {
            add("buffer-size", format!("{} is out of range; expected 1MiB to 2047MiB", self.buffer_size));
        }
        let wait = self.poll_interval.0.as_millis();
        if !(1..=1000).contains(&wait) {
            add("poll-interval", format!("{} is out of range; expected 1ms to 1s", self.poll_interval));
        }
        if self.backend == Backend::Pnet && !self.filter.is_empty() {
            add("filter", "the pnet backend cannot filter; remove the filter or use `backend = \"pcap\"`".into());
        }
    }
}
