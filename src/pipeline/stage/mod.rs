//! The flow stage: one observation in, judged flows and alerts out. This is the line of modules, joined.
//!
//! Runs on one thread, synchronously, in the order in which the capture threads sent; so a file gives the same
//! result on every run. It reads no clock: its time is the latest packet time it has seen.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use crate::alert::AlertBook;
use crate::appid::{Called, Fronts, Identifier, Neighbour, Neighbours, Question, Shared};
use crate::enrich::conntrack::{Connections, View};
use crate::enrich::{DeviceTables, Enricher, GeoSet, Refreshed, RoundTrip};
use crate::meter::Observation;
use crate::model::{
    Alert, AlertTransition, DeviceContext, DnsObservation, Endpoint, EnrichedFlow, FlowId, FlowRecord,
    NameCandidate, NetworkScope, ProcessRef, Protocol, Provenance, RemoteContext, Timestamp,
};
use crate::policy::{Judge, Judgement, Known, Owed};

use super::conntrack::Told;
use crate::processes::HostProcesses;

mod conclude;

use conclude::{Sides, behind, host_name, region_claim, tenant, translation};

/// Takes what the flow stage gives out.
pub trait Sink: Send {
    /// One judged record.
    fn flow(&mut self, flow: &EnrichedFlow);
    /// One step in an alert's life.
    fn alert(&mut self, transition: AlertTransition, alert: &Arc<Alert>);
    /// Asked at the end for the devices that it was told of, to be told what is known of them by now.
    fn devices(&mut self, _describe: &mut dyn FnMut(&mut DeviceContext)) {}
    /// Something that a rule has learned; who keeps nothing may forget it.
    fn learned(&mut self, _known: &Known) {}
}

/// What judges: everything that a reload may replace.
pub struct Parts {
    /// Who and where.
    pub enricher: Enricher,
    /// Tables of devices, to look at again.
    pub tables: DeviceTables,
    /// What they said when the parts were made; learned when these take over.
    pub read: Refreshed,
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
    /// What is remembered of flows between their records.
    open: HashMap<FlowId, OpenFlow>,
    /// What flows called themselves, for those to the same address that do not.
    neighbours: Neighbours,
    /// Which addresses serve several owners.
    fronts: Fronts,
    open_full: u64,
    changes: Vec<(AlertTransition, Arc<Alert>)>,
    now: Timestamp,
    /// This host's processes, where they are looked at.
    host: Option<Arc<HostProcesses>>,
    /// What this gateway translates, where that is listened to.
    connections: Option<Connections>,
    duplicates: u64,
    duplicate_octets: u64,
}

/// What is remembered of a flow that gave an interim record.
#[derive(Default)]
struct OpenFlow {
    /// DNS candidates that it was first seen with: by its end the table of names may have forgotten them.
    dns: Vec<NameCandidate>,
    /// Names that may stand behind the cover that it shows.
    hidden: Vec<NameCandidate>,
    /// Octets of earlier records on which rules have not had their last word.
    owed: Owed,
    /// The process that it was first seen with: by its end the socket may be forgotten.
    origin: Option<Arc<ProcessRef>>,
}

impl FlowStage {
    /// More open flows than any meter's table holds by default.
    const MAX_OPEN: usize = 1 << 20;

    /// Joins the parts.
    pub fn new(mut parts: Parts, book: AlertBook) -> Self {
        parts.enricher.learn_tables(&std::mem::take(&mut parts.read));
        Self {
            parts,
            book,
            open: HashMap::new(),
            neighbours: Neighbours::default(),
            fronts: Fronts::default(),
            open_full: 0,
            changes: Vec::new(),
            now: Timestamp::from_nanos(i64::MIN),
            host: None,
            connections: None,
            duplicates: 0,
            duplicate_octets: 0,
        }
    }

    /// From now on flows of this host get their process.
    pub fn tell_processes(&mut self, host: Arc<HostProcesses>) {
        self.host = Some(host);
    }

    /// From now on records are joined with connections, at most `most` of them kept.
    pub fn track_connections(&mut self, most: usize) {
        self.connections = Some(Connections::new(most));
    }

