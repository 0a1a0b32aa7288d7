//! The conditions of a rule that are about the far end and the maker of the flow: operators, names, processes.
//!
//! Each holds, fails, or is open because what it asks for is not known. An open one leaves a match *cannot tell*.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::model::{EnrichedFlow, EvidenceKind, Operator};

use super::because::plain;
use super::compile::Compiled;
use super::condition::may_be_cover;

/// Operators by AS number, and by name in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub(super) struct Operators {
    pub(super) asns: BTreeSet<u32>,
    pub(super) names: BTreeSet<String>,
}

impl Operators {
    /// Reads `AS45090` as a number, anything else as a name.
    pub(super) fn read(words: &[String]) -> Self {
        let mut operators = Self::default();
        for word in words {
            match as_number(word) {
                Some(asn) => operators.asns.insert(asn),
                None => operators.names.insert(word.trim().to_lowercase()),
            };
        }
        operators
    }

    pub(super) fn is_empty(&self) -> bool {
        self.asns.is_empty() && self.names.is_empty()
    }

    /// Whether the operator is one of them; `None` when it is not known.
    fn holds(&self, operator: &Operator) -> Option<bool> {
        let names = || operator.name.iter().chain(&operator.as_name);
        if operator.asn.is_none() && names().next().is_none() {
            return None;
        }
        let by_name = names().any(|n| self.names.contains(&n.to_lowercase()));
        Some(by_name || operator.asn.is_some_and(|asn| self.asns.contains(&asn)))
    }

    pub(super) fn surely_hold(&self, operator: &Operator) -> bool {
        self.holds(operator) == Some(true)
    }
}

/// The number of `AS45090`.
pub(super) fn as_number(word: &str) -> Option<u32> {
    let word = word.trim();
    let (prefix, digits) = word.split_at_checked(2)?;
    (prefix.eq_ignore_ascii_case("as") && !digits.is_empty()).then(|| digits.parse().ok()).flatten()
}

/// A pattern as it is kept: lower case, without `*.` and dots at its ends; `None` when it is no name.
pub(super) fn pattern(word: &str) -> Option<String> {
    let word = word.trim().to_lowercase();
    let word = word.strip_prefix("*.").unwrap_or(&word).trim_matches('.');
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && l.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
    };
    (word.len() <= 253 && word.split('.').all(label)).then(|| word.to_owned())
}

/// Whether `name` is one of the patterns or below one, label by label.
pub(super) fn below(name: &str, patterns: &BTreeSet<String>) -> bool {
    let mut rest = name;
    loop {
        if patterns.contains(rest) {
            return true;
        }
        match rest.split_once('.') {
            Some((_, parent)) => rest = parent,
            None => return false,
        }
    }
}

/// Whether the flow's remote surely went by one of these names.
pub(super) fn surely_named(flow: &EnrichedFlow, patterns: &BTreeSet<String>) -> bool {
    !may_be_cover(flow) && names(flow).any(|n| below(n, patterns))
}

/// Names that the flow's remote goes by: what the flow says itself, and what its name came to.
fn names(flow: &EnrichedFlow) -> impl Iterator<Item = &str> {
    let facts = flow.record.facts.names.iter().map(|fact| fact.name.as_str());
    let asked = flow.identification.evidence.iter().filter(|e| e.kind == EvidenceKind::DnsAnswer);
    flow.remote
        .hostname
        .iter()
        .map(crate::model::HostName::as_str)
        .chain(facts)
        .chain(asked.map(|e| &*e.value))
}

/// What the conditions together say of a flow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Narrowed {
    /// The rule does not concern the flow.
    Fails,
    /// All hold, for these reasons, save those that are open, for those.
    Stands { holds: Vec<String>, open: Vec<String> },
}

