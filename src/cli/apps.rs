//! `whither apps …`: the catalogue, looked at and questioned.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

use serde::Serialize;

use crate::appid::{
    Application, Catalogue, LintLevel, MatchReport, MatchedFact, RegionReport, Shared, region_of,
};
use crate::enrich::Enricher;
use crate::model::HostName;

use super::args::{AppsCommand, AppsCommon, Format};
use super::output::{self, Failure};
use super::region::RegionDocument;
use super::{USAGE, table};

/// Runs an `apps` command.
pub(super) fn apps(command: AppsCommand) -> Result<ExitCode, Failure> {
    match command {
        AppsCommand::List { tag, common } => list(tag.as_deref(), &common),
        AppsCommand::Show { id, common } => show(&id, &common),
        AppsCommand::Match { subjects, common } => matches(&subjects, &common),
        AppsCommand::Lint { common } => return lint(&common),
    }
    .map(|()| ExitCode::SUCCESS)
}

fn catalogue(common: &AppsCommon) -> Result<Catalogue, Failure> {
    let config = super::config::load(common.config.as_deref())?;
    Catalogue::load(&config.catalogue).map_err(|e| Failure::Usage(e.to_string()))
}

#[derive(Serialize)]
struct ListDocument {
    id: Arc<str>,
    name: Arc<str>,
    vendor: Arc<str>,
    role: &'static str,
    tags: Vec<Arc<str>>,
    facts: usize,
    file: Arc<str>,
}

fn list(tag: Option<&str>, common: &AppsCommon) -> Result<(), Failure> {
    let catalogue = catalogue(common)?;
    let chosen: Vec<_> = catalogue
        .list()
        .into_iter()
        .filter(|a| tag.is_none_or(|tag| a.tags.iter().any(|t| &**t == tag)))
        .collect();
    if let Some(tag) = tag.filter(|_| chosen.is_empty()) {
        return Err(Failure::Usage(format!(
            "no application has the tag `{tag}`; `whither apps list` shows all tags"
        )));
    }
    if common.format == Format::Json {
        let documents: Vec<ListDocument> = chosen
            .into_iter()
            .map(|a| ListDocument {
                id: a.id,
                name: a.name,
                vendor: a.vendor,
                role: a.role.word(),
                tags: a.tags,
                facts: a.facts,
                file: a.file,
            })
            .collect();
        return output::print_document(&documents);
    }
    let count = chosen.len();
    let rows = chosen.into_iter().map(|a| {
        let tags: Vec<&str> = a.tags.iter().map(|t| &**t).collect();
        vec![
            a.id.to_string(),
            a.name.to_string(),
            a.vendor.to_string(),
            a.role.word().to_owned(),
            tags.join(" "),
        ]
    });
    let mut text = table::list(rows, &["id", "name", "vendor", "role", "tags"]);
    let _ = writeln!(text, "{count} entries, catalogue {}", catalogue.version());
    for note in catalogue.notes() {
        let _ = writeln!(text, "note: {note}");
    }
    output::print(&text)
}

#[derive(Serialize)]
struct FactDocument {
    fact: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<String>,
    source: Arc<str>,
    date: Arc<str>,
}

#[derive(Serialize)]
struct ShowDocument {
    id: Arc<str>,
    name: Arc<str>,
    vendor: Arc<str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vendor_country: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vendor_source: Option<Arc<str>>,
    role: &'static str,
    tags: Vec<Arc<str>>,
    file: Arc<str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<Arc<str>>,
    facts: Vec<FactDocument>,
}

