//! `whither alerts list|show|ack|note|export`.

use std::io::Write;
use std::process::ExitCode;

use serde::Serialize;

use super::args::{AlertFilterArgs, AlertsCommand, ListFormat, StoreArgs};
use crate::cli::output::{self, Failure, bytes};
use crate::cli::{csv, table};
use crate::model::{AlertState, Came};
use crate::pipeline::clock;
use crate::store::{AlertFilter, Reader, Store, StoredAlert};

use super::{explain, period, place, reader};

const HEADER: [&str; 12] = [
    "id",
    "severity",
    "state",
    "opened",
    "rule",
    "app",
    "device",
    "country (role)",
    "operator",
    "flows",
    "up",
    "payload",
];
/// Bytes of a note; longer ones belong elsewhere.
const LONGEST_NOTE: usize = 4096;

#[derive(Serialize)]
struct Document {
    alerts: Vec<serde_json::Value>,
}

/// Runs the command.
pub(in crate::cli) fn alerts(command: &AlertsCommand) -> Result<ExitCode, Failure> {
    match command {
        AlertsCommand::List { filter, format, store } => list(filter, *format, store)?,
        AlertsCommand::Show { id, json, store } => explain::alert(&reader(store)?, id, *json)?,
        AlertsCommand::Ack { ids, by, store } => acknowledge(ids, by.as_deref(), store)?,
        AlertsCommand::Note { id, text, by, store } => note(id, text, by.as_deref(), store)?,
        AlertsCommand::Export { filter, store } => export(filter, store)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn filter(args: &AlertFilterArgs) -> Result<AlertFilter, Failure> {
    let (since, until) = period(&args.period)?;
    Ok(AlertFilter {
        since,
        until,
        rule: args.rule.clone(),
        severity: args.severity,
        device: args.device.clone(),
        app: args.app.clone(),
        country: args.country.as_ref().map(|c| c.to_ascii_uppercase()),
        open: match (args.open, args.closed) {
            (true, false) => Some(true),
            (false, true) => Some(false),
            _ => None,
        },
        acked: args.unacked.then_some(false),
        limit: args.limit,
    })
}

fn list(args: &AlertFilterArgs, format: ListFormat, store: &StoreArgs) -> Result<(), Failure> {
    let reader = reader(store)?;
    let found = reader.alerts(&filter(args)?)?;
    match format {
        ListFormat::Table if found.is_empty() => output::print("No alerts fit."),
        ListFormat::Table => {
            output::print(&table::list(found.iter().map(|a| row(a, true).to_vec()), &HEADER))
        }
        ListFormat::Csv => {
            let mut text = csv::row(HEADER);
            for alert in &found {
                text.push_str(&csv::row(row(alert, false).iter().map(String::as_str)));
            }
            output::print(&text)
        }
        ListFormat::Jsonl => documents(&reader, &found, |document| output::print_line(&document)),
        ListFormat::Json => {
            let mut alerts = Vec::new();
            documents(&reader, &found, |document| {
                alerts.push(document);
                Ok(())
            })?;
            output::print_document(&Document { alerts })
        }
    }
}

/// The alerts' documents, oldest first, as a sink would get them, one per alert.
fn export(args: &AlertFilterArgs, store: &StoreArgs) -> Result<(), Failure> {
    let reader = reader(store)?;
    let mut found = reader.alerts(&filter(args)?)?;
    found.reverse();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    documents(&reader, &found, |document| {
        crate::deliver::write_json(&mut out, &document)?;
        out.write_all(b"\n")?;
        Ok(())
    })?;
    out.flush()?;
    Ok(())
}

/// Each alert's last document, with what people said of it under `whither.alert`.
fn documents(
    reader: &Reader,
    found: &[StoredAlert],
    mut take: impl FnMut(serde_json::Value) -> Result<(), Failure>,
) -> Result<(), Failure> {
    for stored in found {
        let Some(bytes) = reader.document(&stored.alert.id)? else { continue };
        let mut document: serde_json::Value = serde_json::from_slice(&bytes).map_err(|e| {
            Failure::Running(format!("alert {}: its document is damaged: {e}", stored.alert.id))
        })?;
        if let Some(life) = document.pointer_mut("/whither/alert").and_then(|l| l.as_object_mut()) {
            if let Some((at, by)) = &stored.acked {
                life.insert(
                    "acknowledged".to_owned(),
                    serde_json::json!({ "at": at.to_rfc3339(3), "by": by }),
                );
            }
            if !stored.notes.is_empty() {
                let notes: Vec<_> = stored
                    .notes
                    .iter()
                    .map(|n| serde_json::json!({ "at": n.at.to_rfc3339(3), "by": n.author, "text": n.text }))
                    .collect();
                life.insert("notes".to_owned(), notes.into());
            }
        }
        take(document)?;
    }
    Ok(())
}

fn row(stored: &StoredAlert, people: bool) -> [String; 12] {
    let alert = &stored.alert;
    let mut state = if alert.state == AlertState::Open { "open" } else { "closed" }.to_owned();
    if stored.acked.is_some() {
        state.push_str(", acked");
    }
    [
        alert.id.to_string(),
        stored.severity.to_string(),
        state,
        alert.opened.to_rfc3339(if people { 0 } else { 6 }),
        alert.rule_name.to_string(),
        alert.identification.app.as_ref().map_or("", |a| &*a.id).to_owned(),
        alert.device.name.as_deref().unwrap_or(&alert.device.id).to_owned(),
        format!("{} ({})", alert.country, alert.role),
        alert.remote.operator.name.as_deref().unwrap_or("").to_owned(),
        alert.flows.to_string(),
        if people { bytes(alert.bytes.up) } else { alert.bytes.up.to_string() },
        alert.came().map_or("", Came::word).to_owned(),
    ]
}

fn acknowledge(ids: &[String], by: Option<&str>, args: &StoreArgs) -> Result<(), Failure> {
    let mut store = Store::open_beside(&place(args)?.1)?;
    let reader = reader(args)?;
    for id in ids {
        let found = whole_id(&reader, id)?;
        store.acknowledge(&found, &author(by), clock::now())?;
        output::print(&format!("{found} acknowledged"))?;
    }
    Ok(())
}

fn note(id: &str, text: &str, by: Option<&str>, args: &StoreArgs) -> Result<(), Failure> {
    if text.is_empty() || text.len() > LONGEST_NOTE {
        return Err(Failure::Usage(format!(
            "a note has 1 to {LONGEST_NOTE} bytes; this one has {}",
            text.len()
        )));
    }
    let found = whole_id(&reader(args)?, id)?;
    Store::open_beside(&place(args)?.1)?.annotate(&found, &author(by), text, clock::now())?;
    output::print(&format!("{found} noted"))
}

fn whole_id(reader: &Reader, id: &str) -> Result<String, Failure> {
    let found = reader.alert(id)?;
    found.map(|stored| stored.alert.id.to_string()).ok_or_else(|| no_such_alert(id))
}

/// The failure for an id that leads to no alert, or to more than one.
pub(super) fn no_such_alert(id: &str) -> Failure {
    Failure::Usage(format!(
        "`{}` is the beginning of no alert's id, or of more than one; `whither alerts list` shows them",
        id.escape_debug()
    ))
}

/// Who says it: the option, else the user's name.
fn author(by: Option<&str>) -> String {
    by.map(str::to_owned)
        .or_else(|| std::env::var("SUDO_USER").ok())
        .or_else(|| std::env::var("USER").ok())
        .unwrap_or_else(|| "unknown".to_owned())
}
