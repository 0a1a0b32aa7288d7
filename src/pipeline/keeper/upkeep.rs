//! What the keeper does beside keeping: it notes how sinks and the program are, forgets what is old, and takes leave.

use std::collections::BTreeMap;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, bounded};

use crate::model::Timestamp;
use crate::pipeline::clock;
use crate::store::StoreError;

use super::sinks::{Delivery, REPORTS, SinkReport};
use super::{Keeper, LOOK_EVERY};

/// How often it notes that it is alive, what was lost, and how the sinks are.
const NOTE_EVERY: Duration = Duration::from_secs(1);
/// How often it looks for what is to be forgotten.
const EXPIRE_EVERY: Duration = Duration::from_secs(60);
/// How long the stop waits for sinks that reach other machines.
const FAREWELL: Duration = Duration::from_secs(2);

impl Keeper {
    /// What is due from time to time.
    pub(super) fn look_around(&mut self) {
        let now = clock::monotonic();
        let due = |last: Option<Instant>, every: Duration| {
            last.is_none_or(|last| now.saturating_duration_since(last) >= every)
        };
        if self.refused_since.is_some() || !self.held.is_empty() {
            return;
        }
        let mut result = self.note();
        if result.is_ok() && due(self.noted, NOTE_EVERY) {
            self.noted = Some(now);
            result = self.note_state();
        }
        if result.is_ok() && due(self.expired, EXPIRE_EVERY) {
            self.expired = Some(now);
            result = self.expire();
        }
        if let Err(error) = result {
            self.store.rollback();
            self.shared.write_failures.fetch_add(1, Ordering::SeqCst);
            if let Some(times) = self.shared.throttle.allow("store") {
                tracing::error!(%error, times, "the store refuses");
            }
        }
    }

    /// Notes how far sinks came. What cannot be noted is noted the next time: it has counts and dead letters that come only
    /// once. Until then a crash would repeat those deliveries.
    fn note(&mut self) -> Result<(), StoreError> {
        let room = REPORTS.saturating_sub(self.unnoted.len());
        self.unnoted.extend(self.reports.try_iter().take(room));
        if self.unnoted.is_empty() {
            return Ok(());
        }
        self.store.begin()?;
        for report in &self.unnoted {
            self.store.note_progress(report, clock::now())?;
        }
        self.store.commit()?;
        self.unnoted.clear();
        self.show_sinks()
    }

    /// The heartbeat, and counters of loss since the last one.
    fn note_state(&mut self) -> Result<(), StoreError> {
        let now = clock::now();
        let mut losses = self.shared.losses();
        losses.extend(self.store.limits().map(|(name, count)| (name.to_owned(), count)));
        let minute = Timestamp::from_parts(now.as_secs() - now.as_secs().rem_euclid(60), 0);
        self.store.begin()?;
        self.store.put_alive(now)?;
        let grown = losses.iter().map(|(name, count)| {
            (name.as_str(), count.saturating_sub(self.losses.get(name).copied().unwrap_or(0)))
        });
        self.store.put_losses(minute, grown.collect::<Vec<_>>())?;
        self.store.commit()?;
        self.losses = losses;
        self.show_sinks()
    }

    fn show_sinks(&self) -> Result<(), StoreError> {
        let mut shown = BTreeMap::new();
        for delivery in &self.deliveries {
            let state = self.store.sink(&delivery.name)?.unwrap_or_default();
            let health = delivery.health.lock().unwrap_or_else(PoisonError::into_inner).clone();
            shown.insert(delivery.name.clone(), SinkReport { state, health });
        }
        *self.shared.sinks.lock().unwrap_or_else(PoisonError::into_inner) = shown;
        Ok(())
    }

    /// Ages are counted from the newest traffic: records of an old capture that is fed for a trial are not too old, and a
    /// packet from the future makes nothing old.
    fn expire(&mut self) -> Result<(), StoreError> {
        let Some(newest) = self.newest else { return Ok(()) };
        let gone = self.store.expire(newest.min(clock::now()))?;
        if gone.still_too_large
            && let Some(times) = self.shared.throttle.allow("store_size")
        {
            tracing::warn!(
                times,
                "the store is larger than `store.max-size`: what is left may not be forgotten"
            );
        }
        Ok(())
    }

    /// Lets the sinks deliver once more, notes how far they came, and leaves.
    pub(super) fn end(mut self) {
        if let Some(file) = &mut self.flows
            && let Err(error) = file.sync(clock::now())
        {
            tracing::error!(%error, "flow records could not be written at the end");
        }
        for delivery in &mut self.deliveries {
            // A bell that nobody can ring: the runner delivers what waits and ends.
            delivery.wake = bounded(0).0;
        }
        // Ends when the last runner has gone; a receiver that hangs is not waited for, its events wait in the store.
        let begun = clock::monotonic();
        loop {
            let report = match self.reports.recv_timeout(LOOK_EVERY) {
                Ok(report) => report,
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    let waiting = |d: &Delivery| !d.thread.is_finished();
                    let patient = clock::monotonic().saturating_duration_since(begun) < FAREWELL;
                    if patient || self.deliveries.iter().any(|d| d.local && waiting(d)) {
                        continue;
                    }
                    for late in self.deliveries.iter().filter(|d| waiting(d)) {
                        tracing::warn!(
                            sink = late.name,
                            "does not end in time; it goes on at the next start"
                        );
                    }
                    break;
                }
            };
            self.unnoted.push(report);
            if let Err(error) = self.note() {
                self.store.rollback();
                tracing::error!(%error, "a delivery could not be noted; it may be repeated at the next start");
            }
        }
        if let Err(error) = self.note_state() {
            self.store.rollback();
            tracing::error!(%error, "the store refuses at the end");
        }
    }
}