/// Asks all of them.
pub(super) fn ask(rule: &Compiled, flow: &EnrichedFlow) -> Narrowed {
    let (mut holds, mut open) = (Vec::new(), Vec::new());
    for answer in [operator(rule, flow), name(rule, flow), process(rule, flow)].into_iter().flatten() {
        match answer {
            Answer::Holds(why) => holds.push(why),
            Answer::Fails => return Narrowed::Fails,
            Answer::Open(why) => open.push(why),
        }
    }
    Narrowed::Stands { holds, open }
}

enum Answer {
    Holds(String),
    Fails,
    Open(String),
}

fn operator(rule: &Compiled, flow: &EnrichedFlow) -> Option<Answer> {
    if rule.operators.is_empty() {
        return None;
    }
    let operator = &flow.remote.operator;
    Some(match rule.operators.holds(operator) {
        None => Answer::Open("who runs the remote's network is not known".to_owned()),
        Some(false) => Answer::Fails,
        Some(true) => {
            let name = operator.name.as_ref().or(operator.as_name.as_ref()).map(|n| plain(n).into_owned());
            let asn = operator.asn.map(|asn| format!("AS{asn}"));
            let both: Vec<String> = name.into_iter().chain(asn).collect();
            Answer::Holds(format!("the operator is {}", both.join(", ")))
        }
    })
}

fn name(rule: &Compiled, flow: &EnrichedFlow) -> Option<Answer> {
    if rule.names.is_empty() {
        return None;
    }
    let cover = may_be_cover(flow);
    let met = names(flow).find(|n| below(n, &rule.names));
    Some(match met {
        Some(name) if cover => Answer::Open(format!(
            "the remote may be {}: the name was only seen beside Encrypted Client Hello and may be a cover",
            plain(name)
        )),
        Some(name) => Answer::Holds(format!("the remote goes by {}", plain(name))),
        None if cover => Answer::Open("the name that was seen may be a cover".to_owned()),
        None if names(flow).next().is_none() => Answer::Open("the remote's name is not known".to_owned()),
        None => Answer::Fails,
    })
}

fn process(rule: &Compiled, flow: &EnrichedFlow) -> Option<Answer> {
    if rule.processes.is_empty() {
        return None;
    }
    let unknown = || Answer::Open("which process made the flow is not known".to_owned());
    let Some(origin) = &flow.record.origin else { return Some(unknown()) };
    let file = |path: &str| path.rsplit(['/', '\\']).next().unwrap_or(path).to_owned();
    let path = origin.executable.as_ref().map(ToString::to_string);
    let words: Vec<String> = origin
        .name
        .iter()
        .chain(&origin.package)
        .map(ToString::to_string)
        .chain(path.as_deref().map(file))
        .chain(path)
        .collect();
    if words.is_empty() {
        return Some(unknown());
    }
    let met = words.iter().find(|w| rule.processes.contains(&w.to_lowercase()));
    Some(match met {
        Some(word) if flow.record.origin_conflict => {
            Answer::Open(format!("the process may be {}, but packets named different ones", plain(word)))
        }
        Some(word) => Answer::Holds(format!("the process is {}", plain(word))),
        None if flow.record.origin_conflict => unknown(),
        None => Answer::Fails,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_label_by_label() {
        let patterns: BTreeSet<String> = ["*.qq.com", "CN."].iter().filter_map(|p| pattern(p)).collect();
        assert!(
            below("short.weixin.qq.com", &patterns) && below("qq.com", &patterns) && below("x.cn", &patterns)
        );
        assert!(!below("notqq.com", &patterns) && !below("qq.com.evil.org", &patterns));
        for bad in ["", "*", "a..b", "mail.*.com", "a b.c", "*.", &"x".repeat(64)] {
            assert_eq!(pattern(bad), None, "{bad}");
        }
    }

    #[test]
    fn as_numbers_are_told_from_names() {
        assert_eq!([as_number("AS45090"), as_number("as1"), as_number("ASUS")], [Some(45090), Some(1), None]);
        assert_eq!([as_number("45090"), as_number("AS"), as_number("é1")], [None, None, None]);
    }
}
