//! From rules as written to rules as judged: every word resolved, every mistake reported at once, and a hash of it all.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use serde::Serialize;

use crate::model::{AppId, CountryCode, Problem, Role, Severity};

use super::config::Rule;
use super::exception::Exempt;
use super::flagged::Countries;
use super::learned::Novelty;
use super::narrow::Operators;
use super::payload::Direction;
use super::resolve::Reader;
use super::roles::Peers;
use super::schedule::Schedule;
use super::suggest::hint;
use super::{PolicyConfig, profiles};

/// More rules than an admin can overlook; each costs time on every record.
pub const MAX_RULES: usize = 256;

/// More exceptions than anybody can answer for.
pub const MAX_EXCEPTIONS: usize = 1024;

/// What the policy must know of the catalogue of applications.
pub trait AppDirectory {
    /// Whether an application with this id exists.
    fn has_app(&self, id: &str) -> bool;
    /// The applications with this tag; none when no application has it.
    fn apps_with_tag(&self, tag: &str) -> Vec<AppId>;
    /// All ids, for suggestions.
    fn app_ids(&self) -> Vec<AppId>;
    /// All tags, for suggestions.
    fn tags(&self) -> Vec<Arc<str>>;
    /// Who makes an application, and where that company sits, where a source says so.
    fn vendor(&self, id: &str) -> Option<(Arc<str>, Option<CountryCode>)>;
}

/// The rules in force, ready to judge by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub(super) rules: Vec<Compiled>,
    pub(super) exceptions: Vec<Exempt>,
    hash: Arc<str>,
}

/// One rule with every word resolved. The order of its fields is the order of the canonical form: do not change it lightly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Compiled {
    pub(super) id: Arc<str>,
    pub(super) name: Arc<str>,
    #[serde(serialize_with = "as_text")]
    pub(super) severity: Severity,
    /// Any application, known or not.
    pub(super) any_app: bool,
    /// Listed applications, and those that had a listed tag when the policy was compiled.
    pub(super) apps: BTreeSet<AppId>,
    pub(super) tags: BTreeSet<Arc<str>>,
    pub(super) countries: Countries,
    #[serde(serialize_with = "as_texts")]
    pub(super) roles: Vec<Role>,
    /// Lower case.
    pub(super) devices: BTreeSet<String>,
    pub(super) networks: BTreeSet<String>,
    pub(super) prefixes: BTreeSet<IpNet>,
    pub(super) min_up: u64,
    pub(super) min_down: u64,
    pub(super) window: Duration,
    #[serde(skip_serializing_if = "Operators::is_empty")]
    pub(super) operators: Operators,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) names: BTreeSet<String>,
    /// Lower case.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) processes: BTreeSet<String>,
    #[serde(serialize_with = "direction_as_text", skip_serializing_if = "is_any")]
    pub(super) direction: Direction,
    #[serde(serialize_with = "peers_as_text", skip_serializing_if = "Peers::are_excluded")]
    pub(super) peers: Peers,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) inbound: bool,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) min_flows: u64,
    #[serde(serialize_with = "novelties_as_texts", skip_serializing_if = "Vec::is_empty")]
    pub(super) first_time: Vec<Novelty>,
    /// Zero where `first_time` is empty.
    #[serde(skip_serializing_if = "Duration::is_zero")]
    pub(super) learning: Duration,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) schedule: Option<Schedule>,
}

impl Compiled {
    /// Whether it asks for bytes or flows in a window.
    pub(super) fn has_minimum(&self) -> bool {
        self.min_up > 0 || self.min_down > 0 || self.min_flows > 0
    }
}

