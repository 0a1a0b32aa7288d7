//! `whither geoip`: databases that are fetched, refused, swapped and compared.

mod diff;
mod lookup;
mod server;
mod status;
mod swap;
mod update;
