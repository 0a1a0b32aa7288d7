//! `whither flows`: flow records as they were judged, newest first.

use std::io::Write;

use serde::Serialize;

use super::args::{FlowsArgs, ListFormat};
use crate::cli::output::{self, Failure, bytes};
use crate::cli::{csv, table};
use crate::deliver::{FlowDocument, write_json};
use crate::model::{Certainty, EnrichedFlow, Outcome, Role};
use crate::store::{FlowFilter, Reader, StoredFlow};

use super::{period, reader};

const HEADER: [&str; 12] = [
    "end", "device", "app", "tier", "remote", "name", "server", "operator", "owner", "up", "down", "verdict",
];

#[derive(Serialize)]
struct Document<'a> {
    flows: Vec<FlowDocument<'a>>,
}

/// Runs the command.
pub(in crate::cli) fn flows(args: &FlowsArgs) -> Result<(), Failure> {
    let reader = reader(&args.store)?;
    let (since, until) = period(&args.period)?;
    let filter = FlowFilter {
        since,
        until,
        flow: None,
        device: args.device.clone(),
        app: args.app.as_ref().map(|app| if app == "none" { String::new() } else { app.clone() }),
        country: args.country.as_ref().map(|c| c.to_ascii_uppercase()),
        remote: args.remote.map(|r| r.to_string()),
        name: args.name.clone(),
        judged_only: args.judged,
        limit: Some(args.limit),
        oldest_first: false,
    };
    match args.format {
        ListFormat::Table => {
            let mut rows = Vec::new();
            each(&reader, &filter, |stored| {
                rows.push(row(&stored.flow, true).to_vec());
                Ok(())
            })?;
            if rows.is_empty() {
                return output::print("No flow records fit.");
            }
            output::print(&table::list(rows, &HEADER))
        }
        ListFormat::Csv => {
            let mut out = std::io::BufWriter::new(std::io::stdout().lock());
            out.write_all(csv::row(HEADER).as_bytes())?;
            each(&reader, &filter, |stored| {
                let cells = row(&stored.flow, false);
                out.write_all(csv::row(cells.iter().map(String::as_str)).as_bytes())?;
                Ok(())
            })?;
            out.flush()?;
            Ok(())
        }
        ListFormat::Jsonl => {
            let mut out = std::io::BufWriter::new(std::io::stdout().lock());
            each(&reader, &filter, |stored| {
                write_json(&mut out, &FlowDocument::new(&stored.flow))?;
                out.write_all(b"\n")?;
                Ok(())
            })?;
            out.flush()?;
            Ok(())
        }
        ListFormat::Json => {
            let mut kept = Vec::new();
            each(&reader, &filter, |stored| {
                kept.push(stored.flow);
                Ok(())
            })?;
            output::print_document(&Document { flows: kept.iter().map(FlowDocument::new).collect() })
        }
    }
}

/// Calls `take` for each record; a failure of it ends the reading and is given back.
fn each(
    reader: &Reader,
    filter: &FlowFilter,
    mut take: impl FnMut(StoredFlow) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut failure = None;
    reader.flows(filter, |stored| match take(stored) {
        Ok(()) => true,
        Err(error) => {
            failure = Some(error);
            false
        }
    })?;
    failure.map_or(Ok(()), Err)
}

/// The cells of a record; octets for people or for programs.
fn row(flow: &EnrichedFlow, people: bool) -> [String; 12] {
    let octets = |n: u64| if people { bytes(n) } else { n.to_string() };
    let role = |role: Role| {
        let answer = flow.remote.roles.get(role);
        let country = answer.and_then(|a| a.country.map(|c| (c, a.certainty)));
        country.map_or(String::new(), |(country, certainty)| match certainty {
            Certainty::High | Certainty::Medium => country.to_string(),
            _ => format!("{country}?"),
        })
    };
    let identification = &flow.identification;
    [
        flow.record.end.to_rfc3339(if people { 0 } else { 6 }),
        flow.device.name.as_deref().unwrap_or(&flow.device.id).to_owned(),
        identification.app.as_ref().map_or("", |a| &*a.id).to_owned(),
        identification.tier.map_or(String::new(), |t| t.to_string()),
        format!("{}:{}", flow.remote.addr, remote_port(flow)),
        flow.remote.hostname.as_ref().map_or(String::new(), ToString::to_string),
        role(Role::Server),
        flow.remote.operator.name.as_deref().unwrap_or("").to_owned(),
        role(Role::Owner),
        octets(flow.bytes_up()),
        octets(flow.bytes_down()),
        verdict(flow),
    ]
}

fn remote_port(flow: &EnrichedFlow) -> u16 {
    if flow.device_is_source { flow.record.destination.port } else { flow.record.source.port }
}

/// The strongest verdict; of a second view, of which flow it is one: it was not judged and counts in nothing.
fn verdict(flow: &EnrichedFlow) -> String {
    if let Some(of) = flow.duplicate_of {
        return format!("duplicate of {of}");
    }
    let said = |outcome| flow.verdicts.iter().any(|v| v.outcome == outcome);
    [Outcome::Match, Outcome::CannotTell, Outcome::NoMatch]
        .into_iter()
        .find(|outcome| said(*outcome))
        .map_or("", Outcome::word)
        .to_owned()
}
