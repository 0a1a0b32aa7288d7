//! `whither geoip …`: the databases in use, and the building of the embedded one.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::deliver;
use crate::enrich::build::{self, BuildInputs};
use crate::enrich::{self, Enricher};

use super::args::{Format, GeoipCommand};
use super::output::{self, Failure};
use super::table;

/// Runs a `geoip` command.
pub(super) fn geoip(command: GeoipCommand) -> Result<(), Failure> {
    match command {
        GeoipCommand::Status { config, format } => status(config.as_deref(), format),
        GeoipCommand::Build { inputs, output } => make(&inputs, &output),
    }
}

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

fn status(config: Option<&Path>, format: Format) -> Result<(), Failure> {
    let config = super::config::load(config)?;
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
    if format == Format::Json {
        let document = StatusDocument { databases, embedded_sources };
        return output::print(&String::from_utf8_lossy(&deliver::document(&document)));
    }
    let rows = databases.into_iter().map(|d| {
        let sha256 = d.sha256.as_deref().and_then(|s| s.get(..16)).unwrap_or("-").to_owned();
        vec![d.name.to_string(), d.build.to_string(), sha256]
    });
    let mut text = String::from("In use, first wins field by field\n");
    text.push_str(&table::list(rows, &["database", "date", "sha256"]));
    text.push_str("\nThe embedded database is made of\n");
    let rows = embedded_sources.iter().map(|s| vec![s.name.clone(), s.date.clone(), s.license.clone(), s.gives.clone()]);
    text.push_str(&table::list(rows, &["source", "date", "licence", "gives"]));
    text.push('\n');
    for source in &embedded_sources {
        let _ = writeln!(text, "{}", source.attribution);
    }
    output::print(&text)
}

fn make(inputs: &Path, out: &Path) -> Result<(), Failure> {
    let report = build::build(&BuildInputs { folder: inputs.to_owned() }, out)
        .map_err(|e| Failure::Running(e.to_string()))?;
    output::print(&format!(
        "{}: {} bytes, sha256 {}\n  {} IPv4 and {} IPv6 ranges; {} AS numbers, {} named, {} with a country; data of {}\n",
        out.display(),
        report.bytes,
        report.sha256,
        report.ranges_v4,
        report.ranges_v6,
        report.autonomous_systems,
        report.named,
        report.placed,
        report.date,
    ))
}
