//! `whither lookup`: all that is known of an address, source by source; and which application a name leads to.
//!
//! Nothing is resolved and nothing is sent: asking the network would tell others what is being watched.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use crate::appid::Catalogue;
use crate::enrich::{Enricher, LookupReport};
use crate::model::{Certainty, NetworkScope, RemoteContext, Role, RoleAnswer};

use super::apps;
use super::args::{Format, LookupArgs, as_address};
use super::document::scope;
use super::output::{self, Failure};
use super::region::RegionDocument;
use super::roles::{RoleDocument, role_documents};
use super::seen::{Measured, Seen};
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
    /// Handshakes with it that a store has kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    round_trips: Option<RoundTripsDocument>,
    /// What they leave time for; as `whither.remote.physics` of flow documents.
    #[serde(skip_serializing_if = "Option::is_none")]
    physics: Option<PhysicsDocument>,
    /// The application whose own prefix holds the address.
    app: Option<Arc<str>>,
}

#[derive(Serialize)]
struct RoundTripsDocument {
    /// Flow records that hold one.
    records: u64,
    smallest_ms: f64,
    /// Whether anything was held against them: not without a site, nor where something near answers in the remote's place.
    believed: bool,
}

#[derive(Serialize)]
struct PhysicsDocument {
    rtt_ms: f64,
    bound_km: u32,
    site: Arc<str>,
    verdicts: BTreeMap<String, &'static str>,
}

/// Milliseconds to a thousandth: the clock of a capture knows no more.
fn thousandths(time: Duration) -> f64 {
    (time.as_secs_f64() * 1_000_000.0).round() / 1000.0
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
    let mut config = super::config::load(args.config.as_deref())?;
    if let Some(site) = &args.site {
        config.enrich.site = Some(site.clone());
    }
    let mut enricher = Enricher::load(&config.enrich).map_err(|e| Failure::Usage(e.to_string()))?;
    let addresses: Vec<IpAddr> =
        args.subjects.iter().filter_map(|s| as_address(s)).map(|a| a.to_canonical()).collect();
    let configured = args.config.is_some();
    let seen = Seen::read(args.state_dir.as_deref(), configured, &config, &mut enricher, &addresses)?;
    let catalogue = Catalogue::load(&config.catalogue).map_err(|e| Failure::Usage(e.to_string()))?;
    for subject in &args.subjects {
        let Some(addr) = as_address(subject) else {
            name(subject, &catalogue, args.format)?;
            continue;
        };
        let mut report = enricher.explain(addr);
        seen.refute(&mut enricher, &mut report.remote);
        let measured = seen.of(report.remote.addr);
        match args.format {
            Format::Json => output::print_line(&address_document(&report, measured, &catalogue))?,
            Format::Table => output::print(&describe(&report, measured, &catalogue))?,
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

fn address_document(
    report: &LookupReport,
    measured: Option<&Measured>,
    catalogue: &Catalogue,
) -> AddressDocument {
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
        round_trips: measured.map(|measured| RoundTripsDocument {
            records: measured.records,
            smallest_ms: measured.smallest.map_or(0.0, thousandths),
            believed: remote.physics.is_some(),
        }),
        physics: remote.physics.as_deref().map(|physics| PhysicsDocument {
            rtt_ms: thousandths(physics.rtt),
            bound_km: physics.bound_km,
            site: Arc::clone(&physics.site),
            verdicts: physics.verdicts.iter().map(|(c, v)| (c.to_string(), v.word())).collect(),
        }),
        app: catalogue.explain_address(report.asked, remote.operator.asn).app().cloned(),
    }
}

fn describe(report: &LookupReport, measured: Option<&Measured>, catalogue: &Catalogue) -> String {
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
            if let Some(measured) = measured {
                line(&mut text, "physics", &physics(&report.remote, measured));
            }
        }
    }
    let apps = catalogue.explain_address(report.asked, remote.operator.asn);
    if apps.winner.is_some() || !apps.shadowed.is_empty() {
        text.push_str("  catalogue\n");
        for row in apps::describe(&apps).lines().skip(1) {
            let _ = writeln!(text, "    {}", row.trim_start());
        }
    }
    text
}

/// What the round trips in the store leave time for, or why they say nothing.
fn physics(remote: &RemoteContext, measured: &Measured) -> String {
    let smallest = measured.smallest.map_or(0.0, |took| took.as_secs_f64() * 1000.0);
    let of = format!("{smallest:.1} ms, the smallest of {} flow record(s) in the store", measured.records);
    let Some(physics) = &remote.physics else {
        return format!(
            "nothing is held against {of}: no place of the sensor is known (`enrich.site`, --site), or something near \
             answers in the remotes' place"
        );
    };
    let verdicts = physics.verdicts.iter().map(|(c, v)| format!("{c} {}", v.word().replace('_', " ")));
    let verdicts = verdicts.collect::<Vec<_>>().join(", ");
    format!("{of}, from {} allow {} km: {verdicts}", physics.site, physics.bound_km)
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
