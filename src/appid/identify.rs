//! Weighs the grounds: which application, by which method, in which tier. The tiers are those of [`Tier`]; why they are
//! so stands in docs/adr/0012. The maker of a flow (tier A) is laid over in [`super::owner`].
//!
//! | grounds | tier | names |
//! |---|---|---|
//! | a name in the flow (SNI, Host…), the application's own protocol | B | the application |
//! | one fresh name in this client's DNS or HTTPDNS answers; a certificate | C | the application |
//! | another flow of the client to the address, called by one application's name | C | the application |
//! | its protocol by shape alone, at its own address or name | C | the application |
//! | older, or several names of one application; a neighbour on a shared address; names behind a cover | D | the application, no host |
//! | several applications, or an unknown name beside a known one | D | candidates only |
//! | a prefix or a whole AS that nothing else is served from, where the far end serves | E | the application |
//! | the vendor's own AS number or prefix | E | nothing |
//! | rented machines | F | nothing |
//!
//! A name in the flow wins over DNS; if fresh answers of the same client speak only of other applications, or the
//! protocol is another's, the tier drops by one and both stand in the evidence. A flow that *is* a DNS lookup is
//! traffic to the resolver: what it asks for is kept as evidence and names nothing.

use std::net::IpAddr;
use std::sync::Arc;

use super::application::{Application, AsRole};
use super::catalogue::Catalogue;
use super::evidence::{self, DnsView};
use super::fronts::Shared;
use super::near::NearView;
use super::neighbours::{Called, Neighbour};
use super::owner;
use super::weigh::{self, Grounds, Outcome};
use crate::model::{
    Endpoint, Evidence, EvidenceKind, FlowRecord, HostName, Identification, NameCandidate, NameOrigin,
    ProtocolProof, Tier, Timestamp,
};

/// More pieces than a reader weighs; the deciding ones come first.
const MAX_EVIDENCE: usize = 8;

/// All that is known of a flow when its application is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The flow as it was seen.
    pub record: &'a FlowRecord,
    /// Its far end, as seen from the device.
    pub remote: Endpoint,
    /// The AS number of the far end, where known.
    pub asn: Option<u32>,
    /// Whether the device stands in the same network (AS) itself.
    pub inside: bool,
    /// Names under which this client may have reached it.
    pub dns: &'a [NameCandidate],
    /// Names that this client resolved and that may stand behind the cover that the flow shows.
    pub hidden: &'a [NameCandidate],
    /// Other flows of this client to the same address that said what they are.
    pub near: &'a [Neighbour],
    /// Whether the address serves others too.
    pub shared: Option<Shared>,
    /// The time by which DNS answers are fresh or not: the flow's start.
    pub at: Timestamp,
}

/// Names the application of a flow by a catalogue. Has no state: the same question gets the same answer.
#[derive(Debug, Clone)]
pub struct Identifier {
    catalogue: Arc<Catalogue>,
}

impl Identifier {
    /// An identifier by `catalogue`.
    pub fn new(catalogue: Arc<Catalogue>) -> Self {
        Self { catalogue }
    }

    /// The catalogue in use.
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    /// The application of a flow, or candidates, or the bare evidence. Where the maker of the flow is known and names an
    /// application, that is the answer, and what the network alone says stands beside it.
    pub fn identify(&self, question: &Question<'_>) -> Identification {
        owner::over(&self.catalogue, question.record, self.by_network(question))
    }