fn show(id: &str, common: &AppsCommon) -> Result<(), Failure> {
    let catalogue = catalogue(common)?;
    let Some(entry) = catalogue.show(id) else {
        return Err(Failure::Usage(format!("there is no application `{id}`; see `whither apps list`")));
    };
    let document = ShowDocument {
        id: Arc::clone(&entry.app.id),
        name: Arc::clone(&entry.app.name),
        vendor: Arc::clone(&entry.app.vendor),
        vendor_country: entry.app.vendor_country.map(|c| c.to_string()),
        vendor_source: entry.app.vendor_source.clone(),
        role: entry.role.word(),
        tags: entry.app.tags.clone(),
        file: Arc::clone(&entry.file),
        note: entry.note.clone(),
        facts: facts(entry),
    };
    if common.format == Format::Json {
        return output::print_document(&document);
    }
    let tags: Vec<&str> = document.tags.iter().map(|t| &**t).collect();
    let mut text = format!("{} ({})\n  vendor  {}", document.name, document.id, document.vendor);
    match (&document.vendor_country, &document.vendor_source) {
        (Some(country), Some(source)) => {
            let _ = writeln!(text, ", seat {country} ({source})");
        }
        _ => text.push_str(" (no source stands behind a seat)\n"),
    }
    let _ = writeln!(
        text,
        "  role    {}\n  tags    {}\n  file    {}",
        document.role,
        tags.join(" "),
        document.file
    );
    if let Some(note) = &document.note {
        let _ = writeln!(text, "  note    {note}");
    }
    let rows = document
        .facts
        .into_iter()
        .map(|f| vec![f.fact, f.confidence.unwrap_or_default(), format!("{} ({})", f.source, f.date)]);
    text.push_str(&table::list(rows, &["fact", "confidence", "source"]));
    output::print(&text)
}

fn facts(entry: &Application) -> Vec<FactDocument> {
    let plain = |label: &Arc<str>, source: &crate::appid::FactSource| FactDocument {
        fact: label.to_string(),
        confidence: None,
        source: Arc::clone(&source.name),
        date: Arc::clone(&source.date),
    };
    let domains = entry.domains.iter().map(|d| FactDocument {
        confidence: Some(format!("{:?}", d.confidence).to_lowercase()),
        ..plain(&d.label, &d.source)
    });
    domains
        .chain(entry.prefixes.iter().map(|p| plain(&p.label, &p.source)))
        .chain(entry.asns.iter().map(|a| plain(&a.label, &a.source)))
        .chain(entry.ports.iter().map(|p| plain(&p.label, &p.source)))
        .chain(entry.protocols.iter().map(|p| plain(&p.label, &p.source)))
        .chain(entry.owners.iter().map(|o| FactDocument {
            confidence: Some(format!("{:?}", o.confidence).to_lowercase()),
            ..plain(&o.label, &o.source)
        }))
        .collect()
}

#[derive(Serialize)]
struct MatchDocument {
    asked: String,
    app: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    matched: Option<MatchedDocument>,
    shadowed: Vec<MatchedDocument>,
    /// What it would name as a package, an executable or a label.
    owners: Vec<MatchedDocument>,
    /// The region that the name claims.
    #[serde(skip_serializing_if = "Option::is_none")]
    region_claim: Option<RegionDocument>,
    /// Why the address counts as serving anybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    shared: Option<&'static str>,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct MatchedDocument {
    app: Arc<str>,
    fact: Arc<str>,
    names_app: bool,
    source: Arc<str>,
    date: Arc<str>,
}

impl From<&MatchedFact> for MatchedDocument {
    fn from(matched: &MatchedFact) -> Self {
        Self {
            app: Arc::clone(&matched.app),
            fact: Arc::clone(&matched.fact),
            names_app: matched.names_app,
            source: Arc::clone(&matched.source.name),
            date: Arc::clone(&matched.source.date),
        }
    }
}

