//! The `[alert]` part of the configuration file: how alerts live.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{HumanDuration, Problem};

/// How long alerts live, how often they speak, and how many there may be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct AlertConfig {
    /// An open alert that grew is written again at most this often.
    pub update_interval: HumanDuration,
    /// An alert to which nothing was added for this long is closed. Shorter than the meter's active timeout, a long
    /// flow would open a new alert with every record.
    pub quiet: HumanDuration,
    /// Alerts open at once. Beyond it nothing is lost: findings are added to one overflow alert per rule, role and country.
    pub max_open: usize,
    /// After people were told of a subject (rule, device, application, country and operator), they are not told of it again for
    /// this long, then for twice as long, and so on. 0: they are told of every document.
    pub back_off: HumanDuration,
    /// The longest of these pauses. A subject that is quiet for as long begins anew.
    pub longest_back_off: HumanDuration,
    /// Closed alerts remembered for the summary of a run; the ones closed first are forgotten first, and counted.
    pub keep_closed: usize,
}

impl Default for AlertConfig {
    fn default() -> Self {
        Self {
            update_interval: HumanDuration::from_secs(60),
            quiet: HumanDuration::from_secs(15 * 60),
            // About 4 KiB each: 40 MiB at worst on a gateway.
            max_open: 10_000,
            back_off: HumanDuration::from_secs(5 * 60),
            longest_back_off: HumanDuration::from_secs(4 * 3600),
            keep_closed: 10_000,
        }
    }
}

impl AlertConfig {
    /// Names every value out of range.
    pub fn validate(&self, problems: &mut Vec<Problem>) {
        let mut wrong = |key: &str, message: String| {
            problems.push(Problem { key: format!("alert.{key}"), message });
        };
        if self.update_interval.0 < Duration::from_secs(1) {
            wrong("update-interval", format!("`{}` is too short: expected 1s or more", self.update_interval));
        }
        if self.quiet.0 < self.update_interval.0 {
            wrong(
                "quiet",
                format!("`{}` is shorter than `update-interval` ({})", self.quiet, self.update_interval),
            );
        }
        let month = Duration::from_secs(30 * 86_400);
        if !self.back_off.0.is_zero() && !(Duration::from_secs(1)..=month).contains(&self.back_off.0) {
            wrong(
                "back-off",
                format!("`{}` is out of range: expected 0s (none) or 1s to 30d", self.back_off),
            );
        }
        if self.longest_back_off.0 < self.back_off.0 || self.longest_back_off.0 > month {
            wrong(
                "longest-back-off",
                format!(
                    "`{}` is out of range: expected `back-off` ({}) to 30d",
                    self.longest_back_off, self.back_off
                ),
            );
        }
        if !(1..=1_000_000).contains(&self.max_open) {
            wrong("max-open", format!("`{}` is out of range: expected 1 to 1000000", self.max_open));
        }
        if self.keep_closed > 10_000_000 {
            wrong("keep-closed", format!("`{}` is out of range: expected 0 to 10000000", self.keep_closed));
        }
    }
}
