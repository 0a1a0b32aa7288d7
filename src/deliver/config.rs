//! The `[deliver]` part of the configuration file: how files are written.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{HumanDuration, HumanSize, Problem};

use super::sink::SinkConfig;

/// How JSON lines reach the disk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct DeliverConfig {
    /// Lines are synced to disk at most this long after they were written. A line counts as delivered when it is synced.
    pub sync_interval: HumanDuration,
    /// Lines are synced as soon as this many bytes wait for it.
    pub sync_bytes: HumanSize,
    /// Lines held in memory until they are synced. While the disk is full, lines are held up to this size, then refused,
    /// so that the part of the program before waits instead of losing them.
    pub max_pending: HumanSize,
    /// Where alerts go beside the file that is always written.
    pub sink: Vec<SinkConfig>,
}

impl Default for DeliverConfig {
    fn default() -> Self {
        Self {
            sync_interval: HumanDuration::from_secs(1),
            sync_bytes: HumanSize(1 << 20),
            max_pending: HumanSize(16 << 20),
            sink: Vec::new(),
        }
    }
}

impl DeliverConfig {
    /// Names every value out of range.
    pub fn validate(&self, problems: &mut Vec<Problem>) {
        super::sink::config::validate(&self.sink, problems);
        let mut wrong = |key: &str, message: String| {
            problems.push(Problem { key: format!("deliver.{key}"), message });
        };
        if self.sync_interval.0 > Duration::from_secs(3600) {
            wrong("sync-interval", format!("`{}` is too long: expected 1h or less", self.sync_interval));
        }
        if self.max_pending.0 < 1 << 20 {
            wrong("max-pending", format!("`{}` is too small: expected 1MiB or more", self.max_pending));
        }
        if self.sync_bytes.0 > self.max_pending.0 {
            wrong(
                "sync-bytes",
                format!("`{}` is more than `max-pending` ({})", self.sync_bytes, self.max_pending),
            );
        }
    }
}
