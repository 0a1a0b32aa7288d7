//! Reads rules and exceptions as written, word by word; every mistake is noted with its key and the nearest word that exists.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use jiff::civil::Date;

use crate::model::{Alert, AppId, CountryCode, Problem, Role, Severity};

use super::compile::{AppDirectory, Compiled, Defect};
use super::config::{Exception, MAX_LIST, Rule};
use super::exception::Exempt;
use super::flagged::Countries;
use super::learned::Novelty;
use super::narrow::{self, Operators};
use super::payload::Direction;
use super::roles::Peers;
use super::schedule::Schedule;
use super::suggest::hint;
use super::{countries, groups};

/// Ids are parts of alert ids and of file names in tools downstream.
const MAX_ID: usize = 64;

/// Names stand in titles of alerts.
const MAX_NAME: usize = 200;

/// A shorter window than the resolution of records makes no sense, a longer one outlives the table.
const WINDOW: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(31 * 86_400);

/// A rule that learns for longer than a year is one that was forgotten.
const MAX_LEARNING: Duration = Duration::from_secs(366 * 86_400);

fn lower(words: &[String]) -> BTreeSet<String> {
    words.iter().map(|w| w.to_lowercase()).collect()
}

/// Reads one rule or exception and writes down what is wrong with it.
pub(super) struct Reader<'a> {
    pub(super) key: &'a str,
    /// The rule's or exception's id.
    pub(super) of: &'a str,
    pub(super) apps: Option<&'a dyn AppDirectory>,
    pub(super) defects: &'a mut Vec<Defect>,
}

