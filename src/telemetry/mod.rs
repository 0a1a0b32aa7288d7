//! Logs: structured lines on standard error, and warnings that cannot flood.
//!
//! Results never go through here; they have standard output. Knows no other module, not even the model.

use std::collections::BTreeMap;
use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};

use tracing::Level;

/// How much to say, and in which shape.
#[derive(Debug, Clone, Copy)]
pub struct LogOptions {
    /// The least urgent level that is written.
    pub level: Level,
    /// Whether lines carry the time (a service manager adds its own).
    pub time: bool,
    /// Whether colour may be used at all (`NO_COLOR` unset).
    pub colour: bool,
}

/// Starts logging to standard error. A second call does nothing.
pub fn init(options: LogOptions) {
    let ansi = options.colour && std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt()
        .with_max_level(options.level)
        .with_writer(std::io::stderr)
        .with_ansi(ansi)
        .with_target(false);
    // A refusal only says that a subscriber is there already, as in tests.
    let _already = if options.time { builder.try_init() } else { builder.without_time().try_init() };
}

/// Counts occasions per key and lets through the 1st, 10th, 100th… of each, so that a flood is one line a decade.
#[derive(Debug, Default)]
pub struct Throttle {
    seen: Mutex<BTreeMap<&'static str, u64>>,
}

impl Throttle {
    /// Counts one occasion of `key`; `Some(count)` when it should be logged.
    pub fn allow(&self, key: &'static str) -> Option<u64> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let count = seen.entry(key).or_default();
        *count += 1;
        let decade = 10_u64.checked_pow(count.ilog10()).unwrap_or(u64::MAX);
        (*count == decade).then_some(*count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_one_warning_becomes_a_line_a_decade() {
        let throttle = Throttle::default();
        let lines: Vec<u64> = (0..12_345).filter_map(|_| throttle.allow("full")).collect();
        assert_eq!(lines, [1, 10, 100, 1_000, 10_000]);
        assert_eq!(throttle.allow("other"), Some(1), "keys are counted apart");
    }
}
