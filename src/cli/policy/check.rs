//! `whither policy check`: gathers what rules lean on, and prints what the review finds.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;

use crate::appid::Catalogue;
use crate::cli::args::Format;
use crate::cli::output::{self, Failure, plain};
use crate::cli::{USAGE, config};
use crate::config::Config;
use crate::enrich::{GeoSet, OperatorTable};
use crate::model::Timestamp;
use crate::pipeline::clock;
use crate::pipeline::parts::Directory;
use crate::policy::Known;
use crate::policy::review::{self, KnownDevice, KnownOperator, Level, PolicyFinding, Surroundings};
use crate::store::Reader;

use super::args::CheckArgs;

#[derive(Serialize)]
struct Document<'a> {
    rules: usize,
    exceptions: usize,
    errors: usize,
    warnings: usize,
    notes: usize,
    findings: Vec<FindingDocument<'a>>,
}

#[derive(Serialize)]
struct FindingDocument<'a> {
    id: &'static str,
    /// The rule's or exception's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<&'a str>,
    severity: &'static str,
    message: &'a str,
    remedy: &'static str,
}

/// Runs the command.
pub(super) fn check(args: &CheckArgs) -> Result<ExitCode, Failure> {
    let mut config = match &args.config {
        Some(path) => Config::for_review(path).map_err(|e| Failure::Usage(e.to_string()))?,
        None => Config::default(),
    };
    config::apply_flags(&mut config, &args.flags)?;
    let state = args.state_dir.as_deref().unwrap_or(&config.daemon.state_dir);
    let findings = findings(&config, &learning_since(&state.join(&config.store.file)))?;
    let count = |level| findings.iter().filter(|f| f.level == level).count();
    let document = Document {
        rules: config.policy.rule_count(),
        exceptions: config.policy.exception.len(),
        errors: count(Level::Error),
        warnings: count(Level::Warning),
        notes: count(Level::Note),
        findings: findings
            .iter()
            .map(|f| FindingDocument {
                id: f.id,
                rule: f.of.as_deref(),
                severity: f.level.word(),
                message: &f.message,
                remedy: f.remedy,
            })
            .collect(),
    };
    match args.format {
        Format::Json => output::print_document(&document)?,
        Format::Table => output::print(&text(&document))?,
    }
    Ok(if document.errors > 0 { ExitCode::from(USAGE) } else { ExitCode::SUCCESS })
}

fn text(document: &Document<'_>) -> String {
    let mut text = String::new();
    for finding in &document.findings {
        let of = finding.rule.map_or("the policy".to_owned(), plain);
        let _ = writeln!(text, "{} [{}] {of}: {}", finding.severity, finding.id, plain(finding.message));
        let _ = writeln!(text, "    {}", finding.remedy);
    }
    let _ = writeln!(
        text,
        "{} rule(s), {} exception(s): {} error(s), {} warning(s), {} note(s)",
        document.rules, document.exceptions, document.errors, document.warnings, document.notes
    );
    text
}

fn findings(
    config: &Config,
    learning_since: &BTreeMap<String, Timestamp>,
) -> Result<Vec<PolicyFinding>, Failure> {
    let usage = |e: &dyn std::fmt::Display| Failure::Usage(e.to_string());
    let catalogue = Catalogue::load(&config.catalogue).map_err(|e| usage(&e))?;
    let operators = OperatorTable::load(&config.enrich).map_err(|e| usage(&e))?;
    let mut unreadable = None;
    let databases = match GeoSet::load(&config.enrich) {
        Ok(set) => set.builds(),
        Err(error) => {
            unreadable = Some(error.to_string());
            Vec::new()
        }
    };
    let today =
        clock::today().ok_or_else(|| Failure::Running("the clock shows no day of the calendar".into()))?;
    let around = Surroundings {
        apps: &Directory(&catalogue),
        local: &config.enrich.local_networks,
        networks: config.enrich.networks.iter().map(|n| (n.name.clone(), n.prefixes.clone())).collect(),
        devices: config
            .enrich
            .devices
            .iter()
            .map(|d| KnownDevice {
                name: d.name.clone(),
                has_mac: d.mac.is_some(),
                addresses: d.addresses.clone(),
            })
            .collect(),
        databases,
        operators: operators
            .rows()
            .map(|row| KnownOperator {
                name: row.name.clone(),
                country: row.country,
                owner_country: row.owner_country.or(row.country),
            })
            .collect(),
        active_timeout: config.meter.active_timeout.0,
        learning_since: learning_since.clone(),
        now: clock::now(),
        today,
    };
    let mut findings = review::review(&config.policy, &around);
    if let Some(error) = unreadable {
        findings.retain(|f| f.id != "database-missing");
        findings.push(PolicyFinding {
            id: "database-missing",
            of: None,
            level: Level::Error,
            message: error,
            remedy: "mend or remove the entry in `enrich.databases`",
        });
    }
    Ok(findings)
}

/// Since when rules learn, out of the daemon's store; nothing where there is none yet.
fn learning_since(store: &Path) -> BTreeMap<String, Timestamp> {
    let learned = Reader::open(store).and_then(|reader| reader.learned(Known::RULE)).unwrap_or_default();
    learned.into_iter().map(|one| (one.key, one.first)).collect()
}
