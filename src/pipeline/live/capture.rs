//! One source's thread: it meters, hands records over in batches, and never waits with what an interface brings.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, TrySendError};

use super::{Feed, Shared};
use crate::capture::PacketSource;
use crate::meter::Observation;
use crate::model::Timestamp;
use crate::pipeline::observer::{Observer, Step};
use crate::pipeline::{BATCH, Settings, clock};

/// How long an interface is still read after the program was asked to stop, if it is never quiet.
const LAST_LOOK: Duration = Duration::from_millis(500);
/// How long a capture thread tries to hand over its last records when the program stops.
const HAND_OVER: Duration = Duration::from_secs(2);

/// One source's thread.
pub(super) struct CaptureThread {
    number: usize,
    observer: Observer<Box<dyn PacketSource>>,
    may_wait: bool,
    prompt: bool,
    shared: Arc<Shared>,
    send: Sender<Batch>,
    told: Option<Instant>,
}

/// What goes from a capture thread to the flow thread.
pub(super) struct Batch {
    pub(super) observations: Vec<Observation>,
    /// The source's time, where nothing came.
    pub(super) idle: Option<Timestamp>,
}

impl CaptureThread {
    /// How often a capture thread shows its numbers.
    const TELL_EVERY: Duration = Duration::from_millis(250);

    pub(super) fn new(
        number: usize,
        feed: Feed,
        settings: &Settings,
        shared: Arc<Shared>,
        send: Sender<Batch>,
    ) -> Self {
        let (decoder, meter) = settings.packet_path();
        let observer = Observer::new(feed.source, decoder, meter);
        Self { number, observer, may_wait: feed.may_wait, prompt: feed.prompt, shared, send, told: None }
    }

    pub(super) fn run(mut self) {
        let mut asked_at = None;
        loop {
            let step = match self.observer.step() {
                Ok(step) => step,
                Err(error) => {
                    tracing::error!(%error, "a source failed; the others go on");
                    self.shared.feeds_failed.fetch_add(1, Ordering::SeqCst);
                    self.observer.finish();
                    Step::End
                }
            };
            let asked = self.shared.stop.load(Ordering::SeqCst);
            // What lies in the kernel's ring was seen already: an interface is read until it has nothing more at once.
            let since = asked.then(|| *asked_at.get_or_insert_with(clock::monotonic));
            let drained = self.may_wait || matches!(step, Step::Idle(_));
            let stop = since.is_some_and(|since| {
                drained || clock::monotonic().saturating_duration_since(since) > LAST_LOOK
            });
            if stop && step != Step::End {
                self.observer.finish();
            }
            if stop || step == Step::End {
                break;
            }
            let idle = if let Step::Idle(now) = step { Some(now) } else { None };
            let stale = self.stale();
            if idle.is_some() || self.observer.waiting() >= BATCH || stale {
                self.hand_over(idle);
                self.tell();
            } else if self.prompt {
                // The next step may wait for long.
                self.hand_over(None);
            }
        }
        self.hand_over_last();
        self.tell();
        self.shared.feeds_open.fetch_sub(1, Ordering::SeqCst);
    }

    /// Whether the numbers have not been shown for a while.
    fn stale(&self) -> bool {
        self.told.is_none_or(|told| clock::monotonic().saturating_duration_since(told) > Self::TELL_EVERY)
    }

    fn tell(&mut self) {
        self.told = Some(clock::monotonic());
        let ledger = self.observer.ledger();
        self.shared.ledgers.lock().unwrap_or_else(PoisonError::into_inner).insert(self.number, ledger);
    }

    fn hand_over(&mut self, idle: Option<Timestamp>) {
        if self.observer.waiting() == 0 && idle.is_none() {
            return;
        }
        let batch = Batch { observations: self.observer.take_observations(), idle };
        if self.may_wait {
            // Closed only when the flow thread died; the supervisor sees that.
            let _closed = self.send.send(batch);
        } else if let Err(TrySendError::Full(batch)) = self.send.try_send(batch) {
            self.count_dropped(&batch);
        }
    }

    /// The last records of a source: worth waiting for, but not for ever.
    fn hand_over_last(&mut self) {
        let batch = Batch { observations: self.observer.take_observations(), idle: None };
        if self.may_wait {
            let _closed = self.send.send(batch);
        } else if let Err(error) = self.send.send_timeout(batch, HAND_OVER) {
            self.count_dropped(&error.into_inner());
        }
    }

    fn count_dropped(&self, batch: &Batch) {
        let mut octets = 0_u64;
        for observation in &batch.observations {
            if let Observation::Flow(record) = observation {
                octets = octets.saturating_add(record.forward.octets).saturating_add(record.reverse.octets);
            }
        }
        self.shared.records_dropped.fetch_add(batch.observations.len() as u64, Ordering::SeqCst);
        self.shared.octets_dropped.fetch_add(octets, Ordering::SeqCst);
        if let Some(times) = self.shared.throttle.allow("records_dropped") {
            tracing::warn!(times, "the flow stage cannot keep up: records were dropped and counted");
        }
    }
}
