//! `whither geoip status`: what is in use.

use std::fmt::Write as _;
use std::sync::Arc;

use serde::Serialize;

use crate::cli::args::Format;
use crate::cli::output::{self, Failure};
use crate::cli::table;
use crate::enrich::{self, Enricher};

use super::args::StatusArgs;

#[derive(Serialize)]
struct StatusDocument {
    databases: Vec<DatabaseDocument>,
    embedded_sources: Vec<SourceDocument>,
}

#[derive(Serialize)]
struct DatabaseDocument {
    name: Arc<str>,
    build: Arc<str>,
    sha256: Option<Arc<str>>,
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
    let enricher = Enricher::load(&config.enrich).map_err(|e| Failure::Usage(e.to_string()))?;
    let databases: Vec<DatabaseDocument> = enricher
        .builds()
        .into_iter()
        .map(|b| DatabaseDocument { name: b.name, build: b.build, sha256: b.sha256 })
        .collect();
    let embedded_sources: Vec<SourceDocument> = enrich::embedded_sources()
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
        .collect();
    if args.format == Format::Json {
        let document = StatusDocument { databases, embedded_sources };
        return output::print_document(&document);
    }
    let rows = databases.into_iter().map(|d| {
        let sha256 = d.sha256.as_deref().and_then(|s| s.get(..16)).unwrap_or("-").to_owned();
        vec![d.name.to_string(), d.build.to_string(), sha256]
    });
    let mut text = String::from("In use, first wins field by field\n");
    text.push_str(&table::list(rows, &["database", "date", "sha256"]));
    text.push_str("\nThe embedded database is made of\n");
    let rows = embedded_sources
        .iter()
        .map(|s| vec![s.name.clone(), s.date.clone(), s.license.clone(), s.gives.clone()]);
    text.push_str(&table::list(rows, &["source", "date", "licence", "gives"]));
    text.push('\n');
    for source in &embedded_sources {
        let _ = writeln!(text, "{}", source.attribution);
    }
    output::print(&text)
}
