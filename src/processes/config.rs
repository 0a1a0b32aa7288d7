//! Configuration of `[processes]`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{HumanDuration, Problem};

/// Which process of this host a flow belongs to (live only).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ProcessesConfig {
    /// Whether the host's sockets are looked at.
    pub enabled: bool,
    /// Whether small programs in the kernel (BPF) may tell of sockets at their birth; without them those that live shorter
    /// than `interval` are missed.
    pub births: bool,
    /// How often. A socket that lives shorter may be missed (and is counted); more often costs more.
    pub interval: HumanDuration,
    /// How long a closed socket is remembered, for records come after the packets.
    pub keep: HumanDuration,
    /// Sockets remembered; when it is full the one not seen for longest is forgotten and counted.
    pub max_sockets: usize,
}

impl Default for ProcessesConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            births: true,
            interval: HumanDuration(Duration::from_millis(500)),
            keep: HumanDuration::from_secs(900),
            max_sockets: 65_536,
        }
    }
}

impl ProcessesConfig {
    /// Adds what is wrong with the values to `problems`.
    pub fn validate(&self, problems: &mut Vec<Problem>) {
        let mut problem =
            |key: &str, message: String| problems.push(Problem { key: format!("processes.{key}"), message });
        if !(Duration::from_millis(20)..=Duration::from_secs(60)).contains(&self.interval.0) {
            problem("interval", format!("{} is out of range: expected 20ms to 1m", self.interval));
        }
        if !(Duration::from_secs(10)..=Duration::from_secs(86_400)).contains(&self.keep.0) {
            problem("keep", format!("{} is out of range: expected 10s to 1d", self.keep));
        }
        if !(64..=1 << 22).contains(&self.max_sockets) {
            problem("max-sockets", format!("{} is out of range: expected 64 to 4194304", self.max_sockets));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_each_mistake_is_named_by_its_key() {
        let mut problems = Vec::new();
        ProcessesConfig::default().validate(&mut problems);
        assert_eq!(problems, []);
        let zero = HumanDuration(Duration::ZERO);
        ProcessesConfig { interval: zero, keep: zero, max_sockets: 0, ..ProcessesConfig::default() }
            .validate(&mut problems);
        let keys: Vec<&str> = problems.iter().map(|p| p.key.as_str()).collect();
        assert_eq!(keys, ["processes.interval", "processes.keep", "processes.max-sockets"]);
    }
}
