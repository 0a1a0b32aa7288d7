//! When a sink delivers, how often it tries, and when it gives an event up.
//!
//! The runner takes events from the store behind the sink's place, in order. What fails is tried again after a growing pause;
//! what was refused for good becomes a dead letter with the reason. It never drops an event by itself, however long the
//! other side is dead: the store is the queue.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use crate::model::{Severity, Timestamp};
use crate::store::{Event, Progress, Reader, StoreError};
use crate::telemetry::Throttle;

use super::{Attempt, Sink, Trouble};

/// Events in one attempt; a crash repeats at most so many.
pub(super) const BATCH: usize = 256;
/// The first pause after a failure; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// How often the store is looked at although nobody called.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What a runner needs to know of its sink.
#[derive(Debug, Clone)]
pub struct RunnerConfig {
    /// The sink's name, under which the store keeps its place.
    pub name: String,
    /// Events below are passed over.
    pub min_severity: Severity,
    /// The longest pause between two attempts.
    pub longest_pause: Duration,
    /// The place from which to go on.
    pub cursor: i64,
}

/// How a sink is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SinkHealth {
    /// Failed attempts in a row; 0: well.
    pub failures: u32,
    /// Why the last one failed.
    pub last_error: Option<String>,
}

/// One sink's thread.
pub struct Runner {
    config: RunnerConfig,
    sink: Box<dyn Sink>,
    reader: Reader,
    /// One message for each time something was committed; closed when the program stops.
    wake: Receiver<()>,
    progress: Sender<Progress>,
    health: Arc<Mutex<SinkHealth>>,
    clock: fn() -> Timestamp,
    throttle: Throttle,
}

impl Runner {
    /// Joins the parts; [`Runner::run`] does the work. `clock` tells the time for what a sink writes.
    pub fn new(
        config: RunnerConfig,
        sink: Box<dyn Sink>,
        reader: Reader,
        wake: Receiver<()>,
        progress: Sender<Progress>,
        clock: fn() -> Timestamp,
    ) -> Self {
        let health = Arc::new(Mutex::new(SinkHealth::default()));
        Self { config, sink, reader, wake, progress, health, clock, throttle: Throttle::default() }
    }

    /// How the sink is, to be looked at while it runs.
    pub fn health(&self) -> Arc<Mutex<SinkHealth>> {
        Arc::clone(&self.health)
    }

    /// Delivers until the program stops; then tries once more what still waits.
    pub fn run(mut self) {
        let mut pause = LOOK_EVERY;
        loop {
            match self.wake.recv_timeout(pause) {
                Err(RecvTimeoutError::Disconnected) => break,
                // While the other side asks for patience, new alerts do not shorten the pause.
                Ok(()) if self.failing() && pause > FIRST_PAUSE => {
                    if !self.wait_out(pause) {
                        break;
                    }
                }
                Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            }
            pause = self.deliver_all();
        }
        let _last = self.deliver_all();
    }

    /// Waits without listening to calls; says whether the program goes on.
    fn wait_out(&self, pause: Duration) -> bool {
        // Slices, so that a stop is not waited for longer than a moment.
        let slice = Duration::from_millis(200);
        let mut waited = Duration::ZERO;
        while waited < pause {
            match self.wake.recv_timeout(slice) {
                Err(RecvTimeoutError::Disconnected) => return false,
                // A call comes back at once; the rest of the slice must be waited for all the same.
                Ok(()) => std::thread::sleep(slice),
                Err(RecvTimeoutError::Timeout) => {}
            }
            waited += slice;
        }
        true
    }

    /// Delivers what waits, until there is nothing more or something stops it; gives how long to wait then.
    pub(super) fn deliver_all(&mut self) -> Duration {
        loop {
            let events = match self.reader.events_after(self.config.cursor, BATCH) {
                Ok(events) => events,
                Err(error) => return self.store_failed(&error),
            };
            let Some(last) = events.last().map(|e| e.seq) else { return LOOK_EVERY };
            let wanted: Vec<Event> =
                events.iter().filter(|e| e.severity >= self.config.min_severity).cloned().collect();
            let attempt =
                if wanted.is_empty() { Attempt::all(0) } else { self.sink.deliver(&wanted, (self.clock)()) };
            if let Some(pause) = self.settle(&events, &wanted, last, attempt) {
                return pause;
            }
        }
    }

    /// Notes what became of a batch; a pause where it must be tried again.
    fn settle(
        &mut self,
        events: &[Event],
        wanted: &[Event],
        last: i64,
        attempt: Attempt,
    ) -> Option<Duration> {
        let Attempt { done, stopped } = attempt;
        let mut dead = Vec::new();
        let mut cursor = if done >= wanted.len() { Some(last) } else { None };
        if cursor.is_none() && done > 0 {
            cursor = wanted.get(done - 1).map(|e| e.seq);
        }
        let mut pause = None;
        match stopped {
            None => self.well(),
            Some(Trouble::Refused { why }) => {
                if let Some(event) = wanted.get(done) {
                    tracing::error!(
                        sink = self.config.name,
                        alert = event.alert,
                        why,
                        "an alert was refused for good and is kept as a dead letter"
                    );
                    cursor = Some(event.seq);
                    dead.push((event.seq, why));
                }
            }
            Some(Trouble::Later { why, after }) => pause = Some(self.unwell(why, after)),
        }
        if let Some(cursor) = cursor {
            let passed = events.iter().filter(|e| e.seq > self.config.cursor && e.seq <= cursor).count();
            let skipped = passed.saturating_sub(done).saturating_sub(dead.len());
            self.config.cursor = cursor;
            let progress =
                Progress { sink: self.config.name.clone(), cursor, delivered: done, skipped, dead };
            // Closed only when the keeper died, which the supervisor sees.
            let _closed = self.progress.send(progress);
        }
        pause
    }

    fn failing(&self) -> bool {
        self.health.lock().unwrap_or_else(PoisonError::into_inner).failures > 0
    }

    fn well(&self) {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        if health.failures > 0 {
            tracing::info!(sink = self.config.name, "delivers again");
        }
        *health = SinkHealth::default();
    }

    fn unwell(&mut self, why: String, after: Option<Duration>) -> Duration {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner);
        health.failures = health.failures.saturating_add(1);
        let grown = FIRST_PAUSE.saturating_mul(1 << health.failures.saturating_sub(1).min(16));
        let pause = grown.max(after.unwrap_or_default()).min(self.config.longest_pause);
        if let Some(times) = self.throttle.allow("deliver") {
            tracing::error!(sink = self.config.name, why, times, pause = ?pause, "cannot deliver; tried again");
        }
        health.last_error = Some(why);
        pause
    }

    fn store_failed(&mut self, error: &StoreError) -> Duration {
        self.unwell(error.to_string(), None)
    }
}
