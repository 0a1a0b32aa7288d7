//! Look-ups: a name to the longest fact above it, an address to the longest prefix, a number or word to its owners.
//!
//! A name is tried from its longest suffix down, at whole labels only, so `freewechat.com` never meets
//! `wechat.com`. No more labels are tried than the deepest fact has: a hostile name of 127 labels costs no more.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use foldhash::fast::FixedState;
use ipnet::IpNet;

use super::application::{Application, DomainKind, OwnerFact, OwnerKind};
use super::owners::Owners;

/// Where a fact stands: which application, which of its facts of that kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) app: usize,
    pub(super) fact: usize,
}

/// What stands at one name. `heads` are the patterns that end in it, each with what stands before its `*`.
#[derive(Debug, Default)]
struct Slot {
    full: Option<Place>,
    suffix: Option<Place>,
    heads: Vec<(Box<str>, Place)>,
}

impl Slot {
    /// The pattern that `name` follows: its head, one label and this slot's name `tail`.
    fn pattern(&self, name: &str, tail: &str) -> Option<Place> {
        if self.heads.is_empty() {
            return None;
        }
        let (head, any) = name.strip_suffix(tail)?.strip_suffix('.')?.rsplit_once('.')?;
        self.heads.iter().find(|(written, _)| !any.is_empty() && **written == *head).map(|(_, place)| *place)
    }
}

/// The head and the tail of a pattern: what stands before and after its one label `*`.
pub(super) fn pattern_parts(text: &str) -> Option<(&str, &str)> {
    let (head, tail) = text.split_once(".*.")?;
    (!head.is_empty() && tail.contains('.') && !head.contains('*') && !tail.contains('*'))
        .then_some((head, tail))
}

/// Two applications claim the same thing; `winner` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Conflict {
    pub(super) winner: usize,
    pub(super) loser: usize,
    pub(super) what: Arc<str>,
}

/// All look-ups. The keys come from files, not from the wire, so the hash needs no random seed.
#[derive(Debug, Default)]
pub(super) struct Index {
    names: HashMap<Arc<str>, Slot, FixedState>,
    max_labels: usize,
    outer: HashMap<Arc<str>, Place, FixedState>,
    prefixes: HashMap<IpNet, Place, FixedState>,
    lengths_v4: Vec<u8>,
    lengths_v6: Vec<u8>,
    asns: HashMap<u32, Vec<Place>, FixedState>,
    protocols: HashMap<Arc<str>, Place, FixedState>,
    owners: Owners,
}

impl Index {
    /// Builds it. `applications` stand in order of precedence: on a conflict the earlier one keeps the fact.
    pub(super) fn build(applications: &[Application]) -> (Self, Vec<Conflict>) {
        let mut index = Self::default();
        let mut conflicts = Vec::new();
        for (app, application) in applications.iter().enumerate() {
            let mut claim = |taken: &mut Option<Place>, place: Place, what: &Arc<str>| match taken {
                None => *taken = Some(place),
                Some(first) if first.app != app => {
                    conflicts.push(Conflict { winner: first.app, loser: app, what: Arc::clone(what) });
                }
                Some(_) => {}
            };
            for (fact, domain) in application.domains.iter().enumerate() {
                index.max_labels = index.max_labels.max(domain.domain.split('.').count());
                let place = Place { app, fact };
                if let (DomainKind::Pattern, Some((head, tail))) =
                    (domain.kind, pattern_parts(&domain.domain))
                {
                    let heads = &mut index.names.entry(tail.into()).or_default().heads;
                    let mut taken =
                        heads.iter().find(|(written, _)| **written == *head).map(|(_, place)| *place);
                    if taken.is_none() {
                        heads.push((head.into(), place));
                    }
                    claim(&mut taken, place, &domain.label);
                    continue;
                }
                let slot = index.names.entry(Arc::clone(&domain.domain)).or_default();
                let taken = if domain.kind == DomainKind::Full { &mut slot.full } else { &mut slot.suffix };
                claim(taken, place, &domain.label);
            }
            for (fact, prefix) in application.prefixes.iter().enumerate() {
                let mut taken = index.prefixes.get(&prefix.prefix).copied();
                claim(&mut taken, Place { app, fact }, &prefix.label);
                index.prefixes.extend(taken.map(|place| (prefix.prefix, place)));
                let lengths = match prefix.prefix {
                    IpNet::V4(_) => &mut index.lengths_v4,
                    IpNet::V6(_) => &mut index.lengths_v6,
                };
                lengths.push(prefix.prefix.prefix_len());
            }
            for (fact, asn) in application.asns.iter().enumerate() {
                index.asns.entry(asn.asn).or_default().push(Place { app, fact });
            }
            for (fact, protocol) in application.protocols.iter().enumerate() {
                let mut taken = index.protocols.get(&protocol.name).copied();
                claim(&mut taken, Place { app, fact }, &protocol.label);
                index.protocols.extend(taken.map(|place| (Arc::clone(&protocol.name), place)));
            }
            let written = |(_, owner): &(usize, &OwnerFact)| !owner.implied;
            for (fact, owner) in application.owners.iter().enumerate().filter(written) {
                let mut taken = index.owners.exact(owner.kind, &owner.name);
                claim(&mut taken, Place { app, fact }, &owner.label);
                if let Some(place) = taken {
                    index.owners.put(owner.kind, &owner.name, place);
                }
            }
            for (fact, outer) in application.outer_names.iter().enumerate() {
                index.outer.entry(Arc::clone(&outer.domain)).or_insert(Place { app, fact });
            }
        }
        index.imply(applications);
        for lengths in [&mut index.lengths_v4, &mut index.lengths_v6] {
            lengths.sort_unstable_by(|a, b| b.cmp(a));
            lengths.dedup();
        }
        (index, conflicts)
    }

