//! `[decode]`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{HumanDuration, Problem};

/// Frame → packet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct DecodeConfig {
    /// Fragmented datagrams remembered at once, so that later pieces find their ports.
    pub max_datagrams: usize,
    /// How long the pieces of one datagram may be apart (RFC 791 and 8200 allow 60 s at most).
    pub fragment_timeout: HumanDuration,
}

impl Default for DecodeConfig {
    fn default() -> Self {
        Self { max_datagrams: 8192, fragment_timeout: HumanDuration::from_secs(30) }
    }
}

impl DecodeConfig {
    /// Adds what is wrong with the values to `problems`.
    pub fn validate(&self, problems: &mut Vec<Problem>) {
        if !(16..=1 << 20).contains(&self.max_datagrams) {
            problems.push(Problem {
                key: "decode.max-datagrams".into(),
                message: format!("{} is out of range; expected 16 to 1048576", self.max_datagrams),
            });
        }
        if !(Duration::from_secs(1)..=Duration::from_secs(120)).contains(&self.fragment_timeout.0) {
            problems.push(Problem {
                key: "decode.fragment-timeout".into(),
                message: format!("{} is out of range; expected 1s to 2m", self.fragment_timeout),
            });
        }
    }
}
