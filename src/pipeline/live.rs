//! The daemon's threads: one per source that meters, one that judges, one that keeps, one per sink.
//!
//! ```text
//! capture-N ──batches──▶ flow ──lines──▶ keeper (store) ──bell──▶ sink-N ──▶ alerts.jsonl, …
//! ```
//!
//! Stop order: sources → flush of the flow caches (forced end) → judge what is queued → last commit → sinks.
//! Nothing here is async; the daemon's signal loop only calls [`Live::snapshot`], [`Live::reload`] and [`Live::stop`].

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError};

use crate::alert::AlertBook;
use crate::capture::PacketSource;
use crate::deliver::{DeliverConfig, Format, JsonlError};
use crate::enrich::{GeoSet, Refreshed};
use crate::meter::Observation;
use crate::model::{Ledger, Timestamp};
use crate::store::{StoreConfig, StoreError};
use crate::telemetry::Throttle;

use super::conntrack::{ConntrackThread, Told};
use super::keeper::{Keeper, Kept, LineSink, SinkReport};
use super::observer::{Observer, Step};
use super::parts::Parts;
use super::processes::ProcessThread;
use super::stage::FlowStage;
use super::{BATCH, QUEUE, Settings, clock};

/// How long an interface is still read after the program was asked to stop, if it is never quiet.
const LAST_LOOK: Duration = Duration::from_millis(500);
/// How long a capture thread tries to hand over its last records when the program stops.
const HAND_OVER: Duration = Duration::from_secs(2);

/// Where the daemon writes.
#[derive(Debug, Clone)]
pub struct Outputs {
    /// Alerts, one document a line.
    pub alerts: PathBuf,
    /// Flow records, where wanted.
    pub flows: Option<PathBuf>,
    /// In whose words they are.
    pub flow_format: Format,
    /// The store.
    pub store: PathBuf,
    /// How much of everything the store keeps.
    pub limits: StoreConfig,
    /// When lines are synced, and how many are held while the disk refuses them.
    pub deliver: DeliverConfig,
}

/// Why the daemon's threads cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An output file cannot be used.
    #[error(transparent)]
    Output(#[from] JsonlError),
    /// A sink cannot be made ready.
    #[error(transparent)]
    Sink(#[from] crate::deliver::sink::SinkOpenError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system gives no more threads.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
}

/// A source and what to do when the flow stage cannot keep up.
pub struct Feed {
    /// The source.
    pub source: Box<dyn PacketSource>,
    /// A file can wait; an interface cannot.
    pub may_wait: bool,
}

/// Counters that several threads add to.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) stop: AtomicBool,
    pub(super) feeds_open: AtomicU64,
    pub(super) processes: Mutex<Option<String>>,
    feeds_failed: AtomicU64,
    ledgers: Mutex<BTreeMap<usize, Ledger>>,
    stage_limits: Mutex<BTreeMap<String, u64>>,
    records_dropped: AtomicU64,
    octets_dropped: AtomicU64,
    pub(super) flows_judged: AtomicU64,
    pub(super) raised: AtomicU64,
    pub(super) durable: AtomicU64,
    pub(super) updates_replaced: AtomicU64,
    pub(super) write_failures: AtomicU64,
    pub(super) flow_lines_dropped: AtomicU64,
    pub(super) sinks: Mutex<BTreeMap<String, SinkReport>>,
    pub(super) throttle: Throttle,
}

/// The numbers of a moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// What was seen, and what was not.
    pub ledger: Ledger,
    /// Records judged.
    pub flows_judged: u64,
    /// Alert documents raised.
    pub raised: u64,
    /// Alert documents committed to the store; `raised = durable + pending`.
    pub durable: u64,
    /// Failed attempts to write; the lines are kept and tried again.
    pub write_failures: u64,
    /// Every sink: how far it has come, and how it is.
    pub sinks: BTreeMap<String, SinkReport>,
    /// By what means processes of this host are told, or why not; nothing where there is no live source.
    pub processes: Option<String>,
    /// Sources still open.
    pub feeds_open: u64,
    /// Sources that ended by an error.
    pub feeds_failed: u64,
}

/// What a stop came to.
#[derive(Debug, Clone)]
pub struct Stopped {
    /// The last numbers.
    pub snapshot: Snapshot,
    /// Whether every thread ended before the deadline.
    pub in_time: bool,
}

/// What replaces what judges.
enum Change {
    Parts(Box<Parts>),
    Databases(Arc<GeoSet>),
}

/// The running daemon.
pub struct Live {
    shared: Arc<Shared>,
    control: Sender<Change>,
    tables: Sender<Refreshed>,
    threads: Vec<JoinHandle<()>>,
}

