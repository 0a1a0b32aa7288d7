//! The human summary of `whither read`: what a researcher wants first, then alerts, then what was not seen.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::IpAddr;

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

use crate::capture::CaptureInfo;
use crate::model::{Alert, Certainty, Label, Ledger, NetworkScope, Role, Severity, Tier};
use crate::pipeline::summary::{Application, Destination, DestinationKey, Summary};

use super::output::bytes;
use super::{sorted_alerts, sorted_applications, sorted_destinations};

/// How to print.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    /// Colour and bold.
    pub colour: bool,
    /// Every destination, not only the largest.
    pub all: bool,
}

/// Destinations shown for one application unless all are asked for.
const DESTINATIONS_SHOWN: usize = 8;
/// Names shown in one line.
const NAMES_SHOWN: usize = 3;
/// Devices shown unless all are asked for.
const DEVICES_SHOWN: usize = 16;
/// Packages or processes shown for one capture.
const MAKERS_SHOWN: usize = 8;
/// Reasons shown for one rule's *cannot tell*.
const REASONS_SHOWN: usize = 5;

/// The whole summary.
pub(super) fn summary(summary: &Summary, captures: &[CaptureInfo], ledger: &Ledger, style: Style) -> String {
    let mut out = String::new();
    headline(&mut out, summary, captures);
    destinations(&mut out, summary, style);
    devices(&mut out, summary, style);
    httpdns(&mut out, summary);
    rules(&mut out, summary);
    alerts(&mut out, summary, style);
    ledger_lines(&mut out, summary, ledger);
    out
}

