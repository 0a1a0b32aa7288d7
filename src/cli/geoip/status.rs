//! `whither geoip status`: what is in use, how old it is, under which licence, and where it came from.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::civil::Date;
use serde::Serialize;

use crate::cli::age::{self, TOO_OLD_DAYS};
use crate::cli::args::Format;
use crate::cli::output::{self, Failure, bytes, plain};
use crate::cli::{table, when};
use crate::enrich::update::{Source, kept_origin};
use crate::enrich::{self, Database, Enricher};
use crate::model::SourceBuild;
use crate::pipeline::clock;

use super::args::StatusArgs;

/// The kind of an operator table.
const OPERATORS: &str = "operators";

#[derive(Serialize)]
struct StatusDocument {
    /// The day that ages are counted to.
    at: String,
    databases: Vec<DatabaseDocument>,
    embedded_sources: Vec<SourceDocument>,
}

#[derive(Serialize)]
struct DatabaseDocument {
    name: Arc<str>,
    build: Arc<str>,
    sha256: Option<Arc<str>>,
    /// As its maker calls it; `operators` for an operator table.
    kind: String,
    /// Nothing for what is built into the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    /// Negative where it was made after that day.
    age_days: Option<i64>,
    too_old: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    license: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attribution: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<OriginDocument>,
}

/// Where `whither geoip update` got it from.
#[derive(Serialize)]
struct OriginDocument {
    source: &'static str,
    url: String,
    fetched: String,
}

#[derive(Serialize)]
struct SourceDocument {
    name: String,
    package: String,
    version: String,
    date: String,
    license: String,
    attribution: String,
    gives: String,
}

/// Runs the command.
pub(super) fn status(args: &StatusArgs) -> Result<(), Failure> {
    let config = crate::cli::config::load(args.config.as_deref())?;
    let point = when::parse(&args.at, clock::now()).map_err(|e| Failure::Usage(format!("--at: {e}")))?;
    let at = age::day_of(point).ok_or_else(|| Failure::Usage(format!("--at: `{}` is no day", args.at)))?;
    let enricher = Enricher::load(&config.enrich).map_err(|e| Failure::Usage(e.to_string()))?;
    let set = enricher.geo().load();
    let mut paths = config.enrich.databases.iter();
    let mut databases: Vec<DatabaseDocument> =
        set.databases().iter().map(|database| of_database(database, paths.next(), at)).collect();
    databases.extend(enricher.operators().builds().iter().map(|build| of_table(build, at)));
    let document = StatusDocument { at: at.to_string(), databases, embedded_sources: embedded_sources() };
    match args.format {
        Format::Json => output::print_document(&document),
        Format::Table => output::print(&text(&document)),
    }
}

fn of_database(database: &Database, path: Option<&PathBuf>, at: Date) -> DatabaseDocument {
    let origin = path.and_then(|path| kept_origin(path));
    let terms = origin.as_ref().map(|o| o.source.terms()).or_else(|| Source::terms_of_kind(database.kind()));
    DatabaseDocument {
        kind: database.kind().to_owned(),
        path: path.cloned(),
        bytes: Some(database.size()),
        license: terms.map(|(license, _)| license),
        attribution: terms.map(|(_, attribution)| attribution),
        origin: origin.map(|o| OriginDocument { source: o.source.word(), url: o.url, fetched: o.fetched }),
        ..of_table(database.build(), at)
    }
}

/// An operator table; what it has in common with a database.
fn of_table(build: &SourceBuild, at: Date) -> DatabaseDocument {
    let age_days = age::days(&build.build, at);
    DatabaseDocument {
        name: Arc::clone(&build.name),
        build: Arc::clone(&build.build),
        sha256: build.sha256.clone(),
        kind: OPERATORS.to_owned(),
        path: None,
        bytes: None,
        age_days,
        too_old: age_days.is_some_and(|days| days > TOO_OLD_DAYS),
        license: None,
        attribution: None,
        origin: None,
    }
}

fn embedded_sources() -> Vec<SourceDocument> {
    enrich::embedded_sources()
        .into_iter()
        .map(|s| SourceDocument {
            name: s.name,
            package: s.package,
            version: s.version,
            date: s.date,
            license: s.license,
            attribution: s.attribution,
            gives: s.gives,
        })
        .collect()
}

fn text(document: &StatusDocument) -> String {
    let dash = || "-".to_owned();
    let rows = document.databases.iter().map(|d| {
        let sha256 = d.sha256.as_deref().and_then(|s| s.get(..16)).unwrap_or("-").to_owned();
        vec![
            plain(&d.name),
            d.build.to_string(),
            d.age_days.map_or_else(dash, |days| format!("{days} d")),
            d.bytes.map_or_else(dash, bytes),
            d.license.map_or_else(dash, str::to_owned),
            d.origin.as_ref().map_or_else(|| place(d), |o| o.url.clone()),
            sha256,
        ]
    });
    let mut text = format!("In use, first wins field by field; ages on {}\n", document.at);
    text.push_str(&table::list(rows, &["database", "date", "age", "size", "licence", "from", "sha256"]));
    for old in document.databases.iter().filter(|d| d.too_old) {
        let days = old.age_days.unwrap_or(0);
        let _ = writeln!(
            text,
            "too old: {} is of {}, {days} days before {}; {}",
            plain(&old.name),
            old.build,
            document.at,
            if old.kind == OPERATORS {
                "a newer release has a newer table, or write your own rows (`enrich.operators`)"
            } else {
                "`whither geoip update` fetches newer ones"
            }
        );
    }
    text.push_str("\nThe embedded database is made of\n");
    let sources = &document.embedded_sources;
    let rows =
        sources.iter().map(|s| vec![s.name.clone(), s.date.clone(), s.license.clone(), s.gives.clone()]);
    text.push_str(&table::list(rows, &["source", "date", "licence", "gives"]));
    text.push('\n');
    let mut shown: Vec<&str> = document.databases.iter().filter_map(|d| d.attribution).collect();
    shown.retain(|line| line.contains("http"));
    shown.extend(sources.iter().map(|s| s.attribution.as_str()));
    shown.dedup();
    for line in shown {
        let _ = writeln!(text, "{line}");
    }
    text
}

fn place(database: &DatabaseDocument) -> String {
    match &database.path {
        Some(path) => plain(&path.display().to_string()),
        None if database.kind == OPERATORS => "operator table".to_owned(),
        None => "built in".to_owned(),
    }
}
