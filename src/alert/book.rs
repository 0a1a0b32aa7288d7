//! The book of open alerts.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use ring::digest;

use crate::model::{
    Alert, AlertState, AlertTransition, Bytes, CountryCode, EnrichedFlow, Finding, FlowId, Outcome, Role, Timestamp,
};

use super::config::AlertConfig;

/// Flows remembered for one alert, so that a flow with several records counts once. A flow that comes back after this
/// many others have come in between counts again.
const FLOWS_REMEMBERED: usize = 256;
/// How much time passes between two looks for alerts that have been quiet.
const LOOK_EVERY: std::time::Duration = std::time::Duration::from_secs(1);

/// What findings are grouped by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    rule: Arc<str>,
    device: Arc<str>,
    app: Option<Arc<str>>,
    role: Role,
    country: CountryCode,
    operator: Option<Arc<str>>,
    /// Set on a rule's overflow alert, where the rest is left empty.
    overflow: bool,
}

#[derive(Debug)]
struct Entry {
    alert: Alert,
    told: Timestamp,
    changed: bool,
    flows: VecDeque<FlowId>,
}

/// Open alerts.
#[derive(Debug)]
pub struct AlertBook {
    config: AlertConfig,
    open: BTreeMap<Key, Entry>,
    opened: u64,
    closed: u64,
    overflowed: u64,
    looked: Option<Timestamp>,
}

impl AlertBook {
    /// An empty book.
    pub fn new(config: &AlertConfig) -> Self {
        Self { config: config.clone(), open: BTreeMap::new(), opened: 0, closed: 0, overflowed: 0, looked: None }
    }

    /// Adds one finding of a flow; opens an alert, or adds to one.
    pub fn raise(&mut self, flow: &EnrichedFlow, finding: &Finding, out: &mut Vec<(AlertTransition, Arc<Alert>)>) {
        let mut key = key(flow, finding);
        if !self.open.contains_key(&key) {
            if self.open.len() >= self.config.max_open {
                self.overflowed += 1;
                key = overflow_key(&key);
            }
            if !self.open.contains_key(&key) {
                let alert = opened(&key, flow, finding);
                out.push((AlertTransition::Opened, Arc::new(alert.clone())));
                self.opened += 1;
                let flows = VecDeque::from([flow.record.id]);
                self.open.insert(key, Entry { alert, told: finding.at, changed: false, flows });
                return;
            }
        }
        if let Some(entry) = self.open.get_mut(&key) {
            add(entry, flow, finding);
            if finding.at.since(entry.told) >= self.config.update_interval.0 {
                tell(entry, AlertTransition::Updated, finding.at, out);
            }
        }
    }

    /// Tells alerts that changed and have not been told for the interval; closes the quiet ones.
    pub fn advance(&mut self, now: Timestamp, out: &mut Vec<(AlertTransition, Arc<Alert>)>) {
        if self.looked.is_some_and(|looked| now.since(looked) < LOOK_EVERY) {
            return;
        }
        self.looked = Some(now);
        let (quiet, interval) = (self.config.quiet.0, self.config.update_interval.0);
        let before = self.open.len();
        self.open.retain(|_, entry| {
            if now.since(entry.alert.last.max(entry.told)) >= quiet {
                close(entry, out);
                return false;
            }
            if entry.changed && now.since(entry.told) >= interval {
                tell(entry, AlertTransition::Updated, now, out);
            }
            true
        });
        self.closed += (before - self.open.len()) as u64;
    }

    /// Closes all alerts, as at the end of a capture.
    pub fn finish(&mut self, out: &mut Vec<(AlertTransition, Arc<Alert>)>) {
        self.closed += self.open.len() as u64;
        for entry in self.open.values_mut() {
            close(entry, out);
        }
        self.open.clear();
    }

    /// Limits that were hit, by name.
    pub fn limits(&self) -> BTreeMap<String, u64> {
        BTreeMap::from([("alert_groups_merged".to_owned(), self.overflowed)])
    }

