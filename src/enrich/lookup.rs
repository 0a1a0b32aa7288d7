//! From what the databases and the operator table say of an address to the four answers.
//!
//! | role | answer |
//! |---|---|
//! | server | two or more independent sources agree: *high*; one alone: *medium*, IPFire alone: *low* (it often repeats the registration); they differ, or the address is anycast or a CDN's: *disputed* |
//! | registrant | the block's registration: *medium*; else the AS's: *low* |
//! | operator | the operator table's row, as certain as it; else where the AS is registered: *medium*, which is right for companies at home and wrong for subsidiaries, hence the table |
//! | owner | the row's owner, as certain as the row; else where the AS is registered, but *low*: ownership is not in any registry |
//!
//! A *low* or *disputed* answer never makes a match. Two files of one vendor are one source: the one that goes first counts.

use std::net::IpAddr;
use std::sync::Arc;

use super::geo::{Answer, Place};
use super::operators::OperatorRow;
use crate::model::{Certainty, Claim, CountryCode, Operator, RoleAnswer, RoleAnswers};

/// The source that is weak alone.
const WEAK_FAMILY: &str = "ipfire";

/// What the databases together say of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Conclusion {
    pub(super) anycast: bool,
    pub(super) operator: Operator,
    pub(super) roles: RoleAnswers,
}

/// The AS that announces the address, by the first database that knows one.
pub(super) fn asn(answers: &[Answer]) -> Option<u32> {
    answers.iter().find_map(|a| a.asn)
}

/// Joins the answers (in order of precedence) with the operator row.
pub(super) fn conclude(answers: &[Answer], row: Option<&OperatorRow>) -> Conclusion {
    let asn = asn(answers);
    // A name or country of an AS is only taken from a database that speaks of the same AS.
    let same_as = || answers.iter().filter(|a| a.asn == asn && asn.is_some());
    let as_name = same_as().find_map(|a| a.as_name.clone());
    let as_countries: Arc<[Claim]> = answers
        .iter()
        .filter(|a| a.asn.is_none_or(|n| Some(n) == asn))
        .filter_map(|a| a.as_country.as_ref())
        .map(|(country, source, date)| Claim {
            source: Arc::clone(source),
            country: Some(*country),
            date: Some(Arc::clone(date)),
            refuted: false,
        })
        .collect();
    let anycast = answers.iter().any(|a| a.anycast) || row.is_some_and(|r| r.anycast);
    let cdn = row.is_some_and(|r| r.cdn);
    Conclusion {
        anycast,
        operator: Operator {
            asn,
            name: row.map(|r| Arc::clone(&r.name)).or_else(|| as_name.clone()),
            as_name,
            owner: row.and_then(|r| r.owner.clone()),
            cdn,
            kind: row.map(|r| Arc::clone(&r.kind)),
        },
        roles: RoleAnswers {
            server: server(answers, anycast, cdn),
            registrant: registrant(answers, &as_countries),
            operator: operator(row, &as_countries),
            owner: owner(row, &as_countries),
        },
    }
}

fn server(answers: &[Answer], anycast: bool, cdn: bool) -> RoleAnswer {
    let places: Vec<&Place> = answers.iter().flat_map(|a| &a.places).collect();
    let mut counted: Vec<&Place> = Vec::new();
    for place in &places {
        // Files of no known family are each their own source.
        let same =
            |p: &&Place| p.family == place.family && (place.family != "other" || p.source == place.source);
        if !counted.iter().any(same) {
            counted.push(place);
        }
    }
    let first = counted.first().map(|p| p.country);
    let agree = counted.iter().all(|p| Some(p.country) == first);
    let (certainty, note) = match (counted.as_slice(), agree) {
        _ if anycast => (Certainty::Disputed, Some("anycast: location is not meaningful".into())),
        ([], _) => (Certainty::Unknown, None),
        _ if cdn => (
            Certainty::Disputed,
            Some("content delivery network: which machine answers depends on where one asks".into()),
        ),
        (_, false) => (Certainty::Disputed, Some(disagreement(&counted, answers))),
        ([one], true) if one.family == WEAK_FAMILY => {
            (Certainty::Low, Some("only a source that often repeats the block's registration".into()))
        }
        ([_], true) => (Certainty::Medium, Some("one source".into())),
        (_, true) => (Certainty::High, None),
    };
    let claims = places
        .iter()
        .map(|p| Claim {
            source: Arc::clone(&p.source),
            country: Some(p.country),
            date: Some(Arc::clone(&p.date)),
            refuted: false,
        })
        .collect();
    RoleAnswer { country: first, certainty, claims, note }
}

