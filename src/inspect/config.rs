//! `[inspect]`.

use serde::{Deserialize, Serialize};

use crate::model::{HumanDuration, Problem};

/// Packets → names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct InspectConfig {
    /// DNS questions that wait for their answer at once; an answer counts only for a question seen.
    pub max_dns_questions: usize,
    /// How long a DNS question waits.
    pub dns_timeout: HumanDuration,
    /// Bytes of one direction of a connection that are put together to find names; a ClientHello may take 16 KiB.
    pub max_stream_bytes: usize,
    /// Bytes that all flows whose question is open may hold together, per capture thread; the oldest question is given
    /// up when they hold more, and counted.
    pub max_held_bytes: usize,
}

impl Default for InspectConfig {
    fn default() -> Self {
        Self {
            max_dns_questions: 8192,
            dns_timeout: HumanDuration::from_secs(10),
            max_stream_bytes: 24 << 10,
            max_held_bytes: 32 << 20,
        }
    }
}

impl InspectConfig {
    /// Adds what is wrong with the values to `problems`.
    pub fn validate(&self, problems: &mut Vec<Problem>) {
        let mut check = |key: &str, value: u64, low: u64, high: u64| {
            if !(low..=high).contains(&value) {
                problems.push(Problem {
                    key: format!("inspect.{key}"),
                    message: format!("{value} is out of range; expected {low} to {high}"),
                });
            }
        };
        check("max-dns-questions", self.max_dns_questions as u64, 16, 1 << 20);
        check("max-stream-bytes", self.max_stream_bytes as u64, 17 << 10, 1 << 20);
        check("max-held-bytes", self.max_held_bytes as u64, 1 << 20, 4 << 30);
        check("dns-timeout", self.dns_timeout.0.as_secs(), 1, 120);
    }
}
