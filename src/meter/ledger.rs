//! What the meter counts about itself: flows by end, limits that were hit, and steps of the clock.

use std::collections::BTreeMap;
use std::time::Duration;

use super::clock::Step;
use super::evict::Victim;
use crate::model::{FlowEndReason, FlowLedger, Gap, Timestamp};

/// So many steps of a clock are told one by one between two calls of `take_gaps`; the rest are only counted.
const MOST_GAPS: usize = 64;

/// The counts.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) created: u64,
    ended: BTreeMap<&'static str, u64>,
    evicted: BTreeMap<&'static str, u64>,
    clock_steps: u64,
    gaps_untold: u64,
    gaps: Vec<Gap>,
}

impl Counts {
    pub(crate) fn ended(&mut self, reason: FlowEndReason) {
        *self.ended.entry(reason.word()).or_default() += 1;
    }

    pub(crate) fn evicted(&mut self, victim: Victim) {
        *self.evicted.entry(victim.word()).or_default() += 1;
    }

    /// Notes that the clock of `source` stepped.
    pub(crate) fn stepped(&mut self, step: Step, at: Timestamp, source: &str) {
        self.clock_steps += 1;
        if self.gaps.len() >= MOST_GAPS {
            self.gaps_untold += 1;
            return;
        }
        let (kind, word, by) = match step {
            Step::Forwards(by) => ("clock_forwards", "forwards", by),
            Step::Backwards(by) => ("clock_backwards", "back", by),
        };
        let by = Duration::from_nanos(by.unsigned_abs());
        let detail = format!(
            "the capture's clock went {word} by {}; flows were neither ended nor aged by it",
            in_words(by)
        );
        self.gaps.push(Gap { source: source.to_owned(), kind, offset: None, at: Some(at), detail });
    }

    pub(crate) fn take_gaps(&mut self) -> Vec<Gap> {
        std::mem::take(&mut self.gaps)
    }

    pub(crate) fn ledger(&self, active: usize) -> FlowLedger {
        let owned = |counts: &BTreeMap<&'static str, u64>| {
            counts.iter().map(|(&word, &count)| (word.to_owned(), count)).collect()
        };
        FlowLedger {
            created: self.created,
            active: u64::try_from(active).unwrap_or(u64::MAX),
            ended: owned(&self.ended),
            evicted: owned(&self.evicted),
        }
    }

    /// Adds the limits that were hit.
    pub(crate) fn add_limits(&self, limits: &mut BTreeMap<String, u64>) {
        for (name, count) in [
            ("meter_table_full", self.evicted.values().sum()),
            ("meter_clock_steps", self.clock_steps),
            ("meter_clock_steps_untold", self.gaps_untold),
        ] {
            if count > 0 {
                limits.insert(name.to_owned(), count);
            }
        }
    }
}

/// A stretch of time for people: days where there are many, else seconds.
fn in_words(time: Duration) -> String {
    let days = time.as_secs() / 86_400;
    if days >= 3 { format!("{days} days") } else { format!("{:.1} s", time.as_secs_f64()) }
}
