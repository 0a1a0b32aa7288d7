//! From grounds to a conclusion: which application, in which tier, by which method. [`super::identify`] says what each
//! ground is worth; here grounds meet.
//!
//! Grounds of different kinds that speak of one application raise each other, but never above C: only what stands in
//! the flow itself is stronger. Grounds of one kind do not add up. Grounds that contradict lower the better one by a
//! tier; where none is better, or the tier left could name nothing, all that were named are candidates.

use super::application::Application;
use super::evidence::{self, DnsView, FlowName};
use super::fronts::Shared;
use super::near::NearView;
use crate::model::{AppId, Evidence, EvidenceKind, NameOrigin, Tier};

/// More candidates than anyone chooses among.
const MAX_CANDIDATES: usize = 16;

/// What was concluded, before the evidence is put in order.
#[derive(Default)]
pub(super) struct Outcome<'c> {
    pub(super) app: Option<&'c Application>,
    pub(super) tier: Option<Tier>,
    pub(super) method: Option<&'static str>,
    pub(super) candidates: Vec<AppId>,
    pub(super) contradicted: bool,
    /// Whether it is lower for the address being shared.
    pub(super) shared: bool,
}

pub(super) type ProtocolClaim<'c> = (&'c Application, Evidence);
pub(super) type NetworkClaim<'c> = (&'c Application, bool, Evidence);

/// All that speaks of a flow.
pub(super) struct Grounds<'g, 'c> {
    pub(super) names: &'g [FlowName<'c>],
    pub(super) protocol: Option<&'g ProtocolClaim<'c>>,
    pub(super) dns: &'g DnsView<'c>,
    pub(super) near: &'g NearView<'c>,
    /// Names that may stand behind a cover.
    pub(super) hidden: &'g DnsView<'c>,
    pub(super) network: Option<&'g NetworkClaim<'c>>,
    pub(super) shared: Option<Shared>,
}

