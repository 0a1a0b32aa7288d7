//! Findings become alerts with a life: opened, updated at a bounded rate, closed after quiet.
//!
//! Findings of one rule × device × application × role-country × operator are one alert, so a flood of flows is one
//! alert with counts. An alert is opened by its first finding, not at the end of a flow. Time is the flows' own.
//!
//! It leaves alone: judging, and writing. Limits: `max-open` alerts are open at once; when that is reached, further
//! groups of a rule share one overflow alert of that rule, so that nothing is lost, only less finely told apart.

mod book;
mod config;
#[cfg(test)]
mod tests;

pub use book::AlertBook;
pub use config::AlertConfig;
