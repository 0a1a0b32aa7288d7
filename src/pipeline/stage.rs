//! The flow stage: one observation in, judged flows and alerts out. This is the line of modules, joined.
//!
//! Runs on one thread, synchronously, in the order in which the capture threads sent; so a file gives the same
//! result on every run. It reads no clock: its time is the latest packet time it has seen.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use crate::alert::AlertBook;
use crate::appid::{Identifier, Question};
use crate::enrich::Enricher;
use crate::meter::Observation;
use crate::model::{
    Alert, AlertTransition, Endpoint, EnrichedFlow, FlowId, FlowRecord, HostName, Identification, MacAddr,
    NameCandidate, Provenance, Timestamp,
};
use crate::policy::Judge;

/// Takes what the flow stage gives out.
pub trait Sink: Send {
    /// One judged record.
    fn flow(&mut self, flow: &EnrichedFlow);
    /// One step in an alert's life.
    fn alert(&mut self, transition: AlertTransition, alert: &Arc<Alert>);
}

/// What judges: everything that a reload may replace.
pub struct Parts {
    /// Who and where.
    pub enricher: Enricher,
    /// Which application.
    pub identifier: Identifier,
    /// By which rules.
    pub judge: Judge,
    /// What it all rests on.
    pub provenance: Arc<Provenance>,
}

/// The stage.
pub struct FlowStage {
    parts: Parts,
    book: AlertBook,
    /// DNS candidates that long flows were first seen with: by their end the names table may have forgotten.
    remembered: HashMap<FlowId, Vec<NameCandidate>>,
    remembered_full: u64,
    changes: Vec<(AlertTransition, Arc<Alert>)>,
    now: Timestamp,
}

/// The local end and the far end of a record.
struct Sides {
    device: Endpoint,
    device_mac: Option<MacAddr>,
    remote: Endpoint,
    device_is_source: bool,
}

impl FlowStage {
    /// More open flows with remembered names than any meter's table holds.
    const MAX_REMEMBERED: usize = 1 << 20;

    /// Joins the parts.
    pub fn new(parts: Parts, book: AlertBook) -> Self {
        Self {
            parts,
            book,
            remembered: HashMap::new(),
            remembered_full: 0,
            changes: Vec::new(),
            now: Timestamp::from_nanos(i64::MIN),
        }
    }

    /// Takes one observation the whole way.
    pub fn take(&mut self, observation: Observation, sink: &mut dyn Sink) {
        match observation {
            Observation::Dns(answer) => self.parts.enricher.learn(&answer),
            Observation::Flow(record) => self.judge(record, sink),
        }
    }

    /// Lets time pass where no record came; alerts that have been quiet long enough close.
    pub fn advance(&mut self, now: Timestamp, sink: &mut dyn Sink) {
        self.now = self.now.max(now);
        self.book.advance(self.now, &mut self.changes);
        self.hand_over(sink);
    }

    /// Ends all alerts, as at the end of a capture or of the program.
    pub fn finish(&mut self, sink: &mut dyn Sink) {
        self.book.finish(&mut self.changes);
        self.hand_over(sink);
    }

    /// Replaces what judges; learned names of the old parts are carried over, open alerts stay.
    pub fn replace(&mut self, mut parts: Parts) {
        parts.enricher.inherit_names(&mut self.parts.enricher);
        self.parts = parts;
    }

    /// Counters of limits that were hit in this stage, by name.
    pub fn limits(&self) -> BTreeMap<String, u64> {
        let mut limits = self.parts.enricher.limits();
        limits.extend(self.parts.judge.limits());
        limits.extend(self.book.limits());
        limits.insert("remembered_names_full".to_owned(), self.remembered_full);
        limits.retain(|_, count| *count > 0);
        limits
    }

    /// What the conclusions rest on.
    pub fn provenance(&self) -> &Arc<Provenance> {
        &self.parts.provenance
    }

    /// One record through appid, enrich, policy and alert.
    fn judge(&mut self, record: FlowRecord, sink: &mut dyn Sink) {
        self.now = self.now.max(record.end);
        let flow = self.enrich(record);
        let (flow, findings) = {
            let mut flow = flow;
            let judgement = self.parts.judge.judge(&flow);
            flow.verdicts = judgement.verdicts;
            (flow, judgement.findings)
        };
        sink.flow(&flow);
        for finding in &findings {
            self.book.raise(&flow, finding, &mut self.changes);
        }
        self.book.advance(self.now, &mut self.changes);
        self.hand_over(sink);
    }

    /// Everything that can be concluded about a record before the rules see it.
    fn enrich(&mut self, record: FlowRecord) -> EnrichedFlow {
        let sides = self.sides(&record);
        let mut remote = self.parts.enricher.remote(sides.remote.addr);
        let device = self.parts.enricher.device(sides.device.addr, sides.device_mac);
        let dns = self.candidates(&record, sides.device.addr, sides.remote.addr);
        let identification = self.parts.identifier.identify(&Question {
            record: &record,
            remote: sides.remote,
            asn: remote.operator.asn,
            dns: &dns,
            at: record.start,
        });
        remote.hostname = host_name(&record, &dns, &identification);
        EnrichedFlow {
            record,
            identification,
            device,
            remote,
            device_is_source: sides.device_is_source,
            verdicts: Vec::new(),
            provenance: Arc::clone(&self.parts.provenance),
        }
    }

    /// Which end is the device: the local one; where both or neither are local, the one that began.
    fn sides(&self, record: &FlowRecord) -> Sides {
        let local = |e: Endpoint| self.parts.enricher.is_local(e.addr);
        if local(record.destination) && !local(record.source) {
            Sides {
                device: record.destination,
                device_mac: record.destination_mac,
                remote: record.source,
                device_is_source: false,
            }
        } else {
            Sides {
                device: record.source,
                device_mac: record.source_mac,
                remote: record.destination,
                device_is_source: true,
            }
        }
    }

    /// The names under which the client may have reached the remote when the flow began.
    fn candidates(&mut self, record: &FlowRecord, client: IpAddr, remote: IpAddr) -> Vec<NameCandidate> {
        let known = if record.is_final() {
            self.remembered.remove(&record.id)
        } else {
            self.remembered.get(&record.id).cloned()
        };
        if let Some(known) = known {
            return known;
        }
        let found = self.parts.enricher.candidates(client, remote, record.start);
        if !record.is_final() && !found.is_empty() {
            if self.remembered.len() < Self::MAX_REMEMBERED {
                self.remembered.insert(record.id, found.clone());
            } else {
                self.remembered_full += 1;
            }
        }
        found
    }

    fn hand_over(&mut self, sink: &mut dyn Sink) {
        for (transition, alert) in self.changes.drain(..) {
            sink.alert(transition, &alert);
        }
    }
}

/// The best host name of the remote: what the flow itself says; else the one name that DNS gave this client for
/// the address. Several different names decide nothing, and none is shown.
fn host_name(record: &FlowRecord, dns: &[NameCandidate], identification: &Identification) -> Option<HostName> {
    if let Some(fact) = record.facts.host() {
        return Some(fact.name.clone());
    }
    let (first, rest) = dns.split_first()?;
    let undisputed = rest.iter().all(|c| c.name == first.name);
    (undisputed && identification.candidates.is_empty()).then(|| first.name.clone())
}
