//! The ledger: what this result does not know.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;

use super::NAMES_SHOWN;
use crate::cli::output::bytes;
use crate::model::Ledger;
use crate::pipeline::summary::{Summary, Tally};

pub(super) fn lines(out: &mut String, summary: &Summary, ledger: &Ledger) {
    let p = &ledger.packets;
    let sum = |m: &BTreeMap<String, u64>| m.values().sum::<u64>();
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
    let octets: u64 = summary.encrypted_dns.values().map(Tally::octets).sum();
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
