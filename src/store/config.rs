//! The `[store]` part of the configuration file: how much is kept, and for how long.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{HumanDuration, HumanSize, Problem};

/// Limits of the store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct StoreConfig {
    /// The file, relative to the state folder.
    pub file: String,
    /// Whether flow records are kept too; roll-ups and alerts always are.
    pub flows: bool,
    /// The store is kept below this size: flow records go first, then roll-ups, then alerts that were delivered.
    pub max_size: HumanSize,
    /// How long flow records are kept.
    pub keep_flows: HumanDuration,
    /// How long sums by the hour are kept.
    pub keep_hours: HumanDuration,
    /// How long sums by the day are kept.
    pub keep_days: HumanDuration,
    /// How long closed alerts are kept, once every sink has them.
    pub keep_alerts: HumanDuration,
    /// Flow records and roll-ups are committed at least this often; alerts are committed at once.
    pub commit_interval: HumanDuration,
}

const DAY: u64 = 86_400;

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            file: "whither.db".to_owned(),
            flows: true,
            max_size: HumanSize(1 << 30),
            keep_flows: HumanDuration::from_secs(14 * DAY),
            keep_hours: HumanDuration::from_secs(90 * DAY),
            keep_days: HumanDuration::from_secs(730 * DAY),
            keep_alerts: HumanDuration::from_secs(365 * DAY),
            commit_interval: HumanDuration::from_secs(1),
        }
    }
}

impl StoreConfig {
    /// Names every value out of range.
    pub fn validate(&self, problems: &mut Vec<Problem>) {
        let mut wrong = |key: &str, message: String| {
            problems.push(Problem { key: format!("store.{key}"), message });
        };
        if self.file.is_empty() || self.file.contains('/') {
            wrong(
                "file",
                format!("`{}` is no file name: expected one without `/`, like `whither.db`", self.file),
            );
        }
        if self.max_size.0 < 8 << 20 {
            wrong("max-size", format!("`{}` is too small: expected 8MiB or more", self.max_size));
        }
        for (key, value) in [
            ("keep-flows", self.keep_flows),
            ("keep-hours", self.keep_hours),
            ("keep-days", self.keep_days),
            ("keep-alerts", self.keep_alerts),
        ] {
            if value.0 < Duration::from_secs(60) {
                wrong(key, format!("`{value}` is too short: expected 1m or more"));
            }
        }
        if !(Duration::from_millis(10)..=Duration::from_secs(60)).contains(&self.commit_interval.0) {
            wrong(
                "commit-interval",
                format!("`{}` is out of range: expected 10ms to 1m", self.commit_interval),
            );
        }
    }
}
