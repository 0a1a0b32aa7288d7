//! `[alert]`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{HumanDuration, Problem};

/// Life of alerts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct AlertConfig {
    /// An open alert that changed is told again this often at most.
    pub update_interval: HumanDuration,
    /// An alert closes when nothing was added for this long.
    pub quiet: HumanDuration,
    /// Alerts open at once; beyond it, further groups of a rule share one alert.
    pub max_open: usize,
}

impl Default for AlertConfig {
    fn default() -> Self {
        Self { update_interval: HumanDuration::from_secs(300), quiet: HumanDuration::from_secs(1800), max_open: 10_000 }
    }
}

impl AlertConfig {
    /// Adds what is wrong with the values to `problems`.
    pub fn validate(&self, problems: &mut Vec<Problem>) {
        for (key, value) in [("update-interval", self.update_interval), ("quiet", self.quiet)] {
            if !(Duration::from_secs(1)..=Duration::from_secs(7 * 86_400)).contains(&value.0) {
                problems.push(Problem {
                    key: format!("alert.{key}"),
                    message: format!("{value} is out of range; expected 1s to 7d"),
                });
            }
        }
        if !(16..=1_000_000).contains(&self.max_open) {
            problems.push(Problem {
                key: "alert.max-open".into(),
                message: format!("{} is out of range; expected 16 to 1000000", self.max_open),
            });
        }
    }
}
