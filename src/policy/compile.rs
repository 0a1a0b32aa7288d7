//! From rules as written to rules as judged: every word resolved, every mistake reported at once, and a hash of it all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use serde::Serialize;

use crate::model::{AppId, CountryCode, Problem, Role, Severity};

use super::config::{MAX_LIST, Rule};
use super::flagged::Countries;
use super::suggest::hint;
use super::{PolicyConfig, countries, groups, profiles};

/// More rules than an admin can overlook; each costs time on every record.
pub const MAX_RULES: usize = 256;

/// Ids are parts of alert ids and of file names in tools downstream.
const MAX_ID: usize = 64;

/// Names stand in titles of alerts.
const MAX_NAME: usize = 200;

/// A shorter window than the resolution of records makes no sense, a longer one outlives the table.
const WINDOW: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(31 * 86_400);

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
}

/// The rules in force, ready to judge by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub(super) rules: Vec<Compiled>,
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
        let mut problems = Vec::new();
        let rules = check(config, Some(apps), &mut problems);
        if problems.is_empty() { Ok(Self::of(rules)) } else { Err(problems) }
    }

    /// The policy that flags nothing.
    pub fn none() -> Self {
        Self::of(Vec::new())
    }

    fn of(rules: Vec<Compiled>) -> Self {
        let mut canonical: Vec<&Compiled> = rules.iter().collect();
        canonical.sort_by(|a, b| a.id.cmp(&b.id));
        // Serialising plain text and numbers into memory cannot fail; an empty form would only change the hash.
        let text = serde_json::to_vec(&canonical).unwrap_or_default();
        let hash = hex(ring::digest::digest(&ring::digest::SHA256, &text).as_ref());
        Self { rules, hash }
    }

    /// SHA-256 over the rules in canonical form (groups and tags resolved, sorted by id), in lower-case hex: the same
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

/// Compiles what can be compiled and reports the rest; without `apps`, applications and tags are taken as they stand.
pub(super) fn check(
    config: &PolicyConfig,
    apps: Option<&dyn AppDirectory>,
    problems: &mut Vec<Problem>,
) -> Vec<Compiled> {
    let mut rules: Vec<(String, Rule)> = Vec::new();
    for name in &config.profiles {
        let known = || profiles().iter().map(|p| p.name);
        match super::profile(name).map(super::Profile::config) {
            None => {
                report(problems, "policy.profiles", format!("no profile `{name}`{}", hint(name, known())));
            }
            Some(Err(defect)) => report(problems, "policy.profiles", defect),
            Some(Ok(policy)) => rules.extend(numbered(policy.rule, &format!("policy.profiles.{name}.rule"))),
        }
    }
    rules.extend(numbered(config.rule.clone(), "policy.rule"));
    if rules.len() > MAX_RULES {
        report(problems, "policy.rule", format!("{} rules; at most {MAX_RULES} are allowed", rules.len()));
        return Vec::new();
    }
    let mut seen = BTreeSet::new();
    let mut compiled = Vec::new();
    for (key, rule) in &rules {
        let one = Reader { key, apps, problems }.rule(rule);
        if !seen.insert(one.id.clone()) && !one.id.is_empty() {
            report(
                problems,
                &format!("{key}.id"),
                format!("a second rule with the id `{}`; give it its own `id`", one.id),
            );
        }
        if rule.enabled {
            compiled.push(one);
        }
    }
    compiled
}

fn numbered(rules: Vec<Rule>, key: &str) -> Vec<(String, Rule)> {
    rules.into_iter().enumerate().map(|(i, rule)| (format!("{key}[{i}]"), rule)).collect()
}

fn report(problems: &mut Vec<Problem>, key: &str, message: String) {
    problems.push(Problem { key: key.to_owned(), message });
}

/// Reads one rule and writes down what is wrong with it.
struct Reader<'a> {
    key: &'a str,
    apps: Option<&'a dyn AppDirectory>,
    problems: &'a mut Vec<Problem>,
}