/// Something wrong in the policy, with the stable word that `policy check` calls it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Defect {
    pub(super) id: &'static str,
    /// The rule or exception, where it is one's.
    pub(super) of: Option<String>,
    pub(super) problem: Problem,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(n: &u64) -> bool {
    *n == 0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_any(direction: &Direction) -> bool {
    *direction == Direction::Any
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn direction_as_text<S: serde::Serializer>(value: &Direction, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(value.word())
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn peers_as_text<S: serde::Serializer>(value: &Peers, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(value.word())
}

fn novelties_as_texts<S: serde::Serializer>(list: &[Novelty], s: S) -> Result<S::Ok, S::Error> {
    s.collect_seq(list.iter().map(|n| n.word()))
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn as_text<S: serde::Serializer>(value: &Severity, s: S) -> Result<S::Ok, S::Error> {
    s.collect_str(value)
}

fn as_texts<S: serde::Serializer>(roles: &[Role], s: S) -> Result<S::Ok, S::Error> {
    s.collect_seq(roles.iter().map(|r| r.word()))
}

impl Policy {
    /// Resolves all words of `config`, profiles first; all problems are reported together.
    pub fn compile(config: &PolicyConfig, apps: &dyn AppDirectory) -> Result<Self, Vec<Problem>> {
        let mut defects = Vec::new();
        let Resolved { rules, exceptions, .. } = resolve(config, Some(apps), &mut defects);
        if defects.is_empty() {
            Ok(Self::of(rules, exceptions))
        } else {
            Err(defects.into_iter().map(|d| d.problem).collect())
        }
    }

    /// The policy that flags nothing.
    pub fn none() -> Self {
        Self::of(Vec::new(), Vec::new())
    }

    pub(super) fn of(rules: Vec<Compiled>, exceptions: Vec<Exempt>) -> Self {
        let mut canonical: Vec<&Compiled> = rules.iter().collect();
        canonical.sort_by(|a, b| a.id.cmp(&b.id));
        // Serialising plain text and numbers into memory cannot fail; an empty form would only change the hash.
        let text = if exceptions.is_empty() {
            serde_json::to_vec(&canonical)
        } else {
            serde_json::to_vec(&(&canonical, &exceptions))
        }
        .unwrap_or_default();
        let hash = hex(ring::digest::digest(&ring::digest::SHA256, &text).as_ref());
        Self { rules, exceptions, hash }
    }

    /// SHA-256 over the rules in canonical form (groups and tags resolved, sorted by id) and the exceptions, in lower-case hex: the same
    /// whenever the same flows would be judged the same way.
    pub fn hash(&self) -> &Arc<str> {
        &self.hash
    }

    /// Whether no rule is in force.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Ids, names and severities of the rules in force, in the order of the file.
    pub fn rules(&self) -> impl Iterator<Item = (&Arc<str>, &Arc<str>, Severity)> {
        self.rules.iter().map(|r| (&r.id, &r.name, r.severity))
    }
}

fn hex(bytes: &[u8]) -> Arc<str> {
    use std::fmt::Write;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text.into()
}

/// What came out of a configuration.
pub(super) struct Resolved {
    /// In the order of the file, profiles first; without the disabled ones.
    pub(super) rules: Vec<Compiled>,
    pub(super) exceptions: Vec<Exempt>,
    /// Every rule with its key, as written.
    pub(super) written: Vec<(String, Rule)>,
}

/// Compiles what can be compiled and reports the rest; without `apps`, applications and tags are taken as they stand.
pub(super) fn resolve(
    config: &PolicyConfig,
    apps: Option<&dyn AppDirectory>,
    defects: &mut Vec<Defect>,
) -> Resolved {
    let mut report = |id, key: &str, message: String| {
        defects.push(Defect { id, of: None, problem: Problem { key: key.to_owned(), message } });
    };
    let mut rules: Vec<(String, Rule)> = Vec::new();
    let mut excepted: Vec<(String, super::Exception)> = Vec::new();
    for name in &config.profiles {
        let known = || profiles().iter().map(|p| p.name);
        match super::profile(name).map(super::Profile::config) {
            None => {
                report(
                    "unknown-profile",
                    "policy.profiles",
                    format!("no profile `{name}`{}", hint(name, known())),
                );
            }
            Some(Err(defect)) => report("unknown-profile", "policy.profiles", defect),
            Some(Ok(policy)) => {
                rules.extend(numbered(policy.rule, &format!("policy.profiles.{name}.rule")));
                excepted.extend(numbered(policy.exception, &format!("policy.profiles.{name}.exception")));
            }
        }
    }
    rules.extend(numbered(config.rule.clone(), "policy.rule"));
    excepted.extend(numbered(config.exception.clone(), "policy.exception"));
    for (key, count, most) in
        [("policy.rule", rules.len(), MAX_RULES), ("policy.exception", excepted.len(), MAX_EXCEPTIONS)]
    {
        if count > most {
            report("too-many", key, format!("{count} of them; at most {most} are allowed"));
            return Resolved { rules: Vec::new(), exceptions: Vec::new(), written: Vec::new() };
        }
    }
    let mut seen = BTreeSet::new();
    let mut compiled = Vec::new();
    for (key, rule) in &rules {
        let id = rule.effective_id();
        let one = Reader { key, of: &id, apps, defects }.rule(rule);
        if !seen.insert(one.id.clone()) && !one.id.is_empty() {
            let message = format!("a second rule with the id `{id}`; give it its own `id`");
            Reader { key, of: &id, apps, defects }.wrong("duplicate-id", "id", message);
        }
        if rule.enabled {
            compiled.push(one);
        }
    }
    let exceptions = excepted
        .iter()
        .enumerate()
        .map(|(i, (key, exception))| {
            let id =
                if exception.id.is_empty() { format!("exception-{}", i + 1) } else { exception.id.clone() };
            Reader { key, of: &id, apps, defects }.exception(exception, &seen)
        })
        .collect();
    Resolved { rules: compiled, exceptions, written: rules }
}

fn numbered<T>(list: Vec<T>, key: &str) -> Vec<(String, T)> {
    list.into_iter().enumerate().map(|(i, one)| (format!("{key}[{i}]"), one)).collect()
}