fn matches(subjects: &[String], common: &AppsCommon) -> Result<(), Failure> {
    let catalogue = catalogue(common)?;
    let config = super::config::load(common.config.as_deref())?;
    let enricher = Enricher::load(&config.enrich).map_err(|e| Failure::Usage(e.to_string()))?;
    let explain = |subject: &String| {
        let Some(addr) = super::args::as_address(subject.trim()) else {
            return (catalogue.explain_match(subject), None);
        };
        let remote = enricher.remote(addr);
        let report = catalogue.explain_address(addr, remote.operator.asn);
        // An own network names its application, whoever else the operator serves elsewhere.
        let shared = Shared::by_operator(&remote).filter(|_| report.app().is_none());
        (report, shared.map(Shared::word))
    };
    let reports: Vec<(MatchReport, Option<&'static str>)> = subjects.iter().map(explain).collect();
    if common.format == Format::Json {
        for (report, shared) in &reports {
            let region = region(&report.asked);
            let document = MatchDocument {
                asked: report.asked.clone(),
                app: report.app().cloned(),
                matched: report.winner.as_ref().map(MatchedDocument::from),
                shadowed: report.shadowed.iter().map(MatchedDocument::from).collect(),
                owners: report.owners.iter().map(MatchedDocument::from).collect(),
                region_claim: region.claim.as_deref().map(RegionDocument::from),
                shared: *shared,
                notes: report.notes.iter().chain(&region.notes).cloned().collect(),
            };
            output::print_line(&document)?;
        }
        return Ok(());
    }
    let described = reports.iter().map(|(report, shared)| {
        let mut text = describe(report);
        if let Some(shared) = shared {
            let _ = writeln!(
                text,
                "  shared: {shared}; what rests on the address alone names nothing, lookups count for ten minutes"
            );
        }
        text
    });
    output::print(&described.collect::<String>())
}

/// The region that a name claims; nothing for what is no name.
pub(super) fn region(name: &str) -> RegionReport {
    HostName::from_wire(name.as_bytes()).map(|name| region_of(&name)).unwrap_or_default()
}

/// A match report in words; also part of `lookup`.
pub(super) fn describe(report: &MatchReport) -> String {
    let mut text = match (report.app(), report.owners.first()) {
        (Some(app), _) => format!("{}: {app}\n", report.asked),
        (None, Some(owner)) if owner.names_app => {
            format!("{}: {} as owner of a socket\n", report.asked, owner.app)
        }
        _ => format!("{}: names no application\n", report.asked),
    };
    let mut add = |word: &str, m: &MatchedFact| {
        let _ = writeln!(text, "  {word} {} of {} ({}, {})", m.fact, m.app, m.source.name, m.source.date);
    };
    if let Some(winner) = &report.winner {
        add("matched", winner);
    }
    for shadowed in &report.shadowed {
        add("passed over (a longer one decides)", shadowed);
    }
    for owner in &report.owners {
        add("as owner", owner);
    }
    for note in &report.notes {
        let _ = writeln!(text, "  note: {note}");
    }
    let region = region(&report.asked);
    if let Some(claim) = &region.claim {
        let _ = writeln!(
            text,
            "  region: the name claims {} by `{}` of {} ({}, {}); a claim, no location",
            super::region::place(claim),
            claim.token,
            claim.vendor,
            claim.confidence,
            claim.source
        );
    }
    for note in &region.notes {
        let _ = writeln!(text, "  region: {note}");
    }
    text
}

#[derive(Serialize)]
struct LintDocument {
    level: &'static str,
    kind: &'static str,
    app: Arc<str>,
    message: String,
}

fn lint(common: &AppsCommon) -> Result<ExitCode, Failure> {
    let catalogue = catalogue(common)?;
    let findings = catalogue.lint();
    let errors = findings.iter().filter(|f| f.level == LintLevel::Error).count();
    let level = |l: LintLevel| if l == LintLevel::Error { "error" } else { "warning" };
    if common.format == Format::Json {
        let documents: Vec<LintDocument> = findings
            .iter()
            .map(|f| LintDocument {
                level: level(f.level),
                kind: f.kind,
                app: Arc::clone(&f.app),
                message: f.message.clone(),
            })
            .collect();
        output::print_document(&documents)?;
    } else {
        let lines: Vec<String> = findings
            .iter()
            .map(|f| format!("{} [{}] {}: {}\n", level(f.level), f.kind, f.app, f.message))
            .collect();
        let mut text = lines.concat();
        let _ =
            writeln!(text, "{} finding(s), {errors} error(s), {} entries", findings.len(), catalogue.len());
        output::print(&text)?;
    }
    Ok(if errors > 0 { ExitCode::from(USAGE) } else { ExitCode::SUCCESS })
}
