//! What the rules said, why they could not tell, and the alerts with their grounds.

use std::fmt::Write as _;

use super::{NAMES_SHOWN, Style, flows, shorten};
use crate::cli::output::bytes;
use crate::cli::sorted_alerts;
use crate::model::{Alert, HostName, Severity, Tier};
use crate::pipeline::summary::Summary;

/// Reasons shown for one rule's *cannot tell*.
const REASONS_SHOWN: usize = 5;

pub(super) fn rules(out: &mut String, summary: &Summary) {
    if summary.rules.is_empty() {
        return;
    }
    out.push_str("Rules\n");
    for (id, rule) in &summary.rules {
        let _ = writeln!(
            out,
            "  {id}: {} {} ({} up, {} down); of {} it cannot be told ({} up, {} down)",
            flows(rule.matched.flows),
            if rule.matched.flows == 1 { "matches" } else { "match" },
            bytes(rule.matched.bytes.up),
            bytes(rule.matched.bytes.down),
            flows(rule.cannot_tell.flows),
            bytes(rule.cannot_tell.bytes.up),
            bytes(rule.cannot_tell.bytes.down),
        );
        let mut reasons: Vec<_> = rule.reasons.iter().collect();
        reasons.sort_by_key(|(_, flows)| std::cmp::Reverse(**flows));
        for (reason, count) in reasons.iter().take(REASONS_SHOWN) {
            let _ = writeln!(out, "    cannot tell, {}: {reason}", flows(**count));
        }
        if reasons.len() > REASONS_SHOWN {
            let _ =
                writeln!(out, "    … and {} more reasons (see --format json)", reasons.len() - REASONS_SHOWN);
        }
    }
    out.push('\n');
}

pub(super) fn alerts(out: &mut String, summary: &Summary, style: Style) {
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
    let note = alert.note().map(|note| format!(", {note}")).unwrap_or_default();
    let headers = if alert.is_without_data() { " of headers" } else { "" };
    let _ = writeln!(
        out,
        "  [{severity}] {}: {app} on {who} → {} (role {}){note}, {}{headers} up, {} down, {}, since {}",
        alert.rule_name,
        alert.country,
        alert.role,
        bytes(alert.bytes.up),
        bytes(alert.bytes.down),
        flows(alert.flows),
        alert.start.to_rfc3339(0),
    );
    for reason in &alert.because {
        let _ = writeln!(out, "      because {reason}");
    }
    // A rule for named applications has said so among its reasons.
    let said = alert.because.iter().any(|reason| reason.starts_with("the app is "));
    if let Some(evidence) = alert.evidence.first().filter(|_| !said) {
        let tier = alert.identification.tier.map_or("-", Tier::letter);
        let _ =
            writeln!(out, "      application by {} {} (tier {tier})", evidence.kind.word(), evidence.value);
    }
    let names: Vec<&str> = alert.names.iter().map(HostName::as_str).collect();
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
