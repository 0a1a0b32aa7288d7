//! The thread that keeps: the store's one writer, the file of flow records, and the bell of every sink.
//!
//! Alerts are committed as soon as they come, with whatever else waits; flow records and roll-ups within
//! `store.commit-interval`. What the disk refuses is held and tried again, a little at a time until there is room: of one
//! alert only the newest update is held (its numbers are sums, so nothing is lost by that), and flow records that find no
//! room are dropped and counted, for an alert must never wait behind them. When even alerts find no room any more, the
//! queue before fills, and the flow stage waits. Sinks are called only after a commit.

mod lines;
mod resume;
mod sinks;
mod upkeep;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use lines::Line;
pub(super) use lines::LineSink;
use resume::{alerts_to_resume, open_store};
pub use sinks::SinkReport;
use sinks::{Delivery, start_sinks};

use crate::alert::AlertConfig;
use crate::deliver::{AlertDocument, FlowDocument, Format, JsonlWriter, to_line};
use crate::model::{Alert, AlertTransition, Timestamp};
use crate::policy::Known;
use crate::store::{EventEntry, FLOWS, GapEntry, Learned, Progress, Reader, Store, StoreError};

use super::clock;
use super::live::{Outputs, Shared, StartError};
use super::trial;

/// Records and alerts that may wait for the keeper, and as many that it holds while the disk refuses them.
pub const LINES: usize = 8192;
/// How long the keeper waits for something to keep before it looks what else is due.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How much it tries to keep after the disk refused: a vain attempt costs little, however much is held.
const PROBE: usize = 16;
/// To what that grows with each success until nothing is held: sinks deliver one piece while the next is kept.
const PIECE: usize = 512;
/// How long it rests before it tries again what the disk refused.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// The thread.
pub(super) struct Keeper {
    shared: Arc<Shared>,
    lines: Receiver<Line>,
    reports: Receiver<Progress>,
    /// Reports that are not in the store yet.
    unnoted: Vec<Progress>,
    store: Store,
    flows: Option<JsonlWriter>,
    flow_format: Format,
    deliveries: Vec<Delivery>,
    held: VecDeque<Line>,
    alerts_held: usize,
    /// How many of `held` the next group takes at most: all, but after a refusal [`PROBE`] to [`PIECE`].
    group: usize,
    /// Flow records wait at most so long.
    interval: Duration,
    committed: Instant,
    noted: Option<Instant>,
    expired: Option<Instant>,
    refused_since: Option<Timestamp>,
    losses: BTreeMap<String, u64>,
    /// The newest packet time of what was kept.
    newest: Option<Timestamp>,
}

/// The keeper with the threads of its sinks, and what the last life of the program left.
pub(super) struct Kept {
    pub(super) keeper: Keeper,
    pub(super) lines: Sender<Line>,
    /// Alerts that were open when the program stopped, and those that had closed shortly before.
    pub(super) alerts: Vec<Alert>,
    /// What rules had learned.
    pub(super) learned: Vec<Known>,
}

impl Keeper {
    /// Opens the store and the files and starts the sinks; a bad path fails here, at the start.
    pub(super) fn open(
        outputs: &Outputs,
        alert: &AlertConfig,
        shared: &Arc<Shared>,
    ) -> Result<Kept, StartError> {
        let mut store = open_store(&outputs.store, &outputs.limits)?;
        let alerts = alerts_to_resume(&store, alert)?;
        let learned = trial::known(&Reader::open(store.path())?)?;
        let flows =
            outputs.flows.as_deref().map(|path| JsonlWriter::open(path, &outputs.deliver)).transpose()?;
        let (deliveries, reports) = start_sinks(outputs, &mut store)?;
        let (send_line, lines) = bounded(LINES);
        let keeper = Self {
            shared: Arc::clone(shared),
            lines,
            reports,
            unnoted: Vec::new(),
            store,
            flows,
            flow_format: outputs.flow_format,
            deliveries,
            held: VecDeque::new(),
            alerts_held: 0,
            group: usize::MAX,
            interval: outputs.limits.commit_interval.0,
            committed: clock::monotonic(),
            noted: None,
            expired: None,
            refused_since: None,
            losses: BTreeMap::new(),
            newest: None,
        };
        Ok(Kept { keeper, lines: send_line, alerts, learned })
    }