    /// Takes what connection tracking told.
    pub fn learn_connections(&mut self, told: &Told) {
        let Some(connections) = &mut self.connections else { return };
        for event in &told.heard.events {
            connections.learn(event, told.at);
        }
        connections.count_losses(told.heard.overruns, told.heard.malformed, told.dropped);
    }

    /// Takes one observation the whole way.
    pub fn take(&mut self, observation: Observation, sink: &mut dyn Sink) {
        match observation {
            Observation::Dns(answer) => self.learn(&answer),
            Observation::Device(seen) => self.parts.enricher.learn_device(&seen),
            Observation::Name(name) => self.parts.enricher.learn_from_file(&name),
            Observation::Flow(record) => self.judge(record, sink),
        }
    }

    fn learn(&mut self, answer: &DnsObservation) {
        self.parts.enricher.learn(answer);
        let catalogue = self.parts.identifier.catalogue();
        for address in &answer.answers {
            self.fronts.learn(catalogue, address.addr, &answer.question, answer.at);
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
        sink.devices(&mut |device| self.parts.enricher.describe(device));
        self.book.finish(&mut self.changes);
        self.hand_over(sink);
    }

    /// Takes what tables of the system say of devices.
    pub fn learn_tables(&mut self, read: &Refreshed) {
        self.parts.enricher.learn_tables(read);
    }

    /// Tells what open alerts have grown by, and leaves them open: the program stops, and they go on when it runs again.
    pub fn suspend(&mut self, sink: &mut dyn Sink) {
        self.book.suspend(&mut self.changes);
        self.hand_over(sink);
    }

    /// Replaces what judges; learned names, windows and first times of the old parts are carried over, open alerts stay.
    pub fn replace(&mut self, mut parts: Parts) {
        parts.enricher.inherit_names(&mut self.parts.enricher);
        parts.judge.inherit(&mut self.parts.judge);
        parts.enricher.learn_tables(&std::mem::take(&mut parts.read));
        self.parts = parts;
    }

    /// Replaces the databases; from the next record on, results say that they rest on them.
    pub fn swap(&mut self, databases: Arc<GeoSet>) {
        self.parts.enricher.geo().put(databases);
        let databases = self.parts.enricher.builds();
        self.parts.provenance = Arc::new(Provenance { databases, ..(*self.parts.provenance).clone() });
    }

    /// Counters of limits that were hit in this stage, by name.
    pub fn limits(&self) -> BTreeMap<String, u64> {
        let mut limits = self.parts.enricher.limits();
        limits.extend(self.parts.judge.limits());
        limits.extend(self.book.limits());
        limits.extend(self.host.iter().flat_map(|host| host.limits()));
        self.neighbours.limits(&mut limits);
        self.fronts.limits(&mut limits);
        if let Some(connections) = &self.connections {
            connections.limits(&mut limits);
        }
        limits.insert("duplicate_records".to_owned(), self.duplicates);
        limits.insert("duplicate_octets".to_owned(), self.duplicate_octets);
        limits.insert("open_flows_full".to_owned(), self.open_full);
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
        let mut memory = self.open.remove(&record.id).unwrap_or_default();
        let view = self.connections.as_mut().and_then(|c| c.view(&record));
        let twin = view.and_then(|view| self.connections.as_mut()?.twin(&view, &record));
        let mut flow = self.enrich(record, view, &mut memory);
        flow.duplicate_of = twin;
        if twin.is_some() {
            self.duplicates += 1;
            let octets = flow.bytes_up().saturating_add(flow.bytes_down());
            self.duplicate_octets = self.duplicate_octets.saturating_add(octets);
        }
        self.rule(flow, memory, sink);
    }

    /// A record that was enriched before, as a store keeps it: rules and alerts run over it again, as over a new one.
    pub fn judge_again(&mut self, flow: EnrichedFlow, sink: &mut dyn Sink) {
        self.now = self.now.max(flow.record.end);
        let memory = self.open.remove(&flow.record.id).unwrap_or_default();
        self.rule(flow, memory, sink);
    }

    /// As [`FlowStage::judge_again`], but placed anew by this stage's databases and round trips. Which application it is
    /// stays as it was concluded: what was seen around the flow then is not kept.
    pub fn place_again(&mut self, mut flow: EnrichedFlow, sink: &mut dyn Sink) {
        let mut remote = self.parts.enricher.remote_at(flow.remote.addr, flow.record.start);
        remote.hostname = flow.remote.hostname.take();
        remote.region_claim = flow.remote.region_claim.take();
        remote.tenant = tenant(&remote, &flow.identification);
        let far = if flow.device_is_source { flow.record.destination } else { flow.record.source };
        self.weigh_place(&flow.record, far.port, flow.device_is_source, &mut remote);
        flow.remote = remote;
        flow.provenance = Arc::clone(&self.parts.provenance);
        self.judge_again(flow, sink);
    }

    /// The rules' word on a record, and what it means for alerts.
    fn rule(&mut self, mut flow: EnrichedFlow, mut memory: OpenFlow, sink: &mut dyn Sink) {
        if flow.duplicate_of.is_some() {
            // Shown, but neither judged nor counted: its other view is.
            self.remember(&flow, memory);
            sink.flow(&flow);
            return;
        }
        let Judgement { verdicts, findings } = self.parts.judge.judge(&flow, &mut memory.owed);
        flow.verdicts = verdicts;
        for known in self.parts.judge.take_learned() {
            sink.learned(&known);
        }
        self.remember(&flow, memory);
        sink.flow(&flow);
        // A last record without packets only says how the flow ended; it adds nothing to an alert, nor opens one.
        for finding in findings.iter().filter(|f| f.bytes_up > 0 || f.bytes_down > 0) {
            self.book.raise(&flow, finding, &mut self.changes);
        }
        self.book.advance(self.now, &mut self.changes);
        self.hand_over(sink);
    }

    /// Everything that can be concluded about a record before the rules see it.
    fn enrich(&mut self, mut record: FlowRecord, view: Option<View>, memory: &mut OpenFlow) -> EnrichedFlow {
        if let Some(host) = self.host.as_ref().filter(|_| record.origin.is_none()) {
            memory.origin = memory.origin.take().or_else(|| host.maker(&record, view.and_then(|v| v.inner)));
            record.origin.clone_from(&memory.origin);
        }
        let sides = view.and_then(|v| behind(&record, &v)).unwrap_or_else(|| self.sides(&record));
        let mut remote = self.parts.enricher.remote_at(sides.remote.addr, record.start);
        let device = self.parts.enricher.device(sides.device.addr, sides.device_mac, record.start);
        if memory.dns.is_empty() {
            memory.dns = self.parts.enricher.candidates(sides.device.addr, sides.remote.addr, record.start);
        }
        if memory.hidden.is_empty() {
            let covers = self.parts.identifier.covers(&record);
            let hidden = |cover| self.parts.enricher.hidden(sides.device.addr, cover, record.start);
            memory.hidden = covers.flat_map(hidden).collect();
        }
        let shared =
            Shared::by_operator(&remote).or_else(|| self.fronts.observed(sides.remote.addr, record.end));
        let near = self.neighbours(&record, &sides, remote.scope);
        let mut identification = self.parts.identifier.identify(&Question {
            record: &record,
            remote: sides.remote,
            asn: remote.operator.asn,
            inside: self.is_inside(&sides, &remote, record.start),
            dns: &memory.dns,
            hidden: &memory.hidden,
            near: &near,
            shared,
            at: record.start,
        });
        if let Some(class) = &device.about.class
            && remote.scope == NetworkScope::Global
        {
            self.parts.identifier.by_device(&mut identification, class);
        }
        remote.hostname = host_name(&record, &memory.dns, &identification);
        remote.region_claim = remote.hostname.as_ref().and_then(|name| region_claim(name, &memory.dns));
        remote.tenant = tenant(&remote, &identification);
        self.weigh_place(&record, sides.remote.port, sides.device_is_source, &mut remote);
        EnrichedFlow {
            record,
            identification,
            device,
            remote,
            device_is_source: sides.device_is_source,
            translation: view.and_then(|v| translation(&v)),
            duplicate_of: None,
            verdicts: Vec::new(),
            provenance: Arc::clone(&self.parts.provenance),
        }
    }

    /// Whether the device has an address of the remote's own network; one of a local network stands in none.
    fn is_inside(&self, sides: &Sides, remote: &RemoteContext, at: Timestamp) -> bool {
        let enricher = &self.parts.enricher;
        let of_device = || enricher.remote_at(sides.device.addr, at).operator.asn;
        remote.operator.asn.is_some()
            && !enricher.is_local(sides.device.addr)
            && of_device() == remote.operator.asn
    }

    /// Learns the round trip to the remote, and holds what is claimed of its place against it. Only where the device asked:
    /// where the remote did, it is the device whose answer was timed.
    fn weigh_place(
        &mut self,
        record: &FlowRecord,
        port: u16,
        device_asked: bool,
        remote: &mut RemoteContext,
    ) {
        if remote.scope != NetworkScope::Global {
            return;
        }
        if let Some(trip) = measured(record, remote.addr, port, device_asked) {
            self.parts.enricher.note_round_trip(&trip);
        }
        self.parts.enricher.refute(record.point.id, remote);
    }

    /// The neighbours of a flow that says nothing itself; a flow that does becomes a neighbour of others. Only flows that
    /// the device began, to the Internet, take part: elsewhere an address is a machine, not a service.
    fn neighbours(&mut self, record: &FlowRecord, sides: &Sides, scope: NetworkScope) -> Vec<Neighbour> {
        let began = sides.device_is_source || record.source_basis.is_guess();
        let carries = matches!(record.protocol, Protocol::TCP | Protocol::UDP);
        if !began || !carries || scope != NetworkScope::Global || record.facts.peer {
            return Vec::new();
        }
        let (client, remote) = (sides.device.addr, sides.remote.addr);
        let called = self.parts.identifier.called(record);
        if called.is_empty() {
            return self.neighbours.of(client, remote, (record.start, record.end), record.id);
        }
        for (called, at) in called {
            if let Called::Name(name, _) = &called {
                self.fronts.learn(self.parts.identifier.catalogue(), remote, name, at);
            }
            let neighbour = Neighbour { flow: record.id, called, at, until: record.end };
            self.neighbours.note(client, remote, neighbour);
        }
        Vec::new()
    }

    /// Keeps what the flow's next record will need.
    fn remember(&mut self, flow: &EnrichedFlow, memory: OpenFlow) {
        if flow.record.is_final()
            || (memory.dns.is_empty()
                && memory.hidden.is_empty()
                && memory.owed.is_empty()
                && memory.origin.is_none())
        {
            return;
        }
        if self.open.len() < Self::MAX_OPEN {
            self.open.insert(flow.record.id, memory);
        } else {
            self.open_full += 1;
        }
    }

    /// Which end is the device: the local one; where both or neither are local, the one that began.
    fn sides(&self, record: &FlowRecord) -> Sides {
        let local = |e: Endpoint| self.parts.enricher.is_local(e.addr);
        // Where no local network decides (public addresses on this side), the link does.
        let near = |e: Endpoint| self.parts.enricher.is_on_link(e.addr, record.start);
        let (to, from) = (local(record.destination), local(record.source));
        let neither = !to && !from;
        if (to && !from) || (neither && near(record.destination) && !near(record.source)) {
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

    fn hand_over(&mut self, sink: &mut dyn Sink) {
        for (transition, alert) in self.changes.drain(..) {
            sink.alert(transition, &alert);
        }
    }
}

/// The round trip that a judged record measured, if it measured one.
pub fn round_trip(flow: &EnrichedFlow) -> Option<RoundTrip> {
    let far = if flow.device_is_source { flow.record.destination } else { flow.record.source };
    measured(&flow.record, flow.remote.addr, far.port, flow.device_is_source)
}

fn measured(record: &FlowRecord, addr: IpAddr, port: u16, device_asked: bool) -> Option<RoundTrip> {
    // A connection that goes on from another port has the facts of the old one, but no hello of its own (JA4).
    let quic = record.facts.quic_version.is_some() && record.facts.ja4.is_some();
    let took = record.tcp.and_then(|tcp| tcp.handshake_rtt).or(record.first_answer.filter(|_| quic));
    took.filter(|_| device_asked).map(|took| RoundTrip {
        point: record.point.id,
        addr,
        port,
        quic,
        took,
        at: record.start,
    })
}
