//! When a sink delivers, how often it tries, and when it gives an event up.
//!
//! The runner takes events from the store behind the sink's place, in order. What fails is tried again after a growing pause;
//! what was refused for good becomes a dead letter with the reason. It never drops an event by itself, however long the
//! other side is dead: the store is the queue. What the budget of a sink holds back is told in a digest; see [`super::budget`].

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError};

use crate::deliver::format::Document;
use crate::deliver::{FlowDocument, to_line};
use crate::model::{Severity, Timestamp};
use crate::store::{Event, FLOWS, Progress, Reader, StoreError, StoredFlow};
use crate::telemetry::Throttle;

use super::budget::{Budget, Digest};
use super::{Attempt, Sink, Trouble};

/// Events in one attempt; a crash repeats at most so many.
pub const BATCH: usize = 256;
/// The same for sinks that need a request for each: a stop waits for no more than one group.
pub const SMALL_BATCH: usize = 32;
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
    /// Events in one attempt, at most [`BATCH`].
    pub batch: usize,
    /// Notifications in any hour; the rest are told in a digest. With one, documents that people are not to be told of
    /// (`alert.back-off`) are passed over.
    pub budget: Option<u32>,
    /// The place from which to go on.
    pub cursor: i64,
}

impl RunnerConfig {
    /// Whether it goes through the flow records.
    fn flows(&self) -> bool {
        self.name.starts_with(FLOWS)
    }
}

