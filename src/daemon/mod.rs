//! The daemon's outer loop: signals, reload, statistics, ordered stop. The work itself is `pipeline::live`'s.
//!
//! | signal | what happens |
//! |---|---|
//! | SIGTERM, SIGINT | sources stop, flows are flushed and judged, lines are written and synced; a line says so |
//! | SIGHUP | the configuration is read again; if it is bad the old one is kept and the error named |
//! | SIGUSR1 | statistics are written now, to the log and to `stats.json` in the state folder |
//!
//! Database files are looked at now and then (`enrich.look-every`), and taken over alone when they changed.

mod databases;
mod stats;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::Config;
use crate::enrich::{DeviceTables, Refreshed};
use crate::pipeline::live::{Feed, Live, Outputs, StartError, Stopped};
use crate::pipeline::parts::{self, Parts, Recipe};
use crate::pipeline::{Settings, clock};

use databases::Databases;
use stats::write_stats;

/// Reads the configuration again, arguments laid over it; an error is a message for the log.
pub type Reread = Box<dyn Fn() -> Result<Config, String>>;

/// What the daemon is started with.
pub struct Daemon {
    /// The configuration in force.
    pub config: Config,
    /// The packet path's part of it.
    pub settings: Settings,
    /// Open sources.
    pub feeds: Vec<Feed>,
    /// For SIGHUP.
    pub reread: Reread,
}

/// Why the daemon ended other than by being asked to.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The configuration cannot be used.
    #[error("{0}")]
    Config(String),
    /// The state folder or a file in it cannot be used.
    #[error("{}: {error}", .path.display())]
    State {
        /// What.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// An output file cannot be used, or a thread not started.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Signals cannot be waited for.
    #[error("cannot listen for signals: {0}")]
    Signals(std::io::Error),
    /// Every source failed.
    #[error("all sources failed; the log names each")]
    AllSourcesFailed,
    /// The stop did not finish in time.
    #[error("the stop took longer than {0}: what was still queued is lost")]
    StopTooSlow(String),
}

/// Runs until a signal, or until all sources are at their end.
pub fn run(daemon: Daemon) -> Result<(), DaemonError> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(DaemonError::Signals)?;
    runtime.block_on(supervise(daemon))
}

async fn supervise(daemon: Daemon) -> Result<(), DaemonError> {
    let Daemon { mut config, settings, feeds, reread } = daemon;
    let mut signals = Signals::new().map_err(DaemonError::Signals)?;
    let mut parts = build(&config).map_err(DaemonError::Config)?;
    let mut tables = Tables::new(&mut parts);
    let mut databases = Databases::new(&config, &parts);
    let rules = parts.judge.policy().rules().count();
    let state = config.daemon.state_dir.clone();
    fs::create_dir_all(&state).map_err(|error| DaemonError::State { path: state.clone(), error })?;
    let outputs = Outputs {
        alerts: state.join(&config.daemon.alerts),
        flows: config.daemon.write_flows.then(|| state.join(&config.daemon.flows)),
        flow_format: config.daemon.flows_format,
        store: state.join(&config.store.file),
        limits: config.store.clone(),
        deliver: config.deliver.clone(),
    };
    let sources = feeds.len();
    let live = Live::start(feeds, &settings, parts, &outputs)?;
    tracing::info!(sources, rules, state = %state.display(), "watching");
    if rules == 0 {
        tracing::warn!(
            "the policy has no rules, so nothing will ever be alerted; see `whither config profiles`"
        );
    }

    let mut stats = tokio::time::interval(config.daemon.stats_interval.0);
    stats.tick().await;
    let mut look = tokio::time::interval(config.enrich.devices_from.look_every.0);
    let mut files = files_interval(&config);
    // The first tick is at once.
    let mut day = tokio::time::interval(Duration::from_secs(86_400));
    let mut watch = tokio::time::interval(Duration::from_millis(100));
    loop {
        tokio::select! {
            _ = signals.terminate.recv() => break,
            _ = signals.interrupt.recv() => break,
            _ = signals.reload.recv() => {
                reload(&mut config, &reread, &live, &mut tables, &mut databases);
                files = files_interval(&config);
                look = tokio::time::interval(config.enrich.devices_from.look_every.0);
            }
            _ = look.tick() => tables.look(&live),
            _ = files.tick() => databases.look(&config, &live),
            _ = day.tick() => Databases::destroy_outdated(&config),
            _ = signals.stats.recv() => write_stats(&state, &live.snapshot()),
            _ = stats.tick() => write_stats(&state, &live.snapshot()),
            _ = watch.tick() => if live.finished() { break },
        }
    }
    let deadline = config.daemon.stop_deadline.0;
    tracing::info!("stopping");
    // Blocks this thread; nothing else runs on the runtime.
    let Stopped { snapshot, in_time } = live.stop(deadline);
    write_stats(&state, &snapshot);
    let pending = snapshot.raised.saturating_sub(snapshot.durable);
    tracing::info!(
        flows = snapshot.ledger.flows.created,
        alert_lines = snapshot.durable,
        alert_lines_lost = pending,
        records_dropped = snapshot.ledger.limits.get("records_dropped").copied().unwrap_or(0),
        "stopped"
    );
    if !in_time {
        return Err(DaemonError::StopTooSlow(format!("{deadline:?}")));
    }
    if snapshot.feeds_failed > 0 && snapshot.feeds_failed == sources as u64 {
        return Err(DaemonError::AllSourcesFailed);
    }
    Ok(())
}

