//! `whither geoip`: databases that are fetched, refused, swapped and compared.

mod diff;
mod server;
mod swap;
mod update;