impl Reader<'_> {
    fn wrong(&mut self, field: &str, message: String) {
        report(self.problems, &format!("{}.{field}", self.key), message);
    }

    fn rule(&mut self, rule: &Rule) -> Compiled {
        let id = rule.effective_id();
        if rule.name.is_empty() || rule.name.chars().count() > MAX_NAME {
            self.wrong("name", format!("expected a name of 1 to {MAX_NAME} characters: alerts carry it"));
        }
        let id_char = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.');
        if id.is_empty() || id.len() > MAX_ID || !id.bytes().all(id_char) {
            self.wrong("id", format!("`{id}` is no id: expected 1 to {MAX_ID} of a-z, 0-9, `-`, `_`, `.`"));
        }
        let lists = [
            ("apps", &rule.apps),
            ("tags", &rule.tags),
            ("jurisdictions", &rule.jurisdictions),
            ("except-jurisdictions", &rule.except_jurisdictions),
            ("roles", &rule.roles),
            ("devices", &rule.devices),
            ("networks", &rule.networks),
        ];
        for (field, list) in lists {
            if list.len() > MAX_LIST {
                self.wrong(field, format!("{} entries; at most {MAX_LIST} are allowed", list.len()));
            }
        }
        let minimum = rule.min_bytes_up.0 > 0 || rule.min_bytes_down.0 > 0;
        if minimum && !WINDOW.contains(&rule.window.0) {
            self.wrong("window", format!("`{}` is out of range: expected 1s to 31d", rule.window));
        }
        let (networks, prefixes) = self.networks(&rule.networks);
        Compiled {
            id: id.into(),
            name: rule.name.as_str().into(),
            severity: self.severity(&rule.severity),
            any_app: rule.apps.is_empty() && rule.tags.is_empty(),
            apps: self.apps(&rule.apps, &rule.tags),
            tags: rule.tags.iter().map(|t| Arc::from(t.as_str())).collect(),
            countries: self.countries(rule),
            roles: self.roles(&rule.roles),
            devices: rule.devices.iter().map(|d| d.to_lowercase()).collect(),
            networks,
            prefixes,
            min_up: rule.min_bytes_up.0,
            min_down: rule.min_bytes_down.0,
            window: rule.window.0,
        }
    }

    fn severity(&mut self, word: &str) -> Severity {
        Severity::parse(word).unwrap_or_else(|| {
            let known = || Severity::ALL.into_iter().map(Severity::word);
            let expected = known().collect::<Vec<_>>().join(", ");
            self.wrong("severity", format!("`{word}` is none of {expected}{}", hint(word, known())));
            Severity::Medium
        })
    }

    fn apps(&mut self, apps: &[String], tags: &[String]) -> BTreeSet<AppId> {
        let mut ids: BTreeSet<AppId> = apps.iter().map(|a| Arc::from(a.as_str())).collect();
        let Some(directory) = self.apps else { return ids };
        for app in apps.iter().filter(|a| !directory.has_app(a)) {
            let known = directory.app_ids();
            let near = hint(app, known.iter().map(AsRef::as_ref));
            self.wrong(
                "apps",
                format!("no application `{app}` in the catalogue (`whither apps list` shows all){near}"),
            );
        }
        for tag in tags {
            let members = directory.apps_with_tag(tag);
            if members.is_empty() {
                let known = directory.tags();
                let near = hint(tag, known.iter().map(AsRef::as_ref));
                self.wrong(
                    "tags",
                    format!("no application has the tag `{tag}`, so it could never match{near}"),
                );
            }
            ids.extend(members);
        }
        ids
    }

    fn countries(&mut self, rule: &Rule) -> Countries {
        let mut set = Countries::default();
        if rule.jurisdictions.is_empty() && rule.except_jurisdictions.is_empty() {
            let message =
                "names no country: expected ISO codes (`CN`) or groups (`eu`), or `except-jurisdictions`";
            self.wrong("jurisdictions", message.to_owned());
        }
        if !rule.jurisdictions.is_empty() {
            let mut listed = BTreeMap::new();
            for word in &rule.jurisdictions {
                for (country, group) in self.jurisdiction("jurisdictions", word) {
                    // A country listed by itself needs no group to explain it.
                    let entry = listed.entry(country).or_insert_with(|| group.clone());
                    if group.is_none() {
                        *entry = None;
                    }
                }
            }
            set.listed = Some(listed);
        }
        for word in &rule.except_jurisdictions {
            set.except.extend(self.jurisdiction("except-jurisdictions", word).into_iter().map(|(c, _)| c));
            set.except_words.push(word.clone());
        }
        if !rule.except_jurisdictions.is_empty() && set.is_empty() {
            self.wrong(
                "except-jurisdictions",
                "excepts every listed country, so the rule could never match".to_owned(),
            );
        }
        set
    }

    fn jurisdiction(&mut self, field: &str, word: &str) -> Vec<(CountryCode, Option<Arc<str>>)> {
        if let Some(group) = groups::shipped().get(word) {
            let name: Arc<str> = word.into();
            return group.members.iter().map(|&c| (c, Some(name.clone()))).collect();
        }
        let upper = word.len() == 2 && word.bytes().all(|b| b.is_ascii_uppercase());
        let country = CountryCode::parse(word).filter(|c| upper && countries::is_assigned(c.as_str()));
        if let Some(country) = country {
            return vec![(country, None)];
        }
        // A group in capitals or a code in small letters is meant as such before any other near word is.
        let folded = [word.to_lowercase(), word.to_uppercase()]
            .into_iter()
            .find(|w| groups::shipped().contains_key(w) || countries::is_assigned(w));
        let near = match folded {
            Some(w) => format!("; did you mean `{w}`?"),
            None => hint(word, groups::shipped().keys().map(String::as_str).filter(|_| word.len() > 2)),
        };
        let message = format!(
            "`{word}` is neither an ISO 3166-1 code in capitals nor a group of config/groups.toml{near}"
        );
        self.wrong(field, message);
        Vec::new()
    }

    fn roles(&mut self, words: &[String]) -> Vec<Role> {
        if words.is_empty() {
            self.wrong(
                "roles",
                "names no role: expected some of server, registrant, operator, owner, vendor".to_owned(),
            );
        }
        let mut roles = Vec::new();
        for word in words {
            match Role::parse(word) {
                Some(role) if roles.contains(&role) => {}
                Some(role) => roles.push(role),
                None => {
                    let known = Role::OF_ADDRESS.into_iter().chain([Role::Vendor]).map(Role::word);
                    let message = format!(
                        "`{word}` is none of server, registrant, operator, owner, vendor{}",
                        hint(word, known)
                    );
                    self.wrong("roles", message);
                }
            }
        }
        roles
    }

    fn networks(&mut self, words: &[String]) -> (BTreeSet<String>, BTreeSet<IpNet>) {
        let (mut names, mut prefixes) = (BTreeSet::new(), BTreeSet::new());
        for word in words {
            if !word.contains('/') {
                names.insert(word.clone());
            } else if let Ok(prefix) = word.parse::<IpNet>() {
                prefixes.insert(prefix.trunc());
            } else {
                self.wrong(
                    "networks",
                    format!("`{word}` is no address prefix: expected one like `192.168.1.0/24`"),
                );
            }
        }
        (names, prefixes)
    }
}