impl Live {
    /// Starts all threads. The output files are opened here, so that a bad path fails at the start.
    pub fn start(
        feeds: Vec<Feed>,
        settings: &Settings,
        mut parts: Parts,
        outputs: &Outputs,
    ) -> Result<Self, StartError> {
        let shared = Arc::new(Shared::default());
        let Kept { keeper, lines, alerts, learned } = Keeper::open(outputs, &settings.alert, &shared)?;
        let (send_batch, batches) = crossbeam_channel::bounded(QUEUE);
        let (control, reloads) = crossbeam_channel::bounded(1);
        let (tables, refreshed) = crossbeam_channel::bounded(1);
        let (send_told, told) = crossbeam_channel::bounded(QUEUE);
        let mut threads = vec![spawn("keeper".into(), move || keeper.run())?];
        let mut book = AlertBook::new(&settings.alert);
        book.resume(alerts);
        parts.judge.recall(learned);
        let mut stage = FlowStage::new(parts, book);
        let live = feeds.iter().any(|feed| !feed.may_wait);
        let processes = live.then(|| ProcessThread::open(&settings.processes, &shared.processes)).flatten();
        if let Some(processes) = &processes {
            stage.tell_processes(processes.shared());
        }
        let conntrack = if live { ConntrackThread::open(&settings.conntrack) } else { None };
        if conntrack.is_some() {
            stage.track_connections(settings.conntrack.max_connections);
        }
        let sink = LineSink { shared: Arc::clone(&shared), lines };
        let judge =
            JudgeThread { shared: Arc::clone(&shared), batches, reloads, refreshed, told, stage, sink };
        threads.push(spawn("flow".into(), move || judge.run())?);
        shared.feeds_open.store(feeds.len() as u64, Ordering::SeqCst);
        if let Some(conntrack) = conntrack {
            let shared = Arc::clone(&shared);
            threads.push(spawn("conntrack".into(), move || conntrack.run(&shared, &send_told))?);
        }
        if let Some(processes) = processes {
            let shared = Arc::clone(&shared);
            threads.push(spawn("processes".into(), move || processes.run(&shared))?);
        }
        for (number, feed) in feeds.into_iter().enumerate() {
            let capture = CaptureThread::new(number, feed, settings, Arc::clone(&shared), send_batch.clone());
            threads.push(spawn(format!("capture-{number}"), move || capture.run())?);
        }
        Ok(Self { shared, control, tables, threads })
    }

    /// The numbers of this moment.
    pub fn snapshot(&self) -> Snapshot {
        self.shared.snapshot()
    }

    /// Whether every thread has ended by itself (all sources are at their end).
    pub fn finished(&self) -> bool {
        self.threads.iter().all(JoinHandle::is_finished)
    }

    /// Replaces what judges, between two records. A reload that follows another too fast waits for it.
    pub fn reload(&self, parts: Parts) {
        self.change(Change::Parts(Box::new(parts)));
    }

    /// Replaces the databases alone, between two records.
    pub fn swap(&self, databases: Arc<GeoSet>) {
        self.change(Change::Databases(databases));
    }

    fn change(&self, change: Change) {
        // The flow thread is gone only when the daemon is stopping; then nothing is left to judge.
        let _gone = self.control.send_timeout(change, Duration::from_secs(1));
    }

    /// Hands over what tables of devices say; where the flow stage is behind, the next look will tell it.
    pub fn refresh(&self, read: Refreshed) -> Result<(), Refreshed> {
        self.tables.try_send(read).map_err(TrySendError::into_inner)
    }

    /// Stops in order, and waits at most `deadline`.
    pub fn stop(self, deadline: Duration) -> Stopped {
        self.shared.stop.store(true, Ordering::SeqCst);
        let until = clock::monotonic() + deadline;
        while !self.finished() && clock::monotonic() < until {
            thread::sleep(Duration::from_millis(5));
        }
        Stopped { in_time: self.finished(), snapshot: self.shared.snapshot() }
    }
}

