//! Per application and destination: how much, where, in whose hands, and under which names.

use std::fmt::Write as _;

use comfy_table::{Cell, CellAlignment};

use super::{NAMES_SHOWN, Style, new_table, shorten, trimmed};
use crate::cli::output::bytes;
use crate::cli::{region, sorted_applications, sorted_destinations};
use crate::model::{Certainty, CountryCode, NetworkScope, Role};
use crate::pipeline::summary::{Application, Destination, DestinationKey, Summary};

/// Destinations shown for one application unless all are asked for.
const DESTINATIONS_SHOWN: usize = 8;

pub(super) fn destinations(out: &mut String, summary: &Summary, style: Style) {
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
    legend(out, summary);
}

/// Explains the marks, those that occur.
fn legend(out: &mut String, summary: &Summary) {
    let keys = || summary.applications.values().flat_map(|app| app.destinations.keys());
    let shown = [Role::Server, Role::Operator, Role::Owner];
    let weak = |key: &DestinationKey| {
        Role::OF_ADDRESS.iter().zip(key.roles).any(|(role, (country, certainty))| {
            let sure = matches!(certainty, Certainty::High | Certainty::Medium);
            shown.contains(role) && country.is_some() && !sure
        })
    };
    if keys().any(weak) {
        out.push_str(" ? disputed or weak: never counts as a match\n");
    }
    if keys().any(|key| key.anycast) {
        out.push_str(" * anycast: the same address answers from several places\n");
    }
    if keys().any(|key| key.peer) {
        out.push_str(" a peer: by STUN another user's device (of a call), no server of the application\n");
    }
    out.push('\n');
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
    let country = |(country, certainty): (Option<CountryCode>, Certainty)| match (country, certainty) {
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
    let place = if key.peer { format!("{place}, a peer") } else { place };
    let place = match region::differing(destination, server) {
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
