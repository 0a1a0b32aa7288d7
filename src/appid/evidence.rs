//! Reads the grounds out of a question: flow names, DNS candidates, protocol, prefix, AS number. Nothing is decided here.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::application::{AppRole, Application, AsRole, AsnFact, Confidence, DomainFact};
use super::catalogue::Catalogue;
use super::fronts::Shared;
use super::identify::Question;
use crate::model::{
    AppId, Ech, Evidence, EvidenceKind, Facts, HostName, LookupVia, NameCandidate, NameFact, NameOrigin,
    ProtocolProof,
};

/// A DNS answer with a shorter life is still trusted this long: applications hold addresses past it.
const SHORTEST_LIFE: u32 = 60;
/// Connecting takes a moment after the answer has run out.
const GRACE: u32 = 30;
/// On an address that serves others too an older answer names nothing: another's flow may be meant by now.
const SHARED_LIFE: Duration = Duration::from_secs(600);
/// More candidates than `enrich` keeps for one address; a caller's mistake must not cost time.
const MAX_CANDIDATES_READ: usize = 64;

/// A name in the flow and what the catalogue says of it.
pub(super) struct FlowName<'c> {
    pub(super) name: HostName,
    pub(super) app: Option<&'c Application>,
    /// A certificate speaks for the server, not for what this client wanted.
    pub(super) certificate: bool,
    /// A cover (Encrypted Client Hello): says nothing of the application.
    pub(super) cover: bool,
    pub(super) origin: NameOrigin,
    pub(super) evidence: Evidence,
}

/// What the flow itself says by names, in the order seen. DNS questions are left out.
pub(super) fn flow_names<'c>(catalogue: &'c Catalogue, question: &Question<'_>) -> Vec<FlowName<'c>> {
    let facts = &question.record.facts;
    let names = facts.names.iter().filter(|n| n.origin != NameOrigin::DnsQuestion);
    names
        .map(|fact| {
            let outer = outer(catalogue, facts, fact);
            let cover = is_cover(catalogue, facts, fact);
            let met = if cover { None } else { catalogue.fact_above(&fact.name) };
            let shown = outer.or(met.map(|(_, d)| d));
            let label = shown.map(|d| {
                if cover { format!("cover name {}", d.domain).into() } else { Arc::clone(&d.label) }
            });
            FlowName {
                name: fact.name.clone(),
                app: met.filter(|(_, d)| d.confidence == Confidence::Good).map(|(a, _)| a),
                certificate: fact.origin == NameOrigin::Certificate,
                cover,
                origin: fact.origin,
                evidence: Evidence {
                    kind: EvidenceKind::FlowName(fact.origin.word()),
                    value: fact.name.as_str().into(),
                    at: Some(fact.at),
                    matched: label,
                    source: shown.map(|d| Arc::clone(&d.source.label)),
                },
            }
        })
        .collect()
}

/// The catalogue's fact for a cover name, where a greeting with Encrypted Client Hello shows one.
fn outer<'c>(catalogue: &'c Catalogue, facts: &Facts, fact: &NameFact) -> Option<&'c DomainFact> {
    (is_hello(fact) && facts.ech.is_offered()).then(|| catalogue.outer_name(&fact.name)).flatten()
}

const fn is_hello(fact: &NameFact) -> bool {
    matches!(fact.origin, NameOrigin::TlsSni | NameOrigin::QuicSni | NameOrigin::DtlsSni)
}

/// Whether a name is a cover, so that it says nothing of the application.
pub(super) fn is_cover(catalogue: &Catalogue, facts: &Facts, fact: &NameFact) -> bool {
    (is_hello(fact) && facts.ech == Ech::Real) || outer(catalogue, facts, fact).is_some()
}

/// What this client's own lookups say of the remote address.
#[derive(Default)]
pub(super) struct DnsView<'c> {
    /// Applications of candidates with a fact that can carry them.
    pub(super) apps: Vec<&'c Application>,
    /// All that the candidates point at, also by facts of low confidence.
    pub(super) ids: BTreeSet<AppId>,
    /// Applications of candidates that are still fresh.
    pub(super) fresh: BTreeSet<AppId>,
    /// Valid names that the catalogue does not know, or knows only with low confidence.
    pub(super) unknown: usize,
    /// Those of them that are too old for a shared address.
    pub(super) spent: usize,
    /// Distinct valid names.
    pub(super) names: usize,
    /// Whether all of them are fresh.
    pub(super) all_fresh: bool,
    /// Each name with its match; fresh ones first, then as given.
    pub(super) evidence: Vec<Evidence>,
}

