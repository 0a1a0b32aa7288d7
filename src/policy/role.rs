//! One role's answer against a set of countries: the heart of "never accuse wrongly".

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::Arc;

use crate::model::{Certainty, CountryCode, EnrichedFlow, NetworkScope, Outcome, Role, RoleAnswer};

/// What a role says, on what grounds, about which country.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RoleOutcome {
    pub(super) outcome: Outcome,
    pub(super) because: Arc<str>,
    pub(super) country: Option<CountryCode>,
}

/// Countries that are flagged; `except` turns the set round.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flagged<'a> {
    pub(super) countries: &'a BTreeSet<CountryCode>,
    pub(super) except: bool,
}

impl Flagged<'_> {
    fn has(self, country: CountryCode) -> bool {
        self.countries.contains(&country) != self.except
    }
}

/// Judges one role of a flow's remote (or its application's vendor).
pub(super) fn judge(flow: &EnrichedFlow, role: Role, flagged: Flagged<'_>) -> RoleOutcome {
    if flow.remote.scope != NetworkScope::Global {
        return outcome(Outcome::NoMatch, "the remote is not on the Internet", None);
    }
    let Some(answer) = flow.remote.roles.get(role) else { return vendor(flow, flagged) };
    let flagged_claim = answer.claims.iter().filter_map(|claim| claim.country).find(|c| flagged.has(*c));
    let country = answer.country.filter(|c| flagged.has(*c)).or(flagged_claim);
    match answer.certainty {
        Certainty::High | Certainty::Medium => match answer.country {
            Some(c) if role == Role::Server && flow.remote.anycast => {
                outcome(Outcome::CannotTell, &format!("the address is anycast, so where it answers from is open ({c} is only one claim)"), Some(c))
            }
            Some(c) if flagged.has(c) => outcome(Outcome::Match, &reason(flow, role, c, answer), Some(c)),
            Some(_) => outcome(Outcome::NoMatch, "in another country", None),
            None => outcome(Outcome::CannotTell, &unknown(role), None),
        },
        Certainty::Disputed if flow.remote.anycast && role == Role::Server => {
            outcome(Outcome::CannotTell, "the address is anycast: it answers from many places at once", country)
        }
        Certainty::Disputed => match country {
            Some(c) => outcome(Outcome::CannotTell, &format!("the {role} country is disputed: {}", claims(answer)), Some(c)),
            None => outcome(Outcome::NoMatch, "the sources disagree, but none of them names a flagged country", None),
        },
        Certainty::Low => match country {
            Some(c) => outcome(Outcome::CannotTell, &format!("that the {role} is in {c} rests on weak grounds only: {}", claims(answer)), Some(c)),
            None => outcome(Outcome::NoMatch, "weak grounds, and for another country", None),
        },
        Certainty::Unknown => outcome(Outcome::CannotTell, &unknown(role), None),
    }
}

fn outcome(outcome: Outcome, because: &str, country: Option<CountryCode>) -> RoleOutcome {
    RoleOutcome { outcome, because: because.into(), country }
}

fn unknown(role: Role) -> String {
    format!("no source knows the {role} country of the address")
}

/// The vendor's seat is a fact about the application.
fn vendor(flow: &EnrichedFlow, flagged: Flagged<'_>) -> RoleOutcome {
    let Some(app) = &flow.identification.app else {
        return outcome(Outcome::NoMatch, "no application is named, so there is no vendor", None);
    };
    match (app.vendor_country, &app.vendor_source) {
        (Some(c), Some(source)) if flagged.has(c) => {
            outcome(Outcome::Match, &format!("{} is made by {}, which sits in {c} ({source})", app.name, app.vendor), Some(c))
        }
        (Some(_), Some(_)) => outcome(Outcome::NoMatch, "the vendor sits in another country", None),
        _ => outcome(Outcome::CannotTell, &format!("no source stands behind a seat of {}", app.vendor), None),
    }
}

/// The sentence of a match: role, country, and whose word it is.
fn reason(flow: &EnrichedFlow, role: Role, country: CountryCode, answer: &RoleAnswer) -> String {
    let addr = flow.remote.addr;
    let operator = flow.remote.operator.name.as_deref().unwrap_or("its operator");
    let what = match role {
        Role::Server => format!("the server {addr} stands in {country}"),
        Role::Registrant => format!("the address block of {addr} is registered in {country}"),
        Role::Operator => format!("{operator}, which runs the network of {addr}, sits in {country}"),
        Role::Owner => {
            let owner = flow.remote.operator.owner.as_deref().unwrap_or(operator);
            if owner == operator {
                format!("{operator}, which runs the network of {addr}, is owned in {country}")
            } else {
                format!("{owner}, which owns {operator} (the network of {addr}), sits in {country}")
            }
        }
        Role::Vendor => format!("the vendor sits in {country}"),
    };
    format!("{what} ({}; certainty {})", claims(answer), answer.certainty.word())
}

/// `dbip 2026-10 says DE, ipfire 2026-08 says US`.
fn claims(answer: &RoleAnswer) -> String {
    let mut text = String::new();
    for claim in &answer.claims {
        if !text.is_empty() {
            text.push_str(", ");
        }
        text.push_str(&claim.source);
        if let Some(date) = &claim.date {
            let _ = write!(text, " {date}");
        }
        match claim.country {
            Some(country) => {
                let _ = write!(text, " says {country}");
            }
            None => text.push_str(" has no answer"),
        }
    }
    if text.is_empty() { "no source".to_owned() } else { text }
}
