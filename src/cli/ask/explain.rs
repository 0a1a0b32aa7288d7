//! `whither explain <ALERT|FLOW|ADDRESS>`: the whole chain, in the order in which it was concluded.
//!
//! Packets seen → names with their time → application and the catalogue's fact → every source's country with its date →
//! rules with their reasons → outcome. For a flow that raised no alert: why not. It says what was concluded *then*, with the
//! data of then; `whither lookup` says what today's data say.

use std::fmt::Write as _;
use std::net::IpAddr;

use serde::Serialize;

use crate::cli::args::Format;
use crate::cli::output::{self, Failure, bytes};
use crate::cli::table::role_label;
use crate::deliver::FlowDocument;
use crate::model::{
    Alert, EnrichedFlow, Evidence, FlowId, Identification, NetworkScope, Outcome, Provenance, RemoteContext,
    Role,
};
use crate::store::{FlowFilter, Reader, StoredAlert};

use super::args::ExplainArgs;
use super::reader;

/// Flows shown of an address.
const FLOWS_SHOWN: usize = 10;

#[derive(Serialize)]
struct FlowExplanation<'a> {
    flow: Vec<FlowDocument<'a>>,
    alerts: Vec<String>,
}

/// Runs the command.
pub(in crate::cli) fn explain(args: &ExplainArgs) -> Result<(), Failure> {
    let reader = reader(&args.store)?;
    let json = args.format == Format::Json;
    let subject = args.subject.trim();
    if let Ok(address) = subject.trim_matches(['[', ']']).parse::<IpAddr>() {
        return self::address(&reader, address, json);
    }
    if reader.alert(subject)?.is_some() {
        return alert(&reader, subject, json);
    }
    let flow = u64::from_str_radix(subject, 16).ok().filter(|_| subject.len() == 16).map(FlowId);
    let records = flow.map(|id| reader.flow(id)).transpose()?.unwrap_or_default();
    if records.is_empty() {
        return Err(Failure::Usage(format!(
            "`{}` is no alert, flow or address in this store; `whither alerts list` and `whither flows --format jsonl` \
             show ids. Flow records are kept for `store.keep-flows`",
            subject.escape_debug()
        )));
    }
    let flows: Vec<EnrichedFlow> = records.into_iter().map(|stored| stored.flow).collect();
    let alerts = alerts_of(&reader, &flows)?;
    if json {
        let flow = flows.iter().map(FlowDocument::new).collect();
        return output::print_document(&FlowExplanation { flow, alerts });
    }
    output::print(&flow_text(&flows, &alerts))
}

/// Explains an alert, with its first flow where that is still kept.
pub(super) fn alert(reader: &Reader, id: &str, json: bool) -> Result<(), Failure> {
    let stored = reader.alert(id)?.ok_or_else(|| super::alerts::no_such_alert(id))?;
    let flows: Vec<EnrichedFlow> =
        reader.flow(stored.alert.first_flow)?.into_iter().map(|stored| stored.flow).collect();
    if json {
        let bytes = reader.document(&stored.alert.id)?.unwrap_or_default();
        let alert: serde_json::Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let first: Vec<_> = flows.iter().map(FlowDocument::new).collect();
        return output::print_document(&serde_json::json!({ "alert": alert, "first_flow": first }));
    }
    output::print(&alert_text(&stored, &flows))
}

/// The flows to and from an address, and what was judged of them.
fn address(reader: &Reader, address: IpAddr, json: bool) -> Result<(), Failure> {
    let filter =
        FlowFilter { remote: Some(address.to_string()), limit: Some(FLOWS_SHOWN), ..FlowFilter::default() };
    let mut flows = Vec::new();
    reader.flows(&filter, |stored| {
        flows.push(stored.flow);
        true
    })?;
    if json {
        let flow = flows.iter().map(FlowDocument::new).collect();
        let alerts = alerts_of(reader, &flows)?;
        return output::print_document(&FlowExplanation { flow, alerts });
    }
    let Some(newest) = flows.first() else {
        return output::print(&format!(
            "No flow record with {address} is kept. `whither lookup {address}` says what the databases know of it."
        ));
    };
    let mut text = format!("{address}: the newest {} flow records\n", flows.len());
    for flow in &flows {
        let _ = writeln!(
            text,
            "  {}  flow {}  {}  {} up, {} down  {}",
            flow.record.end.to_rfc3339(0),
            flow.record.id,
            app_name(&flow.identification),
            bytes(flow.bytes_up()),
            bytes(flow.bytes_down()),
            outcome(flow).map_or("no rule concerned it", Outcome::word),
        );
    }
    text.push_str("\nThe newest in full:\n");
    let alerts = alerts_of(reader, std::slice::from_ref(newest))?;
    text.push_str(&flow_text(std::slice::from_ref(newest), &alerts));
    output::print(&text)
}

