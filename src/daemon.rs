//! The daemon's outer loop: signals, reload, statistics, ordered stop. The work itself is `pipeline::live`'s.
//!
//! | signal | what happens |
//! |---|---|
//! | SIGTERM, SIGINT | sources stop, flows are flushed and judged, lines are written and synced; a line says so |
//! | SIGHUP | the configuration is read again; if it is bad the old one is kept and the error named |
//! | SIGUSR1 | statistics are written now, to the log and to `stats.json` in the state folder |

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::config::Config;
use crate::deliver;
use crate::enrich::{DeviceTables, Refreshed};
use crate::model::Ledger;
use crate::pipeline::keeper::SinkReport;
use crate::pipeline::live::{Feed, Live, Outputs, Snapshot, StartError, Stopped};
use crate::pipeline::parts::{self, Parts, Recipe};
use crate::pipeline::{Settings, clock};

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
    let rules = parts.judge.policy().rules().count();
    let state = config.daemon.state_dir.clone();
    fs::create_dir_all(&state).map_err(|error| DaemonError::State { path: state.clone(), error })?;
    let outputs = Outputs {
        alerts: state.join(&config.daemon.alerts),
        flows: config.daemon.write_flows.then(|| state.join(&config.daemon.flows)),
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
    let mut watch = tokio::time::interval(Duration::from_millis(100));
    loop {
        tokio::select! {
            _ = signals.terminate.recv() => break,
            _ = signals.interrupt.recv() => break,
            _ = signals.reload.recv() => {
                reload(&mut config, &reread, &live, &mut tables);
                look = tokio::time::interval(config.enrich.devices_from.look_every.0);
            }
            _ = look.tick() => tables.look(&live),
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
        at: clock::today(),
    })
    .map_err(|e| e.to_string())
}

/// Takes over a new configuration as a whole, or keeps the old one as a whole.
fn reload(config: &mut Config, reread: &Reread, live: &Live, tables: &mut Tables) {
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

#[derive(Serialize)]
struct StatsDocument<'a> {
    #[serde(rename = "@timestamp")]
    timestamp: String,
    packets: PacketStats<'a>,
    flows: FlowStats<'a>,
    alerts: AlertStats,
    sources_open: u64,
    sources_failed: u64,
    /// By what means processes of this host are told, or why not.
    #[serde(skip_serializing_if = "Option::is_none")]
    processes: Option<&'a str>,
    limits: &'a std::collections::BTreeMap<String, u64>,
    gaps: usize,
}

#[derive(Serialize)]
struct PacketStats<'a> {
    read: u64,
    decoded: u64,
    malformed: &'a std::collections::BTreeMap<String, u64>,
    unsupported: &'a std::collections::BTreeMap<String, u64>,
    shed: u64,
    kernel_drops: u64,
    interface_drops: u64,
}

#[derive(Serialize)]
struct FlowStats<'a> {
    created: u64,
    active: u64,
    ended: &'a std::collections::BTreeMap<String, u64>,
    evicted: &'a std::collections::BTreeMap<String, u64>,
    records_judged: u64,
}

#[derive(Serialize)]
struct AlertStats {
    raised: u64,
    durable: u64,
    pending: u64,
    write_failures: u64,
    sinks: std::collections::BTreeMap<String, SinkStats>,
}

/// `durable = delivered + skipped + queued + dead_letter` since the sink was first seen.
#[derive(Serialize)]
struct SinkStats {
    delivered: u64,
    skipped: u64,
    queued: u64,
    dead_letter: u64,
    failures: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
}

impl<'a> StatsDocument<'a> {
    fn new(snapshot: &'a Snapshot) -> Self {
        let Ledger { packets, flows, limits, gaps, .. } = &snapshot.ledger;
        Self {
            timestamp: clock::now().to_rfc3339(6),
            packets: PacketStats {
                read: packets.read,
                decoded: packets.decoded,
                malformed: &packets.malformed,
                unsupported: &packets.unsupported,
                shed: packets.shed,
                kernel_drops: packets.kernel_drops,
                interface_drops: packets.interface_drops,
            },
            flows: FlowStats {
                created: flows.created,
                active: flows.active,
                ended: &flows.ended,
                evicted: &flows.evicted,
                records_judged: snapshot.flows_judged,
            },
            alerts: AlertStats {
                raised: snapshot.raised,
                durable: snapshot.durable,
                pending: snapshot.raised.saturating_sub(snapshot.durable),
                write_failures: snapshot.write_failures,
                sinks: snapshot
                    .sinks
                    .iter()
                    .map(|(name, report)| (name.clone(), sink_stats(report)))
                    .collect(),
            },
            sources_open: snapshot.feeds_open,
            sources_failed: snapshot.feeds_failed,
            processes: snapshot.processes.as_deref(),
            limits,
            gaps: gaps.len(),
        }
    }
}

fn sink_stats(report: &SinkReport) -> SinkStats {
    let SinkReport { state, health } = report;
    SinkStats {
        delivered: state.delivered,
        skipped: state.skipped,
        queued: state.queued,
        dead_letter: state.dead,
        failures: health.failures,
        last_error: health.last_error.clone(),
    }
}

/// To the log as one line, and to `stats.json` (whole or not at all: written aside, then renamed).
fn write_stats(state: &Path, snapshot: &Snapshot) {
    tracing::info!(
        packets = snapshot.ledger.packets.read,
        kernel_drops = snapshot.ledger.packets.kernel_drops,
        flows = snapshot.ledger.flows.created,
        active = snapshot.ledger.flows.active,
        alerts = snapshot.raised,
        "statistics"
    );
    let (path, aside) = (state.join("stats.json"), state.join(".stats.json.new"));
    let written = fs::File::create(&aside)
        .and_then(|mut file| {
            file.write_all(&deliver::to_document(&StatsDocument::new(snapshot))?)?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&aside, &path));
    if let Err(error) = written {
        tracing::error!(path = %path.display(), %error, "cannot write the statistics");
    }
}
