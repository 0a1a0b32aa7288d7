//! Judges enriched flows by the admin's rules: which app (or tag), towards which jurisdiction, in which role, how much.
//!
//! A rule says one of three things of a flow: *match*, *no match*, or *cannot tell*. Only answers of high or medium
//! certainty carry a match; anycast, CDNs, sources that disagree, a name that may be a cover, and missing data give
//! *cannot tell* with the reason. Only a match becomes a [`crate::model::Finding`], the raw material of an alert.
//!
//! What it leaves alone: it looks nothing up (enrich has done so), names no application (appid has), and groups
//! nothing (alert does). It reads no clock: windows run by the records' own time.
//!
//! Limits: [`compile::MAX_RULES`] rules, [`config::MAX_LIST`] entries per list, [`window::MAX_GROUPS`] byte windows.

mod because;
pub mod compile;
pub mod condition;
pub mod config;
mod countries;
mod flagged;
pub mod groups;
pub mod judge;
mod profiles;
mod roles;
mod suggest;
pub mod window;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;

pub use compile::{AppDirectory, Policy};
pub use config::{PolicyConfig, Rule};
pub use judge::{Judge, JudgeCounts, Judgement};
pub use profiles::{Profile, profile, profiles};
