//! One file → one valid [`Config`].
//!
//! Each module owns its section; this one joins them, reads the file, and reports *all* problems at once with
//! their place. Unknown keys are errors, so that a typo never silently switches a rule off. The commented template
//! (`config/whither.toml`) is tested to have every key with its default.

mod daemon;
mod load;
#[cfg(test)]
mod tests;

pub use daemon::DaemonConfig;
pub use load::ConfigError;

use serde::{Deserialize, Serialize};

use crate::alert::AlertConfig;
use crate::appid::CatalogueConfig;
use crate::capture::CaptureConfig;
use crate::decode::DecodeConfig;
use crate::deliver::DeliverConfig;
use crate::deliver::sink::What;
use crate::enrich::EnrichConfig;
use crate::inspect::InspectConfig;
use crate::meter::MeterConfig;
use crate::model::Problem;
use crate::policy::PolicyConfig;
use crate::processes::ProcessesConfig;
use crate::store::StoreConfig;

/// The commented template: every key with its default.
pub const TEMPLATE: &str = include_str!("../../config/whither.toml");

/// The whole configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Config {
    /// Version of this file's format: 1.
    pub version: u32,
    /// State folder, output files, statistics.
    pub daemon: DaemonConfig,
    /// Interfaces and how to read them.
    pub capture: CaptureConfig,
    /// Frames → packets.
    pub decode: DecodeConfig,
    /// Packets → names.
    pub inspect: InspectConfig,
    /// Packets → flows.
    pub meter: MeterConfig,
    /// Your own applications.
    pub catalogue: CatalogueConfig,
    /// Databases, local networks, devices.
    pub enrich: EnrichConfig,
    /// Which process of this host.
    pub processes: ProcessesConfig,
    /// Rules.
    pub policy: PolicyConfig,
    /// Life of alerts.
    pub alert: AlertConfig,
    /// What is kept, and for how long.
    pub store: StoreConfig,
    /// How lines reach the disk.
    pub deliver: DeliverConfig,
}

impl Config {
    /// The only format version there is.
    pub const VERSION: u32 = 1;

    /// Everything that is wrong with the values, all sections.
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.version != Self::VERSION {
            problems.push(Problem {
                key: "version".into(),
                message: format!(
                    "{} is not known; this program reads version {}",
                    self.version,
                    Self::VERSION
                ),
            });
        }
        self.daemon.validate(&mut problems);
        self.capture.validate(&mut problems);
        self.decode.validate(&mut problems);
        self.inspect.validate(&mut problems);
        self.meter.validate(&mut problems);
        self.catalogue.validate(&mut problems);
        self.enrich.validate(&mut problems);
        self.processes.validate(&mut problems);
        self.policy.validate(&mut problems);
        self.alert.validate(&mut problems);
        self.store.validate(&mut problems);
        self.deliver.validate(&mut problems);
        if self.alert.quiet < self.meter.active_timeout {
            problems.push(Problem {
                key: "alert.quiet".into(),
                message: format!(
                    "{} is shorter than `meter.active-timeout` ({}): a long flow would open a new alert with every record",
                    self.alert.quiet, self.meter.active_timeout
                ),
            });
        }
        let flows = self.deliver.sink.iter().position(|sink| sink.what == What::Flows);
        if let Some(at) = flows.filter(|_| !self.store.flows) {
            problems.push(Problem {
                key: format!("deliver.sink[{at}].what"),
                message:
                    "`flows` are delivered out of the store, which does not keep them: set `store.flows`"
                        .into(),
            });
        }
        problems
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            version: Self::VERSION,
            daemon: DaemonConfig::default(),
            capture: CaptureConfig::default(),
            decode: DecodeConfig::default(),
            inspect: InspectConfig::default(),
            meter: MeterConfig::default(),
            catalogue: CatalogueConfig::default(),
            enrich: EnrichConfig::default(),
            processes: ProcessesConfig::default(),
            policy: PolicyConfig::default(),
            alert: AlertConfig::default(),
            store: StoreConfig::default(),
            deliver: DeliverConfig::default(),
        }
    }
}