    /// The covers (Encrypted Client Hello) that a flow shows in place of names.
    pub fn covers<'r>(&self, record: &'r FlowRecord) -> impl Iterator<Item = &'r HostName> {
        let facts = &record.facts;
        facts.names.iter().filter(|n| evidence::is_cover(&self.catalogue, facts, n)).map(|n| &n.name)
    }

    /// What a flow calls itself, for its neighbours: its application's own protocol, and the names by which the client called
    /// the far end; no cover, no address, and nothing of a lookup.
    pub fn called(&self, record: &FlowRecord) -> Vec<(Called, Timestamp)> {
        let facts = &record.facts;
        if is_lookup(record) || facts.peer {
            return Vec::new();
        }
        let spoken = facts.names.iter().filter(|n| {
            n.name.is_valid()
                && !matches!(n.origin, NameOrigin::DnsQuestion | NameOrigin::Certificate)
                && n.name.as_str().parse::<IpAddr>().is_err()
                && !evidence::is_cover(&self.catalogue, facts, n)
        });
        let names = spoken.map(|n| (Called::Name(n.name.clone(), n.origin), n.at));
        let strong = facts.app_protocol.filter(|_| facts.app_protocol_proof == ProtocolProof::Strong);
        strong.map(|word| (Called::Protocol(word), record.start)).into_iter().chain(names).collect()
    }

    /// What the network alone says.
    fn by_network(&self, question: &Question<'_>) -> Identification {
        let catalogue = &*self.catalogue;
        if is_lookup(question.record) {
            return lookup(question.record);
        }
        // Another user's device is no server of anybody's: its address says nothing.
        let peer = question.record.facts.peer;
        let names = evidence::flow_names(catalogue, question);
        let dns = DnsView::read(catalogue, question, if peer { &[] } else { question.dns }, None);
        let network = if peer { None } else { evidence::network(catalogue, question) };
        let protocol = evidence::protocol(catalogue, question).filter(|(app, _)| {
            let holder = network.as_ref().map(|(holder, _, _)| *holder);
            evidence::carries(catalogue, question, app, &names, &dns, holder)
        });
        let near = NearView::read(catalogue, question);
        let hidden = DnsView::read(catalogue, question, question.hidden, Some(EvidenceKind::EchCandidate));
        let grounds = Grounds {
            names: &names,
            protocol: protocol.as_ref(),
            dns: &dns,
            near: &near,
            hidden: &hidden,
            network: network.as_ref(),
            shared: question.shared,
        };
        let mut outcome = weigh::decide(&grounds);
        if outcome.method == Some(EvidenceKind::AppProtocol.word())
            && question.record.facts.app_protocol_proof == ProtocolProof::Weak
        {
            outcome.tier = Some(Tier::C);
        }
        let mut weighed = in_order(&grounds, &outcome);
        let app = outcome.app;
        if let Some(app) = app {
            add(&mut weighed, evidence::alias_support(catalogue, question, app));
        }
        add(&mut weighed, network.map(|(_, _, e)| e));
        if let Some((role, number)) = evidence::as_number(catalogue, question, app).filter(|_| !peer) {
            if outcome.tier.is_none() {
                // On a shared address not even the vendor's own network says whose data it is, only who hosts it.
                let own = role == AsRole::Own && question.shared.is_none();
                outcome.tier = Some(if own { Tier::E } else { Tier::F });
                outcome.method = Some(number.kind.word());
            }
            add(&mut weighed, Some(number));
        }
        if let Some(app) = app {
            add(&mut weighed, evidence::port(question, app));
        }
        weighed.truncate(MAX_EVIDENCE);

        Identification {
            app: app.map(|a| Arc::clone(&a.app)),
            tier: outcome.tier,
            method: outcome.method,
            evidence: weighed,
            candidates: outcome.candidates,
            network: None,
        }
    }
}

