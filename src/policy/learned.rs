//! What was seen before, for rules that match only the first time.
//!
//! Per rule: pairs of application or device with country, operator or application, and when the rule began to learn. The
//! flow that brought a pair first keeps its answer over all of its records. What is new is handed out to be kept, and taken
//! back at the next start; nothing here knows where it is kept.
//!
//! Limits: [`MAX_KNOWN`] pairs and [`MAX_KEY`] bytes of each. When the table is full nothing is forgotten (a forgotten pair
//! would be "new" again): pairs that find no room are *cannot tell*, and counted.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::model::{CountryCode, EnrichedFlow, FlowId, HumanDuration, Timestamp};

use super::because::plain;
use super::compile::Compiled;

/// Pairs remembered over all rules; about 200 bytes each.
pub const MAX_KNOWN: usize = 65_536;
/// Names of operators come from databases; a longer key is cut.
const MAX_KEY: usize = 240;
/// Between the parts of a key: stands in no id, name or address that is printed.
const BETWEEN: char = '\t';

/// What may be new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Novelty {
    AppCountry,
    AppOperator,
    DeviceCountry,
    DeviceOperator,
    DeviceApp,
}

impl Novelty {
    pub(super) const ALL: [Self; 5] =
        [Self::AppCountry, Self::AppOperator, Self::DeviceCountry, Self::DeviceOperator, Self::DeviceApp];

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::AppCountry => "app-country",
            Self::AppOperator => "app-operator",
            Self::DeviceCountry => "device-country",
            Self::DeviceOperator => "device-operator",
            Self::DeviceApp => "device-app",
        }
    }

    /// The two sides of the pair; `None` when one of them is not known.
    fn pair(self, flow: &EnrichedFlow, country: CountryCode) -> Option<(String, String)> {
        let app = || flow.identification.app.as_ref().map(|a| a.id.to_string());
        let device = || flow.device.id.to_string();
        let operator = || {
            let operator = &flow.remote.operator;
            let name = operator.name.as_ref().or(operator.as_name.as_ref()).map(|n| plain(n).into_owned());
            name.or_else(|| operator.asn.map(|asn| format!("AS{asn}")))
        };
        Some(match self {
            Self::AppCountry => (app()?, country.to_string()),
            Self::AppOperator => (app()?, operator()?),
            Self::DeviceCountry => (device(), country.to_string()),
            Self::DeviceOperator => (device(), operator()?),
            Self::DeviceApp => (device(), app()?),
        })
    }
}

/// Something learned, to be kept until the next start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// [`Known::RULE`] or [`Known::PAIR`].
    pub kind: &'static str,
    /// The rule's id; of a pair followed by what it is a pair of, and its two sides, parted by tabs.
    pub key: String,
    /// When first.
    pub first: Timestamp,
}

impl Known {
    /// When a rule began to learn.
    pub const RULE: &'static str = "policy-rule";
    /// A pair that a rule has seen.
    pub const PAIR: &'static str = "policy-pair";
    /// What a pair's key is made of: rule, what it is a pair of, and its sides. `None` for one that was cut, or is none.
    pub fn pair(key: &str) -> Option<[&str; 4]> {
        let mut parts = key.splitn(4, BETWEEN);
        Some([parts.next()?, parts.next()?, parts.next()?, parts.next()?])
    }

    /// Both.
    pub const KINDS: [&'static str; 2] = [Self::RULE, Self::PAIR];
}

/// The answer of a rule's `first-time`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FirstTime {
    /// Something is new; what.
    New(String),
    /// Nothing is; or the rule still learns. Why.
    Not(String),
    /// It cannot be told; why.
    Open(String),
}

#[derive(Debug)]
struct Entry {
    first: Timestamp,
    /// Of this run; one that was taken back is of no flow.
    flow: Option<FlowId>,
    /// Whether it was learned while the rule only learned.
    quiet: bool,
}

/// Everything known.
#[derive(Debug, Default)]
pub(super) struct Learned {
    since: HashMap<Arc<str>, Timestamp>,
    pairs: HashMap<String, Entry>,
    fresh: Vec<Known>,
    full: u64,
}

