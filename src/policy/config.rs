//! `[policy]`: rules as they are written.

use serde::{Deserialize, Serialize};

use crate::model::{HumanDuration, HumanSize, Problem, Role, Severity};

use super::error::{AppDirectory, unknown};
use super::groups;

/// Rules.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct PolicyConfig {
    /// The rules, each a `[[policy.rule]]`.
    pub rule: Vec<Rule>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Rule {
    /// A stable id; made from the name where it is missing.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// A name for people.
    pub name: String,
    /// `info`, `low`, `medium`, `high` or `critical`.
    pub severity: String,
    /// Applications by id; with no applications and no tags the rule is for all traffic.
    pub apps: Vec<String>,
    /// Tags of applications.
    pub tags: Vec<String>,
    /// Country codes (`CN`) and groups (`five-eyes`) that are flagged.
    pub jurisdictions: Vec<String>,
    /// Flags every country but these; instead of `jurisdictions`.
    pub except_jurisdictions: Vec<String>,
    /// In which sense a remote is in a country: `server`, `registrant`, `operator`, `owner`, `vendor`.
    pub roles: Vec<String>,
    /// Only these devices, by id or name.
    pub devices: Vec<String>,
    /// Only devices in these networks, by name.
    pub networks: Vec<String>,
    /// Only when at least so much went up within `window`.
    pub min_bytes_up: HumanSize,
    /// Only when at least so much came down within `window`.
    pub min_bytes_down: HumanSize,
    /// The window of the minimums.
    pub window: HumanDuration,
    /// Whether the rule is in force.
    pub enabled: bool,
}

impl Default for Rule {
    fn default() -> Self {
        Self {
            id: String::new(),
            name: String::new(),
            severity: Severity::Medium.word().to_owned(),
            apps: Vec::new(),
            tags: Vec::new(),
            jurisdictions: Vec::new(),
            except_jurisdictions: Vec::new(),
            roles: DEFAULT_ROLES.map(|role| role.word().to_owned()).to_vec(),
            devices: Vec::new(),
            networks: Vec::new(),
            min_bytes_up: HumanSize(0),
            min_bytes_down: HumanSize(0),
            window: HumanDuration::from_secs(3600),
            enabled: true,
        }
    }
}

/// The senses that a rule means when it does not say. The registrant is left out: where a block is registered says
/// little about where data goes. The vendor is left out: it is a fact about the application, not about a flow.
const DEFAULT_ROLES: [Role; 3] = [Role::Server, Role::Operator, Role::Owner];

impl Rule {
    /// The rule that the command line's `--flag` makes.
    pub fn flagged(jurisdictions: Vec<String>, roles: Vec<Role>, apps: Vec<String>, tags: Vec<String>) -> Self {
        let mut rule = Self {
            id: "flag".to_owned(),
            name: format!("flagged: {}", jurisdictions.join(", ")),
            jurisdictions,
            apps,
            tags,
            ..Self::default()
        };
        if !roles.is_empty() {
            rule.roles = roles.into_iter().map(|role| role.word().to_owned()).collect();
        }
        rule
    }

    /// The id, made from the name where none was given: lower case, words joined by dashes.
    pub fn id(&self) -> String {
        if !self.id.is_empty() {
            return self.id.clone();
        }
        let words = self.name.to_lowercase();
        let words = words.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| !w.is_empty());
        words.collect::<Vec<_>>().join("-")
    }
}

impl PolicyConfig {
    /// Adds what is wrong with the values to `problems`; what they name is checked when the policy is compiled.
    pub fn validate(&self, problems: &mut Vec<Problem>) {
        let mut ids = Vec::new();
        for (number, rule) in self.rule.iter().enumerate() {
            let at = format!("policy.rule[{number}]");
            let mut add = |key: &str, message: String| problems.push(Problem { key: format!("{at}.{key}"), message });
            let id = rule.id();
            if id.is_empty() {
                add("name", "is empty; every rule needs a name or an id".into());
            }
            if ids.contains(&id) {
                add("id", format!("`{id}` is the id of another rule too; give each its own `id`"));
            }
            ids.push(id);
            if Severity::parse(&rule.severity).is_none() {
                let message = format!("`{}` is no severity; expected info, low, medium, high or critical", rule.severity);
                add("severity", message);
            }
            if rule.roles.is_empty() {
                add("roles", "is empty, so the rule could never match; leave it out for server, operator, owner".into());
            }
            for word in rule.roles.iter().filter(|word| Role::parse(word).is_none()) {
                add("roles", format!("`{word}` is no role; expected server, registrant, operator, owner or vendor"));
            }
            match (rule.jurisdictions.is_empty(), rule.except_jurisdictions.is_empty()) {
                (true, true) => add("jurisdictions", "is empty, so the rule could never match; name countries or groups".into()),
                (false, false) => add("except-jurisdictions", "cannot stand beside `jurisdictions`; use one of the two".into()),
                _ => {}
            }
            let window = rule.window.0.as_secs();
            if !(60..=7 * 86_400).contains(&window) {
                add("window", format!("{} is out of range; expected 1m to 7d", rule.window));
            }
        }
    }

    /// Adds every name that does not exist.
    pub(super) fn validate_names(&self, directory: &dyn AppDirectory, problems: &mut Vec<Problem>) {
        for (number, rule) in self.rule.iter().enumerate() {
            let at = |key: &str| format!("policy.rule[{number}].{key}");
            for app in rule.apps.iter().filter(|app| !directory.has_app(app)) {
                let known = directory.apps();
                problems.push(unknown(&at("apps"), "application", app, &known, "see `whither apps list`"));
            }
            for tag in rule.tags.iter().filter(|tag| !directory.has_tag(tag)) {
                let known = directory.tags();
                problems.push(unknown(&at("tags"), "application with the tag", tag, &known, "see `whither apps list`"));
            }
            for word in rule.jurisdictions.iter().chain(&rule.except_jurisdictions) {
                if groups::resolve(word).is_none() {
                    let known: Vec<String> = groups::groups().iter().map(|g| g.name.clone()).collect();
                    let list = format!("country codes have two capital letters; groups are {}", known.join(", "));
                    problems.push(unknown(&at("jurisdictions"), "jurisdiction", word, &known, &list));
                }
            }
        }
    }
}