/// Says who says what, and which of them only says what the registry says.
fn disagreement(counted: &[&Place], answers: &[Answer]) -> Arc<str> {
    let registered = answers.iter().find_map(|a| a.registered.as_ref()).map(|r| r.0);
    let said: Vec<String> = counted
        .iter()
        .map(|p| {
            let echo = if Some(p.country) == registered { " (as the block's registration)" } else { "" };
            format!("{} {}{echo}", p.source, p.country)
        })
        .collect();
    format!("sources disagree: {}", said.join(", ")).into()
}

fn registrant(answers: &[Answer], as_countries: &[Claim]) -> RoleAnswer {
    let mut claims: Vec<Claim> = answers
        .iter()
        .filter_map(|a| a.registered.as_ref())
        .map(|(country, source, date)| Claim {
            source: Arc::clone(source),
            country: Some(*country),
            date: Some(Arc::clone(date)),
            refuted: false,
        })
        .collect();
    let block = claims.first().and_then(|c| c.country);
    let differ = claims.iter().any(|c| c.country != block);
    claims.extend_from_slice(as_countries);
    let (country, certainty, note): (_, _, Option<&str>) = match (block, first_country(as_countries)) {
        (Some(_), _) if differ => {
            (block, Certainty::Disputed, Some("sources disagree on the block's registration"))
        }
        (Some(_), _) => (block, Certainty::Medium, Some("registration of the address block")),
        (None, Some(country)) => {
            (Some(country), Certainty::Low, Some("registration of the AS: that of the block is not known"))
        }
        (None, None) => (None, Certainty::Unknown, None),
    };
    RoleAnswer { country, certainty, claims: claims.into(), note: note.map(Into::into) }
}

fn operator(row: Option<&OperatorRow>, as_countries: &Arc<[Claim]>) -> RoleAnswer {
    let registered = first_country(as_countries);
    match row {
        Some(row) => from_row(row, row.country, row.certainty, as_countries),
        None => RoleAnswer {
            country: registered,
            certainty: if registered.is_some() { Certainty::Medium } else { Certainty::Unknown },
            claims: Arc::clone(as_countries),
            note: registered
                .map(|_| "where the AS is registered: the operator table has no row for it".into()),
        },
    }
}

fn owner(row: Option<&OperatorRow>, as_countries: &Arc<[Claim]>) -> RoleAnswer {
    let registered = first_country(as_countries);
    match row {
        // A company without a parent in the table is its own.
        Some(row) => from_row(row, row.owner_country.or(row.country), row.owner_certainty, as_countries),
        None => RoleAnswer {
            country: registered,
            certainty: if registered.is_some() { Certainty::Low } else { Certainty::Unknown },
            claims: Arc::clone(as_countries),
            note: registered.map(|_| "where the AS is registered: who owns it is not known".into()),
        },
    }
}

fn from_row(
    row: &OperatorRow,
    country: Option<CountryCode>,
    certainty: Certainty,
    as_countries: &[Claim],
) -> RoleAnswer {
    let table = Claim {
        source: "operators".into(),
        country,
        date: Some(Arc::clone(&row.source_date)),
        refuted: false,
    };
    let mut note = format!("{}: {}", row.name, row.source);
    if let Some(more) = &row.note {
        note.push_str("; ");
        note.push_str(more);
    }
    RoleAnswer {
        country,
        certainty: if country.is_some() { certainty } else { Certainty::Unknown },
        claims: std::iter::once(table).chain(as_countries.iter().cloned()).collect(),
        note: Some(note.into()),
    }
}

fn first_country(claims: &[Claim]) -> Option<CountryCode> {
    claims.first().and_then(|c| c.country)
}

/// All that is known of one address, for `whither lookup`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookupReport {
    /// The conclusion; its claims hold every source's answer with its date.
    pub remote: crate::model::RemoteContext,
    /// The transition mechanism by which another address was looked up (`nat64`, `6to4`, `teredo`).
    pub transition: Option<&'static str>,
    /// The row of the operator table that applies.
    pub row: Option<Arc<OperatorRow>>,
    /// Every database's own answer, by its name, in order of precedence.
    pub databases: Vec<(Arc<str>, Answer)>,
    /// The address that was asked for.
    pub asked: IpAddr,
}
