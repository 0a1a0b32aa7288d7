//! Which grounds name an application, in which tier, and which never do.

mod form;
mod grounds;
mod makers;
mod names;

use std::net::IpAddr;

use super::*;
use crate::model::{
    Counters, Ech, Endpoint, Evidence, EvidenceKind, Facts, FlowId, FlowRecord, HostName, Identification,
    Label, LookupVia, NameCandidate, NameFact, NameOrigin, ObservationPoint, OriginSource, ProcessRef,
    Protocol, ProtocolProof, SourceBasis, Tier, Timestamp, Tunnel, VlanTags,
};

const START: i64 = 1_000_000;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_parts(START + seconds, 0)
}

fn host(name: &str) -> HostName {
    HostName::from_wire(name.as_bytes()).unwrap()
}

/// A question under construction: a TCP flow from 10.0.0.2 to an address that no prefix of the catalogue holds.
struct Case {
    facts: Facts,
    remote: IpAddr,
    port: u16,
    asn: Option<u32>,
    dns: Vec<NameCandidate>,
    hidden: Vec<NameCandidate>,
    near: Vec<Neighbour>,
    shared: Option<Shared>,
    origin: Option<Arc<ProcessRef>>,
    /// Whether the far end began the flow.
    asked: bool,
    inside: bool,
    unanswered: bool,
}

fn case() -> Case {
    Case {
        facts: Facts::default(),
        remote: "203.0.113.9".parse().unwrap(),
        port: 443,
        asn: None,
        dns: Vec::new(),
        hidden: Vec::new(),
        near: Vec::new(),
        shared: None,
        origin: None,
        asked: false,
        inside: false,
        unanswered: false,
    }
}

impl Case {
    /// The far end began it, from a port of a client, to port 443 of the device.
    fn asked_by_the_far_end(mut self) -> Self {
        self.asked = true;
        self.port = 50_000;
        self
    }

    fn name(mut self, origin: NameOrigin, name: &str) -> Self {
        self.facts.names.push(NameFact { name: host(name), origin, at: at(0) });
        self
    }

    /// An answer that came `age` seconds before the flow began.
    fn dns(mut self, name: &str, age: i64, ttl: u32, aliases: &[&str]) -> Self {
        let aliases = aliases.iter().map(|a| host(a)).collect();
        self.dns.push(NameCandidate { name: host(name), aliases, at: at(-age), ttl, via: LookupVia::Dns });
        self
    }

    /// Another flow of the client to the address, `age` seconds before this one.
    fn near(mut self, flow: u64, name: &str, age: i64) -> Self {
        let called = Called::Name(host(name), NameOrigin::TlsSni);
        self.near.push(Neighbour { flow: FlowId(flow), called, at: at(-age), until: at(-age) });
        self
    }

    fn hidden(mut self, name: &str) -> Self {
        let name = host(name);
        self.hidden.push(NameCandidate { name, aliases: vec![], at: at(-1), ttl: 60, via: LookupVia::Dns });
        self
    }

    fn shared(mut self) -> Self {
        self.shared = Some(Shared::Operator("cdn"));
        self
    }

    fn made_by(mut self, source: OriginSource, change: impl FnOnce(&mut ProcessRef)) -> Self {
        let mut maker = ProcessRef::unknown(source);
        change(&mut maker);
        self.origin = Some(Arc::new(maker));
        self
    }

    fn facts(mut self, change: impl FnOnce(&mut Facts)) -> Self {
        change(&mut self.facts);
        self
    }

    fn remote(mut self, addr: &str, asn: Option<u32>) -> Self {
        self.remote = addr.parse().unwrap();
        self.asn = asn;
        self
    }

    fn identify(self) -> Identification {
        self.identify_by(embedded())
    }

    fn identify_by(self, catalogue: Arc<Catalogue>) -> Identification {
        let remote = Endpoint::new(self.remote, self.port);
        let device = "10.0.0.2".parse().unwrap();
        let (source, destination) = if self.asked {
            (remote, Endpoint::new(device, 443))
        } else {
            (Endpoint::new(device, 50_000), remote)
        };
        let record = FlowRecord {
            id: FlowId(1),
            sequence: 0,
            point: Arc::new(ObservationPoint { id: 0, name: "test".into(), time_digits: 6 }),
            protocol: Protocol::TCP,
            source,
            destination,
            source_basis: SourceBasis::Handshake,
            source_mac: None,
            destination_mac: None,
            vlan: VlanTags::default(),
            tunnel: Tunnel::None,
            tunnel_depth: 0,
            start: at(0),
            end: at(1),
            forward: Counters::default(),
            reverse: Counters::default(),
            forward_total: Counters::default(),
            reverse_total: Counters { packets: u64::from(!self.unanswered), ..Counters::default() },
            tcp: None,
            first_answer: None,
            facts: Arc::new(self.facts),
            origin: self.origin,
            origin_conflict: false,
            relayed: false,
            end_reason: None,
        };
        let question = Question {
            record: &record,
            remote,
            asn: self.asn,
            inside: self.inside,
            dns: &self.dns,
            hidden: &self.hidden,
            near: &self.near,
            shared: self.shared,
            at: at(0),
        };
        let identification = Identifier::new(catalogue).identify(&question);
        well_formed(&identification);
        identification
    }
}

/// What holds for every answer.
fn well_formed(i: &Identification) {
    assert_eq!(i.tier.is_none(), i.evidence.is_empty(), "a tier exactly where there is evidence: {i:?}");
    assert_eq!(i.tier.is_none(), i.method.is_none(), "{i:?}");
    assert!(i.app.is_none() || (i.tier.is_some() && i.candidates.is_empty()), "{i:?}");
    assert!(i.evidence.len() <= 8 && i.candidates.len() <= 16, "{i:?}");
    if let Some(first) = i.evidence.first() {
        assert_eq!(Some(first.kind.word()), i.method, "the deciding evidence comes first: {i:?}");
    }
}

/// Application, tier and method in short.
fn said(i: &Identification) -> (Option<&str>, Option<Tier>, Option<&str>) {
    (i.app.as_ref().map(|a| &*a.id), i.tier, i.method)
}

fn values(evidence: &[Evidence]) -> Vec<&str> {
    evidence.iter().map(|e| &*e.value).collect()
}