impl DnsView<'_> {
    /// Reads `candidates`; as evidence they are of `kind`, or of the kind of lookup that each came by.
    pub(super) fn read<'c>(
        catalogue: &'c Catalogue,
        question: &Question<'_>,
        candidates: &[NameCandidate],
        kind: Option<EvidenceKind>,
    ) -> DnsView<'c> {
        let mut view = DnsView { all_fresh: true, ..DnsView::default() };
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let valid = || candidates.iter().take(MAX_CANDIDATES_READ).filter(|c| c.name.is_valid());
        let fresh_first =
            valid().filter(|c| is_fresh(c, question)).chain(valid().filter(|c| !is_fresh(c, question)));
        for candidate in fresh_first {
            if !seen.insert(candidate.name.as_str()) {
                continue;
            }
            let fresh = is_fresh(candidate, question);
            view.names += 1;
            view.all_fresh &= fresh;
            let met = catalogue.fact_above(&candidate.name);
            view.evidence.push(Evidence {
                kind: kind.unwrap_or(lookup_kind(candidate)),
                value: candidate.name.as_str().into(),
                at: Some(candidate.at).filter(|_| candidate.via != LookupVia::CaptureFile),
                matched: met.map(|(_, d)| Arc::clone(&d.label)),
                source: met.map(|(_, d)| Arc::clone(&d.source.label)),
            });
            if let Some((app, _)) = met {
                view.ids.insert(Arc::clone(&app.app.id));
            }
            if question.shared.is_some() && question.at.since(candidate.at) > SHARED_LIFE {
                view.unknown += 1;
                view.spent += 1;
                continue;
            }
            let Some((app, _)) = met.filter(|(_, d)| d.confidence == Confidence::Good) else {
                view.unknown += 1;
                continue;
            };
            if fresh {
                view.fresh.insert(Arc::clone(&app.app.id));
            }
            if !view.apps.iter().any(|a| a.app.id == app.app.id) {
                view.apps.push(app);
            }
        }
        view
    }

    /// Whether fresh answers point at applications, and none of them is `app`.
    pub(super) fn contradicts(&self, app: &Application) -> bool {
        !self.fresh.is_empty() && !self.ids.contains(&app.app.id)
    }
}

const fn lookup_kind(candidate: &NameCandidate) -> EvidenceKind {
    match candidate.via {
        LookupVia::Dns => EvidenceKind::DnsAnswer,
        LookupVia::Httpdns => EvidenceKind::HttpdnsAnswer,
        LookupVia::CaptureFile => EvidenceKind::CaptureName,
    }
}

fn is_fresh(candidate: &NameCandidate, question: &Question<'_>) -> bool {
    let life = Duration::from_secs(u64::from(candidate.ttl.max(SHORTEST_LIFE)) + u64::from(GRACE));
    // Nobody knows when the capture file's own names were looked up, or whether they only name the machine.
    candidate.via != LookupVia::CaptureFile
        && candidate.at <= question.at
        && question.at.since(candidate.at) <= life
}

/// Names that the lookups led to (CNAME), where they belong to `app`: they support it and never name it.
pub(super) fn alias_support(
    catalogue: &Catalogue,
    question: &Question<'_>,
    app: &Application,
) -> Option<Evidence> {
    let aliases =
        question.dns.iter().take(MAX_CANDIDATES_READ).flat_map(|c| c.aliases.iter().map(move |a| (c, a)));
    aliases.take(MAX_CANDIDATES_READ).find_map(|(candidate, alias)| {
        let (owner, fact) = catalogue.match_name(alias)?;
        (owner.app.id == app.app.id).then(|| Evidence {
            kind: lookup_kind(candidate),
            value: alias.as_str().into(),
            at: Some(candidate.at),
            matched: Some(Arc::clone(&fact.label)),
            source: Some(Arc::clone(&fact.source.label)),
        })
    })
}

/// The application whose own protocol was seen.
pub(super) fn protocol<'c>(
    catalogue: &'c Catalogue,
    question: &Question<'_>,
) -> Option<(&'c Application, Evidence)> {
    let word = question.record.facts.app_protocol?;
    let (app, fact) = catalogue.protocol(word)?;
    let evidence = Evidence {
        kind: EvidenceKind::AppProtocol,
        value: word.into(),
        at: Some(question.record.start),
        matched: Some(Arc::clone(&fact.label)),
        source: Some(Arc::clone(&fact.source.label)),
    };
    Some((app, evidence))
}

