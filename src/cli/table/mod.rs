//! The human summary of `whither read`: what a researcher wants first, then alerts, then what was not seen.

mod alerts;
mod destinations;
mod devices;
mod ledger;

use std::fmt::Write as _;

use comfy_table::{Cell, ContentArrangement, Table, presets};

use super::output::bytes;
use crate::capture::CaptureInfo;
use crate::model::{Label, Ledger, Role};
use crate::pipeline::summary::Summary;

/// How to print.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    /// Colour and bold.
    pub colour: bool,
    /// Every destination, not only the largest.
    pub all: bool,
}

/// Names shown in one line.
const NAMES_SHOWN: usize = 3;
/// Packages or processes shown for one capture.
const MAKERS_SHOWN: usize = 8;

/// The whole summary.
pub(super) fn summary(summary: &Summary, captures: &[CaptureInfo], ledger: &Ledger, style: Style) -> String {
    let mut out = String::new();
    headline(&mut out, summary, captures);
    destinations::destinations(&mut out, summary, style);
    devices::devices(&mut out, summary, style);
    httpdns(&mut out, summary);
    alerts::rules(&mut out, summary);
    alerts::alerts(&mut out, summary, style);
    ledger::lines(&mut out, summary, ledger);
    out
}

fn headline(out: &mut String, summary: &Summary, captures: &[CaptureInfo]) {
    for capture in captures {
        let span = match (capture.first, capture.last) {
            (Some(first), Some(last)) => {
                format!(
                    "{} packets, {} to {}, {:.1} s",
                    capture.packets,
                    first.to_rfc3339(0),
                    last.to_rfc3339(0),
                    last.since(first).as_secs_f64()
                )
            }
            _ => "no packets".to_owned(),
        };
        let broken = if capture.complete { "" } else { "  INCOMPLETE" };
        let _ = writeln!(out, "{}: {span}{broken}", capture.path.display());
        makers(out, capture);
    }
    let t = &summary.totals;
    let _ = writeln!(
        out,
        "{}, {} up, {} down, {} device{}\n",
        flows(t.flows),
        bytes(t.bytes.up),
        bytes(t.bytes.down),
        summary.devices.len(),
        if summary.devices.len() == 1 { "" } else { "s" }
    );
}

/// Who made the packets, where the capture says so.
fn makers(out: &mut String, capture: &CaptureInfo) {
    let brought = &capture.brought;
    if brought.frames > 0 {
        let means: Vec<&str> = brought.sources.iter().map(|s| s.word()).collect();
        let labels = if brought.packages.is_empty() { &brought.names } else { &brought.packages };
        let mut shown: Vec<&str> = labels.iter().map(Label::as_str).take(MAKERS_SHOWN).collect();
        if labels.len() > MAKERS_SHOWN {
            shown.push("…");
        }
        let users = brought.uids.len();
        let users = if users == 0 { String::new() } else { format!(", {users} user ids") };
        let named = if shown.is_empty() { String::new() } else { format!(": {}", shown.join(", ")) };
        let _ = writeln!(
            out,
            "  {} packets name their maker ({}){users}{named}",
            brought.frames,
            means.join(", ")
        );
    }
    if brought.relayed > 0 {
        let _ = writeln!(
            out,
            "  {} packets were made up by a relay on the device: no round trips",
            brought.relayed
        );
    }
}

/// A number of flows.
fn flows(count: u64) -> String {
    format!("{count} flow{}", if count == 1 { "" } else { "s" })
}

/// Who resolves around the DNS.
fn httpdns(out: &mut String, summary: &Summary) {
    for ((app, service), seen) in &summary.httpdns {
        let app = app.as_deref().unwrap_or("an unnamed application");
        let names: Vec<String> = seen.names.kept.iter().map(|n| shorten(n.as_str(), 60)).collect();
        let shown = match names.as_slice() {
            [] => String::new(),
            [first] if !seen.names.more => format!(" ({first})"),
            [first, rest @ ..] => format!(" ({first} and {} more)", rest.len()),
        };
        let _ = writeln!(
            out,
            "{app} resolves around your DNS: {} lookups by {service}, {} answers learned{shown}",
            seen.lookups, seen.answers
        );
    }
}

/// At most `limit` characters.
fn shorten(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars().take(limit.saturating_sub(1)).chain(['…']).collect()
}

fn new_table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table
}

/// A list with a header, for the smaller commands.
pub(super) fn list(rows: impl IntoIterator<Item = Vec<String>>, header: &[&str]) -> String {
    let mut table = new_table();
    table.set_header(header.iter().map(Cell::new));
    for row in rows {
        table.add_row(row);
    }
    trimmed(&table)
}

/// Lines without blanks at their ends.
fn trimmed(table: &Table) -> String {
    let lines: Vec<String> = table.to_string().lines().map(|line| format!("{}\n", line.trim_end())).collect();
    lines.concat()
}

/// The role's answers of an address, one line each; used by `lookup`.
pub(super) fn role_label(role: Role) -> &'static str {
    match role {
        Role::Server => "server stands in",
        Role::Registrant => "block registered in",
        Role::Operator => "operator sits in",
        Role::Owner => "owner sits in",
        Role::Vendor => "vendor sits in",
    }
}
