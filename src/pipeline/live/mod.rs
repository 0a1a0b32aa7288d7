//! The daemon's threads: one per source that meters, one that judges, one that keeps, one per sink.
//!
//! ```text
//! capture-N ──batches──▶ flow ──lines──▶ keeper (store) ──bell──▶ sink-N ──▶ alerts.jsonl, …
//! ```
//!
//! Stop order: sources → flush of the flow caches (forced end) → judge what is queued → last commit → sinks.
//! Nothing here is async; the daemon's signal loop only calls [`Live::snapshot`], [`Live::reload`] and [`Live::stop`].

mod capture;
mod judge;
mod shared;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crossbeam_channel::{Sender, TrySendError};

use capture::CaptureThread;
use judge::JudgeThread;
pub(super) use shared::Shared;
pub use shared::Snapshot;

use crate::alert::AlertBook;
use crate::capture::PacketSource;
use crate::deliver::{DeliverConfig, Format, JsonlError};
use crate::enrich::{GeoSet, Refreshed};
use crate::store::{StoreConfig, StoreError};

use super::conntrack::ConntrackThread;
use super::keeper::{Keeper, Kept, LineSink};
use super::parts::Parts;
use super::processes::Processes;
use super::stage::FlowStage;
use super::{QUEUE, Settings, clock};

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
    /// The source itself may make one wait, without saying so (a pipe): what there is is handed over at once.
    pub prompt: bool,
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
        let processes = live.then(|| Processes::open(&settings.processes, &shared.processes)).flatten();
        if let Some(processes) = &processes {
            stage.tell_processes(Arc::clone(&processes.shared));
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
        if let Some(Processes { polls, births, .. }) = processes {
            if let Some(births) = births {
                let shared = Arc::clone(&shared);
                threads.push(spawn("births".into(), move || births.run(&shared))?);
            }
            let shared = Arc::clone(&shared);
            threads.push(spawn("processes".into(), move || polls.run(&shared))?);
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
