//! Findings become alerts with a life: opened at the first, updated at a bounded rate, closed after quiet.
//!
//! Findings of one rule × device × application × role-country × operator are one alert, however many flows there are,
//! so that a flood is one alert with counts. An alert carries its proof: who, what, where, on what grounds, how much.
//!
//! People are told of one subject at growing intervals, whatever is kept: each document says whether it is one to tell.
//!
//! What it leaves alone: it judges nothing (policy has) and delivers nothing (deliver does). It reads no clock.
//!
//! Limits: `max-open` alerts at once, then one overflow alert per rule, role and country; `keep-closed` closed ones for
//! the summary; [`crate::model::Alert::MAX_REMOTES`] remotes and names per alert; [`RECENT_FLOWS`] flows per alert are
//! remembered to count each once; `max-open` subjects beside the open ones of which people were told lately.

mod back_off;
mod book;
pub mod config;
mod group;
mod life;

#[cfg(test)]
mod tests;

pub use book::{AlertBook, AlertCounts};
pub use config::AlertConfig;
pub use life::RECENT_FLOWS;