/// Whether a protocol that was recognised by shape alone may name `app`: the far end or a name must be the
/// application's too.
pub(super) fn carries(
    catalogue: &Catalogue,
    question: &Question<'_>,
    app: &Application,
    names: &[FlowName<'_>],
    dns: &DnsView<'_>,
    prefix: Option<&Application>,
) -> bool {
    question.record.facts.app_protocol_proof == ProtocolProof::Strong
        || prefix.is_some_and(|p| p.app.id == app.app.id)
        || names.iter().any(|n| !n.cover && n.app.is_some_and(|a| a.app.id == app.app.id))
        || dns.ids.contains(&app.app.id)
        || as_number(catalogue, question, Some(app)).is_some_and(|(role, _)| role == AsRole::Own)
}

/// The network of the remote, and whether nothing but the application is served from it: its own prefix, its own AS,
/// or a prefix that says less, in this order.
///
/// Only a far end that serves is served from anywhere. One that began the flow is a client: an office, a crawler, a
/// webhook, a scanner of the vendor's, and what it asks for is ours. And from within a network its machines are
/// neighbours: those of the vendor's house, or of a laboratory that borrowed its addresses.
pub(super) fn network<'c>(
    catalogue: &'c Catalogue,
    question: &Question<'_>,
) -> Option<(&'c Application, bool, Evidence)> {
    let mut prefix = prefix(catalogue, question);
    if question.inside || question.record.source == question.remote {
        if let Some((_, own, _)) = &mut prefix {
            *own = false;
        }
        return prefix;
    }
    if prefix.as_ref().is_some_and(|(_, own, _)| *own) {
        return prefix;
    }
    own_as(catalogue, question).map(|(app, evidence)| (app, true, evidence)).or(prefix)
}

/// The application whose own network the remote's AS number is, where it serves nothing else. It must have answered:
/// resolvers that lie send those who ask for something else to addresses of great names (China's to Twitter's).
fn own_as<'c>(catalogue: &'c Catalogue, question: &Question<'_>) -> Option<(&'c Application, Evidence)> {
    let asn = question.asn.filter(|_| question.record.reverse_total.packets > 0)?;
    let mut claims = catalogue.index.asn(asn).iter().filter_map(|&place| catalogue.asn(place));
    let (app, fact) = claims.find(|(_, fact)| fact.own_service)?;
    Some((app, as_evidence(asn, fact)))
}

/// The longest prefix of the catalogue that holds the remote, and whether it is the application's own.
fn prefix<'c>(
    catalogue: &'c Catalogue,
    question: &Question<'_>,
) -> Option<(&'c Application, bool, Evidence)> {
    let addr = question.remote.addr.to_canonical();
    let (app, fact) = catalogue.index.address_matches(addr).find_map(|place| catalogue.prefix(place))?;
    let evidence = Evidence {
        kind: EvidenceKind::AddressPrefix,
        value: addr.to_string().into(),
        at: None,
        matched: Some(Arc::clone(&fact.label)),
        source: Some(Arc::clone(&fact.source.label)),
    };
    Some((app, fact.own_service, evidence))
}

/// What the remote's AS number says: the vendor (own) or only where it is hosted. With `of`, only whether the vendor
/// of a named application runs it. Networks in which a vendor is a guest say nothing of a flow without a name.
pub(super) fn as_number(
    catalogue: &Catalogue,
    question: &Question<'_>,
    of: Option<&Application>,
) -> Option<(AsRole, Evidence)> {
    let asn = question.asn?;
    let claims = catalogue.index.asn(asn).iter().filter_map(|&place| catalogue.asn(place));
    let (_, fact) = claims
        .filter(|(a, fact)| match of {
            Some(of) => of.app.vendor == a.app.vendor,
            None => matches!(fact.role, AsRole::Own | AsRole::VendorCloud),
        })
        .min_by_key(|(_, fact)| fact.role)?;
    Some((fact.role, as_evidence(asn, fact)))
}

fn as_evidence(asn: u32, fact: &AsnFact) -> Evidence {
    Evidence {
        kind: EvidenceKind::AsNumber,
        value: format!("AS{asn}").into(),
        at: None,
        matched: Some(Arc::clone(&fact.label)),
        source: Some(Arc::clone(&fact.source.label)),
    }
}

/// A port of `app`, where the remote uses one. Supports, never names.
pub(super) fn port(question: &Question<'_>, app: &Application) -> Option<Evidence> {
    let port = question.remote.port;
    let holds = |first, last| (first..=last).contains(&port);
    let fact = app.ports.iter().find(|p| p.protocol == question.record.protocol && holds(p.first, p.last))?;
    Some(Evidence {
        kind: EvidenceKind::Port,
        value: format!("{}/{port}", fact.protocol).into(),
        at: None,
        matched: Some(Arc::clone(&fact.label)),
        source: Some(Arc::clone(&fact.source.label)),
    })
}

/// Why the address says less than it seems to.
pub(super) fn shared(shared: Shared) -> Evidence {
    Evidence {
        kind: EvidenceKind::SharedAddress,
        value: shared.word().into(),
        at: None,
        matched: None,
        source: None,
    }
}

/// Keeps one application of each id, and drops infrastructure where anything else stands beside it.
pub(super) fn distinct<'c>(apps: impl Iterator<Item = &'c Application>) -> Vec<&'c Application> {
    let mut kept: Vec<&Application> = Vec::new();
    for app in apps {
        if !kept.iter().any(|k| k.app.id == app.app.id) {
            kept.push(app);
        }
    }
    if kept.iter().any(|a| a.role != AppRole::Infrastructure) {
        kept.retain(|a| a.role != AppRole::Infrastructure);
    }
    kept
}