    /// Gives labels that are no more than an application's name to it, where nobody else has the name or the label.
    fn imply(&mut self, applications: &[Application]) {
        let mut places: BTreeMap<String, Vec<Place>> = BTreeMap::new();
        for (app, application) in applications.iter().enumerate() {
            for (fact, owner) in application.owners.iter().enumerate().filter(|(_, owner)| owner.implied) {
                places.entry(owner.name.to_lowercase()).or_default().push(Place { app, fact });
            }
        }
        for (name, places) in places {
            if let ([place], None) = (places.as_slice(), self.owners.exact(OwnerKind::Label, &name)) {
                self.owners.put(OwnerKind::Label, &name, *place);
            }
        }
    }

    /// The facts that `name` meets, best first: the full name, then suffixes from long to short, each after the
    /// pattern that ends in it.
    pub(super) fn name_matches<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Place> + 'a {
        let full = self.names.get(name).and_then(|slot| slot.full);
        full.into_iter().chain(
            self.suffixes(name)
                .filter_map(move |s| self.names.get(s).map(|slot| (s, slot)))
                .flat_map(move |(s, slot)| slot.pattern(name, s).into_iter().chain(slot.suffix)),
        )
    }

    /// The suffixes of `name` at whole labels, longest first, none with more labels than any fact has.
    fn suffixes<'a>(&self, name: &'a str) -> impl Iterator<Item = &'a str> + use<'a> {
        let mut start = name.len();
        for _ in 0..self.max_labels {
            let Some(dot) = name.get(..start.saturating_sub(1)).and_then(|head| head.rfind('.')) else {
                start = 0;
                break;
            };
            start = dot + 1;
        }
        let first = name.get(start..).filter(|s| !s.is_empty());
        std::iter::successors(first, |s| s.split_once('.').map(|(_, rest)| rest))
    }

    /// The prefixes that hold `addr`, longest first.
    pub(super) fn address_matches(&self, addr: IpAddr) -> impl Iterator<Item = Place> + '_ {
        let lengths = if addr.is_ipv4() { &self.lengths_v4 } else { &self.lengths_v6 };
        lengths.iter().filter_map(move |&length| {
            let net = IpNet::new(addr, length).ok()?.trunc();
            self.prefixes.get(&net).copied()
        })
    }

    /// All claims on an AS number, in the order of the applications.
    pub(super) fn asn(&self, asn: u32) -> &[Place] {
        self.asns.get(&asn).map_or(&[], Vec::as_slice)
    }

    /// Whose protocol this is.
    pub(super) fn protocol(&self, name: &str) -> Option<Place> {
        self.protocols.get(name).copied()
    }

    /// Whose package, label or executable this is.
    pub(super) fn owner(&self, kind: OwnerKind, name: &str) -> Option<Place> {
        self.owners.find(kind, name)
    }

    /// Whose cover name (Encrypted Client Hello) this is.
    pub(super) fn outer(&self, name: &str) -> Option<Place> {
        self.outer.get(name).copied()
    }
}