/// Ids of stored alerts whose rule, device and application a record matched.
fn alerts_of(reader: &Reader, flows: &[EnrichedFlow]) -> Result<Vec<String>, Failure> {
    let mut ids = Vec::new();
    for flow in flows {
        for verdict in flow.verdicts.iter().filter(|v| v.outcome == Outcome::Match) {
            let filter = crate::store::AlertFilter {
                since: Some(flow.record.start),
                rule: Some(verdict.rule.to_string()),
                device: Some(flow.device.id.to_string()),
                ..Default::default()
            };
            for stored in reader.alerts(&filter)? {
                let alert = &stored.alert;
                let concerns = alert.opened <= flow.record.end
                    && alert.remote.operator == flow.remote.operator
                    && Some((alert.role, alert.country)) == verdict.role
                    && alert.identification.app.as_ref().map(|a| &a.id)
                        == flow.identification.app.as_ref().map(|a| &a.id);
                if concerns && !ids.iter().any(|id: &String| **id == *alert.id) {
                    ids.push(alert.id.to_string());
                }
            }
        }
    }
    Ok(ids)
}

fn alert_text(stored: &StoredAlert, flows: &[EnrichedFlow]) -> String {
    let alert: &Alert = &stored.alert;
    let mut text = String::new();
    let _ = writeln!(text, "Alert {} [{}] {}", alert.id, stored.severity, alert.rule_name);
    let _ = writeln!(
        text,
        "  {} on {} {} {} (in the role of {}){}",
        app_name(&alert.identification),
        alert.device.name.as_deref().unwrap_or(&alert.device.id),
        alert.verb(),
        alert.country,
        alert.role,
        alert.note().map(|note| format!(": {note}")).unwrap_or_default()
    );
    let _ = writeln!(
        text,
        "  {}{} up, {} down in {} flows, from {} to {}; the condition first held at {}",
        bytes(alert.bytes.up),
        if alert.is_without_data() { " of headers" } else { "" },
        bytes(alert.bytes.down),
        alert.flows,
        alert.start,
        alert.last,
        alert.opened
    );
    for reason in &alert.because {
        let _ = writeln!(text, "  because {reason}");
    }
    if let Some((at, by)) = &stored.acked {
        let _ = writeln!(text, "  acknowledged by {} at {}", output::plain(by), at.to_rfc3339(0));
    }
    for note in &stored.notes {
        let _ = writeln!(
            text,
            "  note of {} at {}: {}",
            output::plain(&note.author),
            note.at.to_rfc3339(0),
            output::plain(&note.text)
        );
    }
    if flows.is_empty() {
        let _ = writeln!(
            text,
            "\nIts first flow ({}) is no longer kept; what the alert itself carries:",
            alert.first_flow
        );
        application(&mut text, &alert.identification, &alert.evidence);
        place(&mut text, &alert.remote);
        grounds(&mut text, &alert.provenance);
    } else {
        text.push_str("\nIts first flow:\n");
        text.push_str(&flow_text(flows, &[alert.id.to_string()]));
    }
    text
}

fn flow_text(flows: &[EnrichedFlow], alerts: &[String]) -> String {
    let mut text = String::new();
    let (Some(first), Some(last)) = (flows.first(), flows.last()) else { return text };
    seen(&mut text, first, last);
    names(&mut text, last);
    application(&mut text, &last.identification, &last.identification.evidence);
    place(&mut text, &last.remote);
    rules(&mut text, last, alerts);
    grounds(&mut text, &last.provenance);
    text
}

