//! When people are told of a subject again: after a pause that doubles from time to time, up to a longest one.
//!
//! A subject is a group: it outlives its alerts, so that a device that calls every half hour does not open a new one for the
//! pager each time. Who was told of an alert is told of its end. What is held back is counted, and the next document that is
//! told says how much it was; its numbers are sums, so nothing is missing from it. A subject of which there was no document for the
//! longest pause begins anew. One thing does not wait for the pause: that a device which had only tried now sent data.
//!
//! Limits: as many subjects as there may be open alerts, twice; when that is full, those that are over are forgotten,
//! then the ones heard of longest ago, and counted: people are told of those once too often.

use std::collections::HashMap;
use std::time::Duration;

use crate::model::{Alert, AlertTransition, Telling, Timestamp};

use super::AlertConfig;
use super::group::Group;

/// When people were told of a subject.
#[derive(Debug, Clone, Copy)]
struct Told {
    last: Timestamp,
    spacing: Duration,
    held_back: u64,
    /// People were told that data was sent.
    sent: bool,
    /// The last document, told or not.
    heard: Timestamp,
}

/// All subjects of which people were told lately.
#[derive(Debug)]
pub(super) struct BackOff {
    first: Duration,
    longest: Duration,
    most: usize,
    subjects: HashMap<Group, Told>,
    forgotten: u64,
}

impl BackOff {
    pub(super) fn new(config: &AlertConfig) -> Self {
        Self {
            first: config.back_off.0,
            longest: config.longest_back_off.0,
            most: config.max_open.saturating_mul(2),
            subjects: HashMap::new(),
            forgotten: 0,
        }
    }

    /// Whether people are told of a document; `alert.telling` is what the document before of the same alert said.
    pub(super) fn ask(
        &mut self,
        group: &Group,
        transition: AlertTransition,
        alert: &Alert,
        now: Timestamp,
    ) -> Telling {
        let (so_far, sent) = (&alert.telling, !alert.is_without_data());
        if self.first.is_zero() {
            return Telling { last: now, ..Telling::default() };
        }
        let over = |told: &Told, longest| now.since(told.heard) >= longest;
        let Some(told) = self.subjects.get_mut(group).filter(|told| !over(told, self.longest)) else {
            let told = Told { last: now, spacing: self.first, held_back: 0, sent, heard: now };
            self.remember(group, told);
            return telling(told, true, true, 0);
        };
        told.heard = now;
        let due = now.since(told.last) >= told.spacing;
        let news = sent && !told.sent;
        let tell = due || news || (transition == AlertTransition::Closed && so_far.ever_told);
        if !tell {
            told.held_back += 1;
            return telling(*told, false, so_far.ever_told, told.held_back);
        }
        if due {
            told.spacing = told.spacing.saturating_mul(2).min(self.longest);
        }
        told.last = now;
        told.sent |= sent;
        telling(*told, true, true, std::mem::take(&mut told.held_back))
    }

    /// Takes up what a stored alert says of its subject; the newest of them stands.
    pub(super) fn resume(&mut self, group: &Group, alert: &Alert) {
        let Telling { last, spacing, held_back, told, .. } = alert.telling;
        let newer = self.subjects.get(group).is_none_or(|known| known.heard <= alert.last);
        if newer && !self.first.is_zero() && !spacing.is_zero() {
            let held_back = if told { 0 } else { held_back };
            // Data is told of in the first document that has it, so the last one shows whether people know.
            let (sent, heard) = (!alert.is_without_data(), alert.last.max(last));
            self.remember(group, Told { last, spacing, held_back, sent, heard });
        }
    }

    /// The clock was set back: no pause may last until a time that was false.
    pub(super) fn rebase(&mut self, now: Timestamp) {
        for told in self.subjects.values_mut() {
            told.last = told.last.min(now);
            told.heard = told.heard.min(now);
        }
    }

    /// Subjects forgotten before their time.
    pub(super) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    fn remember(&mut self, group: &Group, told: Told) {
        if self.subjects.len() >= self.most && !self.subjects.contains_key(group) {
            self.make_room(told.heard);
        }
        self.subjects.insert(group.clone(), told);
    }

    fn make_room(&mut self, now: Timestamp) {
        let longest = self.longest;
        self.subjects.retain(|_, told| now.since(told.heard) < longest);
        if self.subjects.len() < self.most {
            return;
        }
        let mut heard: Vec<Timestamp> = self.subjects.values().map(|told| told.heard).collect();
        heard.sort_unstable();
        let limit = heard.get(heard.len() / 16).copied().unwrap_or(now);
        let before = self.subjects.len();
        self.subjects.retain(|_, told| told.heard > limit);
        self.forgotten += (before - self.subjects.len()) as u64;
    }
}

fn telling(at: Told, told: bool, ever_told: bool, held_back: u64) -> Telling {
    Telling { told, ever_told, held_back, last: at.last, spacing: at.spacing }
}
