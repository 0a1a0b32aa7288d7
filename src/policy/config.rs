//! The `[policy]` part of the configuration file: rules as people write them.
//!
//! Words are kept as text here and checked in `Policy::compile`, so that every mistake of a file is reported at once,
//! with its key and the nearest word that exists.

use serde::{Deserialize, Serialize};

use crate::model::{Alert, HumanDuration, HumanSize, Problem, Role};

use super::compile;
use super::roles::Peers;

/// More entries than any one list of a rule needs; a generated file with more is most likely a mistake.
pub const MAX_LIST: usize = 4096;

/// What is flagged. Empty by default: whither judges nobody unasked.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct PolicyConfig {
    /// Shipped profiles whose rules are used before the ones below (`named-2020`, `chinese-jurisdiction`…).
    pub profiles: Vec<String>,
    /// The rules, each judged on its own.
    pub rule: Vec<Rule>,
    /// Matches that are known and accepted, each for a reason, by somebody, until a day.
    pub exception: Vec<Exception>,
}

/// One rule: who (devices, networks, processes), what (apps, tags, vendors), where to (jurisdictions in roles, operators,
/// names), how much (minimums), when (schedule), and whether it is new (first-time).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Rule {
    /// A stable id, `[a-z0-9-]`; made from the name when empty.
    pub id: String,
    /// What an alert of this rule is called.
    pub name: String,
    /// `info`, `low`, `medium`, `high` or `critical`.
    pub severity: String,
    /// Applications by catalogue id. With `tags` also empty: any application, known or not.
    pub apps: Vec<String>,
    /// Tags of applications; an application with one of them is meant.
    pub tags: Vec<String>,
    /// Makers of applications by name; an application of one of them is meant.
    pub vendors: Vec<String>,
    /// Countries (`CN`) and named groups (`eu`, `five-eyes`) that are flagged.
    pub jurisdictions: Vec<String>,
    /// Countries and groups that are not flagged. Alone: every other country is. A country that is not known never matches.
    pub except_jurisdictions: Vec<String>,
    /// In which roles a country counts: `server`, `registrant`, `operator`, `owner` (of the address), `vendor` (of the
    /// app). The first one that matches names the alert.
    pub roles: Vec<String>,
    /// Devices by id, name, MAC or IP address; empty: all.
    pub devices: Vec<String>,
    /// Configured networks by name, or prefixes that hold the device's address; empty: all.
    pub networks: Vec<String>,
    /// Processes or packages by name, package or executable, where the capture or the host tells them; empty: all.
    pub processes: Vec<String>,
    /// Operators of the remote's network by name or AS number (`AS45090`); empty: all.
    pub operators: Vec<String>,
    /// Names of the remote: each stands for itself and all below it (`qq.com` for `short.weixin.qq.com`); empty: all.
    pub names: Vec<String>,
    /// Which side must have sent payload: `up` (the device), `down` (the remote), `both`, or `any` (not asked).
    pub direction: String,
    /// What of flows to another user's device (a call between peers): `exclude` leaves them *cannot tell*, for no server of
    /// the app is there; `include` lets them match, and says so.
    pub peers: String,
    /// Whether unsolicited inbound traffic that the device never answered with payload is told too: as one alert per
    /// country, never one per source.
    pub inbound: bool,
    /// Match only once this much went up (device to remote) within `window`, to one operator and country, by one app
    /// of one device.
    pub min_bytes_up: HumanSize,
    /// The same for data that came down. With both given, both must be reached.
    pub min_bytes_down: HumanSize,
    /// Match only once so many flows were seen within `window`, counted as the bytes are.
    pub min_flows: u64,
    /// Over how long the minimums count.
    pub window: HumanDuration,
    /// `false` keeps the rule in the file but out of use.
    pub enabled: bool,
    /// Match only the first time that one of these was ever seen under this rule: `app-country`, `app-operator`,
    /// `device-country`, `device-operator`, `device-app`.
    pub first_time: Vec<String>,
    /// How long a rule with `first-time` only learns, from the first record that it judges.
    pub learning: HumanDuration,
    /// When the rule is in force; always, if it is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
}