/// The evidence: what decided, then what contradicts it, then the rest.
fn in_order(grounds: &Grounds<'_, '_>, outcome: &Outcome<'_>) -> Vec<Evidence> {
    let by = |kind: EvidenceKind| outcome.method == Some(kind.word());
    let mut weighed = Vec::with_capacity(MAX_EVIDENCE);
    let deciding = grounds.names.iter().filter(|n| Some(n.origin.word()) == outcome.method);
    let (of_app, others): (Vec<_>, Vec<_>) =
        deciding.partition(|n| outcome.app.is_none_or(|a| n.app.is_some_and(|b| b.app.id == a.app.id)));
    weighed.extend(of_app.into_iter().map(|n| n.evidence.clone()));
    let protocol = || grounds.protocol.map(|(_, e)| e.clone());
    let near = || grounds.near.evidence.iter().take(MAX_EVIDENCE / 2).cloned();
    if by(EvidenceKind::AppProtocol) {
        weighed.extend(protocol());
    }
    if by(EvidenceKind::AddressPrefix) || by(EvidenceKind::AsNumber) {
        weighed.extend(grounds.network.map(|(_, _, e)| e.clone()));
    }
    if by(EvidenceKind::Neighbour) {
        weighed.extend(near());
    }
    if by(EvidenceKind::EchCandidate) {
        weighed.extend(grounds.hidden.evidence.iter().take(MAX_EVIDENCE / 2).cloned());
    }
    let rest = grounds.names.iter().filter(|n| Some(n.origin.word()) != outcome.method);
    // A contradiction must be seen even when names alone would fill the list.
    let names = others.into_iter().chain(rest).map(|n| n.evidence.clone());
    let lookups_first =
        outcome.contradicted || by(EvidenceKind::DnsAnswer) || by(EvidenceKind::HttpdnsAnswer);
    if lookups_first {
        weighed.truncate(MAX_EVIDENCE / 2);
        push_dns(&mut weighed, grounds.dns, outcome.app);
        add(&mut weighed, protocol());
        weighed.extend(names);
    } else {
        weighed.extend(names);
        add(&mut weighed, protocol());
        push_dns(&mut weighed, grounds.dns, outcome.app);
    }
    // Where nothing else was weighed, a neighbour without an application is worth a line too.
    if grounds.names.iter().all(|n| n.certificate || n.cover) {
        near().for_each(|e| add(&mut weighed, Some(e)));
    }
    // What lowers it stands behind what it lowers.
    if let Some(shared) = grounds.shared.filter(|_| outcome.shared) {
        weighed.insert(weighed.len().min(1), evidence::shared(shared));
    }
    weighed
}

/// Adds a piece unless it is there already.
fn add(weighed: &mut Vec<Evidence>, piece: Option<Evidence>) {
    let new = piece.filter(|piece| !weighed.contains(piece));
    weighed.extend(new);
}

/// DNS answers of the application first, then the others.
fn push_dns(weighed: &mut Vec<Evidence>, dns: &DnsView<'_>, app: Option<&Application>) {
    let own = |e: &&Evidence| {
        app.is_some_and(|a| {
            e.matched.as_ref().is_some_and(|m| a.domains.iter().any(|d| Arc::ptr_eq(&d.label, m)))
        })
    };
    weighed.extend(dns.evidence.iter().filter(own).cloned());
    weighed.extend(dns.evidence.iter().filter(|e| !own(e)).cloned());
}

/// Whether the flow itself is a name lookup.
pub(super) fn is_lookup(record: &FlowRecord) -> bool {
    let facts = &record.facts;
    facts.names.iter().any(|n| n.origin == NameOrigin::DnsQuestion)
        || matches!(facts.protocol, Some("dns" | "mdns" | "llmnr"))
}

/// A lookup names nothing: its far end is the resolver. The questions are kept.
fn lookup(record: &FlowRecord) -> Identification {
    let questions = record.facts.names.iter().filter(|n| n.origin == NameOrigin::DnsQuestion);
    let evidence: Vec<_> = questions
        .take(MAX_EVIDENCE)
        .map(|n| Evidence {
            kind: EvidenceKind::FlowName(n.origin.word()),
            value: n.name.as_str().into(),
            at: Some(n.at),
            matched: None,
            source: None,
        })
        .collect();
    let tier = (!evidence.is_empty()).then_some(Tier::F);
    let method = tier.map(|_| NameOrigin::DnsQuestion.word());
    Identification { app: None, tier, method, evidence, candidates: Vec::new(), network: None }
}