impl Learned {
    /// Takes back what was kept.
    pub(super) fn recall(&mut self, known: impl IntoIterator<Item = Known>) {
        for one in known {
            if one.kind == Known::RULE {
                self.since.insert(one.key.as_str().into(), one.first);
            } else if self.pairs.len() < MAX_KNOWN {
                self.pairs.insert(one.key, Entry { first: one.first, flow: None, quiet: true });
            }
        }
    }

    /// What became known since the last time.
    pub(super) fn take_fresh(&mut self) -> Vec<Known> {
        std::mem::take(&mut self.fresh)
    }

    /// Pairs that found no room.
    pub(super) fn full(&self) -> u64 {
        self.full
    }

    /// Until when the rule only learns. Its time begins with the first record that it is asked about.
    pub(super) fn until(&mut self, rule: &Compiled, now: Timestamp) -> Timestamp {
        let since = *self.since.entry(rule.id.clone()).or_insert_with(|| {
            self.fresh.push(Known { kind: Known::RULE, key: rule.id.to_string(), first: now });
            now
        });
        since.plus(rule.learning)
    }

    /// Whether any of the rule's pairs is new with this flow; all of them are known afterwards.
    pub(super) fn ask(&mut self, rule: &Compiled, flow: &EnrichedFlow, country: CountryCode) -> FirstTime {
        let now = flow.record.end;
        let until = self.until(rule, now);
        let quiet = now < until;
        let (mut new, mut known, mut open) = (Vec::new(), Vec::new(), Vec::new());
        for &what in &rule.first_time {
            let Some((left, right)) = what.pair(flow, country) else {
                open.push(format!(
                    "whether it is the first time is not known: one of {} is not",
                    what.word()
                ));
                continue;
            };
            let key = key(&rule.id, what, &left, &right);
            match self.look(key, flow, quiet) {
                Some((true, _)) => {
                    new.push(format!("{} was never seen with {} before", plain(&left), plain(&right)));
                }
                Some((false, first)) => known.push(format!(
                    "{} was seen with {} before (first at {})",
                    plain(&left),
                    plain(&right),
                    first.to_rfc3339(0)
                )),
                None => open.push("the table of what was seen before is full".to_owned()),
            }
        }
        if quiet {
            let learning = HumanDuration(rule.learning);
            return FirstTime::Not(format!(
                "the rule still learns, for {learning}: until {}",
                until.to_rfc3339(0)
            ));
        }
        if !new.is_empty() {
            FirstTime::New(new.join("; "))
        } else if !open.is_empty() {
            FirstTime::Open(open.join("; "))
        } else {
            FirstTime::Not(known.join("; "))
        }
    }

    /// Whether the pair is new with this flow, and since when it is known; `None` when it finds no room.
    fn look(&mut self, key: String, flow: &EnrichedFlow, quiet: bool) -> Option<(bool, Timestamp)> {
        if let Some(entry) = self.pairs.get(&key) {
            return Some((!entry.quiet && entry.flow == Some(flow.record.id), entry.first));
        }
        if self.pairs.len() >= MAX_KNOWN {
            self.full += 1;
            return None;
        }
        let first = flow.record.end;
        self.fresh.push(Known { kind: Known::PAIR, key: key.clone(), first });
        self.pairs.insert(key, Entry { first, flow: Some(flow.record.id), quiet });
        Some((true, first))
    }
}

fn key(rule: &str, what: Novelty, left: &str, right: &str) -> String {
    let mut key = [rule, what.word(), left, right].join(&BETWEEN.to_string());
    let end = (0..=MAX_KEY.min(key.len())).rev().find(|i| key.is_char_boundary(*i)).unwrap_or(0);
    key.truncate(end);
    key
}

/// Whether a rule that began to learn at `since` still learns at `now`.
pub fn still_learns(since: Option<Timestamp>, learning: Duration, now: Timestamp) -> bool {
    since.is_none_or(|since| now < since.plus(learning))
}