/// Days and hours in which a rule is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Schedule {
    /// `mon` to `sun`; empty: every day. Hours past midnight belong to the day on which they began.
    pub days: Vec<String>,
    /// From which time of day (`08:00`).
    pub from: String,
    /// Until which (`18:00`, at most `24:00`); earlier than `from`: past midnight.
    pub to: String,
    /// In which time zone (`Europe/Berlin`).
    pub time_zone: String,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { days: Vec::new(), from: "00:00".into(), to: "24:00".into(), time_zone: "UTC".into() }
    }
}

/// A match that is known and accepted: it raises no alert, and says so. What is left empty is not asked for, but one of
/// the lists must be given.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Exception {
    /// A stable id; `exception-1`, `exception-2`… in the order of the file when empty.
    pub id: String,
    /// Rules by id.
    pub rules: Vec<String>,
    /// Applications by catalogue id.
    pub apps: Vec<String>,
    /// Devices by id, name, MAC or IP address.
    pub devices: Vec<String>,
    /// Operators by name or AS number.
    pub operators: Vec<String>,
    /// Countries and groups, in the role that matched.
    pub countries: Vec<String>,
    /// Names of the remote, and all below them.
    pub names: Vec<String>,
    /// Why this is accepted.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The last day on which it holds (`2027-01-31`, UTC).
    pub expires: String,
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            id: String::new(),
            name: String::new(),
            severity: "medium".to_owned(),
            apps: Vec::new(),
            tags: Vec::new(),
            vendors: Vec::new(),
            jurisdictions: Vec::new(),
            except_jurisdictions: Vec::new(),
            roles: Rule::DEFAULT_ROLES.iter().map(|r| r.word().to_owned()).collect(),
            devices: Vec::new(),
            networks: Vec::new(),
            processes: Vec::new(),
            operators: Vec::new(),
            names: Vec::new(),
            direction: "any".to_owned(),
            peers: Peers::Exclude.word().to_owned(),
            inbound: false,
            min_bytes_up: HumanSize(0),
            min_bytes_down: HumanSize(0),
            min_flows: 0,
            window: HumanDuration::from_secs(3600),
            enabled: true,
            first_time: Vec::new(),
            learning: HumanDuration::from_secs(7 * 86_400),
            schedule: None,
        }
    }
}

impl Rule {
    /// The roles of a rule that names none. `registrant` is left out because registrations outlive moves, `vendor`
    /// because it says the same of every flow of an app.
    pub const DEFAULT_ROLES: [Role; 3] = [Role::Server, Role::Operator, Role::Owner];

    /// The rule that `--flag CN,RU --roles … --app … --tag …` stands for: severity medium, [`Self::DEFAULT_ROLES`] when
    /// `roles` is empty, any application when `apps` and `tags` are. Country codes may be in lower case.
    pub fn flagged(countries: &[String], roles: &[String], apps: &[String], tags: &[String]) -> Self {
        let trimmed = |words: &[String]| words.iter().map(|w| w.trim().to_owned()).collect::<Vec<_>>();
        let mut rule = Self {
            id: "flagged".to_owned(),
            name: "flagged jurisdictions".to_owned(),
            apps: trimmed(apps),
            tags: trimmed(tags),
            jurisdictions: countries.iter().map(|c| country_word(c.trim())).collect(),
            ..Self::default()
        };
        if !roles.is_empty() {
            rule.roles = trimmed(roles);
        }
        rule
    }

    /// The rule of canaries: it meets the device of this name alone, in a country that is not Antarctica. The code of the
    /// canary's country is one that ISO 3166 assigns to nobody, so that a list cannot name it.
    pub fn canary() -> Self {
        Self {
            id: Alert::CANARY_RULE.to_owned(),
            name: Self::CANARY.to_owned(),
            severity: "info".to_owned(),
            devices: vec![Self::CANARY.to_owned()],
            except_jurisdictions: vec!["AQ".to_owned()],
            roles: vec![Role::Server.word().to_owned()],
            ..Self::default()
        }
    }

