//! The threads of the sinks: which there are by the configuration, how they are started, and how the keeper sees them.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::deliver::sink::{
    BATCH, FileSink, Runner, RunnerConfig, SMALL_BATCH, Sink, SinkHealth, SinkKind, open as open_sink,
};
use crate::model::Severity;
use crate::pipeline::clock;
use crate::pipeline::live::{Outputs, StartError, spawn};
use crate::store::{Progress, Reader, SinkState, Store};

/// Reports of sinks that may wait.
pub(super) const REPORTS: usize = 1024;
/// The longest pause of a sink that reaches other programs and machines.
const REMOTE_PAUSE: Duration = Duration::from_secs(30);
/// The longest pause of a sink that reaches only this machine's disk.
const LOCAL_PAUSE: Duration = Duration::from_secs(2);

/// How a sink is and how far it has come.
#[derive(Debug, Clone, Default)]
pub struct SinkReport {
    /// Its place.
    pub state: SinkState,
    /// Its health.
    pub health: SinkHealth,
}

/// A sink's thread, seen from the keeper.
pub(super) struct Delivery {
    pub(super) name: String,
    pub(super) wake: Sender<()>,
    pub(super) health: Arc<Mutex<SinkHealth>>,
    pub(super) thread: JoinHandle<()>,
    /// Whether it writes to this machine's disk, so that a stop waits for it.
    pub(super) local: bool,
}

/// Starts a thread for every sink of the configuration. They come back with what they report.
pub(super) fn start_sinks(
    outputs: &Outputs,
    store: &mut Store,
) -> Result<(Vec<Delivery>, Receiver<Progress>), StartError> {
    let (progress, reports) = bounded(REPORTS);
    let mut deliveries = Vec::new();
    let sinks = outputs.sinks()?;
    store.retain_sinks(&sinks.iter().map(|s| s.name.as_str()).collect::<Vec<_>>())?;
    for sink in sinks {
        let state = store.register_sink(&sink.name)?;
        let (wake, woken) = bounded(1);
        let config = RunnerConfig {
            name: sink.name.clone(),
            min_severity: sink.min_severity,
            longest_pause: sink.longest_pause,
            batch: sink.batch,
            budget: sink.budget,
            cursor: state.cursor,
        };
        let reader = Reader::open(store.path())?;
        let runner = Runner::new(config, sink.sink, reader, woken, progress.clone(), clock::now);
        let health = runner.health();
        let thread = spawn(format!("sink-{}", sink.name), move || runner.run())?;
        let local = sink.longest_pause == LOCAL_PAUSE;
        deliveries.push(Delivery { name: sink.name, wake, health, thread, local });
    }
    Ok((deliveries, reports))
}

/// A sink that is about to be started.
pub(super) struct NewSink {
    pub(super) name: String,
    pub(super) sink: Box<dyn Sink>,
    pub(super) min_severity: Severity,
    pub(super) longest_pause: Duration,
    pub(super) batch: usize,
    pub(super) budget: Option<u32>,
}

impl Outputs {
    /// The sinks of the configuration; the file of alerts is always the first.
    fn sinks(&self) -> Result<Vec<NewSink>, StartError> {
        let file = FileSink::open(&self.alerts, &self.deliver)?;
        let name =
            self.alerts.file_name().map_or_else(|| "alerts".into(), |n| n.to_string_lossy().into_owned());
        let mut sinks = vec![NewSink {
            name: format!("file:{name}"),
            sink: Box::new(file),
            min_severity: Severity::Info,
            longest_pause: LOCAL_PAUSE,
            batch: BATCH,
            budget: None,
        }];
        let state = self.alerts.parent().unwrap_or(Path::new("/"));
        for config in &self.deliver.sink {
            let each_alone = config.kind.notifies() || config.kind == SinkKind::Nftables;
            sinks.push(NewSink {
                name: config.id(),
                sink: open_sink(config, state, &self.deliver)?,
                min_severity: config.severity(),
                longest_pause: if config.kind == SinkKind::File { LOCAL_PAUSE } else { REMOTE_PAUSE },
                batch: if each_alone { SMALL_BATCH } else { BATCH },
                budget: config.budget(),
            });
        }
        Ok(sinks)
    }
}
