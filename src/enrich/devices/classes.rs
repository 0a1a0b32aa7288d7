//! What kind of thing a device is, by the rules of config/devices.toml.
//!
//! The best ground decides: what it calls its model, its DHCP vendor class, its DHCP fingerprint, its name, its services, its
//! maker. Rules of different kinds that meet on the same ground decide nothing. Only a thing with one purpose, of which no
//! ground says otherwise, licenses that what it sends belongs to its maker's application.

use std::sync::{Arc, OnceLock};

use serde::Deserialize;

use super::card::Card;
use crate::model::{DeviceClass, DeviceText};

static EMBEDDED: &str = include_str!("../../../config/devices.toml");

/// Kinds with one purpose. Phones and computers, and what runs programs of others, are never among them.
const SINGLE_PURPOSE: [&str; 10] =
    ["vacuum", "camera", "plug", "lamp", "tv", "appliance", "thermostat", "sensor", "speaker", "thing"];

/// The kinds that a rule may name.
#[cfg(test)]
const KINDS: [&str; 20] = [
    "phone",
    "tablet",
    "computer",
    "watch",
    "console",
    "router",
    "switch",
    "nas",
    "printer",
    "vacuum",
    "camera",
    "plug",
    "lamp",
    "tv",
    "appliance",
    "thermostat",
    "sensor",
    "speaker",
    "thing",
    "android",
];

/// The file's form.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ClassTable {
    /// The rules.
    device: Vec<Rule>,
}

/// One rule: a device of which any pattern holds is of this kind. `*` at either end of a pattern stands for anything.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct Rule {
    class: Arc<str>,
    vendor: Option<Arc<str>>,
    app: Option<Arc<str>>,
    source: Arc<str>,
    /// Holds only where no other rule does.
    general: bool,
    models: Vec<String>,
    vendor_classes: Vec<String>,
    fingerprints: Vec<String>,
    hostnames: Vec<String>,
    services: Vec<String>,
    makers: Vec<String>,
}

/// The rules.
#[derive(Debug)]
pub(super) struct Classes {
    rules: Vec<Rule>,
}

/// A pattern that holds.
struct Met<'r> {
    rank: u8,
    rule: &'r Rule,
    because: String,
}

impl Classes {
    /// The rules that come with the program; a test holds that they are sound.
    pub(super) fn embedded() -> Arc<Self> {
        static CLASSES: OnceLock<Arc<Classes>> = OnceLock::new();
        let read = || {
            let table: ClassTable = toml::from_str(EMBEDDED).unwrap_or(ClassTable { device: Vec::new() });
            Arc::new(Self { rules: table.device })
        };
        Arc::clone(CLASSES.get_or_init(read))
    }

    /// The kind and the maker of a device.
    pub(super) fn of(&self, card: &Card) -> (Option<Arc<DeviceClass>>, Option<Arc<str>>) {
        let mut met: Vec<Met<'_>> = self.rules.iter().filter_map(|rule| meet(rule, card)).collect();
        met.sort_by_key(|m| (m.rule.general, m.rank));
        let Some(best) = met.first() else { return (None, None) };
        let equals = || met.iter().take_while(|m| (m.rule.general, m.rank) == (best.rule.general, best.rank));
        let vendor = equals().find_map(|m| m.rule.vendor.clone());
        if equals().any(|m| m.rule.class != best.rule.class) {
            return (None, None);
        }
        let undisputed = met.iter().all(|m| m.rule.class == best.rule.class);
        let app = met
            .iter()
            .find_map(|m| m.rule.app.clone())
            .filter(|_| undisputed && SINGLE_PURPOSE.contains(&&*best.rule.class))
            .filter(|app| met.iter().all(|m| m.rule.app.as_ref().is_none_or(|other| other == app)));
        let class = DeviceClass {
            class: Arc::clone(&best.rule.class),
            because: best.because.as_str().into(),
            source: Arc::clone(&best.rule.source),
            app,
        };
        (Some(Arc::new(class)), vendor)
    }
}

/// The best pattern of a rule that holds for a device.
fn meet<'r>(rule: &'r Rule, card: &Card) -> Option<Met<'r>> {
    fn words<'a>(texts: impl IntoIterator<Item = &'a DeviceText>) -> Vec<&'a str> {
        texts.into_iter().map(DeviceText::as_str).collect()
    }
    let grounds: [(&str, &[String], Vec<&str>); 6] = [
        ("model", &rule.models, words(&card.models)),
        ("DHCP vendor class", &rule.vendor_classes, words(&card.vendor_class)),
        ("DHCP parameter list", &rule.fingerprints, words(&card.fingerprint)),
        ("host name", &rule.hostnames, words(card.names())),
        ("service", &rule.services, words(&card.services)),
        ("maker", &rule.makers, card.maker.iter().map(|m| &**m).collect()),
    ];
    (0..).zip(grounds).find_map(|(rank, (word, patterns, texts))| {
        let pattern = patterns.iter().find(|p| texts.iter().any(|text| holds(p, text)))?;
        Some(Met { rank, rule, because: format!("{word} {pattern}") })
    })
}

/// Whether `pattern` (a `*` at either end stands for anything) holds for `text`, whatever their case.
fn holds(pattern: &str, text: &str) -> bool {
    let text = text.to_lowercase();
    let (open_start, middle) = pattern.strip_prefix('*').map_or((false, pattern), |p| (true, p));
    let (open_end, middle) = middle.strip_suffix('*').map_or((false, middle), |p| (true, p));
    match (open_start, open_end) {
        (false, false) => text == middle,
        (true, false) => text.ends_with(middle),
        (false, true) => text.starts_with(middle),
        (true, true) => text.contains(middle),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_sound_and_says_where_it_is_from() {
        let table: ClassTable = toml::from_str(EMBEDDED).unwrap();
        assert!(table.device.len() > 20);
        let mut seen = std::collections::BTreeMap::new();
        for rule in &table.device {
            assert!(KINDS.contains(&&*rule.class), "{rule:?}");
            assert!(!rule.source.is_empty(), "{rule:?}");
            assert!(rule.app.is_none() || SINGLE_PURPOSE.contains(&&*rule.class), "{rule:?}");
            let lists = [
                ("model", &rule.models),
                ("vendor class", &rule.vendor_classes),
                ("fingerprint", &rule.fingerprints),
                ("host name", &rule.hostnames),
                ("service", &rule.services),
                ("maker", &rule.makers),
            ];
            assert!(lists.iter().any(|(_, l)| !l.is_empty()), "{rule:?}");
            for (kind, pattern) in lists.iter().flat_map(|(k, l)| l.iter().map(move |p| (*k, p))) {
                assert_eq!(*pattern, pattern.to_lowercase(), "patterns are written in lower case");
                assert!(pattern.trim_matches('*').len() > 1, "{pattern} holds for everything");
                if let Some(other) = seen.insert((kind, pattern.clone()), rule.class.clone()) {
                    panic!("{kind} {pattern} stands in two rules: {other} and {}", rule.class);
                }
            }
        }
    }

    #[test]
    fn stars_stand_at_the_ends_alone() {
        assert!(holds("*-iphone", "Lucas-iPhone") && !holds("*-iphone", "iphone-x"));
        assert!(holds("android-*", "android-4847") && holds("*cam*", "My Camera") && holds("tv", "TV"));
        assert!(!holds("tv", "tv2"));
    }
}
