//! Configuration of live capture (`[capture]`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{MAX_FRAME, filter};
use crate::model::{HumanDuration, HumanSize, Problem};

/// Smallest snapshot length: Ethernet, two VLAN tags, IPv6 and TCP with options.
const MIN_SNAPLEN: u64 = 128;
const MIN_BUFFER: u64 = 1 << 20;
/// libpcap takes the buffer's size as a signed 32-bit number.
const MAX_BUFFER: u64 = 2_147_483_647;
const MIN_POLL: Duration = Duration::from_millis(10);
const MAX_POLL: Duration = Duration::from_secs(10);

/// What reads an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Backend {
    /// libpcap with a ring shared with the kernel: the choice for everything real.
    #[default]
    Pcap,
    /// Plain packet sockets, without libpcap: no filter, no kernel time stamps, no drop counters, VLAN tags may be
    /// lost, and packets are lost far earlier. For trials and where libpcap cannot be had.
    Pnet,
}

/// Live capture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct CaptureConfig {
    /// Interfaces to watch, by name; `any` stands for all of them. `whither interfaces` lists the names.
    pub interfaces: Vec<String>,
    /// What reads an interface: `pcap` or `pnet`.
    pub backend: Backend,
    /// BPF filter (pcap-filter(7)); empty lets everything pass. Only with the backend `pcap`.
    pub filter: String,
    /// Bytes kept of each frame. The default is all: names stand deep in a packet. Less saves copying on very busy
    /// links, at the price of names in long ClientHellos and DNS answers.
    pub snaplen: HumanSize,
    /// Kernel buffer per interface. Larger rides out longer stalls of this program.
    pub buffer_size: HumanSize,
    /// Whether the interface shall also take frames addressed to others, as a mirror port needs.
    pub promiscuous: bool,
    /// Longest wait for frames before timers are looked at.
    pub poll_interval: HumanDuration,
}

impl Default for CaptureConfig {
    fn default() -> Self {
        Self {
            interfaces: Vec::new(),
            backend: Backend::Pcap,
            filter: String::new(),
            snaplen: HumanSize(MAX_FRAME as u64),
            buffer_size: HumanSize(64 << 20),
            promiscuous: true,
            poll_interval: HumanDuration(Duration::from_millis(100)),
        }
    }
}

impl CaptureConfig {
    /// Adds what is wrong to `problems`.
    pub fn validate(&self, problems: &mut Vec<Problem>) {
        let mut problem = |key: &str, message: String| {
            problems.push(Problem { key: format!("capture.{key}"), message });
        };
        for (at, name) in self.interfaces.iter().enumerate() {
            if name.trim().is_empty() {
                problem("interfaces", "an interface name is empty; remove it".to_owned());
            } else if self.interfaces.iter().take(at).any(|earlier| earlier == name) {
                problem("interfaces", format!("`{name}` is named twice; its packets would count twice"));
            }
        }
        if !(MIN_SNAPLEN..=MAX_FRAME as u64).contains(&self.snaplen.0) {
            problem("snaplen", format!("{} is out of range: expected {MIN_SNAPLEN} to 256KiB", self.snaplen));
        }
        if !(MIN_BUFFER..=MAX_BUFFER).contains(&self.buffer_size.0) {
            problem("buffer-size", format!("{} is out of range: expected 1MiB to 2047MiB", self.buffer_size));
        }
        if !(MIN_POLL..=MAX_POLL).contains(&self.poll_interval.0) {
            problem("poll-interval", format!("{} is out of range: expected 10ms to 10s", self.poll_interval));
        }
        if self.filter.trim().is_empty() {
            return;
        }
        if self.backend == Backend::Pnet {
            problem("filter", "the backend `pnet` cannot filter; remove the filter or use `pcap`".to_owned());
        } else if let Err(error) = filter::check(&self.filter) {
            problem("filter", error.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_each_mistake_is_named_by_its_key() {
        let mut problems = Vec::new();
        CaptureConfig::default().validate(&mut problems);
        assert_eq!(problems, []);
        let wrong = CaptureConfig {
            interfaces: vec!["eth0".to_owned(), "eth0".to_owned()],
            filter: "udp andd".to_owned(),
            snaplen: HumanSize(1),
            buffer_size: HumanSize(1),
            poll_interval: HumanDuration(Duration::ZERO),
            ..CaptureConfig::default()
        };
        wrong.validate(&mut problems);
        let keys: Vec<&str> = problems.iter().map(|problem| problem.key.as_str()).collect();
        let expected = ["interfaces", "snaplen", "buffer-size", "poll-interval", "filter"];
        assert_eq!(keys, expected.map(|key| format!("capture.{key}")));
    }
}
