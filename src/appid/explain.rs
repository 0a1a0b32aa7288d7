//! Why a name or an address belongs to an application: the fact that won, and those it hid.

use std::net::IpAddr;
use std::sync::Arc;

use super::application::{Application, Confidence, FactSource, OwnerKind};
use super::catalogue::Catalogue;
use crate::model::{AppId, HostName};

/// Near misses shown for a name that nothing matches; more would only repeat the lesson.
const MAX_NEAR_MISSES: usize = 3;

/// A fact that a name or address met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchedFact {
    /// Whose it is.
    pub app: AppId,
    /// The fact (`suffix weixin.qq.com`).
    pub fact: Arc<str>,
    /// Whether it may name the application (a low-confidence domain and a shared prefix may not).
    pub names_app: bool,
    /// Where the catalogue has it from.
    pub source: Arc<FactSource>,
}

/// What the catalogue says of one name or address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchReport {
    /// What was asked, as it was understood (lower case, printable).
    pub asked: String,
    /// The fact that decides.
    pub winner: Option<MatchedFact>,
    /// Shorter facts that it hides, longest first.
    pub shadowed: Vec<MatchedFact>,
    /// What it would name as a package, an executable or a label that a phone or host tells.
    pub owners: Vec<MatchedFact>,
    /// Words for people: why nothing matched, or what the match may not be used for.
    pub notes: Vec<String>,
}

impl MatchReport {
    /// The application that the name or address alone would name.
    pub fn app(&self) -> Option<&AppId> {
        self.winner.as_ref().filter(|w| w.names_app).map(|w| &w.app)
    }
}

impl Catalogue {
    /// What the catalogue says of `input`, an address or a name.
    pub fn explain_match(&self, input: &str) -> MatchReport {
        let input = input.trim();
        if let Ok(addr) = input.parse::<IpAddr>() {
            self.explain_address(addr, None)
        } else {
            let mut report = self.explain_name(input);
            report.owners = self.explain_owner(input);
            if report.winner.is_none() && !report.owners.is_empty() {
                report.notes = vec!["as a name on the wire it says nothing".to_owned()];
            }
            report
        }
    }

    fn explain_owner(&self, input: &str) -> Vec<MatchedFact> {
        let kinds = [OwnerKind::Package, OwnerKind::Process, OwnerKind::Label];
        let met = kinds.iter().filter_map(|&kind| self.owner(kind, input));
        met.map(|(a, o)| MatchedFact {
            app: Arc::clone(&a.app.id),
            fact: Arc::clone(&o.label),
            names_app: o.confidence == Confidence::Good,
            source: Arc::clone(&o.source),
        })
        .collect()
    }

    fn explain_name(&self, input: &str) -> MatchReport {
        let mut notes = Vec::new();
        let Some(name) = HostName::from_wire(input.as_bytes()) else {
            notes.push("an empty name: expected a host name or an address".to_owned());
            return MatchReport {
                asked: String::new(),
                winner: None,
                shadowed: Vec::new(),
                owners: Vec::new(),
                notes,
            };
        };
        let asked = name.as_str().to_owned();
        if !name.is_valid() {
            notes.push("no valid host name: such names are kept as evidence but never matched".to_owned());
            return MatchReport { asked, winner: None, shadowed: Vec::new(), owners: Vec::new(), notes };
        }
        if let Some(outer) = self.outer_name(&name) {
            notes.push(format!(
                "a cover name of Encrypted Client Hello ({}): with that extension it says nothing of the application",
                outer.source.label
            ));
        }
        let mut met = self.index.name_matches(&asked).filter_map(|place| self.domain(place)).map(|(a, d)| {
            let names_app = d.confidence == Confidence::Good;
            MatchedFact {
                app: Arc::clone(&a.app.id),
                fact: Arc::clone(&d.label),
                names_app,
                source: Arc::clone(&d.source),
            }
        });
        let (winner, shadowed) = (met.next(), met.collect());
        match &winner {
            None => {
                notes.push("no fact of the catalogue stands above this name".to_owned());
                notes.extend(self.near_misses(&asked));
            }
            Some(w) if !w.names_app => {
                notes.push(
                    "a fact of low confidence: it supports other evidence and names nothing alone".to_owned(),
                );
            }
            Some(_) => {}
        }
        MatchReport { asked, winner, shadowed, owners: Vec::new(), notes }
    }

    /// Facts that the letters of a name end with, though not at a whole label: what a search for text would take.
    fn near_misses(&self, asked: &str) -> impl Iterator<Item = String> {
        let facts = self.applications.iter().flat_map(|a| a.domains.iter().map(move |d| (a, d)));
        facts
            .filter(|(_, d)| {
                asked.strip_suffix(&*d.domain).is_some_and(|rest| !rest.is_empty() && !rest.ends_with('.'))
            })
            .take(MAX_NEAR_MISSES)
            .map(|(a, d)| {
                format!(
                    "its letters end with `{}` of {}, but names are compared at whole labels: a stranger may own it",
                    d.domain, a.app.id
                )
            })
            .collect::<Vec<_>>()
            .into_iter()
    }

    /// What the catalogue says of an address in the network `asn`, where that is known.
    pub fn explain_address(&self, addr: IpAddr, asn: Option<u32>) -> MatchReport {
        let addr = addr.to_canonical();
        let prefixes =
            self.index.address_matches(addr).filter_map(|place| self.prefix(place)).map(|(a, p)| {
                MatchedFact {
                    app: Arc::clone(&a.app.id),
                    fact: Arc::clone(&p.label),
                    names_app: p.own_service,
                    source: Arc::clone(&p.source),
                }
            });
        let mut met: Vec<MatchedFact> = prefixes.collect();
        let own = asn.and_then(|asn| self.explain_asn(asn).into_iter().find(|n| n.names_app));
        if let Some(own) = own.filter(|_| met.first().is_none_or(|p| !p.names_app)) {
            met.insert(0, own);
        }
        let mut met = met.into_iter();
        let (winner, shadowed) = (met.next(), met.collect());
        let note = match &winner {
            None => {
                "no network of the catalogue holds this address; an address alone rarely names an application"
            }
            Some(w) if w.names_app => "nothing but this application is served from this network",
            Some(_) => "the prefix is the vendor's, but not this application's own: it names nothing alone",
        };
        MatchReport {
            asked: addr.to_string(),
            winner,
            shadowed,
            owners: Vec::new(),
            notes: vec![note.to_owned()],
        }
    }

    /// The applications that claim an AS number, with the role that it has for them.
    pub fn explain_asn(&self, asn: u32) -> Vec<MatchedFact> {
        let facts = self.index.asn(asn).iter().filter_map(|&place| self.asn(place));
        facts
            .map(|(a, n): (&Application, _)| MatchedFact {
                app: Arc::clone(&a.app.id),
                fact: Arc::clone(&n.label),
                names_app: n.own_service,
                source: Arc::clone(&n.source),
            })
            .collect()
    }
}
