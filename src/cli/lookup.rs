//! `whither lookup`: all that is known of an address, source by source; and which application a name leads to.
//!
//! Nothing is resolved and nothing is sent: asking the network would tell others what is being watched.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use serde::Serialize;

use crate::appid::Catalogue;
use crate::enrich::{Enricher, LookupReport};
use crate::model::{Certainty, NetworkScope, Role, RoleAnswer};

use super::apps;
use super::args::{Format, LookupArgs, as_address};
use super::document::scope;
use super::output::{self, Failure};
use super::region::RegionDocument;
use super::roles::{RoleDocument, role_documents};
use super::table::role_label;

#[derive(Serialize)]
struct AddressDocument {
    ip: IpAddr,
    /// The name of the special range, or `null`.
    special: Option<&'static str>,
    scope: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    looked_up: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transition: Option<&'static str>,
    anycast: bool,
    asn: Option<u32>,
    organization: Option<Arc<str>>,
    operator: OperatorDocument,
    roles: BTreeMap<&'static str, RoleDocument>,
    /// The application whose own prefix holds the address.
    app: Option<Arc<str>>,
}

#[derive(Serialize)]
struct OperatorDocument {
    name: Option<Arc<str>>,
    owner: Option<Arc<str>>,
    cdn: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_date: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<Arc<str>>,
}

#[derive(Serialize)]
struct NameDocument {
    name: String,
    app: Option<Arc<str>>,
    matched: Option<Arc<str>>,
    source: Option<Arc<str>>,
    /// The region that the name claims: the vendor's word, not a location.
    #[serde(skip_serializing_if = "Option::is_none")]
    region_claim: Option<RegionDocument>,
}

/// Runs the command.
pub(super) fn lookup(args: &LookupArgs) -> Result<(), Failure> {
    let config = super::config::load(args.config.as_deref())?;
    let enricher = Enricher::load(&config.enrich).map_err(|e| Failure::Usage(e.to_string()))?;
    let catalogue = Catalogue::load(&config.catalogue).map_err(|e| Failure::Usage(e.to_string()))?;
    for subject in &args.subjects {
        match (as_address(subject), args.format) {
            (Some(addr), Format::Json) => {
                output::print_line(&address_document(&enricher.explain(addr), &catalogue))?;
            }
            (Some(addr), Format::Table) => output::print(&describe(&enricher.explain(addr), &catalogue))?,
            (None, format) => name(subject, &catalogue, format)?,
        }
    }
    Ok(())
}

fn name(subject: &str, catalogue: &Catalogue, format: Format) -> Result<(), Failure> {
    let valid = crate::model::HostName::from_wire(subject.as_bytes()).is_some_and(|n| n.is_valid());
    if !valid {
        return Err(Failure::Usage(format!(
            "`{}` is neither an address nor a host name",
            subject.escape_debug()
        )));
    }
    let report = catalogue.explain_match(subject);
    if format == Format::Table {
        return output::print(&apps::describe(&report));
    }
    let winner = report.winner.as_ref();
    output::print_line(&NameDocument {
        name: report.asked.clone(),
        app: report.app().cloned(),
        matched: winner.map(|w| Arc::clone(&w.fact)),
        source: winner.map(|w| Arc::clone(&w.source.label)),
        region_claim: apps::region(&report.asked).claim.as_deref().map(RegionDocument::from),
    })
}

fn address_document(report: &LookupReport, catalogue: &Catalogue) -> AddressDocument {
    let remote = &report.remote;
    let row = report.row.as_deref();
    AddressDocument {
        ip: report.asked,
        special: if let NetworkScope::Special(range) = remote.scope { Some(range) } else { None },
        scope: scope(remote.scope),
        looked_up: (remote.looked_up != report.asked).then_some(remote.looked_up),
        transition: report.transition,
        anycast: remote.anycast,
        asn: remote.operator.asn,
        organization: remote.operator.as_name.clone().or_else(|| remote.operator.name.clone()),
        operator: OperatorDocument {
            name: remote.operator.name.clone(),
            owner: remote.operator.owner.clone(),
            cdn: remote.operator.cdn,
            kind: row.map(|r| Arc::clone(&r.kind)),
            source: row.map(|r| Arc::clone(&r.source)),
            source_date: row.map(|r| Arc::clone(&r.source_date)),
            note: row.and_then(|r| r.note.clone()),
        },
        roles: role_documents(&remote.roles),
        app: catalogue.explain_match(&report.asked.to_string()).app().cloned(),
    }
}

fn describe(report: &LookupReport, catalogue: &Catalogue) -> String {
    let remote = &report.remote;
    let mut text = format!("{}\n", report.asked);
    let line = |text: &mut String, label: &str, value: &str| {
        let _ = writeln!(text, "  {label:<20} {value}");
    };
    if let Some(mechanism) = report.transition {
        line(&mut text, "looked up", &format!("{} ({mechanism})", remote.looked_up));
    }
    match remote.scope {
        NetworkScope::Local => line(&mut text, "scope", "in your local networks: never geolocated"),
        NetworkScope::Special(range) => {
            line(&mut text, "scope", &format!("special range `{range}`: never geolocated"));
        }
        NetworkScope::Global => {
            network(&mut text, report, line);
            for role in Role::OF_ADDRESS {
                if let Some(answer) = remote.roles.get(role) {
                    answer_lines(&mut text, role, answer);
                }
            }
        }
    }
    let apps = catalogue.explain_match(&report.asked.to_string());
    if apps.winner.is_some() || !apps.shadowed.is_empty() {
        text.push_str("  catalogue\n");
        for row in apps::describe(&apps).lines().skip(1) {
            let _ = writeln!(text, "    {}", row.trim_start());
        }
    }
    text
}

fn network(text: &mut String, report: &LookupReport, line: impl Fn(&mut String, &str, &str)) {
    let operator = &report.remote.operator;
    let asn = operator.asn.map_or_else(|| "not announced".to_owned(), |n| format!("AS{n}"));
    let as_name = operator.as_name.as_deref().unwrap_or("no name known");
    line(text, "network", &format!("{asn} {as_name}"));
    if let Some(name) = &operator.name {
        let owner = operator.owner.as_deref().map(|o| format!(", owned by {o}")).unwrap_or_default();
        let cdn = if operator.cdn { "; serves other people's content" } else { "" };
        line(text, "operator", &format!("{name}{owner}{cdn}"));
    }
    if let Some(row) = &report.row {
        line(text, "  says who", &format!("{} ({})", row.source, row.source_date));
        if let Some(note) = &row.note {
            line(text, "  note", note);
        }
    }
    if report.remote.anycast {
        line(text, "anycast", "answers from many places: its location is not meaningful");
    }
}

fn answer_lines(text: &mut String, role: Role, answer: &RoleAnswer) {
    let country = answer.country.map_or_else(|| "not known".to_owned(), |c| c.to_string());
    let certainty = match answer.certainty {
        Certainty::Unknown => String::new(),
        other => format!(" ({})", other.word()),
    };
    let _ = writeln!(text, "  {:<20} {country}{certainty}", role_label(role));
    for claim in answer.claims.iter() {
        let says = claim.country.map_or_else(|| "no answer".to_owned(), |c| c.to_string());
        let date = claim.date.as_deref().map(|d| format!(" of {d}")).unwrap_or_default();
        let refuted = if claim.refuted { ", impossible by round trip" } else { "" };
        let _ = writeln!(text, "    {}{date}: {says}{refuted}", claim.source);
    }
    if let Some(note) = &answer.note {
        let _ = writeln!(text, "    note: {note}");
    }
}