    /// The name of that rule, and of its device.
    pub const CANARY: &'static str = "canary";

    /// The id: as written, else made from the name.
    pub fn effective_id(&self) -> String {
        if self.id.is_empty() { slug(&self.name) } else { self.id.clone() }
    }
}

impl PolicyConfig {
    /// A policy of the one rule of [`Rule::flagged`]; flags nothing when `countries` is empty.
    pub fn from_flags(countries: &[String], roles: &[String], apps: &[String], tags: &[String]) -> Self {
        let rule = (!countries.is_empty()).then(|| Rule::flagged(countries, roles, apps, tags));
        Self { rule: rule.into_iter().collect(), ..Self::default() }
    }

    /// All rules, those of profiles first, disabled ones too.
    pub fn all_rules(&self) -> Vec<Rule> {
        let of_profile = |name: &String| Some(super::profile(name)?.config().ok()?.rule);
        let mut rules: Vec<Rule> = self.profiles.iter().filter_map(of_profile).flatten().collect();
        rules.extend(self.rule.iter().cloned());
        rules
    }

    /// How many rules there are, those of profiles and disabled ones too.
    pub fn rule_count(&self) -> usize {
        self.all_rules().len()
    }

    /// Checks all that can be checked without a catalogue of applications; [`super::Policy::compile`] checks the rest.
    pub fn validate(&self, problems: &mut Vec<Problem>) {
        let mut defects = Vec::new();
        compile::resolve(self, None, &mut defects);
        problems.extend(defects.into_iter().map(|d| d.problem));
    }
}

/// On the command line people type `cn`; groups are lower-case words of their own and none has two letters but `eu`.
fn country_word(word: &str) -> String {
    let is_code = word.len() == 2 && word.bytes().all(|b| b.is_ascii_alphabetic());
    if is_code && !word.eq_ignore_ascii_case("eu") {
        word.to_ascii_uppercase()
    } else {
        word.to_ascii_lowercase()
    }
}

/// Lower case, every run of other characters one hyphen.
fn slug(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            out.push(c.to_ascii_lowercase());
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
    }
    out.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(list: &[&str]) -> Vec<String> {
        list.iter().map(|&w| w.to_owned()).collect()
    }

    #[test]
    fn a_rule_is_named_by_its_slug_unless_it_has_an_id() {
        let mut rule = Rule { name: "WeChat → China (servers)!".to_owned(), ..Rule::default() };
        assert_eq!(rule.effective_id(), "wechat-china-servers");
        rule.id = "own".to_owned();
        assert_eq!(rule.effective_id(), "own");
    }

    #[test]
    fn flags_of_the_command_line_become_one_rule() {
        let rule = Rule::flagged(&words(&["cn", " EU", "Five-Eyes"]), &[], &words(&["wechat"]), &[]);
        assert_eq!(rule.jurisdictions, ["CN", "eu", "five-eyes"]);
        assert_eq!(rule.roles, ["server", "operator", "owner"]);
        assert_eq!(rule.severity, "medium");
        let rule = Rule::flagged(&words(&["CN"]), &words(&["vendor"]), &[], &[]);
        assert_eq!(rule.roles, ["vendor"]);
        assert!(PolicyConfig::from_flags(&[], &[], &words(&["wechat"]), &[]).rule.is_empty());
    }

    #[test]
    fn a_misspelt_key_is_refused() {
        let bad = toml::from_str::<PolicyConfig>("[[rule]]\nname = \"x\"\njurisdiction = [\"CN\"]\n");
        assert!(bad.unwrap_err().to_string().contains("jurisdiction"));
    }

    #[test]
    fn a_policy_survives_writing_and_reading() {
        let config = PolicyConfig::from_flags(&words(&["CN"]), &[], &[], &[]);
        let text = toml::to_string(&config).unwrap();
        assert_eq!(toml::from_str::<PolicyConfig>(&text).unwrap(), config);
    }
}