/// A stored flow record as something to deliver.
pub fn flow_event(stored: &StoredFlow) -> Event {
    let document = FlowDocument::numbered(&stored.flow, stored.number);
    Event {
        seq: stored.number,
        alert: document.id().to_owned(),
        action: document.action().to_owned(),
        severity: Severity::Info,
        at: stored.flow.record.end,
        // Writing to memory does not fail.
        document: to_line(&document).unwrap_or_else(|_| b"{}\n".to_vec()),
    }
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
    /// The last event that was looked at; behind it, events of an open digest are not done with.
    seen: i64,
    budget: Option<Budget>,
    digest: Digest,
    /// Events that were chosen to be told one by one and could not be yet: the digest must not take their room.
    promised: usize,
    /// What was done since the last report.
    tally: Progress,
    /// Whether the program stops: no more than one group is tried, and nothing at all by a sink that fails.
    stopping: bool,
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
        Self {
            seen: config.cursor,
            budget: config.budget.map(Budget::new),
            digest: Digest::default(),
            promised: 0,
            tally: Progress::default(),
            stopping: false,
            config,
            sink,
            reader,
            wake,
            progress,
            health,
            clock,
            throttle: Throttle::default(),
        }
    }

    /// Gives it a budget and a clock that the test moves.
    #[cfg(test)]
    pub(super) fn test_budget(&mut self, limit: u32, clock: fn() -> Timestamp) {
        self.budget = Some(Budget::new(limit));
        self.clock = clock;
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
        self.stopping = true;
        if self.config.batch >= BATCH || !self.failing() {
            let _last = self.deliver_all();
        }
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
            let now = (self.clock)();
            if let Some(pause) = self.tell_digest(now) {
                return pause;
            }
            let events = match self.next() {
                Ok(events) => events,
                Err(error) => return self.store_failed(&error),
            };
            let Some(first) = events.first() else { return LOOK_EVERY };
            self.note_forgotten(first.seq);
            let wanted: Vec<Event> = events.iter().filter(|e| self.wants(e)).cloned().collect();
            let (told, held) = self.choose(wanted, now);
            let attempt = if told.is_empty() { Attempt::all(0) } else { self.sink.deliver(&told, now) };
            if let Some(pause) = self.settle(&events, &told, &held, attempt, now) {
                return pause;
            }
            if self.stop_now() {
                return LOOK_EVERY;
            }
        }
    }

    /// What waits, as far as one attempt takes.
    fn next(&self) -> Result<Vec<Event>, StoreError> {
        let (after, most) = (self.seen, self.config.batch);
        if !self.config.flows() {
            return self.reader.events_after(after, most);
        }
        Ok(self.reader.flows_after(after, most)?.iter().map(flow_event).collect())
    }

    /// Flow records are numbered without a hole: what is missing before `first` was forgotten before it was delivered.
    fn note_forgotten(&mut self, first: i64) {
        let missing = usize::try_from(first - self.seen - 1).unwrap_or(0);
        if self.config.flows() && missing > 0 && self.seen > 0 {
            self.tally.skipped += missing;
            self.seen = first - 1;
            if let Some(times) = self.throttle.allow("forgotten") {
                tracing::warn!(
                    sink = self.config.name,
                    records = missing,
                    times,
                    "flow records were forgotten before they were delivered: the store keeps them no longer"
                );
            }
        }
    }

    /// Whether a sink that is slow by nature must leave the rest for the next start.
    fn stop_now(&mut self) -> bool {
        if self.config.batch >= BATCH {
            return false;
        }
        // A call that is taken here is answered by the next look at the store.
        self.stopping || matches!(self.wake.try_recv(), Err(TryRecvError::Disconnected))
    }

    /// Whether the sink takes an event at all. One with a budget tells people, and those are not told of a subject all the time.
    fn wants(&self, event: &Event) -> bool {
        let told = || {
            Document::read(&event.document).value("/whither/alert/notification/told") != Some(&false.into())
        };
        event.severity >= self.config.min_severity && (self.budget.is_none() || told())
    }

    /// Events that are told one by one, and those for the digest.
    fn choose(&mut self, wanted: Vec<Event>, now: Timestamp) -> (Vec<Event>, Vec<Event>) {
        let Some(budget) = &mut self.budget else { return (wanted, Vec::new()) };
        let chosen = budget.choose(&wanted, now);
        let (told, held): (Vec<_>, Vec<_>) = wanted.into_iter().zip(chosen).partition(|(_, told)| *told);
        let events = |part: Vec<(Event, bool)>| part.into_iter().map(|(event, _)| event).collect();
        (events(told), events(held))
    }

    /// Tells what was held back, if it is time; a pause where that fails.
    fn tell_digest(&mut self, now: Timestamp) -> Option<Duration> {
        if self.digest.count() == 0 || self.promised > 0 || self.stopping {
            return None;
        }
        let budget = self.budget.as_mut()?;
        let event = if budget.open(now) { self.digest.event(budget.limit(), now)? } else { return None };
        match self.sink.deliver(&[event], now).stopped {
            None => {
                budget.spend(1, now);
                self.tally.delivered += self.digest.count();
                self.digest = Digest::default();
                self.well();
                self.report();
                None
            }
            Some(Trouble::Later { why, after }) => Some(self.unwell(why, after)),
            // What it counts must not be given up with it: it is told anew, with more in it.
            Some(Trouble::Refused { why }) => Some(self.unwell(why, None)),
        }
    }

    /// Notes what became of a batch; a pause where it must be tried again.
    fn settle(
        &mut self,
        events: &[Event],
        told: &[Event],
        held: &[Event],
        attempt: Attempt,
        now: Timestamp,
    ) -> Option<Duration> {
        let Attempt { done, stopped } = attempt;
        let done = done.min(told.len());
        let failed = told.get(done);
        let before = |seq: i64| events.iter().map(|e| e.seq).take_while(|s| *s < seq).last();
        let mut dead = 0;
        let mut upto = match failed {
            None => events.last().map(|e| e.seq),
            Some(event) => before(event.seq),
        };
        let mut pause = None;
        match stopped {
            None => self.well(),
            Some(Trouble::Refused { why }) => {
                if let Some(event) = failed {
                    tracing::error!(
                        sink = self.config.name,
                        alert = event.alert,
                        why,
                        "an alert was refused for good and is kept as a dead letter"
                    );
                    upto = Some(event.seq);
                    dead = 1;
                    self.tally.dead.push((event.seq, why));
                }
            }
            Some(Trouble::Later { why, after }) => pause = Some(self.unwell(why, after)),
        }
        self.promised = told.len().saturating_sub(done + dead);
        let upto = upto.unwrap_or(self.seen);
        let mut counted = done + dead;
        for event in held.iter().filter(|e| e.seq <= upto) {
            self.digest.add(event);
            counted += 1;
        }
        if let Some(budget) = &mut self.budget {
            budget.spend(done + dead, now);
        }
        let passed = events.iter().filter(|e| e.seq <= upto).count();
        self.tally.delivered += done;
        self.tally.skipped += passed.saturating_sub(counted);
        let moved = upto > self.seen;
        self.seen = upto;
        if moved {
            self.report();
        }
        pause
    }

    /// Reports how far it came; not while a digest is open, for its events are not done with.
    fn report(&mut self) {
        if self.digest.count() > 0 {
            return;
        }
        let mut progress = std::mem::take(&mut self.tally);
        progress.sink.clone_from(&self.config.name);
        progress.cursor = self.seen;
        // Closed only when the keeper died, which the supervisor sees.
        let _closed = self.progress.send(progress);
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