pub(super) fn spawn(
    name: String,
    work: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, StartError> {
    thread::Builder::new().name(name).spawn(work).map_err(StartError::Thread)
}

impl Shared {
    /// Counters of what was not seen or not kept, by name.
    pub(super) fn losses(&self) -> BTreeMap<String, u64> {
        let Ledger { packets, flows, mut limits, .. } = self.snapshot().ledger;
        for (name, count) in [
            ("kernel_drops", packets.kernel_drops),
            ("interface_drops", packets.interface_drops),
            ("shed", packets.shed),
            ("flows_evicted", flows.evicted.values().sum()),
        ] {
            limits.insert(name.to_owned(), count);
        }
        limits
    }

    fn snapshot(&self) -> Snapshot {
        let mut ledger = Ledger::default();
        for one in self.ledgers.lock().unwrap_or_else(PoisonError::into_inner).values() {
            ledger.packets.absorb(&one.packets);
            ledger.flows.absorb(&one.flows);
            for (name, count) in &one.limits {
                *ledger.limits.entry(name.clone()).or_default() += count;
            }
            ledger.gaps.extend(one.gaps.iter().cloned());
        }
        ledger.limits.extend(self.stage_limits.lock().unwrap_or_else(PoisonError::into_inner).clone());
        let dropped = self.records_dropped.load(Ordering::SeqCst);
        if dropped > 0 {
            ledger.limits.insert("records_dropped".into(), dropped);
            ledger.limits.insert("octets_dropped".into(), self.octets_dropped.load(Ordering::SeqCst));
        }
        let flow_lines = self.flow_lines_dropped.load(Ordering::SeqCst);
        if flow_lines > 0 {
            ledger.limits.insert("flow_lines_dropped".into(), flow_lines);
        }
        let replaced = self.updates_replaced.load(Ordering::SeqCst);
        if replaced > 0 {
            ledger.limits.insert("alert_updates_replaced".into(), replaced);
        }
        Snapshot {
            ledger,
            flows_judged: self.flows_judged.load(Ordering::SeqCst),
            raised: self.raised.load(Ordering::SeqCst),
            durable: self.durable.load(Ordering::SeqCst),
            write_failures: self.write_failures.load(Ordering::SeqCst),
            sinks: self.sinks.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            processes: self.processes.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            feeds_open: self.feeds_open.load(Ordering::SeqCst),
            feeds_failed: self.feeds_failed.load(Ordering::SeqCst),
        }
    }
}

/// One source's thread.
struct CaptureThread {
    number: usize,
    observer: Observer<Box<dyn PacketSource>>,
    may_wait: bool,
    shared: Arc<Shared>,
    send: Sender<Batch>,
    told: Option<std::time::Instant>,
}

/// What goes from a capture thread to the flow thread.
struct Batch {
    observations: Vec<Observation>,
    /// The source's time, where nothing came.
    idle: Option<Timestamp>,
}

impl CaptureThread {
    /// How often a capture thread shows its numbers.
    const TELL_EVERY: Duration = Duration::from_millis(250);

    fn new(number: usize, feed: Feed, settings: &Settings, shared: Arc<Shared>, send: Sender<Batch>) -> Self {
        let (decoder, meter) = settings.packet_path();
        let observer = Observer::new(feed.source, decoder, meter);
        Self { number, observer, may_wait: feed.may_wait, shared, send, told: None }
    }

    fn run(mut self) {
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
            if idle.is_some() || self.observer.waiting() >= BATCH || self.stale() {
                self.hand_over(idle);
                self.tell();
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

/// The thread that judges.
struct JudgeThread {
    shared: Arc<Shared>,
    batches: Receiver<Batch>,
    reloads: Receiver<Change>,
    refreshed: Receiver<Refreshed>,
    told: Receiver<Told>,
    stage: FlowStage,
    sink: LineSink,
}

impl JudgeThread {
    fn run(mut self) {
        loop {
            crossbeam_channel::select! {
                recv(self.batches) -> batch => match batch {
                    Ok(batch) => self.take(batch),
                    Err(_) => break,
                },
                recv(self.reloads) -> change => match change {
                    Ok(Change::Parts(parts)) => {
                        self.stage.replace(*parts);
                        tracing::info!("configuration reloaded");
                    }
                    Ok(Change::Databases(set)) => self.stage.swap(set),
                    // The handle is gone: no more reloads, but the sources may still have something to say.
                    Err(_) => self.reloads = crossbeam_channel::never(),
                },
                recv(self.told) -> told => match told {
                    Ok(told) => self.stage.learn_connections(&told),
                    Err(_) => self.told = crossbeam_channel::never(),
                },
                recv(self.refreshed) -> read => match read {
                    Ok(read) => self.stage.learn_tables(&read),
                    Err(_) => self.refreshed = crossbeam_channel::never(),
                },
            }
        }
        // Asked to stop: open alerts go on in the program's next life. At the end of all sources nothing will go on.
        if self.shared.stop.load(Ordering::SeqCst) {
            self.stage.suspend(&mut self.sink);
        } else {
            self.stage.finish(&mut self.sink);
        }
        self.tell();
    }

    fn take(&mut self, batch: Batch) {
        for observation in batch.observations {
            self.stage.take(observation, &mut self.sink);
        }
        if let Some(now) = batch.idle {
            self.stage.advance(now, &mut self.sink);
        }
        self.tell();
    }

    fn tell(&self) {
        *self.shared.stage_limits.lock().unwrap_or_else(PoisonError::into_inner) = self.stage.limits();
    }
}
