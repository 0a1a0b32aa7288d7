//! Settings of the flow cache, with the words of RFC 6728, and their check.
//!
//! The defaults follow practice where practice has a reason, which is written at each field.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{HumanDuration, Problem};

/// The index keeps 32 bits of each hash and needs some of them beyond the position, so it is bounded here.
const MOST_FLOWS: u32 = 1 << 26;
/// No timeout may be longer: a record that comes a month late serves nobody.
const LONGEST: Duration = Duration::from_secs(30 * 86_400);
/// The timing wheel does not tell shorter times apart.
const SHORTEST: Duration = Duration::from_millis(100);

/// Settings of the flow cache (`[meter]`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct MeterConfig {
    /// A TCP flow ends after so long without a packet. Ten minutes, as phones' push connections beat every four
    /// to five minutes, and a flow that is cut between two beats loses the name it was opened with.
    pub idle_timeout_tcp: HumanDuration,
    /// A UDP flow ends after so long without a packet. Two minutes: the least time a NAT keeps a mapping (RFC 4787
    /// REQ-5), so within it the ports still mean the same conversation.
    pub idle_timeout_udp: HumanDuration,
    /// A flow of any other protocol ends after so long without a packet.
    pub idle_timeout_other: HumanDuration,
    /// A TCP flow whose handshake is not complete ends after so long without a packet. One minute is longer than
    /// the pauses between the usual repetitions of a SYN (1 to 32 s).
    pub idle_timeout_half_open: HumanDuration,
    /// A TCP flow that was closed (both FINs acknowledged, or RST) still collects stragglers until it has been
    /// quiet for so long.
    pub end_linger: HumanDuration,
    /// A flow that goes on gets a record at least so often, if it had packets.
    pub active_timeout: HumanDuration,
    /// A flow's first record comes so long after its names are known, and so does one after later names. Flows
    /// that end sooner have one record only.
    pub first_report: HumanDuration,
    /// Most flows kept at once; each takes about 320 bytes. A full table throws out idle flows first, then
    /// half-open ones, then one-way ones, then the oldest.
    pub max_flows: u32,
    /// Whether flows on different VLANs are different flows. Turn it off where a mirror port shows the two
    /// directions of a conversation under different tags.
    pub vlan_in_key: bool,
    /// A step of the capture's clock forwards by more than this is a clock that was set, not time that passed: no
    /// flow ends by it. A smaller step is a quiet time or the next of several captures: flows end by their timeouts.
    pub clock_jump_forwards: HumanDuration,
    /// After a step backwards by more than this, time goes on from the new place; after a smaller one it stands
    /// still until the clock is back where it was.
    pub clock_jump_backwards: HumanDuration,
}

impl Default for MeterConfig {
    fn default() -> Self {
        Self {
            idle_timeout_tcp: HumanDuration::from_secs(600),
            idle_timeout_udp: HumanDuration::from_secs(120),
            idle_timeout_other: HumanDuration::from_secs(60),
            idle_timeout_half_open: HumanDuration::from_secs(60),
            end_linger: HumanDuration::from_secs(2),
            active_timeout: HumanDuration::from_secs(60),
            first_report: HumanDuration::from_secs(1),
            max_flows: 262_144,
            vlan_in_key: true,
            clock_jump_forwards: HumanDuration::from_secs(30 * 86_400),
            clock_jump_backwards: HumanDuration::from_secs(3_600),
        }
    }
}

impl MeterConfig {
    /// Adds every problem of these settings to `problems`, with full key paths.
    pub fn validate(&self, problems: &mut Vec<Problem>) {
        let mut problem = |key: &str, message: String| {
            problems.push(Problem { key: format!("meter.{key}"), message });
        };
        for (key, value) in [
            ("idle-timeout-tcp", self.idle_timeout_tcp),
            ("idle-timeout-udp", self.idle_timeout_udp),
            ("idle-timeout-other", self.idle_timeout_other),
            ("idle-timeout-half-open", self.idle_timeout_half_open),
            ("end-linger", self.end_linger),
            ("active-timeout", self.active_timeout),
            ("first-report", self.first_report),
        ] {
            if value.0 < SHORTEST || value.0 > LONGEST {
                problem(key, format!("is {value}: expected 100ms to 30d, like `60s`"));
            }
        }
        if self.max_flows == 0 || self.max_flows > MOST_FLOWS {
            problem("max-flows", format!("is {}: expected 1 to {MOST_FLOWS}, like `262144`", self.max_flows));
        }
        for (key, value) in [
            ("clock-jump-forwards", self.clock_jump_forwards),
            ("clock-jump-backwards", self.clock_jump_backwards),
        ] {
            if value.0 < Duration::from_secs(60) {
                problem(
                    key,
                    format!("is {value}: expected at least 1m, as clocks wander and captures pause"),
                );
            }
        }
    }
}

/// Nanoseconds of a setting, as the cache's own clock counts them.
pub(crate) fn nanos(duration: HumanDuration) -> i64 {
    i64::try_from(duration.0.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_valid_and_survive_writing_and_reading() {
        let config = MeterConfig::default();
        let mut problems = Vec::new();
        config.validate(&mut problems);
        assert_eq!(problems, []);
        let text = toml::to_string(&config).unwrap();
        assert!(text.contains("idle-timeout-tcp = \"10m\""), "{text}");
        assert_eq!(toml::from_str::<MeterConfig>(&text).unwrap(), config);
        assert!(toml::from_str::<MeterConfig>("idle-timeout = \"1s\"").is_err());
    }

    #[test]
    fn every_senseless_value_is_named_by_its_full_key() {
        let zero = HumanDuration::default();
        let config = MeterConfig {
            idle_timeout_tcp: zero,
            active_timeout: HumanDuration::from_secs(31 * 86_400),
            max_flows: 0,
            clock_jump_backwards: zero,
            ..MeterConfig::default()
        };
        let mut problems = Vec::new();
        config.validate(&mut problems);
        let keys: Vec<_> = problems.iter().map(|p| p.key.as_str()).collect();
        assert_eq!(
            keys,
            [
                "meter.idle-timeout-tcp",
                "meter.active-timeout",
                "meter.max-flows",
                "meter.clock-jump-backwards"
            ]
        );
    }
}
