//! What other databases say of the same traffic: it is placed and judged with the old ones and with the new ones, by the same
//! stage as in production, and the two are held against each other.
//!
//! Captures go the whole way. Records of a store are placed and judged anew; which application each is stays as it was concluded.
//! Limits: [`MAX_ADDRESSES`] remotes are compared, the first that are seen; more are counted.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use serde::Serialize;

use crate::alert::AlertConfig;
use crate::capture::{CaptureError, CaptureFiles};
use crate::model::{
    Alert, AlertTransition, Certainty, EnrichedFlow, NetworkScope, RemoteContext, Role, RoleAnswer,
};
use crate::pipeline::parts::Parts;
use crate::pipeline::stage::{FlowStage, Sink};
use crate::pipeline::{Settings, offline};
use crate::store::{FlowFilter, Reader, StoreError};

use super::{Difference, RuleTally, Trial, again, compare, told};

/// Remotes that are compared: some hundred octets each, on either side.
pub const MAX_ADDRESSES: usize = 100_000;

/// Where one side places a remote.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Placed {
    asn: Option<u32>,
    /// By what it is compared: word and value.
    facts: Vec<(&'static str, String)>,
    flows: u64,
    octets: u64,
}

/// One fact that is told differently.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// `server`, `registrant`, `operator`, `owner` (countries; `?`: weak or disputed, `-`: not known), `asn`, `name`,
    /// `anycast`.
    pub what: &'static str,
    /// By the old databases.
    pub old: String,
    /// By the new ones.
    pub new: String,
}

/// A remote that is placed differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressChange {
    /// The remote.
    pub addr: IpAddr,
    /// Flow records with it.
    pub flows: u64,
    /// Octets of them, both ways.
    pub octets: u64,
    /// What is different.
    pub changes: Vec<Change>,
}

/// An AS whose operator is told differently, by the remotes in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperatorChange {
    /// Its number, the same on both sides.
    pub asn: u32,
    /// Remotes of which it is told so.
    pub addresses: u64,
    /// `name`, `operator` or `owner`.
    pub changes: Vec<Change>,
}

/// A rule that counts otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleChange {
    /// Its id.
    pub rule: Arc<str>,
    /// By the old databases.
    pub old: RuleTally,
    /// By the new ones.
    pub new: RuleTally,
}

/// All that differs.
#[derive(Debug, Default)]
pub struct Swap {
    /// Records judged.
    pub records: u64,
    /// Remotes compared.
    pub addresses: u64,
    /// Remotes beyond [`MAX_ADDRESSES`].
    pub addresses_not_kept: u64,
    /// Remotes that are placed differently, the most octets first.
    pub moved: Vec<AddressChange>,
    /// Operators that are told differently, by AS number.
    pub operators: Vec<OperatorChange>,
    /// Rules whose verdicts are others.
    pub rules: Vec<RuleChange>,
    /// Alerts that would be others.
    pub alerts: Difference,
    /// Alerts that found no room in the comparison, on either side.
    pub alerts_not_kept: u64,
}

/// A swap in figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Records judged.
    pub records: u64,
    /// Remotes compared.
    pub addresses: u64,
    /// Remotes that are placed differently.
    pub addresses_changed: u64,
    /// Operators that are told differently.
    pub operators_changed: u64,
    /// Subjects alerted only with the new databases.
    pub alerts_gained: u64,
    /// Only with the old ones.
    pub alerts_lost: u64,
    /// With both, but told differently.
    pub alerts_changed: u64,
}

impl Swap {
    /// Whether anything differs.
    pub fn is_empty(&self) -> bool {
        self.moved.is_empty() && self.operators.is_empty() && self.rules.is_empty() && self.alerts.is_empty()
    }

    /// In figures.
    pub fn counts(&self) -> Counts {
        let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        Counts {
            records: self.records,
            addresses: self.addresses,
            addresses_changed: count(self.moved.len()),
            operators_changed: count(self.operators.len()),
            alerts_gained: count(self.alerts.gained.len()),
            alerts_lost: count(self.alerts.lost.len()),
            alerts_changed: count(self.alerts.changed.len()),
        }
    }
}

/// Judges the records of a store with the databases of both parts: the old ones', then the new ones'.
pub fn of_store(
    reader: &Reader,
    filter: &FlowFilter,
    alert: &AlertConfig,
    [old, new]: [Parts; 2],
) -> Result<Swap, StoreError> {
    let side = |parts| {
        let mut side = Side::default();
        again(reader, filter, alert, parts, &mut side, FlowStage::place_again).map(|()| side)
    };
    Ok(difference(&side(old)?, &side(new)?))
}

/// Reads captures with the databases of both parts; `open` opens them once for each.
pub fn of_captures(
    open: impl Fn() -> Result<CaptureFiles, CaptureError>,
    settings: &Settings,
    [old, new]: [Parts; 2],
) -> Result<Swap, CaptureError> {
    let side = |parts| {
        let mut side = Side::default();
        offline::read(open()?, settings, parts, &mut side, &mut |_| {}).map(|_| side)
    };
    Ok(difference(&side(old)?, &side(new)?))
}

