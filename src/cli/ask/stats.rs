//! `whither stats`: the identities, what the store holds, and sums by application, device, country or operator.

use std::collections::BTreeMap;

use serde::Serialize;

use super::args::{ListFormat, StatsArgs, StatsBy};
use crate::cli::output::{self, Failure, bytes};
use crate::cli::{csv, table};
use crate::pipeline::clock;
use crate::store::{Notice, Reader, RollupFilter, RollupRow, SinkState, Span};

use super::learning::{self, OfRule};
use super::{period, place, reader};

/// Sums of one key.
#[derive(Debug, Clone, Copy, Default, Serialize)]
struct Sums {
    flows: u64,
    bytes_up: u64,
    bytes_down: u64,
}

#[derive(Serialize)]
struct Document {
    /// The daemon's last statistics (the three identities), as it wrote them; `null` if it never did.
    daemon: serde_json::Value,
    store: StoreDocument,
    /// Of every rule with `first-time`.
    learning: Vec<OfRule>,
    by: &'static str,
    rows: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    key: String,
    #[serde(flatten)]
    sums: Sums,
}

#[derive(Serialize)]
struct StoreDocument {
    /// Records that count.
    flow_records: u64,
    /// Records beside them that show the other side of a translation of a flow that counts already.
    duplicate_records: u64,
    first: Option<String>,
    last: Option<String>,
    alerts: u64,
    alerts_open: u64,
    alerts_acknowledged: u64,
    events: u64,
    gaps: u64,
    losses: BTreeMap<String, u64>,
    sinks: BTreeMap<String, SinkDocument>,
    /// The newest changes under the results, such as databases that were swapped.
    notices: Vec<NoticeDocument>,
}

#[derive(Serialize)]
struct NoticeDocument {
    at: String,
    kind: String,
    #[serde(flatten)]
    body: serde_json::Value,
}

/// Notices shown.
const NOTICES: usize = 5;

/// `durable = delivered + skipped + queued + dead_letter`.
#[derive(Serialize)]
struct SinkDocument {
    delivered: u64,
    skipped: u64,
    queued: u64,
    dead_letter: u64,
}

/// Runs the command.
pub(in crate::cli) fn stats(args: &StatsArgs) -> Result<(), Failure> {
    let reader = reader(&args.store)?;
    let rows = sums(&reader, args)?;
    match args.format {
        ListFormat::Json | ListFormat::Jsonl => {
            let document = Document {
                daemon: daemon(args)?,
                store: store_document(&reader)?,
                learning: learned(&reader, args)?,
                by: args.by.word(),
                rows: rows.into_iter().map(|(key, sums)| Row { key, sums }).collect(),
            };
            if args.format == ListFormat::Json {
                output::print_document(&document)
            } else {
                output::print_line(&document)
            }
        }
        ListFormat::Csv => {
            let mut text = csv::row([args.by.word(), "flows", "bytes_up", "bytes_down"]);
            for (key, sums) in rows {
                let cells =
                    [key, sums.flows.to_string(), sums.bytes_up.to_string(), sums.bytes_down.to_string()];
                text.push_str(&csv::row(cells.iter().map(String::as_str)));
            }
            output::print(&text)
        }
        ListFormat::Table => {
            let cells = rows.into_iter().map(|(key, sums)| {
                vec![key, bytes(sums.bytes_up), bytes(sums.bytes_down), sums.flows.to_string()]
            });
            output::print(&table::list(cells, &[args.by.word(), "up", "down", "flows"]))?;
            let mut lines = describe(&daemon(args)?, &store_document(&reader)?);
            lines.extend(learning::describe(&learned(&reader, args)?));
            output::print(&lines.join("\n"))
        }
    }
}

/// Sums of the period by the key asked for, largest first.
fn sums(reader: &Reader, args: &StatsArgs) -> Result<Vec<(String, Sums)>, Failure> {
    let (since, until) = period(&args.period)?;
    let span = if args.days { Span::Day } else { Span::Hour };
    let filter = RollupFilter {
        span,
        since,
        until,
        device: args.device.clone(),
        app: args.app.clone(),
        country: None,
    };
    let mut sums: BTreeMap<String, Sums> = BTreeMap::new();
    for row in reader.rollups(&filter)? {
        let one = sums.entry(key(&row, args.by)).or_default();
        one.flows += row.flows;
        one.bytes_up += row.bytes_up;
        one.bytes_down += row.bytes_down;
    }
    let mut list: Vec<_> = sums.into_iter().collect();
    list.sort_by_key(|(key, sums)| {
        (std::cmp::Reverse(sums.bytes_up.saturating_add(sums.bytes_down)), key.clone())
    });
    list.truncate(args.limit);
    Ok(list)
}

fn key(row: &RollupRow, by: StatsBy) -> String {
    let or = |text: &str, none: &str| if text.is_empty() { none.to_owned() } else { text.to_owned() };
    match by {
        StatsBy::App => or(&row.app, "not named"),
        StatsBy::Device => row.device.clone(),
        StatsBy::Server => or(&row.server, "-"),
        StatsBy::Owner => or(&row.owner, "-"),
        StatsBy::Operator => or(&row.operator, "-"),
        StatsBy::Time => crate::model::Timestamp::from_parts(row.begin, 0).to_rfc3339(0),
    }
}

