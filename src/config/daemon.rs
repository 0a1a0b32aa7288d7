//! The daemon's own section: where it writes, and how often it tells.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::deliver::Format;
use crate::model::{HumanDuration, Problem};

/// `[daemon]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct DaemonConfig {
    /// Folder for alerts, flow records and statistics; made if it is missing.
    pub state_dir: PathBuf,
    /// File for alerts, one ECS JSON document a line; relative to `state-dir`.
    pub alerts: PathBuf,
    /// Whether flow records are written too.
    pub write_flows: bool,
    /// File for flow records, one ECS JSON document a line; relative to `state-dir`.
    pub flows: PathBuf,
    /// In whose words: `ecs`, or `ocsf` (Network Activity).
    pub flows_format: Format,
    /// How often statistics are written (also on SIGUSR1).
    pub stats_interval: HumanDuration,
    /// How long an orderly stop may take.
    pub stop_deadline: HumanDuration,
}

impl Default for DaemonConfig {
    fn default() -> Self {
        Self {
            state_dir: "/var/lib/whither".into(),
            alerts: "alerts.jsonl".into(),
            write_flows: false,
            flows: "flows.jsonl".into(),
            flows_format: Format::Ecs,
            stats_interval: HumanDuration::from_secs(60),
            stop_deadline: HumanDuration::from_secs(5),
        }
    }
}

impl DaemonConfig {
    /// Adds what is wrong with the values to `problems`.
    pub fn validate(&self, problems: &mut Vec<Problem>) {
        let range = Duration::from_secs(1)..=Duration::from_secs(86_400);
        for (key, value) in [("stats-interval", self.stats_interval), ("stop-deadline", self.stop_deadline)] {
            if !range.contains(&value.0) {
                problems.push(Problem {
                    key: format!("daemon.{key}"),
                    message: format!("{value} is out of range; expected 1s to 1d"),
                });
            }
        }
        if !self.flows_format.has_flows() {
            problems.push(Problem {
                key: "daemon.flows-format".into(),
                message: "has no words for flow records; expected ecs or ocsf".into(),
            });
        }
        for (key, path) in [("state-dir", &self.state_dir), ("alerts", &self.alerts), ("flows", &self.flows)]
        {
            if path.as_os_str().is_empty() {
                problems.push(Problem {
                    key: format!("daemon.{key}"),
                    message: "is empty; expected a path".into(),
                });
            }
        }
    }
}
