//! Weighs the grounds: which application, by which method, in which tier. The tiers are those of [`Tier`].
//!
//! | grounds | tier | names |
//! |---|---|---|
//! | a name in the flow (SNI, Host…), the application's own protocol | B | the application |
//! | one fresh name in this client's DNS or HTTPDNS answers; a certificate | C | the application |
//! | its protocol by shape alone, at its own address or name | C | the application |
//! | older, or several names of one application | D | the application, no host |
//! | several applications, or an unknown name beside a known one | D | candidates only |
//! | a prefix that nothing else is served from | E | the application |
//! | the vendor's own AS number or prefix | E | nothing |
//! | rented machines | F | nothing |
//!
//! A name in the flow wins over DNS; if fresh answers of the same client speak only of other applications, or the
//! protocol is another's, the tier drops by one and both stand in the evidence. A flow that *is* a DNS lookup is
//! traffic to the resolver: what it asks for is kept as evidence and names nothing.

use std::sync::Arc;

use super::application::{Application, AsRole};
use super::catalogue::Catalogue;
use super::evidence::{self, DnsView, FlowName};
use crate::model::{
    AppId, Endpoint, Evidence, EvidenceKind, FlowRecord, Identification, NameCandidate, NameOrigin,
    ProtocolProof, Tier, Timestamp,
};

/// More pieces than a reader weighs; the deciding ones come first.
const MAX_EVIDENCE: usize = 8;
/// More candidates than anyone chooses among.
const MAX_CANDIDATES: usize = 16;

/// All that is known of a flow when its application is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The flow as it was seen.
    pub record: &'a FlowRecord,
    /// Its far end, as seen from the device.
    pub remote: Endpoint,
    /// The AS number of the far end, where known.
    pub asn: Option<u32>,
    /// Names under which this client may have reached it.
    pub dns: &'a [NameCandidate],
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

    /// The application of a flow, or candidates, or the bare evidence.
    pub fn identify(&self, question: &Question<'_>) -> Identification {
        let catalogue = &*self.catalogue;
        if is_lookup(question.record) {
            return lookup(question.record);
        }
        let names = evidence::flow_names(catalogue, question);
        let dns = DnsView::read(catalogue, question);
        let prefix = evidence::prefix(catalogue, question);
        let protocol = evidence::protocol(catalogue, question).filter(|(app, _)| {
            let holder = prefix.as_ref().map(|(holder, _, _)| *holder);
            evidence::carries(catalogue, question, app, &names, &dns, holder)
        });

        let mut outcome = decide(&names, &dns, protocol.as_ref(), prefix.as_ref());
        if outcome.method == Some(EvidenceKind::AppProtocol.word())
            && question.record.facts.app_protocol_proof == ProtocolProof::Weak
        {
            outcome.tier = Some(Tier::C);
        }
        let app = outcome.app;

        let mut weighed = Vec::with_capacity(MAX_EVIDENCE);
        let deciding = names.iter().filter(|n| Some(n.origin.word()) == outcome.method);
        let (of_app, others): (Vec<_>, Vec<_>) =
            deciding.partition(|n| app.is_none_or(|a| n.app.is_some_and(|b| b.app.id == a.app.id)));
        weighed.extend(of_app.into_iter().map(|n| n.evidence.clone()));
        if outcome.method == Some(EvidenceKind::AppProtocol.word()) {
            weighed.extend(protocol.as_ref().map(|(_, e)| e.clone()));
        }
        if outcome.method == Some(EvidenceKind::AddressPrefix.word()) {
            weighed.extend(prefix.as_ref().map(|(_, _, e)| e.clone()));
        }
        let rest = names.iter().filter(|n| Some(n.origin.word()) != outcome.method);
        // A contradiction must be seen even when names alone would fill the list.
        let names_shown: Vec<_> = others.into_iter().chain(rest).map(|n| n.evidence.clone()).collect();
        let dns_decides = [EvidenceKind::DnsAnswer, EvidenceKind::HttpdnsAnswer]
            .into_iter()
            .any(|kind| outcome.method == Some(kind.word()));
        if outcome.contradicted || dns_decides {
            weighed.truncate(MAX_EVIDENCE / 2);
            push_dns(&mut weighed, &dns, app);
            add(&mut weighed, protocol.as_ref().map(|(_, e)| e.clone()));
            weighed.extend(names_shown);
        } else {
            weighed.extend(names_shown);
            add(&mut weighed, protocol.as_ref().map(|(_, e)| e.clone()));
            push_dns(&mut weighed, &dns, app);
        }
        if let Some(app) = app {
            add(&mut weighed, evidence::alias_support(catalogue, question, app));
        }
        add(&mut weighed, prefix.map(|(_, _, e)| e));
        if let Some((role, number)) = evidence::as_number(catalogue, question, app) {
            if outcome.tier.is_none() {
                outcome.tier = Some(if role == AsRole::Own { Tier::E } else { Tier::F });
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
        }
    }
}

/// What was concluded, before the evidence is put in order.
#[derive(Default)]
struct Outcome<'c> {
    app: Option<&'c Application>,
    tier: Option<Tier>,
    method: Option<&'static str>,
    candidates: Vec<AppId>,
    contradicted: bool,
}

type ProtocolClaim<'c> = (&'c Application, Evidence);
type PrefixClaim<'c> = (&'c Application, bool, Evidence);

