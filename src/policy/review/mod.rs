//! Can each rule ever fire? Findings on a policy, out of what is known before any traffic is seen.
//!
//! It looks at the rules as compiled, at the catalogue, the operator table, the databases and the local networks, and names
//! what makes a rule silent, superfluous or narrower than it looks. It judges no traffic: that a rule is free of findings does
//! not say that it will fire. The ids of findings are stable; scripts lean on them.

mod facts;
mod rule;
mod shadow;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use jiff::civil::Date;

use crate::model::{CountryCode, SourceBuild, Timestamp};

use super::compile::{Defect, Resolved, resolve};
use super::{AppDirectory, PolicyConfig};

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Worth knowing.
    Note,
    /// A rule says less, or more often, than it seems.
    Warning,
    /// A rule is refused, or can never fire.
    Error,
}

impl Level {
    /// The lower-case word used in every output.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFinding {
    /// What it is: a stable word (`unknown-country`).
    pub id: &'static str,
    /// The rule's or exception's id; `None`: the policy as a whole.
    pub of: Option<String>,
    /// How much it weighs.
    pub level: Level,
    /// What is so.
    pub message: String,
    /// What to do.
    pub remedy: &'static str,
}

/// An operator that the tables know.
#[derive(Debug, Clone)]
pub struct KnownOperator {
    /// Its name.
    pub name: Arc<str>,
    /// Its seat.
    pub country: Option<CountryCode>,
    /// Its owner's seat.
    pub owner_country: Option<CountryCode>,
}

/// A device of the configuration.
#[derive(Debug, Clone)]
pub struct KnownDevice {
    /// Its name.
    pub name: String,
    /// Whether its MAC address is given.
    pub has_mac: bool,
    /// Its addresses.
    pub addresses: Vec<IpAddr>,
}

/// All that rules lean on.
pub struct Surroundings<'a> {
    /// The catalogue.
    pub apps: &'a dyn AppDirectory,
    /// Local networks.
    pub local: &'a [IpNet],
    /// Named parts of them.
    pub networks: BTreeMap<String, Vec<IpNet>>,
    /// Named devices.
    pub devices: Vec<KnownDevice>,
    /// Address databases.
    pub databases: Vec<SourceBuild>,
    /// Operator tables.
    pub operators: Vec<KnownOperator>,
    /// How often a long flow gives a record.
    pub active_timeout: Duration,
    /// Since when rules with `first-time` learn, as far as a store says.
    pub learning_since: BTreeMap<String, Timestamp>,
    /// Now.
    pub now: Timestamp,
    /// The day of it, UTC.
    pub today: Date,
}

/// Looks through a policy: findings in the order of the rules, heavy ones first within a rule, and of the whole policy last.
pub fn review(config: &PolicyConfig, around: &Surroundings<'_>) -> Vec<PolicyFinding> {
    let mut defects = Vec::new();
    let resolved = resolve(config, Some(around.apps), &mut defects);
    let mut findings: Vec<PolicyFinding> = defects.into_iter().map(of_defect).collect();
    // A rule with a mistake is not what its author meant; what else could be said of it would mislead.
    let broken: Vec<String> = findings.iter().filter_map(|f| f.of.clone()).collect();
    for (_, rule) in resolved.written.iter().filter(|(_, rule)| !rule.enabled) {
        findings.push(PolicyFinding {
            id: "disabled",
            of: Some(rule.effective_id()),
            level: Level::Note,
            message: "the rule is switched off".to_owned(),
            remedy: "set `enabled = true`, or leave it as it is",
        });
    }
    for one in resolved.rules.iter().filter(|r| !broken.iter().any(|b| **b == *r.id)) {
        rule::look(one, around, &mut findings);
    }
    shadow::look(&resolved, &broken, around, &mut findings);
    facts::look(&resolved, around, &mut findings);
    let place = |finding: &PolicyFinding| {
        let at = |id: &String| resolved.written.iter().position(|(_, rule)| rule.effective_id() == *id);
        finding.of.as_ref().map_or(usize::MAX, |id| at(id).unwrap_or(usize::MAX - 1))
    };
    findings.sort_by_key(|f| (place(f), std::cmp::Reverse(f.level)));
    findings
}

fn of_defect(defect: Defect) -> PolicyFinding {
    let remedy = match defect.id {
        "unknown-country" => "use a code of ISO 3166-1 in capitals or a group of config/groups.toml",
        "unknown-app" => {
            "`whither apps list` shows the catalogue; add the app to a file of your own (`catalogue.folders`)"
        }
        "tag-without-members" => {
            "`whither apps list --tag TAG` shows who has it; tag an app in a file of your own"
        }
        "unknown-vendor" => "`whither apps show APP` names the vendor as the catalogue spells it",
        "group-empty" => "name a country that is not excepted",
        "unknown-rule" => "name rules by their `id` (`whither policy check` lists them)",
        "exception-without-scope" => "say which matches are accepted",
        "exception-without-reason" | "exception-without-end" => {
            "add it: an exception without it outlives its cause"
        }
        _ => "mend the key that the sentence names",
    };
    PolicyFinding {
        id: defect.id,
        of: defect.of,
        level: Level::Error,
        message: defect.problem.to_string(),
        remedy,
    }
}

/// A list for a sentence: at most five, then how many more.
fn some(list: &[String]) -> String {
    const SHOWN: usize = 5;
    let shown = list.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match list.len().checked_sub(SHOWN) {
        Some(more) if more > 0 => format!("{shown} and {more} more"),
        _ => shown,
    }
}

/// What the parts share.
fn finding(id: &'static str, of: &str, level: Level, message: String, remedy: &'static str) -> PolicyFinding {
    PolicyFinding { id, of: Some(of.to_owned()), level, message, remedy }
}

/// Exceptions in force on a day.
fn in_force(resolved: &Resolved, today: Date) -> impl Iterator<Item = &super::exception::Exempt> {
    resolved.exceptions.iter().filter(move |e| e.expires >= today)
}
