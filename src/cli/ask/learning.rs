//! What rules with `first-time` have learned, for `whither stats`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use serde::Serialize;

use crate::cli::output::{Failure, plain};
use crate::model::Timestamp;
use crate::policy::{Known, PolicyConfig, still_learns};
use crate::store::Reader;

/// One rule.
#[derive(Serialize)]
pub(super) struct OfRule {
    rule: String,
    /// Whether it still only learns.
    learning: bool,
    /// Its first match, with which its learning began; left out where nothing has matched yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    kinds: Vec<OfKind>,
}

/// What it has seen of one kind of pair.
#[derive(Serialize)]
struct OfKind {
    /// `app-country`, `device-operator`…
    kind: String,
    /// Apps or devices.
    subjects: usize,
    /// Different countries, operators or apps.
    members: usize,
    /// Pairs of both.
    pairs: usize,
}

/// Subjects and members of one kind, and how many pairs they make.
type Seen<'a> = (BTreeSet<&'a str>, BTreeSet<&'a str>, usize);

/// Of every rule in force that asks for a first time, in the order of the configuration.
pub(super) fn of(policy: &PolicyConfig, reader: &Reader, now: Timestamp) -> Result<Vec<OfRule>, Failure> {
    let since: BTreeMap<String, Timestamp> =
        reader.learned(Known::RULE)?.into_iter().map(|one| (one.key, one.first)).collect();
    let pairs = reader.learned(Known::PAIR)?;
    let mut seen: BTreeMap<(&str, &str), Seen<'_>> = BTreeMap::new();
    for [rule, kind, subject, member] in pairs.iter().filter_map(|one| Known::pair(&one.key)) {
        let (subjects, members, pairs) = seen.entry((rule, kind)).or_default();
        subjects.insert(subject);
        members.insert(member);
        *pairs += 1;
    }
    let rules = policy.all_rules().into_iter().filter(|rule| rule.enabled && !rule.first_time.is_empty());
    let learning = rules.map(|rule| {
        let id = rule.effective_id();
        let begun = since.get(&id).copied();
        let kind = |word: &String| {
            let none = (BTreeSet::new(), BTreeSet::new(), 0);
            let (subjects, members, pairs) = seen.get(&(id.as_str(), word.as_str())).unwrap_or(&none);
            OfKind { kind: word.clone(), subjects: subjects.len(), members: members.len(), pairs: *pairs }
        };
        OfRule {
            learning: still_learns(begun, rule.learning.0, now),
            since: begun.map(|at| at.to_rfc3339(0)),
            until: begun.map(|at| at.plus(rule.learning.0).to_rfc3339(0)),
            kinds: rule.first_time.iter().map(kind).collect(),
            rule: id,
        }
    });
    Ok(learning.collect())
}

/// Lines for people.
pub(super) fn describe(learning: &[OfRule]) -> Vec<String> {
    let mut lines = Vec::new();
    for one in learning {
        let when = match (&one.since, &one.until) {
            (Some(since), Some(until)) if one.learning => format!("learns since {since}, until {until}"),
            (Some(since), Some(until)) => format!("learned from {since} to {until}, and tells what is new"),
            _ => "has not begun to learn: nothing matched yet".to_owned(),
        };
        lines.push(format!("  rule {} {when}", plain(&one.rule)));
        for kind in &one.kinds {
            let (subject, member) = sides(&kind.kind);
            let mut line = format!("    {}: {} pairs of", kind.kind, kind.pairs);
            let _ = write!(line, " {} {subject} with {} {member}", kind.subjects, kind.members);
            lines.push(line);
        }
    }
    if !lines.is_empty() {
        lines.insert(0, "what rules have learned".to_owned());
    }
    lines
}

fn sides(kind: &str) -> (&'static str, &'static str) {
    match kind {
        "app-country" => ("apps", "countries"),
        "app-operator" => ("apps", "operators"),
        "device-country" => ("devices", "countries"),
        "device-operator" => ("devices", "operators"),
        _ => ("devices", "apps"),
    }
}