/// When database files are looked at; where that is switched off, once a day for nothing.
fn files_interval(config: &Config) -> tokio::time::Interval {
    let every = config.enrich.look_every.0;
    tokio::time::interval(if every.is_zero() { Duration::from_secs(86_400) } else { every })
}

/// Tables of devices, looked at now and then.
struct Tables {
    tables: DeviceTables,
    /// What the flow stage had no room for.
    waiting: Refreshed,
}

impl Tables {
    fn new(parts: &mut Parts) -> Self {
        Self { tables: std::mem::take(&mut parts.tables), waiting: Refreshed::default() }
    }

    fn look(&mut self, live: &Live) {
        let mut fresh = self.tables.look(clock::now());
        parts::tell(&fresh);
        fresh.problems.clear();
        let mut read = std::mem::take(&mut self.waiting);
        // What waited is older: the newer word comes behind it, and stands. One look's worth waits at most.
        read.malformed += fresh.malformed;
        if read.seen.len() > Self::MOST_WAITING {
            read.seen.clear();
        }
        read.seen.extend(fresh.seen);
        if !read.seen.is_empty() || read.malformed > 0 {
            self.waiting = live.refresh(read).err().unwrap_or_default();
        }
    }

    /// Entries that wait for a flow stage that is behind; more would be older than the next look.
    const MOST_WAITING: usize = 65_536;
}

/// The signals that the daemon listens to.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    reload: Signal,
    stats: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            reload: signal(SignalKind::hangup())?,
            stats: signal(SignalKind::user_defined1())?,
        })
    }
}

fn build(config: &Config) -> Result<Parts, String> {
    parts::build(Recipe {
        catalogue: &config.catalogue,
        enrich: &config.enrich,
        policy: &config.policy,
        at: None,
        geo: None,
    })
    .map_err(|e| e.to_string())
}

/// Takes over a new configuration as a whole, or keeps the old one as a whole.
fn reload(config: &mut Config, reread: &Reread, live: &Live, tables: &mut Tables, databases: &mut Databases) {
    let fresh = match reread().and_then(|fresh| build(&fresh).map(|parts| (fresh, parts))) {
        Ok(fresh) => fresh,
        Err(error) => {
            tracing::error!("reload refused, the old configuration stays in force: {error}");
            return;
        }
    };
    let (fresh, mut parts) = fresh;
    *tables = Tables::new(&mut parts);
    for section in needing_restart(config, &fresh) {
        tracing::warn!(section, "this section changed; it takes effect at the next start");
    }
    databases.follow(&fresh, &parts);
    live.reload(parts);
    *config = fresh;
}

/// Sections that a running daemon cannot take over.
fn needing_restart(old: &Config, new: &Config) -> Vec<&'static str> {
    let changed = [
        ("daemon", old.daemon != new.daemon),
        ("capture", old.capture != new.capture),
        ("decode", old.decode != new.decode),
        ("inspect", old.inspect != new.inspect),
        ("meter", old.meter != new.meter),
        ("processes", old.processes != new.processes),
        ("alert", old.alert != new.alert),
        ("store", old.store != new.store),
        ("deliver", old.deliver != new.deliver),
    ];
    changed.into_iter().filter(|(_, differs)| *differs).map(|(section, _)| section).collect()
}