fn seen(text: &mut String, first: &EnrichedFlow, last: &EnrichedFlow) {
    let record = &last.record;
    let _ = writeln!(text, "1. Seen: flow {} at {}", record.id, record.point.name);
    let _ = writeln!(
        text,
        "   {} {} → {}, begun by {} ({})",
        record.protocol,
        record.source,
        record.destination,
        if last.device_is_source { "the device" } else { "the remote" },
        record.source_basis.word().replace('_', " ")
    );
    let _ = writeln!(
        text,
        "   device {}{}, remote {}",
        last.device.id,
        last.device.name.as_deref().map(|n| format!(" ({n})")).unwrap_or_default(),
        last.remote.addr
    );
    let _ = writeln!(
        text,
        "   {} to {}: {} octets up, {} down, {} packets{}",
        first.record.start,
        record.end,
        last.bytes_up_total(),
        last.bytes_down_total(),
        record.forward_total.packets.saturating_add(record.reverse_total.packets),
        record.end_reason.map_or(", still open", |_| "")
    );
    if let Some(rtt) = record.tcp.and_then(|tcp| tcp.handshake_rtt) {
        let _ = writeln!(text, "   the handshake took {:.1} ms", rtt.as_secs_f64() * 1000.0);
    }
    if let Some(reason) = record.end_reason {
        let _ = writeln!(text, "   ended: {}", reason.word().replace('_', " "));
    }
}

fn names(text: &mut String, flow: &EnrichedFlow) {
    let facts = &flow.record.facts;
    let protocol = facts.protocol.map(|p| format!(" ({p})")).unwrap_or_default();
    if facts.names.is_empty() {
        let _ = writeln!(text, "2. Names: none in the flow itself{protocol}");
    } else {
        let _ = writeln!(text, "2. Names in the flow{protocol}");
    }
    for fact in &facts.names {
        let _ = writeln!(text, "   {}  {} by {}", fact.at, fact.name, fact.origin.word().replace('_', " "));
    }
}

fn application(text: &mut String, identification: &Identification, evidence: &[Evidence]) {
    let tier = identification.tier.map(|t| format!(", tier {t}")).unwrap_or_default();
    let method = identification.method.map(|m| format!(", by {}", m.replace('_', " "))).unwrap_or_default();
    let _ = writeln!(text, "3. Application: {}{tier}{method}", app_name(identification));
    for piece in evidence {
        let at = piece.at.map(|at| format!(" at {at}")).unwrap_or_default();
        let met =
            piece.matched.as_deref().map(|m| format!("; the catalogue's fact `{m}`")).unwrap_or_default();
        let source = piece.source.as_deref().map(|s| format!(", which is from {s}")).unwrap_or_default();
        let _ = writeln!(text, "   {} {}{at}{met}{source}", piece.kind.word().replace('_', " "), piece.value);
    }
    if !identification.candidates.is_empty() {
        let list: Vec<&str> = identification.candidates.iter().map(|c| &**c).collect();
        let _ = writeln!(text, "   could be: {}", list.join(", "));
    }
    if let Some(app) = &identification.app
        && let (Some(country), Some(source)) = (app.vendor_country, &app.vendor_source)
    {
        let _ = writeln!(text, "   its vendor {} sits in {country} by {source}", app.vendor);
    }
}

