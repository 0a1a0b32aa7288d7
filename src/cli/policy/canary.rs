//! `whither policy canary`: a marked test alert to every sink, and where it arrived.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use serde::Serialize;

use crate::cli::args::Format;
use crate::cli::output::{self, Failure, plain};
use crate::cli::{FAILED, config, table};
use crate::pipeline::canary::{self, CanaryError, Flight, Outcome, Route};
use crate::pipeline::parts::{self, Recipe};

use super::args::CanaryArgs;

#[derive(Serialize)]
struct Document<'a> {
    /// `event.id` of what the sinks got.
    id: &'a str,
    canary: bool,
    steps: Vec<StepDocument<'a>>,
    sinks: Vec<SinkDocument<'a>>,
    failed: usize,
}

#[derive(Serialize)]
struct StepDocument<'a> {
    step: &'static str,
    said: &'a str,
    milliseconds: f64,
}

#[derive(Serialize)]
struct SinkDocument<'a> {
    sink: &'a str,
    /// `confirmed`, `sent`, `dry_run` or `failed`.
    outcome: &'static str,
    said: &'a str,
    milliseconds: f64,
}

/// Runs the command.
pub(super) fn canary(args: &CanaryArgs) -> Result<ExitCode, Failure> {
    let config = config::load(args.config.as_deref())?;
    let parts = parts::build(Recipe {
        catalogue: &config.catalogue,
        enrich: &config.enrich,
        policy: &config.policy,
        at: None,
        geo: None,
    })
    .map_err(|e| Failure::Usage(e.to_string()))?;
    let state = args.state_dir.as_deref().unwrap_or(&config.daemon.state_dir);
    let alerts = state.join(&config.daemon.alerts);
    let route = Route { alert: &config.alert, alerts: &alerts, state, deliver: &config.deliver };
    let flight = canary::send(parts, &route).map_err(|e: CanaryError| Failure::Running(e.to_string()))?;
    let document = document(&flight);
    match args.format {
        Format::Json => output::print_document(&document)?,
        Format::Table => output::print(&text(&document))?,
    }
    Ok(if document.failed > 0 { ExitCode::from(FAILED) } else { ExitCode::SUCCESS })
}

fn document(flight: &Flight) -> Document<'_> {
    let steps = flight.steps.iter().map(|step| StepDocument {
        step: step.name,
        said: &step.said,
        milliseconds: milliseconds(step.took),
    });
    let sinks = flight.sinks.iter().map(|landing| SinkDocument {
        sink: &landing.sink,
        outcome: landing.outcome.word(),
        said: &landing.said,
        milliseconds: milliseconds(landing.took),
    });
    Document {
        id: &flight.id,
        canary: true,
        steps: steps.collect(),
        sinks: sinks.collect(),
        failed: flight.sinks.iter().filter(|s| s.outcome == Outcome::Failed).count(),
    }
}

/// To the microsecond.
fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

fn text(document: &Document<'_>) -> String {
    let mut text =
        format!("canary {}: of no device and no traffic, marked as such everywhere\n", document.id);
    let took = |ms: f64| format!("{ms:.1} ms");
    let steps = document.steps.iter().map(|s| vec![s.step.to_owned(), took(s.milliseconds), plain(s.said)]);
    text.push_str(&table::list(steps, &["step", "took", ""]));
    text.push('\n');
    let sinks = document
        .sinks
        .iter()
        .map(|s| vec![plain(s.sink), s.outcome.replace('_', " "), took(s.milliseconds), plain(s.said)]);
    text.push_str(&table::list(sinks, &["sink", "outcome", "took", ""]));
    let _ = match document.failed {
        0 => writeln!(text, "no sink failed"),
        n => writeln!(text, "{n} of {} sinks failed", document.sinks.len()),
    };
    text
}