impl Reader<'_> {
    pub(super) fn wrong(&mut self, id: &'static str, field: &str, message: String) {
        let problem = Problem { key: format!("{}.{field}", self.key), message };
        self.defects.push(Defect { id, of: Some(self.of.to_owned()), problem });
    }

    pub(super) fn rule(&mut self, rule: &Rule) -> Compiled {
        let id = rule.effective_id();
        if rule.name.is_empty() || rule.name.chars().count() > MAX_NAME {
            self.wrong(
                "bad-value",
                "name",
                format!("expected a name of 1 to {MAX_NAME} characters: alerts carry it"),
            );
        }
        self.id(&id);
        if id == Alert::CANARY_RULE && *rule != Rule::canary() {
            let message = format!("`{id}` is kept for `whither policy canary`: expected another id");
            self.wrong("bad-value", "id", message);
        }
        self.lengths(&[
            ("apps", &rule.apps),
            ("tags", &rule.tags),
            ("vendors", &rule.vendors),
            ("jurisdictions", &rule.jurisdictions),
            ("except-jurisdictions", &rule.except_jurisdictions),
            ("roles", &rule.roles),
            ("devices", &rule.devices),
            ("networks", &rule.networks),
            ("processes", &rule.processes),
            ("operators", &rule.operators),
            ("names", &rule.names),
            ("first-time", &rule.first_time),
        ]);
        let (networks, prefixes) = self.networks(&rule.networks);
        let first_time = self.first_time(&rule.first_time);
        let one = Compiled {
            id: id.into(),
            name: rule.name.as_str().into(),
            severity: self.severity(&rule.severity),
            any_app: rule.apps.is_empty() && rule.tags.is_empty() && rule.vendors.is_empty(),
            apps: self.apps(&rule.apps, &rule.tags, &rule.vendors),
            tags: rule.tags.iter().map(|t| Arc::from(t.as_str())).collect(),
            countries: self.countries(rule),
            roles: self.roles(&rule.roles),
            devices: lower(&rule.devices),
            networks,
            prefixes,
            min_up: rule.min_bytes_up.0,
            min_down: rule.min_bytes_down.0,
            window: rule.window.0,
            operators: Operators::read(&rule.operators),
            names: self.names(&rule.names),
            processes: lower(&rule.processes),
            direction: self.direction(&rule.direction),
            peers: self.peers(&rule.peers),
            inbound: rule.inbound,
            min_flows: rule.min_flows,
            learning: if first_time.is_empty() { Duration::ZERO } else { rule.learning.0 },
            first_time,
            schedule: self.schedule(rule),
        };
        if one.has_minimum() && !WINDOW.contains(&rule.window.0) {
            self.wrong(
                "bad-value",
                "window",
                format!("`{}` is out of range: expected 1s to 31d", rule.window),
            );
        }
        if one.learning > MAX_LEARNING {
            self.wrong(
                "bad-value",
                "learning",
                format!("`{}` is out of range: expected 0s to 366d", rule.learning),
            );
        }
        one
    }

    /// An exception; `rules` are the ids of all rules, disabled ones too.
    pub(super) fn exception(&mut self, written: &Exception, rules: &BTreeSet<Arc<str>>) -> Exempt {
        let of = self.of;
        self.id(of);
        let lists = [
            ("rules", &written.rules),
            ("apps", &written.apps),
            ("devices", &written.devices),
            ("operators", &written.operators),
            ("countries", &written.countries),
            ("names", &written.names),
        ];
        self.lengths(&lists);
        if lists.iter().all(|(_, list)| list.is_empty()) {
            let message = "names nothing, so it would except everything: give it rules, apps, devices, operators, countries or names";
            self.wrong("exception-without-scope", "rules", message.to_owned());
        }
        for (field, text) in [("reason", &written.reason), ("owner", &written.owner)] {
            if text.trim().is_empty() {
                let message = "is missing: who accepts a match says why, and stands by it".to_owned();
                self.wrong("exception-without-reason", field, message);
            }
        }
        for rule in written.rules.iter().filter(|r| !rules.contains(r.as_str())) {
            let near = hint(rule, rules.iter().map(AsRef::as_ref));
            self.wrong("unknown-rule", "rules", format!("there is no rule with the id `{rule}`{near}"));
        }
        let expires = written.expires.parse::<Date>().unwrap_or_else(|_| {
            let message = format!(
                "`{}` is no day: expected the last one on which it holds, like `2027-01-31`",
                written.expires
            );
            self.wrong("exception-without-end", "expires", message);
            Date::MIN
        });
        let mut countries = BTreeSet::new();
        for word in &written.countries {
            countries.extend(self.jurisdiction("countries", word).into_iter().map(|(country, _)| country));
        }
        Exempt {
            id: self.of.into(),
            rules: written.rules.iter().map(|r| Arc::from(r.as_str())).collect(),
            apps: self.apps(&written.apps, &[], &[]),
            devices: lower(&written.devices),
            operators: Operators::read(&written.operators),
            countries,
            names: self.names(&written.names),
            reason: written.reason.clone(),
            owner: written.owner.clone(),
            expires,
        }
    }

    fn id(&mut self, id: &str) {
        let id_char = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.');
        if id.is_empty() || id.len() > MAX_ID || !id.bytes().all(id_char) {
            let message = format!("`{id}` is no id: expected 1 to {MAX_ID} of a-z, 0-9, `-`, `_`, `.`");
            self.wrong("bad-value", "id", message);
        }
    }

    fn lengths(&mut self, lists: &[(&str, &Vec<String>)]) {
        for (field, list) in lists {
            if list.len() > MAX_LIST {
                self.wrong(
                    "too-many",
                    field,
                    format!("{} entries; at most {MAX_LIST} are allowed", list.len()),
                );
            }
        }
    }

    fn names(&mut self, words: &[String]) -> BTreeSet<String> {
        let mut patterns = BTreeSet::new();
        for word in words {
            if let Some(pattern) = narrow::pattern(word) {
                patterns.insert(pattern);
                continue;
            }
            let message =
                format!("`{word}` is no name: expected one like `qq.com`, which stands for all below it too");
            self.wrong("bad-value", "names", message);
        }
        patterns
    }

    fn direction(&mut self, word: &str) -> Direction {
        let known = || Direction::ALL.into_iter().map(Direction::word);
        Direction::ALL.into_iter().find(|d| d.word() == word).unwrap_or_else(|| {
            let message = format!("`{word}` is none of any, up, down, both{}", hint(word, known()));
            self.wrong("bad-value", "direction", message);
            Direction::Any
        })
    }

    fn peers(&mut self, word: &str) -> Peers {
        let known = || Peers::ALL.into_iter().map(Peers::word);
        Peers::ALL.into_iter().find(|p| p.word() == word).unwrap_or_else(|| {
            let message = format!("`{word}` is neither exclude nor include{}", hint(word, known()));
            self.wrong("bad-value", "peers", message);
            Peers::Exclude
        })
    }

    fn first_time(&mut self, words: &[String]) -> Vec<Novelty> {
        let mut list = Vec::new();
        for word in words {
            let known = || Novelty::ALL.into_iter().map(Novelty::word);
            match Novelty::ALL.into_iter().find(|n| n.word() == word) {
                Some(novelty) if list.contains(&novelty) => {}
                Some(novelty) => list.push(novelty),
                None => {
                    let expected = known().collect::<Vec<_>>().join(", ");
                    let message = format!("`{word}` is none of {expected}{}", hint(word, known()));
                    self.wrong("bad-value", "first-time", message);
                }
            }
        }
        list
    }

    fn schedule(&mut self, rule: &Rule) -> Option<Schedule> {
        Schedule::read(rule.schedule.as_ref()?)
            .map_err(|wrong| {
                for (key, message) in wrong {
                    self.wrong("bad-value", &format!("schedule.{key}"), message);
                }
            })
            .ok()
    }

    fn severity(&mut self, word: &str) -> Severity {
        Severity::parse(word).unwrap_or_else(|| {
            let known = || Severity::ALL.into_iter().map(Severity::word);
            let expected = known().collect::<Vec<_>>().join(", ");
            self.wrong(
                "bad-value",
                "severity",
                format!("`{word}` is none of {expected}{}", hint(word, known())),
            );
            Severity::Medium
        })
    }

    fn apps(&mut self, apps: &[String], tags: &[String], vendors: &[String]) -> BTreeSet<AppId> {
        let mut ids: BTreeSet<AppId> = apps.iter().map(|a| Arc::from(a.as_str())).collect();
        let Some(directory) = self.apps else { return ids };
        for app in apps.iter().filter(|a| !directory.has_app(a)) {
            let known = directory.app_ids();
            let near = hint(app, known.iter().map(AsRef::as_ref));
            let message =
                format!("no application `{app}` in the catalogue (`whither apps list` shows all){near}");
            self.wrong("unknown-app", "apps", message);
        }
        for tag in tags {
            let members = directory.apps_with_tag(tag);
            if members.is_empty() {
                let known = directory.tags();
                let near = hint(tag, known.iter().map(AsRef::as_ref));
                let message = format!("no application has the tag `{tag}`, so it could never match{near}");
                self.wrong("tag-without-members", "tags", message);
            }
            ids.extend(members);
        }
        if !vendors.is_empty() {
            self.vendors(vendors, directory, &mut ids);
        }
        ids
    }

    fn vendors(&mut self, vendors: &[String], directory: &dyn AppDirectory, ids: &mut BTreeSet<AppId>) {
        let made: Vec<(AppId, Arc<str>)> = directory
            .app_ids()
            .into_iter()
            .filter_map(|id| directory.vendor(&id).map(|(vendor, _)| (id, vendor)))
            .collect();
        for vendor in vendors {
            let folded = vendor.to_lowercase();
            let members: Vec<AppId> =
                made.iter().filter(|(_, v)| v.to_lowercase() == folded).map(|(id, _)| id.clone()).collect();
            if members.is_empty() {
                let near = hint(vendor, made.iter().map(|(_, v)| v.as_ref()));
                let message = format!(
                    "no application in the catalogue is made by `{vendor}`, so it could never match{near}"
                );
                self.wrong("unknown-vendor", "vendors", message);
            }
            ids.extend(members);
        }
    }

    fn countries(&mut self, rule: &Rule) -> Countries {
        let mut set = Countries::default();
        if rule.jurisdictions.is_empty() && rule.except_jurisdictions.is_empty() {
            let message =
                "names no country: expected ISO codes (`CN`) or groups (`eu`), or `except-jurisdictions`";
            self.wrong("no-country", "jurisdictions", message.to_owned());
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
                "group-empty",
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
        self.wrong("unknown-country", field, message);
        Vec::new()
    }

    fn roles(&mut self, words: &[String]) -> Vec<Role> {
        if words.is_empty() {
            self.wrong(
                "no-role",
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
                    self.wrong("unknown-role", "roles", message);
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
                    "bad-value",
                    "networks",
                    format!("`{word}` is no address prefix: expected one like `192.168.1.0/24`"),
                );
            }
        }
        (names, prefixes)
    }
}
