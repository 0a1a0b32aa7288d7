//! A canary: one flow that never was, sent the whole way that an alert takes, to see whether it arrives.
//!
//! ```text
//! record ─▶ appid, enrich ─▶ a rule of its own ─▶ alert ─▶ committed to a store ─▶ every sink, at the same time
//! ```
//!
//! It goes through the same stage, book, store and sinks as traffic does, in a folder of its own that is removed
//! afterwards, so that it is in nobody's statistics and a daemon beside it notices nothing. What it is stands in every
//! document of it; its ends are documentation addresses, its country is none. Sinks get it whatever their `min-severity`
//! and budget, once; nothing is tried again.
//!
//! What it leaves alone: the real lines of a file (a line is written beside it, read back and taken away), and every set of
//! nftables. It does not say that the daemon runs, or that your rules fire.

mod flow;
mod landing;
#[cfg(test)]
mod tests;

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::alert::{AlertBook, AlertConfig};
use crate::deliver::sink::flow_event;
use crate::deliver::{AlertDocument, DeliverConfig, to_line};
use crate::meter::Observation;
use crate::model::{Alert, AlertTransition, EnrichedFlow, Problem};
use crate::policy::{Judge, Policy, PolicyConfig, Rule};
use crate::store::{Event, EventEntry, Reader, Store, StoreConfig, StoreError};

use super::clock;
use super::parts::Parts;
use super::stage::{FlowStage, Sink};

pub use landing::{Landing, Outcome};

/// Where it flies to.
#[derive(Debug)]
pub struct Route<'a> {
    /// How alerts live.
    pub alert: &'a AlertConfig,
    /// The file of alerts.
    pub alerts: &'a Path,
    /// What the paths of sinks are relative to.
    pub state: &'a Path,
    /// The sinks.
    pub deliver: &'a DeliverConfig,
}

/// One step of the way, before the sinks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What was done, in a word.
    pub name: &'static str,
    /// What came of it.
    pub said: String,
    /// How long it took.
    pub took: Duration,
}

/// What became of it.
#[derive(Debug)]
pub struct Flight {
    /// The id of its alert (`event.id`).
    pub id: Arc<str>,
    /// Up to the store.
    pub steps: Vec<Step>,
    /// Every sink, in the order of the configuration; the file of alerts is the first.
    pub sinks: Vec<Landing>,
}

/// Why it did not come as far as the sinks.
#[derive(Debug, thiserror::Error)]
pub enum CanaryError {
    /// No folder for its store.
    #[error("cannot make a folder for the canary's own store, `{}`: {error}", .path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Its rule is refused.
    #[error("the rule of the canary is refused: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Rule(Vec<Problem>),
    /// A step gave nothing to go on with.
    #[error("the canary was lost on its way: {0}")]
    Lost(&'static str),
}

/// What the stage gave out.
#[derive(Default)]
struct Caught {
    flow: Option<EnrichedFlow>,
    alert: Option<Arc<Alert>>,
}

impl Sink for Caught {
    fn flow(&mut self, flow: &EnrichedFlow) {
        self.flow = Some(flow.clone());
    }

    fn alert(&mut self, transition: AlertTransition, alert: &Arc<Alert>) {
        if transition == AlertTransition::Opened {
            self.alert = Some(Arc::clone(alert));
        }
    }
}

/// The steps with their times.
struct Steps {
    done: Vec<Step>,
    since: std::time::Instant,
}

impl Steps {
    fn add(&mut self, name: &'static str, said: String) {
        let now = clock::monotonic();
        self.done.push(Step { name, said, took: now.saturating_duration_since(self.since) });
        self.since = now;
    }
}

/// Sends one. `parts` are those of the configuration; of them the rules are laid aside, so that none of them accuses it.
pub fn send(mut parts: Parts, route: &Route<'_>) -> Result<Flight, CanaryError> {
    let policy = PolicyConfig { rule: vec![Rule::canary()], ..PolicyConfig::default() };
    let policy = Policy::compile(&policy, &flow::NoApps).map_err(CanaryError::Rule)?;
    let mut provenance = (*parts.provenance).clone();
    provenance.policy = Arc::clone(policy.hash());
    parts.provenance = Arc::new(provenance);
    parts.judge = Judge::new(Arc::new(policy));

    let mut steps = Steps { done: Vec::new(), since: clock::monotonic() };
    let (flow, alert) = raise(parts, route.alert, &mut steps)?;
    let folder = Folder::make()?;
    let cargo = commit(&folder.0, &flow, &alert)?;
    steps.add("committed", "to a store of its own, and read from it again".to_owned());
    let sinks = landing::land(route, &cargo);
    Ok(Flight { id: Arc::clone(&alert.id), steps: steps.done, sinks })
}

/// From a record to an alert, through the stage that all traffic goes through.
fn raise(
    parts: Parts,
    config: &AlertConfig,
    steps: &mut Steps,
) -> Result<(EnrichedFlow, Arc<Alert>), CanaryError> {
    let mut stage = FlowStage::new(parts, AlertBook::new(config));
    let mut caught = Caught::default();
    let record = flow::record(clock::now());
    steps.add("built", format!("{} → {}, documentation addresses", record.source, record.destination));
    stage.take(Observation::Flow(record), &mut caught);
    let mut flow = caught.flow.take().ok_or(CanaryError::Lost("the flow stage gave no record"))?;
    let sources = flow.provenance.databases.len();
    steps.add("enriched", format!("with {sources} source(s) of addresses"));
    flow::place(&mut flow);
    stage.judge_again(flow, &mut caught);
    let flow = caught.flow.take().ok_or(CanaryError::Lost("the rules gave no record"))?;
    let alert = caught.alert.take().ok_or(CanaryError::Lost("its rule did not match"))?;
    steps.add("alerted", format!("by rule `{}`, {}", alert.rule_name, alert.severity));
    Ok((flow, alert))
}

/// Into the store and out of it again.
fn commit(folder: &Path, flow: &EnrichedFlow, alert: &Alert) -> Result<Cargo, CanaryError> {
    let now = clock::now();
    let (mut store, _) = Store::open(&folder.join("canary.db"), &StoreConfig::default(), now)?;
    store.begin()?;
    store.put_flow(flow)?;
    let sequence = store.next_event()?;
    let document = to_line(&AlertDocument::numbered(alert, AlertTransition::Opened, sequence))
        .map_err(|_| CanaryError::Lost("its document cannot be written"))?;
    let entry = EventEntry { alert, transition: AlertTransition::Opened, document: &document };
    store.put_event(&entry, now)?;
    store.commit()?;
    let reader = Reader::open(store.path())?;
    let (alert, flow) = (reader.events_after(0, 1)?.pop(), reader.flows_after(0, 1)?.pop());
    let (alert, flow) =
        alert.zip(flow).ok_or(CanaryError::Lost("the store does not have what it committed"))?;
    Ok(Cargo { alert, flow: flow_event(&flow) })
}

/// What sinks get of it.
#[derive(Debug)]
struct Cargo {
    alert: Event,
    /// For sinks of flow records.
    flow: Event,
}

/// A folder for one flight; it goes with it.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Result<Self, CanaryError> {
        // New or not at all: who plants a folder of this name gets nothing.
        let name = format!("whither-canary-{}-{}", std::process::id(), clock::now().as_nanos());
        let path = std::env::temp_dir().join(name);
        match fs::DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => Ok(Self(path)),
            Err(error) => Err(CanaryError::Folder { path, error }),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "the canary's folder is left behind");
        }
    }
}