    pub(super) fn run(mut self) {
        // What a life before left undelivered must not wait for the next alert.
        self.call_sinks();
        loop {
            match self.lines.recv_timeout(LOOK_EVERY) {
                Ok(line) => self.take(line),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            while self.held.len() < LINES
                && let Ok(line) = self.lines.try_recv()
            {
                self.take(line);
            }
            self.keep();
            self.look_around();
        }
        // The last chance: tried again until the daemon's deadline ends the process.
        while !self.held.is_empty() {
            self.commit_or_rest();
        }
        self.end();
    }

    /// Holds one thing to keep. While the disk refuses, only what must not be lost is held beyond half of the room.
    fn take(&mut self, line: Line) {
        match &line {
            Line::Alert(transition, alert) => {
                if self.refused_since.is_some() && *transition == AlertTransition::Updated {
                    self.replace_update(alert);
                }
                self.alerts_held += 1;
            }
            Line::Flow(_) if self.refused_since.is_some() && self.held.len() >= LINES / 2 => {
                self.shared.flow_lines_dropped.fetch_add(1, Ordering::SeqCst);
                return;
            }
            // Few: each pair only once in its life.
            Line::Learned(_) => {}
            Line::Flow(flow) => self.newest = self.newest.max(Some(flow.record.end)),
        }
        self.held.push_back(line);
    }

    /// An update that waits is replaced by a newer one of the same alert: its numbers contain the older ones.
    fn replace_update(&mut self, newer: &Alert) {
        let older = self.held.iter().position(
            |line| matches!(line, Line::Alert(AlertTransition::Updated, alert) if alert.id == newer.id),
        );
        if let Some(at) = older {
            self.held.remove(at);
            self.alerts_held = self.alerts_held.saturating_sub(1);
            self.shared.raised.fetch_sub(1, Ordering::SeqCst);
            self.shared.updates_replaced.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Commits if it is time: at once for alerts, else within the interval.
    fn keep(&mut self) {
        let due = clock::monotonic().saturating_duration_since(self.committed) >= self.interval;
        if self.held.is_empty() || (self.alerts_held == 0 && !due) {
            return;
        }
        while !self.held.is_empty() && self.commit_or_rest() {}
    }

    /// One group; says whether it was kept, and rests where it was not.
    fn commit_or_rest(&mut self) -> bool {
        let now = clock::now();
        self.committed = clock::monotonic();
        let size = self.group.min(self.held.len());
        if let Err(error) = self.write_group(size, now) {
            self.store.rollback();
            self.failed(&error, now);
            self.group = PROBE;
            thread::sleep(RETRY_AFTER);
            return false;
        }
        self.kept(size, now);
        true
    }

    /// Lets go of the first `size` things held, which are durable now.
    fn kept(&mut self, size: usize, now: Timestamp) {
        self.write_flow_file(size, now);
        let alerts = self.held.drain(..size).filter(|line| matches!(line, Line::Alert(..))).count();
        self.shared.durable.fetch_add(alerts as u64, Ordering::SeqCst);
        self.alerts_held = self.alerts_held.saturating_sub(alerts);
        if self.held.is_empty() {
            self.group = usize::MAX;
            self.recovered(now);
        } else {
            self.group = self.group.saturating_mul(2).min(PIECE);
        }
        if alerts > 0 || self.deliveries.iter().any(|d| d.name.starts_with(FLOWS)) {
            self.call_sinks();
        }
    }

    /// Makes the first `size` things held durable, all or none.
    fn write_group(&mut self, size: usize, now: Timestamp) -> Result<(), StoreError> {
        self.store.begin()?;
        for line in self.held.iter().take(size) {
            match line {
                Line::Flow(flow) => self.store.put_flow(flow)?,
                Line::Learned(Known { kind, key, first }) => {
                    let (kind, key) = ((*kind).to_owned(), key.clone());
                    self.store.put_learned(&Learned { kind, key, first: *first, last: *first })?;
                }
                Line::Alert(transition, alert) => {
                    let sequence = self.store.next_event()?;
                    let document = to_line(&AlertDocument::numbered(alert, *transition, sequence))
                        .unwrap_or_else(|_| b"{}\n".to_vec());
                    let entry = EventEntry { alert, transition: *transition, document: &document };
                    self.store.put_event(&entry, now)?;
                }
            }
        }
        self.store.commit()
    }

    /// The file of flow records is for people and other programs; what it cannot take is counted, never waited for.
    fn write_flow_file(&mut self, size: usize, now: Timestamp) {
        let Some(file) = &mut self.flows else { return };
        for line in self.held.iter().take(size) {
            if let Line::Flow(flow) = line
                && to_line(&FlowDocument::new(flow))
                    .map_or(true, |line| file.accept_line(&self.flow_format.line(line)).is_err())
            {
                self.shared.flow_lines_dropped.fetch_add(1, Ordering::SeqCst);
            }
        }
        if let Err(error) = file.flush(now) {
            self.shared.write_failures.fetch_add(1, Ordering::SeqCst);
            if let Some(times) = self.shared.throttle.allow("write") {
                tracing::error!(%error, times, "cannot write flow records; they are held and tried again");
            }
        }
    }

    fn call_sinks(&self) {
        for delivery in &self.deliveries {
            // Full: it has a call already.
            let _full = delivery.wake.try_send(());
        }
    }

    fn failed(&mut self, error: &StoreError, now: Timestamp) {
        self.shared.write_failures.fetch_add(1, Ordering::SeqCst);
        self.refused_since.get_or_insert(now);
        if let Some(times) = self.shared.throttle.allow("store") {
            let held = self.held.len();
            tracing::error!(%error, times, held, "the store refuses; alerts are held and tried again, none is lost");
        }
    }

    /// After a time in which nothing could be kept: says so, in the log and in the store.
    fn recovered(&mut self, now: Timestamp) {
        let Some(since) = self.refused_since.take() else { return };
        tracing::warn!(
            seconds = now.since(since).as_secs(),
            "the store takes again; what was held is kept now"
        );
        let gap = GapEntry {
            source: "store".to_owned(),
            kind: "store_refused".to_owned(),
            begin: since,
            end: now,
            detail:
                "the store could not be written; alerts were held, flow records beyond the room were dropped"
                    .to_owned(),
        };
        if let Err(error) = self.store.put_gap(&gap) {
            self.failed(&error, now);
        }
    }
}
