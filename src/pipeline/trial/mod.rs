//! What a policy would say: the production line over capture files, or over the records that a store has kept.
//!
//! Captures go the whole way. Records of a store were named and placed when they were seen; rules, minimums, first times and
//! alerts run over them again, by the same stage. Nothing is written, and no sink is called.
//!
//! Limits: [`MAX_ALERTS`] alerts are kept for comparison; more are counted.

mod compare;
pub mod swap;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::alert::{AlertBook, AlertConfig};
use crate::capture::{CaptureError, CaptureFiles};
use crate::model::{Alert, AlertTransition, EnrichedFlow, Outcome, Timestamp};
use crate::policy::Known;
use crate::store::{FlowFilter, Reader, StoreError};

use super::stage::{FlowStage, Parts, Sink};
use super::{Settings, offline};

pub use compare::{Change, Difference, Subject, Told, compare, told};

/// Alerts kept of one trial, about 4 KiB each.
pub const MAX_ALERTS: usize = 50_000;

/// How often one rule said what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RuleTally {
    /// Records that it matched, and was not held back from telling.
    pub matches: u64,
    /// Records of which it could not tell.
    pub cannot_tell: u64,
    /// Records that concerned it and did not match, or were held back.
    pub no_match: u64,
    /// Of those: excepted.
    pub excepted: u64,
}

/// What came of a trial.
#[derive(Debug, Default)]
pub struct Trial {
    /// Records judged.
    pub records: u64,
    /// First and last packet of them.
    pub period: Option<(Timestamp, Timestamp)>,
    /// By rule id; rules that never had a say are not in it.
    pub rules: BTreeMap<Arc<str>, RuleTally>,
    /// Alerts as they stood at the end, by id.
    pub alerts: BTreeMap<Arc<str>, Arc<Alert>>,
    /// Alerts beyond [`MAX_ALERTS`].
    pub alerts_not_kept: u64,
}

impl Sink for Trial {
    fn flow(&mut self, flow: &EnrichedFlow) {
        self.records += 1;
        let record = &flow.record;
        self.period = Some(self.period.map_or((record.start, record.end), |(first, last)| {
            (first.min(record.start), last.max(record.end))
        }));
        for verdict in &flow.verdicts {
            let tally = self.rules.entry(Arc::clone(&verdict.rule)).or_default();
            match verdict.outcome {
                Outcome::Match => tally.matches += 1,
                Outcome::CannotTell => tally.cannot_tell += 1,
                Outcome::NoMatch => {
                    tally.no_match += 1;
                    let excepted = |why: &Arc<str>| why.starts_with(crate::policy::EXCEPTED);
                    tally.excepted += u64::from(verdict.because.last().is_some_and(excepted));
                }
            }
        }
    }

    fn alert(&mut self, transition: AlertTransition, alert: &Arc<Alert>) {
        if self.alerts.len() >= MAX_ALERTS && !self.alerts.contains_key(&alert.id) {
            self.alerts_not_kept += u64::from(transition == AlertTransition::Opened);
            return;
        }
        self.alerts.insert(Arc::clone(&alert.id), Arc::clone(alert));
    }
}

/// Reads capture files to their end.
pub fn of_captures(files: CaptureFiles, settings: &Settings, parts: Parts) -> Result<Trial, CaptureError> {
    let mut trial = Trial::default();
    offline::read(files, settings, parts, &mut trial, &mut |_| {})?;
    Ok(trial)
}

/// Judges the records of a store again, oldest first. What rules had learned before the first of them is known to them.
pub fn of_store(
    reader: &Reader,
    filter: &FlowFilter,
    alert: &AlertConfig,
    parts: Parts,
) -> Result<Trial, StoreError> {
    let mut trial = Trial::default();
    again(reader, filter, alert, parts, &mut trial, FlowStage::judge_again)?;
    Ok(trial)
}

/// Runs the records of a store through a stage by `work`, oldest first.
fn again(
    reader: &Reader,
    filter: &FlowFilter,
    alert: &AlertConfig,
    mut parts: Parts,
    sink: &mut dyn Sink,
    work: impl Fn(&mut FlowStage, EnrichedFlow, &mut dyn Sink),
) -> Result<(), StoreError> {
    let filter = FlowFilter { oldest_first: true, ..filter.clone() };
    let begin = filter.since.unwrap_or(Timestamp::from_nanos(i64::MIN));
    parts.judge.recall(known(reader)?.into_iter().filter(|known| known.first < begin));
    let mut stage = FlowStage::new(parts, AlertBook::new(alert));
    reader.flows(&filter, |stored| {
        work(&mut stage, stored.flow, sink);
        true
    })?;
    stage.finish(sink);
    Ok(())
}

/// What the rules of a daemon have learned, out of its store.
pub fn known(reader: &Reader) -> Result<Vec<Known>, StoreError> {
    let mut known = Vec::new();
    for kind in Known::KINDS {
        let learned = reader.learned(kind)?;
        known.extend(learned.into_iter().map(|one| Known { kind, key: one.key, first: one.first }));
    }
    Ok(known)
}
