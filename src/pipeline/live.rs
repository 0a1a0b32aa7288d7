//! The daemon's threads: one per source that meters, one that judges, one that writes.
//!
//! ```text
//! capture-N ──batches──▶ flow ──lines──▶ deliver ──▶ alerts.jsonl, flows.jsonl
//! ```
//!
//! Stop order: sources → flush of the flow caches (forced end) → judge what is queued → last write and sync.
//! Nothing here is async; the daemon's signal loop only calls [`Live::snapshot`], [`Live::reload`] and [`Live::stop`].

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError};

use crate::alert::AlertBook;
use crate::capture::PacketSource;
use crate::deliver::{AlertDocument, DeliverConfig, FlowDocument, JsonlError, JsonlWriter};
use crate::enrich::Refreshed;
use crate::meter::Observation;
use crate::model::{Alert, AlertTransition, EnrichedFlow, Ledger, Timestamp};
use crate::telemetry::Throttle;

use super::observer::{Observer, Step};
use super::parts::Parts;
use super::stage::{FlowStage, Sink};
use super::{BATCH, QUEUE, Settings, clock};

/// Lines that may wait for the writer.
pub const LINES: usize = 8192;

/// How long the writer waits for lines before it looks whether a sync is due.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How long the writer rests before it tries again what the disk refused.
const RETRY_AFTER: Duration = Duration::from_millis(100);

/// How long a capture thread tries to hand over its last records when the program stops.
const HAND_OVER: Duration = Duration::from_secs(2);

/// Where the daemon writes.
#[derive(Debug, Clone)]
pub struct Outputs {
    /// Alerts, one document a line.
    pub alerts: PathBuf,
    /// Flow records, where wanted.
    pub flows: Option<PathBuf>,
    /// When lines are synced, and how many are held while the disk refuses them.
    pub deliver: DeliverConfig,
}

