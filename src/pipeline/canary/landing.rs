//! The last part of the way: each sink on a thread of its own, once, with its outcome and its time.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};

use crate::deliver::sink::{Assurance, Attempt, SinkConfig, SinkKind, Trouble, What, open as open_sink};
use crate::deliver::{DeliverConfig, Format};
use crate::pipeline::clock;
use crate::store::Event;

use super::{Cargo, Route};

/// What a sink gets on top of its own deadline before it counts as one that hangs.
const PATIENCE: Duration = Duration::from_secs(5);

/// How it went at one sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It arrived: the other side said so, or it was read back.
    Confirmed,
    /// It was sent, and nobody says whether it arrived.
    Sent,
    /// Nothing was done, as is right.
    DryRun,
    /// It did not arrive.
    Failed,
}

impl Outcome {
    /// The lower-case word used in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Sent => "sent",
            Self::DryRun => "dry_run",
            Self::Failed => "failed",
        }
    }
}

/// What became of it at one sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landing {
    /// Kind and name.
    pub sink: String,
    /// How it went.
    pub outcome: Outcome,
    /// For people: on what that rests, or why it failed.
    pub said: String,
    /// From the opening of the sink to its answer.
    pub took: Duration,
}

/// Where one goes.
#[derive(Debug, Clone)]
struct Target {
    name: String,
    sink: SinkConfig,
    state: PathBuf,
    deliver: DeliverConfig,
    /// A file beside the real one, to be read back and taken away.
    beside: Option<PathBuf>,
}

/// Brings it to all sinks at once; who does not answer in time is given up.
pub(super) fn land(route: &Route<'_>, cargo: &Cargo) -> Vec<Landing> {
    let targets = targets(route);
    let longest = targets.iter().map(|t| t.sink.deadline()).max().unwrap_or_default();
    let begun = clock::monotonic();
    let (send, landed) = bounded(targets.len());
    for (at, target) in targets.iter().enumerate() {
        let event = if target.sink.what == What::Flows { &cargo.flow } else { &cargo.alert };
        start(at, target.clone(), event.clone(), send.clone());
    }
    drop(send);
    let mut landings: Vec<Option<Landing>> = targets.iter().map(|_| None).collect();
    while let Ok((at, landing)) = landed.recv_deadline(begun + longest + PATIENCE) {
        if let Some(place) = landings.get_mut(at) {
            *place = Some(landing);
        }
    }
    let given_up = |target: &Target| Landing {
        sink: target.name.clone(),
        outcome: Outcome::Failed,
        said: "it did not answer within its timeout, and was given up".to_owned(),
        took: clock::monotonic().saturating_duration_since(begun),
    };
    landings.into_iter().zip(&targets).map(|(landing, t)| landing.unwrap_or_else(|| given_up(t))).collect()
}

fn start(at: usize, target: Target, event: Event, send: Sender<(usize, Landing)>) {
    let name = format!("canary-{at}");
    let work = move || {
        let landing = one(&target, &event);
        // Closed only when it was given up.
        let _late = send.send((at, landing));
    };
    // Without a thread its answer is missing, which is told.
    let _thread = thread::Builder::new().name(name).spawn(work);
}

/// The file of alerts, then the sinks of the configuration.
fn targets(route: &Route<'_>) -> Vec<Target> {
    let name = route.alerts.file_name().map_or_else(|| "alerts".into(), |n| n.to_string_lossy().into_owned());
    let file = SinkConfig::file("alerts", route.alerts.to_owned());
    let mut targets = vec![target(format!("file:{name}"), file, route)];
    for sink in &route.deliver.sink {
        targets.push(target(sink.id(), sink.clone(), route));
    }
    targets
}

fn target(name: String, mut sink: SinkConfig, route: &Route<'_>) -> Target {
    let mut beside = None;
    match sink.kind {
        SinkKind::File => {
            let real = sink.path.as_ref().map(|path| route.state.join(path));
            // A pipe or device has nothing beside it: it gets the line itself.
            let special = |path: &PathBuf| fs::metadata(path).is_ok_and(|about| !about.is_file());
            if let Some(real) = real.filter(|path| !special(path)) {
                let path = next_to(&real);
                sink.path = Some(path.clone());
                beside = Some(path);
            }
        }
        SinkKind::Nftables => sink.dry_run = Some(true),
        _ => {}
    }
    Target { name, sink, state: route.state.to_owned(), deliver: route.deliver.clone(), beside }
}

/// `alerts.jsonl.canary`.
fn next_to(path: &Path) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(".canary");
    PathBuf::from(name)
}

fn one(target: &Target, event: &Event) -> Landing {
    let begun = clock::monotonic();
    let (outcome, said) = match deliver(target, event) {
        Ok((outcome, said)) => (outcome, said.to_owned()),
        Err(why) => (Outcome::Failed, why),
    };
    let took = clock::monotonic().saturating_duration_since(begun);
    Landing { sink: target.name.clone(), outcome, said, took }
}

fn deliver(target: &Target, event: &Event) -> Result<(Outcome, &'static str), String> {
    if let Some(beside) = &target.beside {
        // Of a flight that was killed.
        let _none = fs::remove_file(beside);
    }
    let mut sink =
        open_sink(&target.sink, &target.state, &target.deliver).map_err(|e| e.error.to_string())?;
    let Attempt { done, stopped } = sink.deliver(std::slice::from_ref(event), clock::now());
    match stopped {
        None if done == 1 => {}
        None => return Err("it took nothing and did not say why".to_owned()),
        Some(Trouble::Later { why, .. }) => return Err(why),
        Some(Trouble::Refused { why }) => return Err(format!("refused for good: {why}")),
    }
    if let Some(beside) = &target.beside {
        return read_back(beside, target.sink.format(), event);
    }
    Ok(match (sink.assurance(), target.sink.kind) {
        (Assurance::Confirmed, SinkKind::File) => {
            (Outcome::Sent, "a pipe or device: what its reader does with it cannot be confirmed")
        }
        (Assurance::Confirmed, SinkKind::Command) => (Outcome::Confirmed, "the program ended with 0"),
        (Assurance::Confirmed, _) => (Outcome::Confirmed, "accepted by the other side"),
        (Assurance::Sent, _) => (Outcome::Sent, "handed over; whether it arrived cannot be confirmed"),
        (Assurance::DryRun, _) => (Outcome::DryRun, "no address is ever blocked by a canary"),
    })
}

/// The line as it is on the disk; then it is taken away.
fn read_back(beside: &Path, format: Format, event: &Event) -> Result<(Outcome, &'static str), String> {
    let read = fs::read(beside);
    let removed = fs::remove_file(beside);
    let read =
        read.map_err(|error| format!("written to `{}`, but not read back: {error}", beside.display()))?;
    if read.trim_ascii_end() != format.render(&event.document) {
        return Err(format!("`{}` does not hold what was written", beside.display()));
    }
    removed.map_err(|error| format!("`{}` cannot be removed again: {error}", beside.display()))?;
    Ok((Outcome::Confirmed, "written beside it, synced, read back and removed"))
}