    /// Alerts opened, open now, closed: `opened = open + closed`.
    pub fn counts(&self) -> (u64, u64, u64) {
        (self.opened, self.open.len() as u64, self.closed)
    }
}

fn key(flow: &EnrichedFlow, finding: &Finding) -> Key {
    Key {
        rule: Arc::clone(&finding.rule),
        device: Arc::clone(&flow.device.id),
        app: flow.identification.app.as_ref().map(|a| Arc::clone(&a.id)),
        role: finding.role,
        country: finding.country,
        operator: flow.remote.operator.name.clone(),
        overflow: false,
    }
}

/// All further groups of a rule and country are one.
fn overflow_key(key: &Key) -> Key {
    Key { device: "many".into(), app: None, operator: None, overflow: true, ..key.clone() }
}

fn opened(key: &Key, flow: &EnrichedFlow, finding: &Finding) -> Alert {
    Alert {
        id: id(key, flow.record.start),
        state: AlertState::Open,
        rule: Arc::clone(&finding.rule),
        rule_name: Arc::clone(&finding.rule_name),
        severity: finding.severity,
        outcome: Outcome::Match,
        role: finding.role,
        country: finding.country,
        device: flow.device.clone(),
        identification: flow.identification.clone(),
        remote: flow.remote.clone(),
        remotes: vec![flow.remote.addr],
        names: flow.remote.hostname.iter().cloned().collect(),
        because: finding.because.clone(),
        evidence: flow.identification.evidence.clone(),
        first_flow: flow.record.id,
        flows: 1,
        bytes: Bytes { up: finding.bytes_up, down: finding.bytes_down },
        start: flow.record.start,
        opened: finding.at,
        last: flow.record.end,
        provenance: Arc::clone(&flow.provenance),
    }
}

fn add(entry: &mut Entry, flow: &EnrichedFlow, finding: &Finding) {
    let alert = &mut entry.alert;
    alert.bytes.up = alert.bytes.up.saturating_add(finding.bytes_up);
    alert.bytes.down = alert.bytes.down.saturating_add(finding.bytes_down);
    alert.last = alert.last.max(flow.record.end);
    alert.severity = alert.severity.max(finding.severity);
    if !entry.flows.contains(&flow.record.id) {
        if entry.flows.len() >= FLOWS_REMEMBERED {
            entry.flows.pop_front();
        }
        entry.flows.push_back(flow.record.id);
        alert.flows += 1;
    }
    remember(&mut alert.remotes, flow.remote.addr);
    if let Some(name) = &flow.remote.hostname
        && alert.names.len() < Alert::MAX_REMOTES
        && !alert.names.contains(name)
    {
        alert.names.push(name.clone());
    }
    entry.changed = true;
}

fn remember(remotes: &mut Vec<IpAddr>, remote: IpAddr) {
    if remotes.len() < Alert::MAX_REMOTES && !remotes.contains(&remote) {
        remotes.push(remote);
    }
}

fn tell(entry: &mut Entry, transition: AlertTransition, at: Timestamp, out: &mut Vec<(AlertTransition, Arc<Alert>)>) {
    entry.told = at;
    entry.changed = false;
    out.push((transition, Arc::new(entry.alert.clone())));
}

fn close(entry: &mut Entry, out: &mut Vec<(AlertTransition, Arc<Alert>)>) {
    entry.alert.state = AlertState::Closed;
    out.push((AlertTransition::Closed, Arc::new(entry.alert.clone())));
}

/// The same for the same group and first flow, in every run over the same traffic.
fn id(key: &Key, start: Timestamp) -> Arc<str> {
    let text = format!(
        "{}\0{}\0{}\0{}\0{}\0{}\0{}\0{}",
        key.rule,
        key.device,
        key.app.as_deref().unwrap_or_default(),
        key.role,
        key.country,
        key.operator.as_deref().unwrap_or_default(),
        key.overflow,
        start.as_nanos(),
    );
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    hash.as_ref().iter().take(8).map(|byte| format!("{byte:02x}")).collect::<String>().into()
}