fn place(text: &mut String, remote: &RemoteContext) {
    let operator = &remote.operator;
    let network = match (operator.asn, &operator.name) {
        (Some(asn), Some(name)) => format!("AS{asn}, {name}"),
        (Some(asn), None) => format!("AS{asn}"),
        (None, _) => "not announced".to_owned(),
    };
    match remote.scope {
        NetworkScope::Local => {
            let _ = writeln!(text, "4. Where: {} is in the local networks; never geolocated", remote.addr);
            return;
        }
        NetworkScope::Special(range) => {
            let _ =
                writeln!(text, "4. Where: {} is in the special range {range}; never geolocated", remote.addr);
            return;
        }
        NetworkScope::Global => {
            let _ = writeln!(text, "4. Where: {} ({network})", remote.addr);
        }
    }
    if remote.anycast {
        text.push_str("   anycast: answers from many places, so its location is not meaningful\n");
    }
    for role in Role::OF_ADDRESS {
        let Some(answer) = remote.roles.get(role) else { continue };
        let country = answer.country.map_or_else(|| "not known".to_owned(), |c| c.to_string());
        let _ = writeln!(text, "   {:<20} {country} ({})", role_label(role), answer.certainty.word());
        for claim in answer.claims.iter() {
            let says = claim.country.map_or_else(|| "no answer".to_owned(), |c| c.to_string());
            let date = claim.date.as_deref().map(|d| format!(" of {d}")).unwrap_or_default();
            let refuted = if claim.refuted { ", impossible by round trip" } else { "" };
            let _ = writeln!(text, "     {}{date}: {says}{refuted}", claim.source);
        }
        if let Some(note) = &answer.note {
            let _ = writeln!(text, "     note: {note}");
        }
    }
    if let Some(tenant) = &remote.tenant {
        let seat = tenant.country.map(|c| format!(" ({c})")).unwrap_or_default();
        let _ = writeln!(
            text,
            "   the machines are rented: the data is of {}{seat}, by {} {}",
            output::plain(&tenant.vendor),
            tenant.method.replace('_', " "),
            output::plain(&tenant.name)
        );
    }
    physics(text, remote);
}

/// What the round trip leaves time for.
fn physics(text: &mut String, remote: &RemoteContext) {
    let Some(physics) = &remote.physics else { return };
    let verdicts =
        physics.verdicts.iter().map(|(country, v)| format!("{country} {}", v.word().replace('_', " ")));
    let _ = writeln!(
        text,
        "   physics: {:.1} ms from {} allow {} km: {}",
        physics.rtt_ms(),
        physics.site,
        physics.bound_km,
        verdicts.collect::<Vec<_>>().join(", ")
    );
}

fn rules(text: &mut String, flow: &EnrichedFlow, alerts: &[String]) {
    if flow.verdicts.is_empty() {
        text.push_str("5. Rules: none concerned this flow (another application, device or network)\n");
    } else {
        text.push_str("5. Rules\n");
    }
    for verdict in &flow.verdicts {
        let place = verdict.role.map(|(role, country)| format!(", {country} as {role}")).unwrap_or_default();
        let _ = writeln!(text, "   {}: {}{place}", verdict.rule, verdict.outcome.word().replace('_', " "));
        for reason in &verdict.because {
            let _ = writeln!(text, "     {reason}");
        }
    }
    let conclusion = match (outcome(flow), alerts) {
        (Some(Outcome::Match), []) => {
            "a rule matched; its alert is no longer kept, or it stood in an alert that counts many together"
                .to_owned()
        }
        (Some(Outcome::Match), ids) => format!("part of alert {}", ids.join(", ")),
        (Some(Outcome::CannotTell), _) => {
            "no alert: it may have been one, but what is known does not carry an accusation".to_owned()
        }
        (Some(Outcome::NoMatch), _) => "no alert: no rule's condition held, for the reasons above".to_owned(),
        (None, _) => "no alert: no rule concerned it".to_owned(),
    };
    let _ = writeln!(text, "6. Outcome: {conclusion}");
}

fn grounds(text: &mut String, provenance: &Provenance) {
    let _ = writeln!(
        text,
        "7. Rests on: whither {}, catalogue {}, policy {}",
        provenance.version,
        short(&provenance.catalogue),
        short(&provenance.policy)
    );
    for database in &provenance.databases {
        let sum = database.sha256.as_deref().map(|s| format!(", SHA-256 {}…", short(s))).unwrap_or_default();
        let _ = writeln!(text, "   {} of {}{sum}", database.name, database.build);
    }
}

fn short(hash: &str) -> &str {
    hash.get(..12).unwrap_or(hash)
}

fn app_name(identification: &Identification) -> String {
    identification.app.as_ref().map_or_else(|| "not named".to_owned(), |a| a.name.to_string())
}

/// The strongest outcome; `None` where no rule concerned the flow.
fn outcome(flow: &EnrichedFlow) -> Option<Outcome> {
    let said = |outcome: &Outcome| flow.verdicts.iter().any(|v| v.outcome == *outcome);
    [Outcome::Match, Outcome::CannotTell, Outcome::NoMatch].into_iter().find(said)
}