fn headline(out: &mut String, summary: &Summary, captures: &[CaptureInfo]) {
    for capture in captures {
        let span = match (capture.first, capture.last) {
            (Some(first), Some(last)) => {
                format!(
                    "{} to {}, {:.1} s",
                    first.to_rfc3339(0),
                    last.to_rfc3339(0),
                    last.since(first).as_secs_f64()
                )
            }
            _ => "no packets".to_owned(),
        };
        let broken = if capture.complete { "" } else { "  INCOMPLETE" };
        let _ = writeln!(out, "{}: {} packets, {span}{broken}", capture.path.display(), capture.packets);
        makers(out, capture);
    }
    let t = &summary.totals;
    let _ = writeln!(
        out,
        "{} flows, {} up, {} down, {} device{}\n",
        t.flows,
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

fn destinations(out: &mut String, summary: &Summary, style: Style) {
    if summary.applications.is_empty() {
        out.push_str("No flows.\n\n");
        return;
    }
    let mut table = new_table();
    table.set_header([
        "application",
        "up",
        "down",
        "flows",
        "server",
        "operator (seat)",
        "owner seat",
        "names",
    ]);
    for column in 1..=3 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for (id, app) in sorted_applications(summary) {
        table.add_row(application_row(id.as_deref(), app));
        let list = sorted_destinations(app);
        let shown = if style.all { list.len() } else { list.len().min(DESTINATIONS_SHOWN) };
        for (key, destination) in list.iter().take(shown) {
            table.add_row(destination_row(key, destination));
        }
        let hidden = list.iter().skip(shown).fold((0, 0, 0, 0), |(n, up, down, flows), (_, d)| {
            (n + 1, up + d.tally.bytes.up, down + d.tally.bytes.down, flows + d.tally.flows)
        });
        if hidden.0 > 0 {
            let label = format!("  … {} more", hidden.0);
            table.add_row([label, bytes(hidden.1), bytes(hidden.2), hidden.3.to_string()]);
        }
    }
    out.push_str(&trimmed(&table));
    out.push_str("A country with ? is disputed or weak and never counts as a match; * is anycast. Seats are the operator's and its owner's.\n\n");
}

fn application_row(id: Option<&str>, app: &Application) -> Vec<Cell> {
    let label = id.unwrap_or("not named");
    let seat = app
        .about
        .as_ref()
        .and_then(|a| a.vendor_country.map(|c| format!("{} ({c})", a.vendor)))
        .or_else(|| app.about.as_ref().map(|a| a.vendor.to_string()))
        .unwrap_or_default();
    vec![
        Cell::new(label),
        Cell::new(bytes(app.tally.bytes.up)),
        Cell::new(bytes(app.tally.bytes.down)),
        Cell::new(app.tally.flows),
        Cell::new(""),
        Cell::new(""),
        Cell::new(""),
        Cell::new(match &app.about {
            Some(about) => format!("{}; vendor {seat}", shorten(&about.name, 40)),
            None => String::new(),
        }),
    ]
}

fn destination_row(key: &DestinationKey, destination: &Destination) -> Vec<Cell> {
    let [server, _, operator, owner] = key.roles;
    let country =
        |(country, certainty): (Option<crate::model::CountryCode>, Certainty)| match (country, certainty) {
            (None, _) => "-".to_owned(),
            (Some(c), Certainty::High | Certainty::Medium) => c.to_string(),
            (Some(c), _) => format!("{c}?"),
        };
    let place = match key.scope {
        NetworkScope::Local => "local".to_owned(),
        NetworkScope::Special(range) => range.to_owned(),
        NetworkScope::Global if key.anycast => format!("{}*", country(server)),
        NetworkScope::Global => country(server),
    };
    let place = match super::region::differing(destination, server) {
        Some(claims) => format!("{place}, name claims {claims}"),
        None => place,
    };
    let place = if destination.refuted.is_empty() {
        place
    } else {
        let not: Vec<String> = destination.refuted.iter().map(ToString::to_string).collect();
        format!("{place}, not {} by round trip", not.join(", "))
    };
    let run_by = match (&key.operator, key.asn) {
        (Some(name), _) => format!("{} ({})", shorten(name, 34), country(operator)),
        (None, Some(asn)) => format!("AS{asn} ({})", country(operator)),
        (None, None) => "-".to_owned(),
    };
    vec![
        Cell::new(""),
        Cell::new(bytes(destination.tally.bytes.up)),
        Cell::new(bytes(destination.tally.bytes.down)),
        Cell::new(destination.tally.flows),
        Cell::new(place),
        Cell::new(run_by),
        Cell::new(country(owner)),
        Cell::new(names(destination)),
    ]
}

/// A few names, or addresses where there is no name.
fn names(destination: &Destination) -> String {
    let named = !destination.names.kept.is_empty();
    let all: Vec<String> = if named {
        destination.names.kept.iter().map(|n| shorten(n.as_str(), 60)).collect()
    } else {
        destination.addresses.kept.iter().map(ToString::to_string).collect()
    };
    let mut text = all.iter().take(NAMES_SHOWN).cloned().collect::<Vec<_>>().join(", ");
    let more = if named { destination.names.more } else { destination.addresses.more };
    if all.len() > NAMES_SHOWN || more {
        let _ = write!(
            text,
            " +{}{}",
            all.len().saturating_sub(NAMES_SHOWN),
            if more { " and more" } else { "" }
        );
    }
    text
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

/// Devices, those with the most traffic first.
fn devices(out: &mut String, summary: &Summary, style: Style) {
    let mut list: Vec<_> = summary.devices.iter().collect();
    if list.is_empty() {
        return;
    }
    list.sort_by(|(a, x), (b, y)| y.tally.octets().cmp(&x.tally.octets()).then_with(|| a.cmp(b)));
    let mut table = new_table();
    table.set_header(["device", "name (from)", "maker", "kind", "addresses", "up", "down", "flows"]);
    for column in 4..=7 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let shown = if style.all { list.len() } else { list.len().min(DEVICES_SHOWN) };
    for (id, device) in list.iter().take(shown) {
        let about = &device.about;
        let name = device.name.as_deref().map_or_else(
            || "-".to_owned(),
            |name| format!("{} ({})", shorten(name, 40), about.name_source.unwrap_or("config")),
        );
        let maker = match (&about.vendor, about.randomised) {
            (Some(vendor), true) => format!("{} (made-up address)", shorten(vendor, 30)),
            (Some(vendor), false) => shorten(vendor, 30),
            (None, true) => "made-up address".to_owned(),
            (None, false) => "-".to_owned(),
        };
        let more = if device.addresses.more { "+" } else { "" };
        table.add_row([
            shorten(id, 40),
            name,
            maker,
            about.class.as_ref().map_or("-", |c| &*c.class).to_owned(),
            format!("{}{more}", device.addresses.kept.len()),
            bytes(device.tally.bytes.up),
            bytes(device.tally.bytes.down),
            device.tally.flows.to_string(),
        ]);
    }
    out.push_str("Devices\n");
    out.push_str(&trimmed(&table));
    if list.len() > shown {
        let _ = writeln!(out, "… {} more", list.len() - shown);
    }
    out.push('\n');
}

fn rules(out: &mut String, summary: &Summary) {
    if summary.rules.is_empty() {
        return;
    }
    out.push_str("Rules\n");
    for (id, rule) in &summary.rules {
        let _ = writeln!(
            out,
            "  {id}: {} flows match ({} up, {} down); of {} flows it cannot be told ({} up, {} down)",
            rule.matched.flows,
            bytes(rule.matched.bytes.up),
            bytes(rule.matched.bytes.down),
            rule.cannot_tell.flows,
            bytes(rule.cannot_tell.bytes.up),
            bytes(rule.cannot_tell.bytes.down),
        );
        let mut reasons: Vec<_> = rule.reasons.iter().collect();
        reasons.sort_by_key(|(_, flows)| std::cmp::Reverse(**flows));
        for (reason, flows) in reasons.iter().take(REASONS_SHOWN) {
            let _ = writeln!(out, "    cannot tell, {flows} flows: {reason}");
        }
        if reasons.len() > REASONS_SHOWN {
            let _ =
                writeln!(out, "    … and {} more reasons (see --format json)", reasons.len() - REASONS_SHOWN);
        }
    }
    out.push('\n');
}

fn alerts(out: &mut String, summary: &Summary, style: Style) {
    let list = sorted_alerts(summary);
    if list.is_empty() {
        out.push_str("No alerts.\n\n");
        return;
    }
    let _ = writeln!(out, "{} alert{}", list.len(), if list.len() == 1 { "" } else { "s" });
    for alert in list {
        one_alert(out, alert, style);
    }
    out.push('\n');
}

fn one_alert(out: &mut String, alert: &Alert, style: Style) {
    let app = alert.identification.app.as_ref().map_or("an unnamed application", |a| &*a.name);
    let severity = paint(alert.severity, style);
    let who = alert.device.name.as_deref().unwrap_or(&alert.device.id);
    let _ = writeln!(
        out,
        "  [{severity}] {}: {app} on {who} → {} (role {}), {} up, {} down, {} flow{}, since {}",
        alert.rule_name,
        alert.country,
        alert.role,
        bytes(alert.bytes.up),
        bytes(alert.bytes.down),
        alert.flows,
        if alert.flows == 1 { "" } else { "s" },
        alert.start.to_rfc3339(0),
    );
    for reason in &alert.because {
        let _ = writeln!(out, "      because {reason}");
    }
    if let Some(evidence) = alert.evidence.first() {
        let tier = alert.identification.tier.map_or("-", Tier::letter);
        let _ =
            writeln!(out, "      application by {} {} (tier {tier})", evidence.kind.word(), evidence.value);
    }
    let names: Vec<&str> = alert.names.iter().map(crate::model::HostName::as_str).collect();
    let remotes: Vec<String> = alert.remotes.iter().map(ToString::to_string).collect();
    let mut to = names.iter().take(NAMES_SHOWN).map(|n| shorten(n, 60)).collect::<Vec<_>>();
    to.extend(remotes.iter().take(NAMES_SHOWN).cloned());
    let _ = writeln!(out, "      to {}   alert {}", to.join(", "), alert.id);
}

fn paint(severity: Severity, style: Style) -> String {
    if !style.colour {
        return severity.to_string();
    }
    let code = match severity {
        Severity::Info | Severity::Low => "36",
        Severity::Medium => "33",
        Severity::High | Severity::Critical => "31",
    };
    format!("\x1b[{code}m{severity}\x1b[0m")
}

fn ledger_lines(out: &mut String, summary: &Summary, ledger: &Ledger) {
    let p = &ledger.packets;
    let sum = |m: &std::collections::BTreeMap<String, u64>| m.values().sum::<u64>();
    out.push_str("Ledger: what this result does not know\n");
    let _ = writeln!(
        out,
        "  packets: {} read = {} decoded + {} malformed + {} unsupported + {} shed",
        p.read,
        p.decoded,
        sum(&p.malformed),
        sum(&p.unsupported),
        p.shed
    );
    for (kind, reasons) in [("malformed", &p.malformed), ("unsupported", &p.unsupported)] {
        if !reasons.is_empty() {
            let list: Vec<String> = reasons.iter().map(|(reason, n)| format!("{reason} {n}")).collect();
            let _ = writeln!(out, "    {kind}: {}", list.join(", "));
        }
    }
    let f = &ledger.flows;
    let ended: Vec<String> = f.ended.iter().map(|(reason, n)| format!("{n} {reason}")).collect();
    let evicted: Vec<String> =
        f.evicted.iter().map(|(reason, n)| format!("{n} evicted ({reason})")).collect();
    let ends = [ended, evicted].concat().join(" + ");
    let _ = writeln!(
        out,
        "  flows: {} created = {} active + {}",
        f.created,
        f.active,
        if ends.is_empty() { "0" } else { &ends }
    );
    coverage(out, summary);
    encrypted_dns(out, summary);
    if !summary.refuted.is_empty() {
        let addresses: BTreeSet<IpAddr> = summary.refuted.iter().map(|(addr, _)| *addr).collect();
        let _ = writeln!(
            out,
            "  locations refuted by physics: {} (of {} addresses): the round trip leaves no time for them",
            summary.refuted.len(),
            addresses.len()
        );
    }
    for (name, count) in &ledger.limits {
        let _ = writeln!(out, "  limit: {name} {count}");
    }
    for gap in &ledger.gaps {
        let offset = gap.offset.map(|o| format!(" at byte {o}")).unwrap_or_default();
        let _ = writeln!(out, "  gap: {}: {}{offset}: {}", gap.source, gap.kind, gap.detail);
    }
    for note in &ledger.notes {
        let _ = writeln!(out, "  note: {note}");
    }
}

fn coverage(out: &mut String, summary: &Summary) {
    let total = summary.totals.octets();
    if total == 0 {
        return;
    }
    let percent = |n: u64| n as f64 * 100.0 / total as f64;
    let tiers: Vec<String> = summary
        .bytes_by_tier
        .iter()
        .filter(|(_, n)| **n > 0)
        .map(|(tier, n)| format!("{tier} {:.1} %", percent(*n)))
        .collect();
    let _ = writeln!(
        out,
        "  names: {:.1} % of octets ({}) belong to no named application; by tier: {}",
        percent(summary.bytes_unnamed),
        bytes(summary.bytes_unnamed),
        tiers.join(", ")
    );
    let mut methods: Vec<_> = summary.bytes_by_method.iter().filter(|(_, n)| **n > 0).collect();
    methods.sort_by_key(|(method, n)| (std::cmp::Reverse(**n), **method));
    let methods: Vec<String> =
        methods.iter().map(|(method, n)| format!("{method} {:.1} %", percent(**n))).collect();
    let _ = writeln!(out, "  decided by: {}", methods.join(", "));
}

/// Names that could not be seen: lookups inside TLS, HTTPS or QUIC.
fn encrypted_dns(out: &mut String, summary: &Summary) {
    if summary.encrypted_dns.is_empty() {
        return;
    }
    let flows: u64 = summary.encrypted_dns.values().map(|t| t.flows).sum();
    let octets: u64 = summary.encrypted_dns.values().map(crate::pipeline::summary::Tally::octets).sum();
    let each = summary.encrypted_dns.iter().take(NAMES_SHOWN).map(|((transport, resolver), tally)| {
        format!("{transport} {} {}", resolver.as_deref().unwrap_or("unknown"), tally.flows)
    });
    let _ = writeln!(
        out,
        "  encrypted DNS: {flows} flows ({}) carry lookups that cannot be seen: {}",
        bytes(octets),
        each.collect::<Vec<_>>().join(", ")
    );
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
