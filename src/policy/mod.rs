//! Judges enriched flows by rules. The answer has three values: match, no match, cannot tell; each with its reasons.
//!
//! A rule joins *what* (applications, tags), *who* (devices, networks), *where* (jurisdictions, in which role) and
//! *how much* (octets in a window). Only grounds that carry an accusation make a match: a disputed, weak or anycast
//! location never does, it makes *cannot tell*. An error is never *no match*.
//!
//! It leaves alone: grouping and the life of alerts, exceptions, schedules, and where the facts come from.

mod config;
mod error;
mod groups;
mod judge;
mod profiles;
mod role;
mod suggest;
#[cfg(test)]
mod tests;
mod window;

pub use config::{PolicyConfig, Rule};
pub use error::AppDirectory;
pub use groups::{Group, groups};
pub use judge::{Judge, Judgement};
pub use profiles::{Profile, profile, profiles};

use std::collections::BTreeSet;
use std::sync::Arc;

use ring::digest;

use crate::model::{CountryCode, HumanDuration, Problem, Role, Severity};

/// Rules that have been checked, ready to judge.
#[derive(Debug, Clone)]
pub struct Policy {
    rules: Vec<CompiledRule>,
    hash: String,
}

/// One rule, names resolved.
#[derive(Debug, Clone)]
struct CompiledRule {
    id: Arc<str>,
    name: Arc<str>,
    severity: Severity,
    apps: BTreeSet<String>,
    tags: BTreeSet<String>,
    countries: BTreeSet<CountryCode>,
    /// Flags every country that is *not* in `countries`.
    except: bool,
    roles: Vec<Role>,
    devices: BTreeSet<String>,
    networks: BTreeSet<String>,
    min_up: u64,
    min_down: u64,
    window: HumanDuration,
}

impl Policy {
    /// Checks all rules and resolves what they name; all problems are reported at once.
    pub fn compile(config: &PolicyConfig, directory: &dyn AppDirectory) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        config.validate(&mut problems);
        config.validate_names(directory, &mut problems);
        if !problems.is_empty() {
            return Err(problems);
        }
        let rules: Vec<CompiledRule> = config.rule.iter().filter(|r| r.enabled).map(compile).collect();
        Ok(Self { rules, hash: hash(config) })
    }

    /// SHA-256 of the rules in force, hex.
    pub fn hash(&self) -> &str {
        &self.hash
    }
}

fn compile(rule: &Rule) -> CompiledRule {
    let except = !rule.except_jurisdictions.is_empty();
    let named = if except { &rule.except_jurisdictions } else { &rule.jurisdictions };
    CompiledRule {
        id: rule.id().into(),
        name: rule.name.as_str().into(),
        severity: Severity::parse(&rule.severity).unwrap_or(Severity::Medium),
        apps: rule.apps.iter().cloned().collect(),
        tags: rule.tags.iter().cloned().collect(),
        countries: named.iter().flat_map(|word| groups::resolve(word).unwrap_or_default()).collect(),
        except,
        roles: rule.roles.iter().filter_map(|word| Role::parse(word)).collect(),
        devices: rule.devices.iter().cloned().collect(),
        networks: rule.networks.iter().cloned().collect(),
        min_up: rule.min_bytes_up.0,
        min_down: rule.min_bytes_down.0,
        window: rule.window,
    }
}

/// The same rules give the same hash, whatever file and comments they came with.
fn hash(config: &PolicyConfig) -> String {
    let text = serde_json::to_string(config).unwrap_or_default();
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