fn learned(reader: &Reader, args: &StatsArgs) -> Result<Vec<OfRule>, Failure> {
    learning::of(&place(&args.store)?.0.policy, reader, clock::now())
}

/// What the daemon wrote into its state folder.
fn daemon(args: &StatsArgs) -> Result<serde_json::Value, Failure> {
    let (_, store) = place(&args.store)?;
    let text = std::fs::read(store.with_file_name("stats.json")).unwrap_or_default();
    Ok(serde_json::from_slice(&text).unwrap_or(serde_json::Value::Null))
}

fn store_document(reader: &Reader) -> Result<StoreDocument, Failure> {
    let totals = reader.totals()?;
    let sink = |state: SinkState| SinkDocument {
        delivered: state.delivered,
        skipped: state.skipped,
        queued: state.queued,
        dead_letter: state.dead,
    };
    Ok(StoreDocument {
        flow_records: totals.flow_records,
        duplicate_records: totals.duplicate_records,
        first: totals.flows_from_to.map(|(first, _)| first.to_rfc3339(0)),
        last: totals.flows_from_to.map(|(_, last)| last.to_rfc3339(0)),
        alerts: totals.alerts,
        alerts_open: totals.alerts_open,
        alerts_acknowledged: totals.alerts_acked,
        events: totals.events,
        gaps: totals.gaps,
        losses: totals.losses.into_iter().collect(),
        sinks: reader.sinks()?.into_iter().map(|(name, state)| (name, sink(state))).collect(),
        notices: reader
            .notices(NOTICES)?
            .into_iter()
            .map(|notice| NoticeDocument {
                at: notice.at.to_rfc3339(0),
                kind: notice.kind,
                body: serde_json::from_str(&notice.body).unwrap_or_default(),
            })
            .collect(),
    })
}

/// A swap of databases in one line.
fn swap(notice: &NoticeDocument) -> String {
    let count = |what: &str| {
        let counts = notice.body.get("counts").and_then(|counts| counts.get(what));
        counts.and_then(serde_json::Value::as_u64).unwrap_or(0)
    };
    format!(
        "  databases swapped at {}: of {} flow records, {} of {} addresses placed differently; alerts {} gained, {} lost, \
         {} changed",
        notice.at,
        count("records"),
        count("addresses_changed"),
        count("addresses"),
        count("alerts_gained"),
        count("alerts_lost"),
        count("alerts_changed"),
    )
}

/// The identities and the store in lines for people.
fn describe(daemon: &serde_json::Value, store: &StoreDocument) -> Vec<String> {
    let mut lines = Vec::new();
    let number = |path: &str| daemon.pointer(path).and_then(serde_json::Value::as_u64).unwrap_or(0);
    let sum = |path: &str| {
        let map = daemon.pointer(path).and_then(serde_json::Value::as_object);
        map.map_or(0, |m| m.values().filter_map(serde_json::Value::as_u64).sum::<u64>())
    };
    if daemon.is_null() {
        lines.push("no statistics of a daemon in this folder".to_owned());
    } else {
        let at = daemon.pointer("/@timestamp").and_then(|t| t.as_str()).unwrap_or("?");
        lines.push(format!("the daemon's last run, as of {at}"));
        lines.push(format!(
            "  packets: {} read = {} decoded + {} malformed + {} unsupported + {} shed; kernel dropped {}",
            number("/packets/read"),
            number("/packets/decoded"),
            sum("/packets/malformed"),
            sum("/packets/unsupported"),
            number("/packets/shed"),
            number("/packets/kernel_drops"),
        ));
        lines.push(format!(
            "  flows: {} created = {} active + {} ended + {} evicted",
            number("/flows/created"),
            number("/flows/active"),
            sum("/flows/ended"),
            sum("/flows/evicted"),
        ));
        lines.push(format!(
            "  alerts: {} raised = {} durable + {} pending",
            number("/alerts/raised"),
            number("/alerts/durable"),
            number("/alerts/pending"),
        ));
    }
    let span = match (&store.first, &store.last) {
        (Some(first), Some(last)) => format!(", {first} to {last}"),
        _ => String::new(),
    };
    lines.push(format!("the store\n  {} flow records{span}", store.flow_records));
    if store.duplicate_records > 0 {
        lines.push(format!(
            "  and {} of flows seen a second time on the other side of this gateway, which count in nothing",
            store.duplicate_records
        ));
    }
    lines.push(format!(
        "  {} alerts, {} open, {} acknowledged; {} documents",
        store.alerts, store.alerts_open, store.alerts_acknowledged, store.events
    ));
    for (name, sink) in &store.sinks {
        lines.push(format!(
            "  sink {name}: {} delivered + {} skipped + {} queued + {} dead letters",
            sink.delivered, sink.skipped, sink.queued, sink.dead_letter
        ));
    }
    lines.extend(store.notices.iter().filter(|n| n.kind == Notice::SWAP).map(swap));
    lines.push(format!("  {} gaps in what was watched", store.gaps));
    for (name, count) in &store.losses {
        lines.push(format!("  lost or limited: {name} {count}"));
    }
    lines
}
