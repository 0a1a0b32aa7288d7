//! `whither interfaces`: what could be watched, and what that is good for.

use std::net::IpAddr;

use serde::Serialize;

use crate::capture;
use crate::deliver;

use super::args::Format;
use super::output::{self, Failure};
use super::table;

#[derive(Serialize)]
struct InterfaceDocument {
    name: String,
    index: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    mac: Option<String>,
    addresses: Vec<AddressDocument>,
    up: bool,
    running: bool,
    loopback: bool,
    point_to_point: bool,
    good_for: String,
}

#[derive(Serialize)]
struct AddressDocument {
    ip: IpAddr,
    prefix: u8,
}

/// Lists the interfaces.
pub(super) fn interfaces(format: Format) -> Result<(), Failure> {
    let list = capture::interfaces();
    if format == Format::Json {
        let documents: Vec<InterfaceDocument> = list
            .into_iter()
            .map(|i| InterfaceDocument {
                name: i.name,
                index: i.index,
                mac: i.mac.map(|m| m.to_string()),
                addresses: i
                    .addresses
                    .iter()
                    .map(|a| AddressDocument { ip: a.addr(), prefix: a.prefix_len() })
                    .collect(),
                up: i.up,
                running: i.running,
                loopback: i.loopback,
                point_to_point: i.point_to_point,
                good_for: i.good_for,
            })
            .collect();
        return output::print(&String::from_utf8_lossy(&deliver::document(&documents)));
    }
    let rows = list.into_iter().map(|i| {
        let state = match (i.up, i.running) {
            (true, true) => "up",
            (true, false) => "no carrier",
            (false, _) => "down",
        };
        let addresses: Vec<String> = i.addresses.iter().map(ToString::to_string).collect();
        let mac = i.mac.map_or_else(|| "-".to_owned(), |m| m.to_string());
        vec![i.name, state.to_owned(), mac, addresses.join(" "), i.good_for]
    });
    output::print(&table::list(rows, &["name", "state", "mac", "addresses", "good for"]))
}
