//! The devices on this side, and what is known of them.

use std::fmt::Write as _;

use comfy_table::CellAlignment;

use super::{Style, new_table, shorten, trimmed};
use crate::cli::output::bytes;
use crate::pipeline::summary::Summary;

/// Devices shown unless all are asked for.
const DEVICES_SHOWN: usize = 16;

/// Devices, those with the most traffic first.
pub(super) fn devices(out: &mut String, summary: &Summary, style: Style) {
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