/// A trial that remembers where each remote was placed.
#[derive(Default)]
struct Side {
    trial: Trial,
    places: BTreeMap<IpAddr, Placed>,
    not_kept: u64,
}

impl Sink for Side {
    fn flow(&mut self, flow: &EnrichedFlow) {
        self.trial.flow(flow);
        let remote = &flow.remote;
        if remote.scope != NetworkScope::Global || flow.duplicate_of.is_some() {
            return;
        }
        if self.places.len() >= MAX_ADDRESSES && !self.places.contains_key(&remote.addr) {
            self.not_kept += 1;
            return;
        }
        let place = self.places.entry(remote.addr).or_insert_with(|| Placed {
            asn: None,
            facts: Vec::new(),
            flows: 0,
            octets: 0,
        });
        // By the newest record: ownership is judged by its day, and round trips only ever say more.
        (place.asn, place.facts) = (remote.operator.asn, facts(remote));
        place.flows += 1;
        let octets = flow.bytes_up().saturating_add(flow.bytes_down());
        place.octets = place.octets.saturating_add(octets);
    }

    fn alert(&mut self, transition: AlertTransition, alert: &Arc<Alert>) {
        self.trial.alert(transition, alert);
    }
}

fn facts(remote: &RemoteContext) -> Vec<(&'static str, String)> {
    let operator = &remote.operator;
    let roles =
        Role::OF_ADDRESS.into_iter().filter_map(|role| Some((role.word(), country(remote.roles.get(role)?))));
    let name = operator.name.as_deref().unwrap_or("-").to_owned();
    let asn = operator.asn.map_or_else(|| "-".to_owned(), |n| n.to_string());
    let anycast = if remote.anycast { "yes" } else { "no" }.to_owned();
    roles.chain([("asn", asn), ("name", name), ("anycast", anycast)]).collect()
}

fn country(answer: &RoleAnswer) -> String {
    match (answer.country, answer.certainty) {
        (None, _) | (_, Certainty::Unknown) => "-".to_owned(),
        (Some(country), Certainty::Low | Certainty::Disputed) => format!("{country}?"),
        (Some(country), Certainty::Medium | Certainty::High) => country.to_string(),
    }
}

/// What is said of an operator, whatever the address.
const OF_OPERATORS: [&str; 3] = ["name", "operator", "owner"];

fn difference(old: &Side, new: &Side) -> Swap {
    let mut swap = Swap {
        records: new.trial.records,
        addresses: new.places.len() as u64,
        addresses_not_kept: new.not_kept,
        alerts_not_kept: old.trial.alerts_not_kept.saturating_add(new.trial.alerts_not_kept),
        rules: rules(&old.trial, &new.trial),
        alerts: compare(told(old.trial.alerts.values()), told(new.trial.alerts.values()), true),
        ..Swap::default()
    };
    let mut operators: BTreeMap<u32, OperatorChange> = BTreeMap::new();
    for (addr, new) in &new.places {
        let Some(old) = old.places.get(addr) else { continue };
        let changes = changes(old, new);
        if changes.is_empty() {
            continue;
        }
        if let Some(asn) = new.asn.filter(|_| new.asn == old.asn) {
            let of_operator: Vec<Change> =
                changes.iter().filter(|c| OF_OPERATORS.contains(&c.what)).cloned().collect();
            if !of_operator.is_empty() {
                let first = OperatorChange { asn, addresses: 0, changes: of_operator };
                operators.entry(asn).or_insert(first).addresses += 1;
            }
        }
        swap.moved.push(AddressChange { addr: *addr, flows: new.flows, octets: new.octets, changes });
    }
    swap.moved.sort_by_key(|change| (std::cmp::Reverse(change.octets), change.addr));
    swap.operators = operators.into_values().collect();
    swap
}

fn changes(old: &Placed, new: &Placed) -> Vec<Change> {
    let pairs = old.facts.iter().zip(&new.facts);
    pairs
        .filter(|((_, old), (_, new))| old != new)
        .map(|((what, old), (_, new))| Change { what, old: old.clone(), new: new.clone() })
        .collect()
}

fn rules(old: &Trial, new: &Trial) -> Vec<RuleChange> {
    let mut ids: Vec<&Arc<str>> = old.rules.keys().chain(new.rules.keys()).collect();
    ids.sort();
    ids.dedup();
    let tally = |trial: &Trial, id: &Arc<str>| trial.rules.get(id).copied().unwrap_or_default();
    ids.into_iter()
        .map(|id| RuleChange { rule: Arc::clone(id), old: tally(old, id), new: tally(new, id) })
        .filter(|change| change.old != change.new)
        .collect()
}
