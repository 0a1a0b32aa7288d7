//! Judges enriched flows by the admin's rules: which app (or tag), towards which jurisdiction, in which role, how much.
//!
//! Rules may narrow by operator, name, process, direction and schedule, ask for bytes or flows in a window, and match only
//! what was never seen before. An excepted match is told as such. Traffic that nobody on this side asked for or answered is
//! no data going anywhere, and is told as such.
//!
//! A rule says one of three things of a flow: *match*, *no match*, or *cannot tell*. Only answers of high or medium
//! certainty carry a match; anycast, CDNs, sources that disagree, a name that may be a cover, and missing data give
//! *cannot tell* with the reason. Only a match becomes a [`crate::model::Finding`], the raw material of an alert.
//!
//! What it leaves alone: it looks nothing up (enrich has done so), names no application (appid has), and groups
//! nothing (alert does). It reads no clock: windows run by the records' own time.
//!
//! Limits: [`MAX_RULES`] rules, [`MAX_EXCEPTIONS`] exceptions, [`MAX_LIST`] entries per list, [`MAX_GROUPS`] windows,
//! [`MAX_KNOWN`] pairs seen before.

mod because;
mod compile;
mod condition;
pub mod config;
mod countries;
mod exception;
mod flagged;
pub mod groups;
mod judge;
mod learned;
mod narrow;
mod owed;
mod payload;
mod profiles;
mod resolve;
pub mod review;
mod roles;
mod schedule;
mod suggest;
mod window;

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_narrow;

pub use compile::{AppDirectory, MAX_EXCEPTIONS, MAX_RULES, Policy};
pub use config::{Exception, MAX_LIST, PolicyConfig, Rule, Schedule};
pub use exception::EXCEPTED;
pub use judge::{Judge, JudgeCounts, Judgement};
pub use learned::{Known, MAX_KNOWN, still_learns};
pub use owed::Owed;
pub use profiles::{Profile, profile, profiles};
pub use window::MAX_GROUPS;