/// What stands in the flow goes first: names, then the application's own protocol. Without either, the others meet.
pub(super) fn decide<'c>(grounds: &Grounds<'_, 'c>) -> Outcome<'c> {
    let spoken = || grounds.names.iter().filter(|n| !n.certificate && !n.cover);
    let apps = evidence::distinct(spoken().filter_map(|n| n.app));
    match *apps.as_slice() {
        [app] => return by_name(app, spoken(), grounds),
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
    if let Some((app, evidence)) = grounds.protocol {
        return named(app, Tier::B, evidence.kind.word());
    }
    let own = by_network(grounds);
    // The flow says where it goes, and the catalogue does not know it: older lookups of the address say nothing more, nor
    // does a whole AS, where a guest may have one machine.
    if let Some(name) = spoken().find(|n| n.name.is_valid()) {
        let prefix = own.filter(|o| o.method == Some(EvidenceKind::AddressPrefix.word()));
        return prefix.unwrap_or(Outcome {
            tier: Some(Tier::B),
            method: Some(name.origin.word()),
            ..Outcome::default()
        });
    }
    if let Some(cover) = grounds.names.iter().find(|n| n.cover) {
        return under_cover(cover, grounds);
    }
    let certified = by_certificate(grounds.names, grounds.dns);
    let claims = [by_dns(grounds), certified, by_neighbour(grounds), own];
    meet(claims.into_iter().flatten().collect())
        .or_else(|| without_app(grounds.names, grounds.network))
        .unwrap_or_default()
}

/// Claims of different kinds, the order deciding between equals.
fn meet(claims: Vec<Outcome<'_>>) -> Option<Outcome<'_>> {
    let apps = evidence::distinct(claims.iter().filter_map(|c| c.app));
    let of = |claim: &Outcome<'_>, app: &Application| claim.app.is_some_and(|a| a.app.id == app.app.id);
    // A set without this application speaks against it.
    let against = |app: &Application| {
        claims
            .iter()
            .any(|c| c.app.is_none() && !c.candidates.is_empty() && !c.candidates.contains(&app.app.id))
    };
    let everything = || {
        let named = claims.iter().filter_map(|c| c.app.map(|a| &a.app.id));
        ids(named.chain(claims.iter().flat_map(|c| &c.candidates)))
    };
    let best = |app: &Application| claims.iter().filter(|c| of(c, app)).min_by_key(|c| c.tier);
    let Some(&first) = apps.iter().min_by_key(|app| best(app).and_then(|c| c.tier)) else {
        return claims.into_iter().next();
    };
    let (tier, method) = best(first).and_then(|c| c.tier.zip(c.method))?;
    let kinds = claims.iter().filter(|c| of(c, first)).count();
    let rival = apps.iter().filter(|a| a.app.id != first.app.id).filter_map(|a| best(a)?.tier).min();
    let mut tier = if kinds > 1 { tier.min(Tier::C) } else { tier };
    let contradicted = rival.is_some() || against(first);
    if contradicted {
        let equal = rival.is_some_and(|rival| rival <= tier);
        tier = lowered(tier);
        if equal || tier > Tier::D {
            return Some(Outcome {
                tier: Some(Tier::D),
                method: Some(method),
                candidates: everything(),
                contradicted,
                ..Outcome::default()
            });
        }
    }
    let shared = claims.iter().any(|c| of(c, first) && c.shared);
    Some(Outcome { contradicted, shared, ..named(first, tier, method) })
}

fn lowered(tier: Tier) -> Tier {
    match tier {
        Tier::A => Tier::B,
        Tier::B => Tier::C,
        Tier::C => Tier::D,
        Tier::D => Tier::E,
        Tier::E | Tier::F => Tier::F,
    }
}

fn named<'c>(app: &'c Application, tier: Tier, method: &'static str) -> Outcome<'c> {
    Outcome { app: Some(app), tier: Some(tier), method: Some(method), ..Outcome::default() }
}

fn by_name<'a, 'c: 'a>(
    app: &'c Application,
    spoken: impl Iterator<Item = &'a FlowName<'c>>,
    grounds: &Grounds<'_, 'c>,
) -> Outcome<'c> {
    let method =
        spoken.into_iter().find(|n| n.app.is_some_and(|a| a.app.id == app.app.id)).map(|n| n.origin.word());
    let contradicted =
        grounds.dns.contradicts(app) || grounds.protocol.is_some_and(|(other, _)| other.app.id != app.app.id);
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

fn by_dns<'c>(grounds: &Grounds<'_, 'c>) -> Option<Outcome<'c>> {
    let dns = grounds.dns;
    if dns.names == 0 {
        return None;
    }
    let method = dns.evidence.first().map_or(EvidenceKind::DnsAnswer, |e| e.kind).word();
    let shared = dns.spent > 0;
    Some(match *dns.apps.as_slice() {
        [app] if dns.unknown == 0 => {
            let tier = if dns.names == 1 && dns.all_fresh { Tier::C } else { Tier::D };
            named(app, tier, method)
        }
        _ => Outcome {
            tier: Some(Tier::D),
            method: Some(method),
            candidates: ids(dns.ids.iter()),
            shared,
            ..Outcome::default()
        },
    })
}

/// Other flows of the client to the address, where all were called by one application's names.
fn by_neighbour<'c>(grounds: &Grounds<'_, 'c>) -> Option<Outcome<'c>> {
    let (near, method) = (grounds.near, EvidenceKind::Neighbour.word());
    if near.evidence.is_empty() {
        return None;
    }
    match *near.apps.as_slice() {
        // Where others are served too, or this client knew the address by other names, the flow may be theirs: a candidate.
        [app] if near.unknown == 0 && grounds.shared.is_none() && grounds.dns.unknown == 0 => {
            Some(named(app, Tier::C, method))
        }
        [] => None,
        _ => Some(Outcome {
            tier: Some(Tier::D),
            method: Some(method),
            candidates: ids(near.apps.iter().map(|a| &a.app.id)),
            shared: grounds.shared.is_some(),
            ..Outcome::default()
        }),
    }
}

/// A prefix, or a whole AS, that nothing else is served from. Names of several owners seen on the address prove that wrong; an operator's
/// other business does not, for the fact is about the prefix.
fn by_network<'c>(grounds: &Grounds<'_, 'c>) -> Option<Outcome<'c>> {
    let (app, own, evidence) = grounds.network?;
    (*own && grounds.shared != Some(Shared::Observed)).then(|| named(app, Tier::E, evidence.kind.word()))
}

/// Under a cover (Encrypted Client Hello) the true name is one that this client resolved lately and that hides behind this
/// cover: a set, named only where all of it is one application.
fn under_cover<'c>(cover: &FlowName<'c>, grounds: &Grounds<'_, 'c>) -> Outcome<'c> {
    let hidden = grounds.hidden;
    let method = EvidenceKind::EchCandidate.word();
    match *hidden.apps.as_slice() {
        [app] if hidden.unknown == 0 => named(app, Tier::D, method),
        _ if hidden.names > 0 => Outcome {
            tier: Some(Tier::D),
            method: Some(method),
            candidates: ids(hidden.ids.iter()),
            ..Outcome::default()
        },
        _ => {
            let known = by_dns(grounds).into_iter().chain(by_network(grounds));
            meet(known.collect()).or_else(|| without_app(grounds.names, grounds.network)).unwrap_or(Outcome {
                tier: Some(Tier::F),
                method: Some(cover.origin.word()),
                ..Outcome::default()
            })
        }
    }
}

/// Grounds that say nothing of the application but must not be lost: a cover name, a shared prefix.
fn without_app<'c>(names: &[FlowName<'c>], network: Option<&NetworkClaim<'c>>) -> Option<Outcome<'c>> {
    let (tier, method) = match (network, names.first()) {
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