/// Why the daemon's threads cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An output file cannot be used.
    #[error(transparent)]
    Output(#[from] JsonlError),
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
struct Shared {
    stop: AtomicBool,
    feeds_open: AtomicU64,
    feeds_failed: AtomicU64,
    ledgers: Mutex<BTreeMap<usize, Ledger>>,
    stage_limits: Mutex<BTreeMap<String, u64>>,
    records_dropped: AtomicU64,
    octets_dropped: AtomicU64,
    flows_judged: AtomicU64,
    raised: AtomicU64,
    durable: AtomicU64,
    write_failures: AtomicU64,
    flow_lines_dropped: AtomicU64,
    throttle: Throttle,
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
    /// Alert documents written and synced; `raised = durable + pending`.
    pub durable: u64,
    /// Failed attempts to write; the lines are kept and tried again.
    pub write_failures: u64,
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

/// The running daemon.
pub struct Live {
    shared: Arc<Shared>,
    control: Sender<Parts>,
    tables: Sender<Refreshed>,
    threads: Vec<JoinHandle<()>>,
}

impl Live {
    /// Starts all threads. The output files are opened here, so that a bad path fails at the start.
    pub fn start(
        feeds: Vec<Feed>,
        settings: &Settings,
        parts: Parts,
        outputs: &Outputs,
    ) -> Result<Self, StartError> {
        let shared = Arc::new(Shared::default());
        let alerts = JsonlWriter::open(&outputs.alerts, &outputs.deliver)?;
        let flows =
            outputs.flows.as_deref().map(|path| JsonlWriter::open(path, &outputs.deliver)).transpose()?;
        let (send_batch, batches) = crossbeam_channel::bounded(QUEUE);
        let (send_line, lines) = crossbeam_channel::bounded(LINES);
        let (control, reloads) = crossbeam_channel::bounded(1);
        let (tables, refreshed) = crossbeam_channel::bounded(1);
        let mut threads = Vec::new();

        let writer = Writer { shared: Arc::clone(&shared), lines, alerts, flows };
        threads.push(spawn("deliver".into(), move || writer.run())?);

        let stage = FlowStage::new(parts, AlertBook::new(&settings.alert));
        let sink = LineSink { shared: Arc::clone(&shared), lines: send_line, flows: outputs.flows.is_some() };
        let judge = JudgeThread { shared: Arc::clone(&shared), batches, reloads, refreshed, stage, sink };
        threads.push(spawn("flow".into(), move || judge.run())?);

        shared.feeds_open.store(feeds.len() as u64, Ordering::SeqCst);
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
        // The flow thread is gone only when the daemon is stopping; then nothing is left to judge.
        let _gone = self.control.send_timeout(parts, Duration::from_secs(1));
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

fn spawn(name: String, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StartError> {
    thread::Builder::new().name(name).spawn(work).map_err(StartError::Thread)
}

impl Shared {
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
        Snapshot {
            ledger,
            flows_judged: self.flows_judged.load(Ordering::SeqCst),
            raised: self.raised.load(Ordering::SeqCst),
            durable: self.durable.load(Ordering::SeqCst),
            write_failures: self.write_failures.load(Ordering::SeqCst),
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
            let stop = self.shared.stop.load(Ordering::SeqCst);
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
    reloads: Receiver<Parts>,
    refreshed: Receiver<Refreshed>,
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
                recv(self.reloads) -> parts => match parts {
                    Ok(parts) => {
                        self.stage.replace(parts);
                        tracing::info!("configuration reloaded");
                    }
                    // The handle is gone: no more reloads, but the sources may still have something to say.
                    Err(_) => self.reloads = crossbeam_channel::never(),
                },
                recv(self.refreshed) -> read => match read {
                    Ok(read) => self.stage.learn_tables(&read),
                    Err(_) => self.refreshed = crossbeam_channel::never(),
                },
            }
        }
        self.stage.finish(&mut self.sink);
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

/// Hands what the stage gives out to the writer.
struct LineSink {
    shared: Arc<Shared>,
    lines: Sender<Line>,
    flows: bool,
}

enum Line {
    Alert(AlertTransition, Arc<Alert>),
    Flow(Box<EnrichedFlow>),
}

impl Sink for LineSink {
    fn flow(&mut self, flow: &EnrichedFlow) {
        self.shared.flows_judged.fetch_add(1, Ordering::SeqCst);
        if self.flows {
            // Waits when the writer is behind; closed only when the writer died, which the supervisor sees.
            let _closed = self.lines.send(Line::Flow(Box::new(flow.clone())));
        }
    }

    fn alert(&mut self, transition: AlertTransition, alert: &Arc<Alert>) {
        self.shared.raised.fetch_add(1, Ordering::SeqCst);
        let _closed = self.lines.send(Line::Alert(transition, Arc::clone(alert)));
    }
}

/// The thread that writes.
struct Writer {
    shared: Arc<Shared>,
    lines: Receiver<Line>,
    alerts: JsonlWriter,
    flows: Option<JsonlWriter>,
}

impl Writer {
    fn run(mut self) {
        loop {
            match self.lines.recv_timeout(LOOK_EVERY) {
                Ok(line) => {
                    self.accept(&line);
                    // Whatever waits goes into the same group, up to the length of the queue.
                    for line in self.lines.try_iter().take(LINES).collect::<Vec<_>>() {
                        self.accept(&line);
                    }
                    self.flush();
                }
                Err(RecvTimeoutError::Timeout) => self.flush(),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        // The last chance: tried again until the daemon's deadline ends the process.
        while !self.sync() {
            thread::sleep(RETRY_AFTER);
        }
    }

    /// Takes one line. While no more alerts can be held, waits for the disk, and so does the queue before it; flow
    /// records that find no room are dropped and counted, for alerts must never wait behind them.
    fn accept(&mut self, line: &Line) {
        match (line, &mut self.flows) {
            (Line::Alert(transition, alert), _) => {
                while let Err(error) = self.alerts.accept(&AlertDocument::new(alert, *transition)) {
                    self.failed(&error);
                    thread::sleep(RETRY_AFTER);
                    self.flush();
                }
            }
            (Line::Flow(flow), Some(flows)) => {
                if let Err(error) = flows.accept(&FlowDocument::new(flow)) {
                    self.shared.flow_lines_dropped.fetch_add(1, Ordering::SeqCst);
                    self.failed(&error);
                }
            }
            (Line::Flow(_), None) => {}
        }
    }

    fn flush(&mut self) {
        let now = clock::now();
        let written = self.alerts.flush(now);
        self.shared.durable.store(self.alerts.durable(), Ordering::SeqCst);
        let others = self.flows.as_mut().map_or(Ok(()), |flows| flows.flush(now));
        for error in [written, others].into_iter().filter_map(Result::err) {
            self.failed(&error);
        }
    }

    /// Writes and syncs everything; says whether that was done.
    fn sync(&mut self) -> bool {
        let now = clock::now();
        let written = self.alerts.sync(now);
        self.shared.durable.store(self.alerts.durable(), Ordering::SeqCst);
        let others = self.flows.as_mut().map_or(Ok(()), |flows| flows.sync(now));
        let errors: Vec<JsonlError> = [written, others].into_iter().filter_map(Result::err).collect();
        for error in &errors {
            self.failed(error);
        }
        errors.is_empty()
    }

    fn failed(&self, error: &JsonlError) {
        self.shared.write_failures.fetch_add(1, Ordering::SeqCst);
        if let Some(times) = self.shared.throttle.allow("write") {
            tracing::error!(%error, times, "cannot write; the lines are held and tried again");
        }
    }
}