/// The order of the methods: flow names, protocol, DNS, certificate, own prefix.
fn decide<'c>(
    names: &[FlowName<'c>],
    dns: &DnsView<'c>,
    protocol: Option<&ProtocolClaim<'c>>,
    prefix: Option<&PrefixClaim<'c>>,
) -> Outcome<'c> {
    let spoken = || names.iter().filter(|n| !n.certificate && !n.cover);
    let apps = evidence::distinct(spoken().filter_map(|n| n.app));
    match *apps.as_slice() {
        [app] => return by_name(app, spoken(), dns, protocol),
        [] => {}
        // One connection, several applications: a proxy. Nobody can say whose the bytes are.
        _ => {
            return Outcome {
                tier: Some(Tier::D),
                method: spoken().find(|n| n.app.is_some()).map(|n| n.origin.word()),
                candidates: ids(apps.iter().map(|a| &a.app.id)),
                ..Outcome::default()
            };
        }
    }
    if let Some((app, evidence)) = protocol {
        return named(app, Tier::B, evidence.kind.word());
    }
    let own_prefix = prefix.filter(|(_, own, _)| *own).map(|(app, _, e)| named(app, Tier::E, e.kind.word()));
    // The flow says where it goes, and the catalogue does not know it: older lookups of the address say nothing more.
    if let Some(name) = spoken().find(|n| n.name.is_valid()) {
        return own_prefix.unwrap_or(Outcome {
            tier: Some(Tier::B),
            method: Some(name.origin.word()),
            ..Outcome::default()
        });
    }
    let certified = by_certificate(names, dns);
    let resolved = by_dns(dns);
    pick([resolved, certified, own_prefix]).or_else(|| cover_only(names, prefix)).unwrap_or_default()
}

/// The first that names an application; else the first that says anything.
fn pick<const N: usize>(outcomes: [Option<Outcome<'_>>; N]) -> Option<Outcome<'_>> {
    let mut said = None;
    for outcome in outcomes.into_iter().flatten() {
        if outcome.app.is_some() {
            return Some(outcome);
        }
        said = said.or(Some(outcome));
    }
    said
}

fn named<'c>(app: &'c Application, tier: Tier, method: &'static str) -> Outcome<'c> {
    Outcome { app: Some(app), tier: Some(tier), method: Some(method), ..Outcome::default() }
}

fn by_name<'a, 'c: 'a>(
    app: &'c Application,
    spoken: impl Iterator<Item = &'a FlowName<'c>>,
    dns: &DnsView<'c>,
    protocol: Option<&ProtocolClaim<'c>>,
) -> Outcome<'c> {
    let method =
        spoken.into_iter().find(|n| n.app.is_some_and(|a| a.app.id == app.app.id)).map(|n| n.origin.word());
    let contradicted = dns.contradicts(app) || protocol.is_some_and(|(other, _)| other.app.id != app.app.id);
    let tier = if contradicted { Tier::C } else { Tier::B };
    Outcome { app: Some(app), tier: Some(tier), method, contradicted, ..Outcome::default() }
}

fn by_certificate<'c>(names: &[FlowName<'c>], dns: &DnsView<'c>) -> Option<Outcome<'c>> {
    let method = NameOrigin::Certificate.word();
    let certified = names.iter().filter(|n| n.certificate && n.name.is_valid());
    let unknown = certified.clone().any(|n| n.app.is_none());
    let apps = evidence::distinct(certified.clone().filter_map(|n| n.app));
    match *apps.as_slice() {
        [app] if !unknown => {
            let contradicted = dns.contradicts(app);
            let tier = if contradicted { Tier::D } else { Tier::C };
            Some(Outcome { contradicted, ..named(app, tier, method) })
        }
        [] if certified.count() == 0 => None,
        _ => Some(Outcome {
            tier: Some(Tier::D),
            method: Some(method),
            candidates: ids(apps.iter().map(|a| &a.app.id)),
            ..Outcome::default()
        }),
    }
}

fn by_dns<'c>(dns: &DnsView<'c>) -> Option<Outcome<'c>> {
    if dns.names == 0 {
        return None;
    }
    let method = dns.evidence.first().map_or(EvidenceKind::DnsAnswer, |e| e.kind).word();
    Some(match *dns.apps.as_slice() {
        [app] if dns.unknown == 0 => {
            let tier = if dns.names == 1 && dns.all_fresh { Tier::C } else { Tier::D };
            named(app, tier, method)
        }
        _ => Outcome {
            tier: Some(Tier::D),
            method: Some(method),
            candidates: ids(dns.ids.iter()),
            ..Outcome::default()
        },
    })
}

/// Grounds that say nothing of the application but must not be lost: a cover name, a shared prefix.
fn cover_only<'c>(names: &[FlowName<'c>], prefix: Option<&PrefixClaim<'c>>) -> Option<Outcome<'c>> {
    let (tier, method) = match (prefix, names.first()) {
        (Some((_, _, e)), _) => (Tier::E, e.kind.word()),
        (None, Some(name)) => (Tier::F, name.origin.word()),
        (None, None) => return None,
    };
    Some(Outcome { tier: Some(tier), method: Some(method), ..Outcome::default() })
}

fn ids<'a>(ids: impl Iterator<Item = &'a AppId>) -> Vec<AppId> {
    let mut ids: Vec<AppId> = ids.cloned().collect();
    ids.sort();
    ids.dedup();
    ids.truncate(MAX_CANDIDATES);
    ids
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
fn is_lookup(record: &FlowRecord) -> bool {
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
    Identification { app: None, tier, method, evidence, candidates: Vec::new() }
}
